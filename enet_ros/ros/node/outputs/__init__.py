"""Outputs of the node: rows of topic, type and maker, and the publishers that serve subscribers."""
