"""`enet_ros evaluate --bag BAG --live`: the options, and what is done with the scores."""

from __future__ import annotations

import argparse
import json

from enet_ros.errors import ConfigError
from enet_ros.files import write


def add_live_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that belong to --live."""
    live = parser.add_argument_group("a running node (with --bag; needs rclpy)")
    live.add_argument(
        "--live", action="store_true", help="play the bag into a running node and score the masks that come back"
    )
    live.add_argument("--start", action="store_true", help="start a node for this (--model chooses its model)")
    live.add_argument("--node", default="/segmentation", metavar="NAME", help="full name of the node (%(default)s)")
    live.add_argument("--rate", type=float, default=1.0, metavar="X", help="speed; 1 is as recorded (%(default)s)")
    live.add_argument(
        "--clock", type=float, default=0.0, metavar="HZ", help="publish /clock at this rate, for use_sim_time"
    )
    live.add_argument(
        "--depth", type=int, default=1, help="messages that each publisher keeps; a camera keeps 1 (%(default)s)"
    )
    live.add_argument(
        "--timeout", type=float, default=20.0, metavar="S", help="longest wait for the node (%(default)s)"
    )
    live.add_argument("--exclude", nargs="+", default=[], metavar="TOPIC", help="do not play these topics")


def run_live(args: argparse.Namespace) -> int:
    """Measure, print, write; 0, or 1 where no image was answered. ConfigError where options do not belong together."""
    if args.bag is None:
        raise ConfigError("--live needs --bag BAG, whose images it plays")
    for name in ("images", "street", "corrupt", "frames"):
        if getattr(args, name):
            raise ConfigError(f"--{name} does not go with --live, which scores what a running node answers")
    for name, default in (("engine", "auto"), ("precision", "auto"), ("size", None), ("threads", 0), ("labels", None)):
        if getattr(args, name) != default:
            raise ConfigError(f"--{name} does not go with --live: give the node itself such a parameter")
    if args.model and not args.start:
        raise ConfigError("--model goes with --start: a node that runs already has its own model")
    from enet_ros.ros.session.live import LiveOptions, evaluate_live

    options = LiveOptions(
        bag=args.bag,
        image_topic=args.image_topic,
        truth_topic=args.truth_topic,
        classes=args.classes,
        node=args.node,
        model=(args.model or "camvid") if args.start else None,
        rate=args.rate,
        clock_hz=args.clock,
        depth=args.depth,
        timeout_s=args.timeout,
        exclude=tuple(args.exclude),
        report=args.report,
    )
    scores = evaluate_live(options)
    print(scores.text())
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        write(args.json, json.dumps(scores.to_dict(), indent=2) + "\n")
    return 0 if scores.answered else 1
