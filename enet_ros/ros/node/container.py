"""Run several segmentation nodes in one process, each with an executor thread of its own.

  ros2 run enet_ros container front rear          /front/segmentation and /rear/segmentation
  ros2 run enet_ros container front --node rear '-r image_raw:=/usb_cam/image_raw -p priority:=0.5'
  ros2 run enet_ros container                     none yet: load them at run time
  ros2 component load /enet_container enet_ros enet_ros::EnetNode

Loading at run time needs composition_interfaces. Parameters and remappings given with --ros-args apply to the nodes
named on the command line, except __node and __ns, which rename the container. A loaded node has those of its request.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from enet_ros.ros import process

if TYPE_CHECKING:
    from rclpy.node import Node

    from enet_ros.ros.node.host import Host

PLUGINS = ("enet_ros::EnetNode", "enet_ros.ros.node.EnetNode")


class ContainerServices:
    """composition_interfaces' load_node, unload_node and list_nodes for a host."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def serve(self, node: Node) -> None:
        """Create the services on a node. Raises ImportError where composition_interfaces is not installed."""
        from composition_interfaces.srv import ListNodes, LoadNode, UnloadNode

        node.create_service(LoadNode, "~/_container/load_node", self.load)
        node.create_service(UnloadNode, "~/_container/unload_node", self.unload)
        node.create_service(ListNodes, "~/_container/list_nodes", self.list)

    def load(self, request: Any, response: Any) -> Any:
        from rclpy.parameter import Parameter

        from enet_ros.errors import EnetRosError

        if request.package_name != "enet_ros" or request.plugin_name not in PLUGINS:
            response.error_message = f"this container loads {PLUGINS[0]} of enet_ros only"
            return response
        rules = [part for rule in request.remap_rules for part in ("-r", rule)]
        arguments: dict[str, Any] = {
            "cli_args": ["--ros-args", *rules] if rules else None,
            "use_global_arguments": False,
            "namespace": request.node_namespace or None,
            "parameter_overrides": [Parameter.from_parameter_msg(parameter) for parameter in request.parameters],
        }
        try:
            number = self._host.add(request.node_name or "segmentation", **arguments)
        except EnetRosError as error:
            response.error_message = str(error)
            return response
        except Exception as error:  # noqa: BLE001 - what rclpy says of a name or rule; raised, it would end the service
            response.error_message = f"{type(error).__name__}: {error}"
            return response
        response.success, response.unique_id = True, number
        response.full_node_name = self._host.nodes()[number].get_fully_qualified_name()
        return response

    def unload(self, request: Any, response: Any) -> Any:
        try:
            self._host.remove(request.unique_id)
        except KeyError:
            response.error_message = f"there is no node {request.unique_id}"
            return response
        response.success = True
        return response

    def list(self, _: Any, response: Any) -> Any:
        for number, node in self._host.nodes().items():
            response.unique_ids.append(number)
            response.full_node_names.append(node.get_fully_qualified_name())
        return response


def main(args: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM, then return 0; 1 where a parameter is unusable or a node has failed."""
    argv = sys.argv if args is None else ["container", *args]
    with process.running(argv, pages=False) as ros:
        from rclpy.utilities import remove_ros_args

        from enet_ros.ros.node.host import Host

        cameras = parse(remove_ros_args(argv)[1:])
        shared = shared_arguments(argv)
        with closing(Host(ros.fail)) as host:
            services = ros.create_node("enet_container", start_parameter_services=False)
            try:
                ContainerServices(host).serve(services)
            except ImportError:
                missing = "not installed, therefore off: loading nodes at run time (composition_interfaces)"
                services.get_logger().info(missing)
                if not cameras:
                    print("container: name the nodes' namespaces, or install composition_interfaces", file=sys.stderr)
                    return 1
            try:
                for namespace, own in cameras:
                    arguments = overridden(shared, own)
                    host.add(namespace=namespace, tolerant=True, cli_args=arguments, use_global_arguments=False)
            except Exception as error:  # noqa: BLE001 - ours, or what rclpy says of a name or rule
                print(f"container: {namespace}: {error}", file=sys.stderr)
                return 1
            ros.stopped.wait()
    return int(ros.failed)


def shared_arguments(argv: Sequence[str]) -> list[str]:
    """The ROS arguments of a command line that hold for each node: all but the rules that rename the container."""
    kept, ours, tokens = ["--ros-args"], False, iter(argv)
    for token in tokens:
        if token in ("--ros-args", "--"):
            ours = token == "--ros-args"
        elif ours and token in ("-r", "--remap"):
            rule = next(tokens, "")
            if rule.partition(":=")[0].rpartition(":")[2] not in ("__node", "__name", "__ns"):
                kept += [token, rule]
        elif ours:
            kept.append(token)
    return kept


def overridden(shared: list[str], own: Sequence[str]) -> list[str]:
    """ROS arguments for all with those of one node over them: rcl takes the first remapping and the last parameter."""
    return ["--ros-args", *own, *shared[1:], *own]


def parse(argv: Sequence[str]) -> list[tuple[str, list[str]]]:
    """(namespace, ROS arguments of its own) of each node that the command line names."""
    parser = argparse.ArgumentParser(
        prog="container", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cameras", nargs="*", metavar="NAMESPACE", help="start a node in each of these namespaces")
    parser.add_argument(
        "--node",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAMESPACE", "ARGUMENTS"),
        help="one with ROS arguments of its own, which override those for all; may be repeated",
    )
    args = parser.parse_args(argv)
    try:
        own = [(namespace, shlex.split(arguments)) for namespace, arguments in args.node]
    except ValueError as error:
        parser.error(f"--node: {error}")
    return [*((camera, []) for camera in args.cameras), *own]


if __name__ == "__main__":
    sys.exit(main())
