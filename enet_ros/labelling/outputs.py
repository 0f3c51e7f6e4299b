"""The messages written for each frame of a camera: mask, overlay, free space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime

from enet_ros import messages
from enet_ros.arrays import U8
from enet_ros.bags.messages import COMPRESSED, FREE_SPACE, IMAGE, image_cdr, to_cdr
from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.card import ModelCard
from enet_ros.errors import ConfigError
from enet_ros.messages import Header
from enet_ros.products.free_space import DEFAULT_MIN_RUN, find_free_space
from enet_ros.products.ground import ground
from enet_ros.products.images import nearest, overlay, surface_image, surface_lut
from enet_ros.products.points import boundary_xy, in_metres

_TYPES = {"mask/compressed": COMPRESSED, "overlay/compressed": COMPRESSED, "free_space": FREE_SPACE, "mask": IMAGE}
KINDS: Final = tuple(_TYPES)
"""Named as their topics, which are the node's."""
DEFAULT_KINDS: Final = KINDS[:3]
"""Without the raw mask, which takes more room than everything else."""

_FOREVER = QosTime(2147483647, 4294967295)
LATCHED: Final = Qos(
    QosHistory.KEEP_LAST,
    1,
    QosReliability.RELIABLE,
    QosDurability.TRANSIENT_LOCAL,
    _FOREVER,
    _FOREVER,
    QosLiveliness.AUTOMATIC,
    _FOREVER,
    False,
)
"""Reliable, transient local, depth 1: `ros2 bag play` then delivers the message to late subscribers too."""


class Output(NamedTuple):
    """A message to be written.

    topic  relative to the prefix of the camera's outputs
    note   what the message lacks and why, or ""
    """

    topic: str
    cdr: memoryview
    note: str = ""


@dataclass(frozen=True)
class OutputSettings:
    """What is written for each frame.

    kinds         some of KINDS
    pose          pose of the camera in base_frame (REP-105), for free space in metres; None: rows alone
    quality       JPEG quality of the overlay, 1..100
    full_overlay  overlay at the camera's size; at the network's it takes a fifth of the time and the bytes
    caution       least probability of drivable pixels, 0..1, as in `enet_ros.segmenter.Segmenter`
    """

    kinds: tuple[str, ...] = DEFAULT_KINDS
    pose: CameraPose | None = None
    base_frame: str = "base_link"
    quality: int = 80
    full_overlay: bool = False
    caution: float = 0.0

    def __post_init__(self) -> None:
        """Raise ConfigError for an unknown kind."""
        if unknown := [kind for kind in self.kinds if kind not in KINDS]:
            raise ConfigError(f"there is no output {unknown[0]!r}; use some of {', '.join(KINDS)}")

    def topics(self) -> list[tuple[str, str]]:
        """(topic relative to the camera's outputs, type) of each kind."""
        return [(kind, _TYPES[kind]) for kind in self.kinds]


class Outputs:
    """Turns a network's labels into messages. Pure: any number of threads may use one at once."""

    def __init__(self, card: ModelCard, settings: OutputSettings) -> None:
        """Prepare the tables of the model's classes."""
        self.settings = settings
        self._lut = card.classes.lut()
        self._surface = surface_lut(card.classes)

    def make(self, of: Header, rgb: U8, network_rgb: U8, labels: U8, camera: CameraIntrinsics | None) -> list[Output]:
        """The messages for one frame.

        of: header of the image, copied to each message. rgb: (H, W, 3) uint8. network_rgb: (h, w, 3) uint8, the image
        at the network's size. labels: (h, w) uint8, void 255. camera: lens of the image, if known.
        """
        size = (rgb.shape[0], rgb.shape[1])
        large = nearest(labels, size)
        shown = (rgb, large) if self.settings.full_overlay else (network_rgb, labels)
        made: dict[str, Callable[[], tuple[memoryview, str]]] = {
            "mask/compressed": lambda: (to_cdr(of, messages.compressed(large, "png")), ""),
            "overlay/compressed": lambda: (self._overlay(of, *shown), ""),
            "free_space": lambda: self._free_space(of, labels, size, camera),
            "mask": lambda: (image_cdr(of, large, "mono8"), ""),
        }
        return [Output(kind, *made[kind]()) for kind in self.settings.kinds]

    def _overlay(self, of: Header, rgb: U8, labels: U8) -> memoryview:
        picture = overlay(rgb, labels, self._lut)
        return to_cdr(of, messages.compressed(picture, "jpeg", self.settings.quality))

    def _free_space(
        self, of: Header, labels: U8, size: tuple[int, int], camera: CameraIntrinsics | None
    ) -> tuple[memoryview, str]:
        """FreeSpace, and a note where a pose was given but there are no metres."""
        surface = surface_image(labels, self._surface)
        space = find_free_space(surface, min(DEFAULT_MIN_RUN, size[0]), size)
        metres = in_metres(lambda: boundary_xy(space, ground(camera, self.settings.pose, size, image_size=size)))
        wanted = self.settings.pose is not None
        note = f"free space is in rows alone: {metres.missing}" if metres.missing and wanted else ""
        return to_cdr(of, messages.free_space(space, size[0], metres, self.settings.base_frame)), note
