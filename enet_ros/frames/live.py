"""Frames from a camera of this machine or of the network, as they come: the newest, without an end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from glob import glob
from itertools import count

import cv2
import numpy as np

from enet_ros.arrays import U8
from enet_ros.errors import CameraError
from enet_ros.frames.source import Frame, Load, Source
from enet_ros.places import url_without_secrets

OPEN_S = 10.0
"""Longest wait for a stream to be opened."""
SILENCE_S = 5.0
"""A camera that sends nothing for so long has gone."""
DEFAULT_HZ = 30.0
_PLAUSIBLE_HZ = (1.0, 240.0)
"""What cameras say of their rate may be 0 or the clock of their stream."""


def from_camera(camera: str, rate_hz: float | None = None, seconds: float | None = None) -> Source:
    """A camera: its number (0 is /dev/video0), a device's path, or a URL (rtsp, http with MJPEG) that OpenCV can open.

    Stamps are wall-clock times of arrival. rate_hz: the most frames a second, evenly chosen; all by default.
    seconds: until the end; none by default. Raises CameraError where it cannot be opened; loading raises it where the
    camera stops.
    """
    opened = [Newest(camera)]  # for the first round, since some cameras cannot be opened again at once
    own_hz = opened[0].rate_hz

    def loads() -> Iterator[Load]:
        newest = opened.pop() if opened else Newest(camera)
        begun_s = due_s = time.monotonic()
        try:
            for index in count():
                time.sleep(max(0.0, due_s - time.monotonic()))
                if seconds and time.monotonic() - begun_s >= seconds:
                    return
                stamp_ns, rgb = newest.take()
                yield partial(Frame, f"{index:06d}", stamp_ns, rgb)
                due_s = max(due_s + 1 / rate_hz, time.monotonic()) if rate_hz else due_s
        finally:
            newest.close()

    return Source(f"camera {shown(camera)}", shown(camera), 0, min(rate_hz or own_hz, own_hz), loads, live=True)


class Newest:
    """Reads a camera in a thread of its own, so that nothing queues up: whoever takes a frame gets the newest."""

    def __init__(self, camera: str) -> None:
        """Raises CameraError where it cannot be opened."""
        self._camera = camera
        self._capture = _open(camera)
        said_hz = self._capture.get(cv2.CAP_PROP_FPS)
        low, high = _PLAUSIBLE_HZ
        self.rate_hz = said_hz if low <= said_hz <= high else DEFAULT_HZ
        self._changed = threading.Condition()
        self._frame: tuple[int, U8] | None = None
        self._ended = False
        threading.Thread(target=self._read, name="camera_reader", daemon=True).start()

    def take(self) -> tuple[int, U8]:
        """(when it came, ns; (H, W, 3) uint8 RGB) of a frame not taken before. Raises CameraError where none comes."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._ended, SILENCE_S)
            frame, self._frame = self._frame, None
        if frame is None:
            what = "has ended" if self._ended else f"has sent nothing for {SILENCE_S:g} s"
            raise CameraError(f"camera {shown(self._camera)} {what}: check its cable or network, then start again")
        stamp_ns, bgr = frame
        return stamp_ns, np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)

    def close(self) -> None:
        """Let go of the camera, as soon as the frame that is being read has come."""
        with self._changed:
            self._ended = True

    def _read(self) -> None:
        while not self._ended:
            more, bgr = self._capture.read()
            stamp_ns = time.time_ns()
            with self._changed:
                self._ended = self._ended or not more
                self._frame = (stamp_ns, np.asarray(bgr, np.uint8)) if more else None
                self._changed.notify_all()
        self._capture.release()


def shown(camera: str) -> str:
    """The camera as messages name it: the path of a numbered one, a URL without user, password and query."""
    return f"/dev/video{camera}" if camera.isdecimal() else url_without_secrets(camera)


def _open(camera: str) -> cv2.VideoCapture:
    """Raises CameraError with what is wrong and what to do."""
    place = shown(camera)
    if "://" in camera:
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_S * 1e3, cv2.CAP_PROP_READ_TIMEOUT_MSEC, 2 * SILENCE_S * 1e3]
        capture = cv2.VideoCapture(camera, cv2.CAP_FFMPEG, [int(value) for value in limits])
        remedy = "does the address play in `ffplay` or VLC, user and password included?"
    else:
        if not os.path.exists(place):
            there = ", ".join(sorted(glob("/dev/video*"))) or "none is plugged in, or none is passed on to this machine"
            raise CameraError(f"there is no camera {place} (there are: {there})")
        if not os.access(place, os.R_OK | os.W_OK):
            raise CameraError(f"camera {place} may not be opened: sudo usermod -aG video $USER, then log in again")
        capture = cv2.VideoCapture(place, cv2.CAP_V4L2)
        remedy = "does another program have it, or is it a second device of the same camera (try the next number)?"
    if not capture.isOpened():
        raise CameraError(f"camera {place} cannot be opened: {remedy}")
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return capture
