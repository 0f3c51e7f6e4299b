"""Look at running segmentation nodes in Rerun: pictures, masks, confidence, metres, times, the log.

  ros2 run enet_ros view                       every node that runs, in the browser (http://localhost:9090)
  ros2 run enet_ros view front rear --rate 2   the nodes of two namespaces
  ros2 run enet_ros view --view drive.rrd      saved, for `rerun drive.rrd`
  ros2 run enet_ros view --view native         in Rerun's own window

Needs rerun-sdk (requirements/view.txt). --rate says how often a whole frame is looked at; the nodes compute what only
this viewer wants for a few of their frames.
"""

from __future__ import annotations

import argparse
import sys

from enet_ros.errors import ConfigError, EnetRosError
from enet_ros.ros import process


def parser() -> argparse.ArgumentParser:
    """The command line."""
    from enet_ros.ros.view.nodes import RATE_HZ
    from enet_ros.viewer import window
    from enet_ros.viewer.web import LOOPBACK

    made = argparse.ArgumentParser(
        prog="view", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("names", nargs="*", metavar="NODE", help="nodes, or their namespaces (default: all that run)")
    made.add_argument("--view", default=window.WEB, metavar="WHERE", help=f"{window.HELP} (%(default)s)")
    made.add_argument("--rate", type=float, default=RATE_HZ, metavar="HZ", help="frames a second (%(default)s)")
    made.add_argument("--seconds", type=float, default=0.0, metavar="S", help="end by itself (default: Ctrl-C ends it)")
    made.add_argument("--port", type=int, default=window.PORT, help="of the page; its data's is the next (%(default)s)")
    text = "address that the page and its data listen at; 0.0.0.0 lets the whole network look (%(default)s)"
    made.add_argument("--bind", default=LOOPBACK, metavar="ADDRESS", help=text)
    return made


def main(args: list[str] | None = None) -> int:
    """Show nodes until SIGINT or SIGTERM; returns 1 where nothing can be shown."""
    argv = sys.argv if args is None else ["view", *args]
    with process.running(argv, exit_s=None) as ros:
        from rclpy.utilities import remove_ros_args

        options = parser().parse_args(remove_ros_args(argv)[1:])
        try:
            _view(ros, options)
        except EnetRosError as error:
            print(f"view: {error}", file=sys.stderr)
            return 1
    return int(ros.failed)


def _view(ros: process.RosProcess, options: argparse.Namespace) -> None:
    from enet_ros.ros.view.nodes import viewing

    if not options.rate > 0:
        raise ConfigError(f"--rate {options.rate}: use a number above 0")
    listening = {"port": options.port, "bind": options.bind}
    with viewing(options.view, options.names, ros.fail, rate_hz=options.rate, **listening) as view:
        print(f"view: {view.window.place}; Ctrl-C ends it", file=sys.stderr)
        ros.stopped.wait(options.seconds or None)
    if not view.targets():
        raise ConfigError("no segmentation node was seen: is one running, in this ROS_DOMAIN_ID?")


if __name__ == "__main__":
    sys.exit(main())
