"""Create, inspect, play and mine ROS 2 bags, without a ROS installation.

  enet_ros bag create OUT --dataset camvid --data DIR      images, camera_info and ground truth
  enet_ros bag create OUT --images frames/ --rate 10 --compress jpeg
  enet_ros bag create OUT --video drive.mp4 --camera-info ost.yaml
  enet_ros bag info drive.mcap                             topics, rates, sizes, gaps
  enet_ros bag extract drives/ -o frames/ --count 200 --by mixed     pictures worth annotating
  enet_ros bag play drive.mcap --loop                      into running nodes (this one needs rclpy)

Each has its own --help.
"""

from __future__ import annotations

import argparse

from enet_ros.cli import bag_create, bag_extract, bag_info, bag_play
from enet_ros.cli.actions import declare, run

__all__ = ["add_arguments", "run"]

_ACTIONS = {"create": bag_create, "extract": bag_extract, "info": bag_info, "play": bag_play}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    declare(parser, _ACTIONS)
