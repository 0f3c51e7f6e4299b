"""The camera's tilt from the images that are answered, looked at in a thread of its own."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import Future

from enet_ros import messages
from enet_ros.arrays import U8
from enet_ros.classes import ClassTable
from enet_ros.errors import EnetRosError
from enet_ros.products import lens
from enet_ros.products.vanishing import Sight, Tilt, look, tilt
from enet_ros.ros.node.outputs import Frame
from enet_ros.ros.node.worker import Worker

MIN_SHARE = 0.5
"""Of the images, a road has to be found in so many."""
MAX_SPREAD_RAD = math.radians(1.0)
"""Images that differ by more have not seen one straight and level road."""
UPRIGHT = ("building", "wall", "fence", "pole", "traffic light", "traffic sign", "sign")
"""Classes whose edges stand upright, in whatever table."""


class Looking:
    """Looks at the newest image whenever it has done with the last, until it has seen enough of them."""

    def __init__(self, frames: int, timeout_s: float) -> None:
        """Begin. frames: how many; timeout_s: for how long at most."""
        self._frames = frames
        self._sights: list[Sight] = []
        self._seen = 0
        self._why = "no image was answered"
        self.done: Future[None] = Future()
        """Done when it has seen enough, when time is up, or at `end`."""
        self._once = threading.Lock()
        self._timer = threading.Timer(timeout_s, self.end)
        self._timer.daemon = True
        self._timer.start()
        self._worker: Worker[tuple[Frame, ClassTable]] = Worker("enet_ros_look", self._look, self._failed)

    def offer(self, frame: Frame, table: ClassTable) -> None:
        """An image with its answer, and the classes of that; for one thread, which does not wait."""
        if not self.done.done():
            self._worker.put((frame, table))

    def end(self) -> None:
        """See no more. May be called from any thread, and twice."""
        with self._once:
            if not self.done.done():
                self.done.set_result(None)

    def close(self) -> None:
        """End the threads."""
        self.end()
        self._timer.cancel()
        self._worker.stop()

    def result(self, roll_rad: float) -> tuple[int, Tilt | None, str]:
        """(images in which a road was found, the tilt or None, why there is none or '').

        roll_rad: what it is taken for where the images do not show it.
        """
        sights = list(self._sights)
        if not self._seen:
            return 0, None, self._why
        if len(sights) < MIN_SHARE * self._seen or len(sights) < 3:
            return len(sights), None, f"a road was found in {len(sights)} of {self._seen} images: {self._why}"
        found = tilt(sights, roll_rad)
        if found.pitch_spread_rad > MAX_SPREAD_RAD:
            spread = math.degrees(found.pitch_spread_rad)
            return len(sights), found, f"images differ by {spread:.1f} degrees: look along a straight and level road"
        return len(sights), found, ""

    def _look(self, newest: Callable[[], tuple[Frame, ClassTable] | None]) -> None:
        taken = newest()
        if taken is None or self.done.done():
            return
        frame, table = taken
        if frame.calibration is None:
            self._why = "no camera_info has arrived"
            return
        self._seen += 1
        camera = lens.checked(messages.intrinsics(frame.calibration, frame.parameters.rectified))
        height, width = frame.camera.shape[:2]
        lens.require_ratio(camera, (height, width))
        sight = look(frame.camera, frame.segmentation.labels, lens.scaled(camera, width, height), *_kinds(table))
        if sight is None:
            self._why = "look along a straight road with kerbs or marks"
        else:
            self._sights.append(sight)
        if self._seen >= self._frames:
            self.end()

    def _failed(self, error: Exception) -> None:
        self._why = str(error) if isinstance(error, EnetRosError) else f"{type(error).__name__}: {error}"


def _kinds(table: ClassTable) -> tuple[U8, U8]:
    """(256,) uint8 each: 255 at the ids of flat ground, and of what stands upright."""
    return table.membership(table.flat), table.membership(name for name in table.names if name in UPRIGHT)
