"""Create, inspect and play ROS 2 bags, without a ROS installation.

  enet_ros bag create OUT --dataset camvid --data DIR      images, camera_info and ground truth
  enet_ros bag create OUT --images frames/ --rate 10 --compress jpeg
  enet_ros bag create OUT --video drive.mp4 --camera-info ost.yaml
  enet_ros bag info drive.mcap                             topics, rates, sizes, gaps
  enet_ros bag play drive.mcap --loop                      into running nodes (this one needs rclpy)

Each has its own --help.
"""

from __future__ import annotations

import argparse

from enet_ros.cli import bag_create, bag_info, bag_play

_ACTIONS = {"create": bag_create, "info": bag_info, "play": bag_play}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the three actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="create|info|play")
    for name, module in _ACTIONS.items():
        documentation = module.__doc__ or ""
        action = actions.add_parser(
            name,
            help=documentation.partition("\n")[0],
            description=documentation,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(action)


def run(args: argparse.Namespace) -> int:
    """Run the chosen action; returns the exit code."""
    code: int = _ACTIONS[args.action].run(args)
    return code
