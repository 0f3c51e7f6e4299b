"""Publish a bag's messages with their timing, for machines without `ros2 bag` (needs rclpy).

  enet_ros bag play drive.mcap
  enet_ros bag play drive.mcap --rate 0.5 --loop --clock 100
  enet_ros bag play drive.mcap --start-paused         space, or the service /player/pause (SetBool), starts it

Messages go out as they were recorded, byte for byte; --restamp sets the header stamps of camera messages to now.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from enet_ros.cli.ros import images_environment
from enet_ros.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bag", type=Path, metavar="BAG", help="a bag's folder, or its .mcap or .db3 file")
    parser.add_argument("--rate", type=float, default=1.0, metavar="X", help="speed (default: %(default)s)")
    parser.add_argument("--loop", action="store_true", help="begin again at the end")
    parser.add_argument("--start-paused", action="store_true", help="wait for space or /player/pause")
    parser.add_argument(
        "--clock", type=float, default=0.0, metavar="HZ", help="publish /clock at this rate, for use_sim_time"
    )
    parser.add_argument("--restamp", action="store_true", help="header stamps of camera messages become now")
    parser.add_argument("--topics", nargs="+", metavar="TOPIC", help="only these")
    parser.add_argument("--exclude", nargs="+", metavar="TOPIC", default=[], help="all but these")
    parser.add_argument("--remap", nargs="+", metavar="OLD:=NEW", default=[], help="play topics under other names")
    parser.add_argument("--depth", type=int, default=10, help="of the publishers (default: %(default)s)")
    parser.add_argument("--wait", type=float, default=0.0, metavar="S", help="at most, for a first subscriber")


def run(args: argparse.Namespace) -> int:
    """Become the player; its exit code is 0, or 2 where the bag cannot be played."""
    command = [sys.executable, "-m", "enet_ros.ros.play.bag_player", *player_arguments(args)]
    os.execve(sys.executable, command, images_environment())


def player_arguments(args: argparse.Namespace) -> list[str]:
    """The player's command line."""
    if not args.bag.exists():
        raise ConfigError(f"there is no bag {args.bag}")
    if not args.rate > 0:
        raise ConfigError(f"--rate {args.rate}: use a number above 0")
    found = [str(args.bag), f"--rate={args.rate}", f"--clock={args.clock}", f"--depth={args.depth}"]
    found += [f"--wait={args.wait}"]
    found += [f"--{name.replace('_', '-')}" for name in ("loop", "start_paused", "restamp") if getattr(args, name)]
    for name in ("topics", "exclude", "remap"):
        values = getattr(args, name)
        found += [f"--{name}", *values] if values else []
    return found
