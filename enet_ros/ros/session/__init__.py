"""A run of the node against frames: demo and live evaluation."""
