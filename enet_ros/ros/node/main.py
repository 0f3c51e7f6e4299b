"""`ros2 run enet_ros segment`: one node in a process of its own."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from enet_ros.ros import fastdds, process

if TYPE_CHECKING:
    from enet_ros.ros.node.node import EnetNode


def main(args: list[str] | None = None) -> int:
    """Runs until SIGINT or SIGTERM, then returns 0; 1 where a parameter is unusable."""
    process.hold_signals()
    fastdds.use_profile()
    stopped = threading.Event()
    wake = [stopped.set]
    process.on_signal(lambda: [call() for call in wake])  # type: ignore[arg-type]
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    from enet_ros.errors import EnetRosError
    from enet_ros.ros.node.node import EnetNode

    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = EnetNode()
        if node.parameters.keep_pages:
            process.keep_pages()
        executor = process.make_executor(node.parameters.executor)
    except EnetRosError as error:
        print(f"segment: {error}", file=sys.stderr)
        return 1
    wake.append(executor.wake)
    executor.add_node(node)
    if node.parameters.autostart and not stopped.is_set():
        start(node)
    process.spin(executor, stopped)
    executor.remove_node(node)
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


def start(node: EnetNode) -> bool:
    """Configure and activate; on failure the log has the reason and the node can be configured again."""
    from rclpy.lifecycle import TransitionCallbackReturn as Return

    if node.trigger_configure() == Return.SUCCESS and node.trigger_activate() == Return.SUCCESS:
        return True
    node.get_logger().error(
        f"not started: set the parameter right, then `ros2 lifecycle set {node.get_fully_qualified_name()} configure`"
    )
    return False


if __name__ == "__main__":
    sys.exit(main())
