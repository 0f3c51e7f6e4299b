"""`python -m enet_ros.ros.play.bag_player BAG`: a bag into running nodes; what `enet_ros bag play` starts."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from std_srvs.srv import SetBool

from enet_ros.bags.reader import BagReader
from enet_ros.errors import ConfigError, EnetRosError
from enet_ros.ros.play.playback import Playback, PlaybackOptions


def main(arguments: list[str] | None = None) -> int:
    """Play until the end or a signal; 0, or 2 where the bag cannot be played."""
    args = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = Node("player")
    try:
        with BagReader(args.bag) as reader:
            return _play(node, Playback(node, reader, _options(args)), args.wait, stop)
    except EnetRosError as error:
        print(f"bag play: {error}", file=sys.stderr)
        return 2
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def _play(node: Node, playback: Playback, wait_s: float, stop: threading.Event) -> int:
    for topic in playback.skipped:
        print(f"bag play: not played, its type is not installed: {topic}", file=sys.stderr)

    def pause(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        playback.clock.pause(request.data)
        response.success, response.message = True, "paused" if request.data else "playing"
        return response

    node.create_service(SetBool, "~/pause", pause)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    spinner = threading.Thread(target=_spin, args=(executor, stop), name="services", daemon=True)
    spinner.start()
    if wait_s > 0 and not playback.wait_for_subscribers(wait_s, stop) and not stop.is_set():
        print(f"bag play: nobody subscribed within {wait_s:g} s; playing all the same", file=sys.stderr)
    try:
        with _space_bar(playback.clock.toggle, stop):
            if playback.clock.paused:
                print("paused: press space, or call ~/pause with data: false", file=sys.stderr)
            report = playback.run(stop)
    finally:
        stop.set()
        spinner.join()
    print(f"{report.messages} messages, at most {report.latest_s * 1e3:.0f} ms late", file=sys.stderr)
    return 0


def _spin(executor: SingleThreadedExecutor, stop: threading.Event) -> None:
    while not stop.is_set():
        executor.spin_once(timeout_sec=0.1)


@contextmanager
def _space_bar(toggle: Callable[[], bool], stop: threading.Event) -> Iterator[None]:
    """Let the space bar pause and go on, where there is a terminal."""
    if not sys.stdin.isatty():
        yield
        return
    import select
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)

    def listen() -> None:
        while not stop.is_set():
            if select.select([sys.stdin], [], [], 0.1)[0] and os.read(sys.stdin.fileno(), 1) == b" ":
                print("paused" if toggle() else "playing", file=sys.stderr)

    tty.setcbreak(sys.stdin)
    try:
        threading.Thread(target=listen, name="keyboard", daemon=True).start()
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _options(args: argparse.Namespace) -> PlaybackOptions:
    return PlaybackOptions(
        rate=args.rate,
        loop=args.loop,
        paused=args.start_paused,
        clock_hz=args.clock,
        restamp=args.restamp,
        depth=args.depth,
        topics=tuple(args.topics) if args.topics else None,
        exclude=tuple(args.exclude),
        remap=dict(_renamed(pair) for pair in args.remap),
    )


def _renamed(pair: str) -> tuple[str, str]:
    old, arrow, new = pair.partition(":=")
    if not (arrow and old and new):
        raise ConfigError(f"--remap {pair}: write OLD:=NEW")
    return old, new


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bag play", description=__doc__)
    parser.add_argument("bag")
    parser.add_argument("--rate", type=float, default=1.0)
    parser.add_argument("--clock", type=float, default=0.0)
    parser.add_argument("--depth", type=int, default=10)
    parser.add_argument("--wait", type=float, default=0.0)
    for flag in ("--loop", "--start-paused", "--restamp"):
        parser.add_argument(flag, action="store_true")
    for many in ("--topics", "--exclude", "--remap"):
        parser.add_argument(many, nargs="+", default=[])
    return parser


if __name__ == "__main__":
    sys.exit(main())
