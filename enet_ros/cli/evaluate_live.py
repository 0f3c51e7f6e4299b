"""`enet_ros evaluate --bag BAG --live`: the options, and the hand-over to the process that speaks DDS."""

from __future__ import annotations

import argparse
import os
import sys

from enet_ros.cli.ros import images_environment
from enet_ros.errors import ConfigError


def add_live_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that belong to --live."""
    live = parser.add_argument_group("a running node (with --bag; needs rclpy)")
    live.add_argument("--live", action="store_true", help="play the bag into the node, score the masks that come back")
    live.add_argument("--start", action="store_true", help="start a node for this, with --model")
    live.add_argument("--node", default="/segmentation", metavar="NAME", help="its full name (%(default)s)")
    live.add_argument("--rate", type=float, default=1.0, metavar="X", help="speed of playing (%(default)s)")
    live.add_argument("--clock", type=float, default=0.0, metavar="HZ", help="publish /clock, for use_sim_time")


def become_live(args: argparse.Namespace) -> int:
    """Replace this process by the measurement. ConfigError where options do not belong together."""
    if args.bag is None:
        raise ConfigError("--live needs --bag BAG, whose images it plays")
    if not args.rate > 0:
        raise ConfigError(f"--rate {args.rate}: use a number above 0")
    for name in ("images", "street", "corrupt", "frames"):
        if getattr(args, name):
            raise ConfigError(f"--{name} does not go with --live, which scores what a running node answers")
    for name, default in (("engine", "auto"), ("precision", "auto"), ("size", None), ("threads", 0), ("labels", None)):
        if getattr(args, name) != default:
            raise ConfigError(f"--{name} does not go with --live: give the node itself such a parameter")
    if args.model and not args.start:
        raise ConfigError("--model goes with --start: a node that runs already has its own model")
    command = [sys.executable, "-m", "enet_ros.ros.session.live", str(args.bag), "--node", args.node]
    command += [f"--rate={args.rate}", f"--clock={args.clock}"]
    for name in ("image_topic", "truth_topic", "classes", "model", "json", "report"):
        if (value := getattr(args, name)) is not None:
            command += [f"--{name.replace('_', '-')}", str(value)]
    command += ["--start"] if args.start else []
    sys.stdout.flush()
    os.execve(sys.executable, command, images_environment())
