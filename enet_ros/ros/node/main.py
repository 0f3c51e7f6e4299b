"""One segmentation node in a process of its own.

ros2 run enet_ros segment --ros-args -p model:=camvid -r image_raw:=/camera/image_raw
ros2 run enet_ros segment --ros-args --params-file config/segment.yaml -r __ns:=/front
"""

from __future__ import annotations

import argparse
import difflib
import sys
from contextlib import closing

from enet_ros.ros import process


def main(args: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM, then return 0; 1 where it cannot start or a callback has failed."""
    argv = sys.argv if args is None else ["segment", *args]
    _check(argv)
    with process.running(argv, pages=False) as ros:
        from enet_ros.errors import EnetRosError
        from enet_ros.ros.node.host import Host

        with closing(Host(ros.fail)) as host:
            try:
                host.add(tolerant=True)
            except EnetRosError as error:
                print(f"segment: {error}", file=sys.stderr)
                return 1
            ros.stopped.wait()
    return int(ros.failed)


def _check(argv: list[str]) -> None:
    """Print the help, or refuse arguments beside --ros-args; either ends the process."""
    if len(argv) < 2 or argv[1] == "--ros-args":  # as launch does: what follows is rclpy's
        return
    from rclpy.utilities import remove_ros_args

    from enet_ros.ros.parameters import SPECS

    listed = "\n".join(f"  {name:20}{spec.text}" for name, spec in SPECS.items())
    parser = argparse.ArgumentParser(
        prog="segment",
        description=__doc__,
        epilog=f"parameters, with -p NAME:=VALUE after --ros-args (docs/node.md has their ranges):\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _, unknown = parser.parse_known_args(remove_ros_args(argv)[1:])
    if unknown:
        near = difflib.get_close_matches(unknown[0].lstrip("-").partition("=")[0], SPECS, n=1)
        hint = f"; did you mean --ros-args -p {near[0]}:=VALUE?" if near else ": ROS arguments come after --ros-args"
        parser.error(f"there is no argument {unknown[0]!r}{hint}")


if __name__ == "__main__":
    sys.exit(main())
