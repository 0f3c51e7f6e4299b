"""An output as a row: a topic, its type, and how to make the message of a frame.

An output without a subscriber is not made. To add one, write a function `(Setup) -> list[Output]` and name it in
OUTPUTS of `enet_ros.ros.node.outputs.publishers`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from enet_ros.arrays import U8
from enet_ros.classes import ClassTable
from enet_ros.errors import EnetRosError
from enet_ros.ros.parameters import Parameters
from enet_ros.segmenter import Segmentation, stretched

T = TypeVar("T")


class OutputSilent(EnetRosError):
    """This frame has no such output, for a reason that diagnostics show; other outputs are made."""


class Setup(NamedTuple):
    """What outputs are made from when the node is configured."""

    node: Node
    parameters: Parameters
    classes: ClassTable


@dataclass(frozen=True)
class Frame:
    """One answered image, as outputs see it.

    header: the image's own. camera: (h, w, 3) uint8 RGB, as it came. segmentation: labels (H, W), at the camera's or
    the network's size (parameter mask_size). calibration: the camera's last CameraInfo, or None.
    """

    header: Header
    camera: U8
    segmentation: Segmentation
    calibration: CameraInfo | None
    parameters: Parameters
    notes: dict[str, str] = field(default_factory=dict, compare=False)
    _made: dict[Hashable, Any] = field(default_factory=dict, compare=False)

    @cached_property
    def picture(self) -> U8:
        """(H, W, 3) uint8 RGB, the camera's image at the labels' size."""
        height, width = self.segmentation.labels.shape
        return stretched(self.camera, (height, width))

    def note(self, topic: str, reason: str) -> None:
        """Report in diagnostics why an output is published incomplete."""
        self.notes[topic] = reason

    def once(self, make: Callable[[Frame], T]) -> T:
        """make(frame), computed once and shared by all outputs that ask.

        A failure is shared as well: it is raised for every output that asks.
        """
        if make not in self._made:
            try:
                self._made[make] = (make(self), None)
            except EnetRosError as error:
                self._made[make] = (None, error)
        value, failure = self._made[make]
        if failure is not None:
            raise failure
        return value  # type: ignore[no-any-return]


def never(_: Parameters) -> bool:
    """For `Output.needs_confidence`."""
    return False


def always(_: Parameters) -> bool:
    """For `Output.needs_confidence`."""
    return True


def if_gated(parameters: Parameters) -> bool:
    """For `Output.needs_confidence`: where pixels below min_confidence count as unknown."""
    return parameters.min_confidence > 0


@dataclass(frozen=True)
class Output:
    """One row.

    topic: relative, '~/mask'. type: message class. make: the frame's message; raises OutputSilent where there is none.
    qos: None takes that of the parameters. needs_confidence: whether `make` reads `segmentation.confidence`.
    """

    topic: str
    type: type
    make: Callable[[Frame], Any]
    qos: QoSProfile | None = None
    needs_confidence: Callable[[Parameters], bool] = never
