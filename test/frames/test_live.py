"""Live cameras, against a real stream: MJPEG over HTTP on loopback."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from enet_ros.errors import CameraError
from enet_ros.frames.live import Newest, from_camera, shown

PERIOD_S = 0.02
"""From frame to frame of the fixture `stream`."""
Served = Callable[..., str]


def grey(rgb: np.ndarray) -> int:
    """Which frame of the stream it is, modulo 30."""
    return round((float(rgb.mean()) - 8) / 8)


def test_frames_come_as_they_are_taken(stream: Served) -> None:
    before_ns = time.time_ns()
    source = from_camera(stream()).first(6)
    frames = list(source)
    assert source.live and len(frames) == 6
    assert all(frame.rgb.shape == (48, 64, 3) and frame.rgb.dtype == np.uint8 for frame in frames)
    stamps = [frame.stamp_ns for frame in frames]
    assert before_ns < stamps[0] and all(a < b for a, b in pairwise(stamps))
    assert stamps[-1] <= time.time_ns()
    assert len({frame.name for frame in frames}) == 6


def test_the_newest_frame_wins_and_none_queues(stream: Served) -> None:
    """A reader that takes one frame in ten is as near to the present as one that takes them all."""
    newest = Newest(stream())
    try:
        first = grey(newest.take()[1])
        time.sleep(10 * PERIOD_S)
        asked_ns = time.time_ns()
        stamp_ns, rgb = newest.take()
    finally:
        newest.close()
    assert (grey(rgb) - first) % 30 > 3
    assert asked_ns - stamp_ns < 5e9


def test_it_ends_after_the_seconds_asked_for(stream: Served) -> None:
    begun_s = time.monotonic()
    frames = list(from_camera(stream(), seconds=0.5))
    assert frames and time.monotonic() - begun_s >= 0.5


def test_fewer_frames_than_the_camera_sends_are_evenly_chosen(stream: Served) -> None:
    source = from_camera(stream(), rate_hz=5.0)
    stamps = [frame.stamp_ns for frame in source.first(4)]
    assert source.rate_hz == 5.0
    assert min(np.diff(stamps)) > 0.1e9  # 0.02 s apart at the camera


def test_a_stream_that_ends_says_so_without_the_password(stream: Served) -> None:
    with pytest.raises(CameraError, match="has ended: check its cable or network") as caught:
        list(from_camera(stream(frames=30)))
    assert "127.0.0.1" in str(caught.value) and "secret" not in str(caught.value)


def test_a_stream_that_falls_silent_is_noticed(stream: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enet_ros.frames.live.SILENCE_S", 0.5)
    with pytest.raises(CameraError, match=r"has sent nothing for 0\.5 s"):
        list(from_camera(stream(frames=30, silent=True)))


def test_a_camera_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(CameraError, match=r"there is no camera /dev/video97 \(there are: "):
        from_camera("97")


def test_a_file_is_no_camera(tmp_path: object) -> None:
    with pytest.raises(CameraError, match="cannot be opened: does another program have it"):
        from_camera(__file__)


def test_an_address_without_a_server() -> None:
    with pytest.raises(CameraError, match=r"http://127\.0\.0\.1:9/x cannot be opened: does the address play"):
        from_camera("http://user:secret@127.0.0.1:9/x")


@pytest.mark.parametrize(
    ("camera", "said"),
    [
        ("0", "/dev/video0"),
        ("/dev/v4l/by-id/left", "/dev/v4l/by-id/left"),
        ("rtsp://user:p@ss@10.0.0.7:554/live?password=x", "rtsp://10.0.0.7:554/live"),
    ],
)
def test_how_messages_name_a_camera(camera: str, said: str) -> None:
    assert shown(camera) == said
