"""Frames in and out of ROS 2 bags (rosbag2: MCAP and SQLite), without a ROS installation."""

from __future__ import annotations

from enet_ros.bags.reader import BagMessage, BagReader, Topic
from enet_ros.bags.writer import BagWriter

__all__ = ["BagMessage", "BagReader", "BagWriter", "Topic"]
