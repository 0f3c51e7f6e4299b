"""Looking on while a bag is labelled: what is written, a few frames a second, in Rerun."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from enet_ros import messages
from enet_ros.bags.messages import FREE_SPACE, camera_frame, from_cdr, label_image
from enet_ros.bags.reader import BagMessage
from enet_ros.camera import CameraIntrinsics
from enet_ros.card import ModelCard
from enet_ros.errors import ConfigError
from enet_ros.labelling.outputs import Output, OutputSettings
from enet_ros.viewer import CameraScene, Seen, Window

PERIOD_S = 0.25
"""From one frame of a camera to the next, as long as the machine is faster than that."""

Watch = Callable[[BagMessage, Sequence[Output], CameraIntrinsics | None], None]
"""Called with each image, what is written of it, and its lens."""


def nobody(image: BagMessage, made: Sequence[Output], camera: CameraIntrinsics | None) -> None:
    """A `Watch` that does not look."""


class BagView:
    """A `Watch` that shows each camera in a window."""

    def __init__(self, window: Window, card: ModelCard, settings: OutputSettings) -> None:
        """Raises ConfigError where no mask is written."""
        self._window, self._classes, self._pose = window, card.classes, settings.pose
        self._types = dict(settings.topics())
        self._masks = [topic for topic in ("mask", "mask/compressed") if topic in self._types]
        if not self._masks:
            raise ConfigError("--view shows the masks that are written: have mask or mask/compressed among --outputs")
        self._scenes: dict[str, CameraScene] = {}
        self._due_s: dict[str, float] = {}

    def __call__(self, image: BagMessage, made: Sequence[Output], camera: CameraIntrinsics | None) -> None:
        """Show it, if it is time."""
        now_s = time.monotonic()
        if now_s < self._due_s.get(image.topic, 0.0):
            return
        self._due_s[image.topic] = now_s + PERIOD_S
        written = {output.topic: output.cdr for output in made}
        frame = camera_frame(image.type, image.data)
        mask = self._masks[0]
        _, labels = label_image(self._types[mask], written[mask])
        space: Any = from_cdr(FREE_SPACE, written["free_space"]) if "free_space" in written else None
        self._scene(image.topic).show(
            Seen(
                frame.header.stamp_ns,
                frame.rgb,
                labels,
                camera=camera,
                pose=self._pose,
                free_space=None if space is None else messages.free_space_of(space),
            )
        )

    def _scene(self, topic: str) -> CameraScene:
        if topic not in self._scenes:
            self._scenes[topic] = CameraScene(self._window.recording, topic)
            self._scenes[topic].classes(self._classes.names, np.array(self._classes.colors, np.uint8))
            self._window.arrange(list(self._scenes))
        return self._scenes[topic]
