"""A segmentation node in a process of its own, for a measurement that brings its own node."""

from __future__ import annotations

import signal
import subprocess
import sys

from enet_ros.bags.reader import Topic
from enet_ros.bags.types import COMPRESSED
from enet_ros.errors import ConfigError

_END_S = 5.0


class NodeProcess:
    """Runs until `end`. It listens to `image`'s topic and the camera_info beside it."""

    def __init__(self, image: Topic, model: str, name: str) -> None:
        """Start the node. name: fully qualified; ConfigError for one that is not."""
        namespace, slash, base = name.rpartition("/")
        if not slash or not base:
            raise ConfigError(f"--node {name}: give the full name, e.g. /segmentation")
        base_topic = image.name.removesuffix("/compressed")
        compressed = image.type == COMPRESSED
        rules = (
            f"__node:={base}",
            f"__ns:={namespace or '/'}",
            f"image_raw:={base_topic}",
            f"image_raw/compressed:={base_topic}/compressed",
            f"camera_info:={base_topic.rpartition('/')[0]}/camera_info",
        )
        parameters = (f"model:={model}", f"compressed:={str(compressed).lower()}")
        command = [sys.executable, "-m", "enet_ros.ros.node.main", "--ros-args"]
        for rule in rules:
            command += ["-r", rule]
        for parameter in parameters:
            command += ["-p", parameter]
        self._process = subprocess.Popen(command)

    def end(self) -> None:
        """Ask the node to end, and see that it does."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
