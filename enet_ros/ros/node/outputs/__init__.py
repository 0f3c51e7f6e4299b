"""What the node publishes for a frame."""
