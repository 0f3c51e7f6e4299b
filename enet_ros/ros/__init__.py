"""The node and what surrounds it: everything that knows rclpy or a message."""
