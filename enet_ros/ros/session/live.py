"""Measures a running node over DDS: what `enet_ros evaluate --bag BAG --live` starts.

Plays the bag at its rate, pairs the masks that come back with the ground truth by their stamps, and prints what share
of the frames was answered, how soon, and how well.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import rclpy
from rclpy.signals import SignalHandlerOptions

from enet_ros.errors import EnetRosError
from enet_ros.frames.bag import LabelledBag
from enet_ros.report import require_report
from enet_ros.ros.session.live_node import NodeProcess
from enet_ros.ros.session.live_score import LiveScores, truth_names
from enet_ros.ros.session.live_session import LiveOptions, LiveSession


def main(arguments: list[str] | None = None) -> int:
    """0 when the bag was played, 1 where no frame was answered, 2 where nothing could be measured."""
    args = parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with LabelledBag(args.bag, args.image_topic, args.truth_topic) as bag:
            scores = _measure(args, bag, stop)
    except EnetRosError as error:
        print(f"enet_ros: {error}", file=sys.stderr)
        return 2
    print(scores.text())
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(scores.to_dict(), indent=2) + "\n", "utf-8")
    return 0 if scores.answered else 1


def _measure(args: argparse.Namespace, bag: LabelledBag, stop: threading.Event) -> LiveScores:
    if args.report:
        require_report()
    names = truth_names(bag, args.classes)
    started = NodeProcess(bag.image_topic, args.model, args.node) if args.start else None
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        options = LiveOptions(
            args.node, args.rate, args.clock, args.depth, args.timeout, tuple(args.exclude), args.report
        )
        session = LiveSession(bag, names, options)
        try:
            return session.run(stop)
        finally:
            session.close()
    finally:
        rclpy.try_shutdown()
        if started is not None:
            started.end()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(
        prog="enet_ros evaluate --live", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add: Any = found.add_argument
    add("bag", type=Path, metavar="BAG", help="a bag with images and ground truth")
    add("--image-topic", metavar="TOPIC", help="the bag's images, where there are several")
    add("--truth-topic", metavar="TOPIC", help="the bag's ground truth, likewise")
    add("--classes", metavar="TABLE", help="what the truth's ids mean, where the bag does not say")
    add("--node", default="/segmentation", metavar="NAME", help="the node's full name (%(default)s)")
    add("--rate", type=float, default=1.0, metavar="X", help="speed of playing (%(default)s)")
    add("--clock", type=float, default=0.0, metavar="HZ", help="publish /clock, for nodes with use_sim_time")
    add("--depth", type=int, default=1, help="of the image publisher, as cameras have it (%(default)s)")
    add("--timeout", type=float, default=20.0, metavar="S", help="to wait for the node (%(default)s)")
    add("--exclude", nargs="+", default=[], metavar="TOPIC", help="topics of the bag that are not played")
    add("--start", action="store_true", help="start a node for this, on the bag's image topic")
    add("--model", default="camvid", help="of the node that --start starts (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="write the figures")
    add("--report", type=Path, metavar="FILE", help="write an HTML page with pictures")
    return found


if __name__ == "__main__":
    sys.exit(main())
