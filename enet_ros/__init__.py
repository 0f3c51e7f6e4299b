"""Real-time semantic segmentation for ROS 2 with ENet."""

from pkgutil import extend_path

# The generated enet_ros.msg is installed elsewhere when this module runs from its source tree.
__path__ = extend_path(__path__, __name__)
