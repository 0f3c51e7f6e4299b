"""Publish a bag's messages at the pace at which they were recorded, for machines without `ros2 bag` (needs rclpy).

  enet_ros bag play drive.mcap
  enet_ros bag play drive.mcap --rate 0.5 --loop --clock 100
  enet_ros bag play drive.mcap --start-paused         the space bar or the service /player/pause (SetBool) starts it

Messages go out as they were recorded, byte for byte, unless --restamp replaces their header stamps. With --clock the
time of each message is published on /clock before the message.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from enet_ros.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bag", type=Path, metavar="BAG", help="a bag's folder, or its .mcap or .db3 file")
    parser.add_argument(
        "--rate", type=float, default=1.0, metavar="X", help="speed; 1 is as recorded (default: %(default)s)"
    )
    parser.add_argument("--loop", action="store_true", help="start again at the end")
    parser.add_argument("--start-paused", action="store_true", help="wait for the space bar or /player/pause")
    parser.add_argument(
        "--clock", type=float, default=0.0, metavar="HZ", help="publish /clock at this rate, for use_sim_time"
    )
    parser.add_argument("--restamp", action="store_true", help="replace header stamps with the time of playing")
    parser.add_argument("--topics", nargs="+", metavar="TOPIC", help="play only these topics")
    parser.add_argument("--exclude", nargs="+", metavar="TOPIC", default=[], help="do not play these topics")
    parser.add_argument("--remap", nargs="+", metavar="OLD:=NEW", default=[], help="play topics under other names")
    parser.add_argument(
        "--decompress",
        nargs="+",
        metavar="TOPIC",
        default=[],
        help="publish these compressed images raw, under their names without /compressed: masks for Nav2",
    )
    parser.add_argument("--depth", type=int, default=10, help="queue depth of the publishers (default: %(default)s)")
    parser.add_argument("--wait", type=float, default=0.0, metavar="S", help="wait at most S seconds for a subscriber")


def run(args: argparse.Namespace) -> int:
    """Play to the end or until a signal. Raises EnetRosError where the bag cannot be played."""
    from enet_ros.bags.reader import BagReader
    from enet_ros.ros import process

    with process.running([]) as ros:
        from enet_ros.ros.play.bag import BagFeed, BagOptions
        from enet_ros.ros.play.player import Player, PlayOptions

        options = PlayOptions(args.rate, args.loop, args.start_paused, args.clock)
        topics = tuple(args.topics) if args.topics else None
        remap = dict(_renamed(pair) for pair in args.remap)
        with BagReader(args.bag) as reader:
            node = ros.create_node("player")
            exclude, decompress = tuple(args.exclude), tuple(args.decompress)
            chosen = BagOptions(topics, exclude, remap, args.depth, args.restamp, decompress)
            feed = BagFeed(node, reader, chosen)
            player = Player(node, feed, options)
            for topic in feed.skipped:
                print(f"bag play: not played, its type is not installed: {topic}", file=sys.stderr)
            report = player.play(args.wait, ros.stopped)
        print(f"{report.messages} messages, at most {report.latest_s * 1e3:.0f} ms late", file=sys.stderr)
    return 0


def _renamed(pair: str) -> tuple[str, str]:
    old, arrow, new = pair.partition(":=")
    if not (arrow and old and new):
        raise ConfigError(f"--remap {pair}: write OLD:=NEW")
    return old, new
