"""`ros2 run enet_ros segment`: one segmentation node in a process of its own."""

from __future__ import annotations

import sys
from contextlib import closing

from enet_ros.ros import process


def main(args: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM, then return 0; 1 where a parameter is unusable or a callback has failed."""
    with process.running(args, pages=False) as ros:
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


if __name__ == "__main__":
    sys.exit(main())
