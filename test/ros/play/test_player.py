"""What all players have: the space bar, a clock that keeps with what is sent."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

import rclpy
from ros_rig import wait_for

from enet_ros.bags.create import BagLayout, create
from enet_ros.errors import ConfigError
from enet_ros.frames.files import from_folder
from enet_ros.msg import Latency
from enet_ros.ros.play.player import Item, PlayClock, Player, PlayOptions

MS = 1_000_000
PLAY = [sys.executable, "-m", "enet_ros.ros.play.main"]
STREET_PLAY = [*PLAY, "--street", "--loop", "--frames", "3"]
VERB = "import sys; from enet_ros.cli import main; sys.exit(main())"
BAG_PLAY = [sys.executable, "-c", VERB, "bag", "play", "--loop"]


def pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        cv2.imwrite(str(folder / f"{number:02d}.png"), np.zeros((48, 64, 3), np.uint8))
    return folder


@pytest.mark.parametrize("command", [STREET_PLAY, BAG_PLAY], ids=["play", "bag play"])
def test_the_space_bar_pauses_and_goes_on(ros_domain: int, tmp_path: Path, command: list[str]) -> None:
    if command is BAG_PLAY:
        create(tmp_path / "bag", from_folder(pictures(tmp_path / "pictures", 3), 10.0), BagLayout())
        command = [*command, str(tmp_path / "bag")]
    keyboard, terminal = pty.openpty()
    with subprocess.Popen([*command, "--start-paused"], stdin=terminal, stderr=subprocess.PIPE, text=True) as player:
        assert player.stderr is not None
        assert player.stderr.readline().startswith("paused: press space")
        for expected in ("playing\n", "paused\n", "playing\n"):
            os.write(keyboard, b"x ")
            assert player.stderr.readline() == expected
        player.terminate()
        assert player.wait(20) == 0
    os.close(keyboard)
    os.close(terminal)


class Feed:
    """Three messages, a millisecond apart; the second takes 40 ms."""

    start_ns = 1000 * MS

    def __init__(self) -> None:
        self.sent: list[int] = []

    def items(self, clock: PlayClock) -> Iterator[Item]:
        for number in range(3):
            yield Item(self.start_ns + number * MS, lambda number=number: self._send(number))

    def has_listener(self) -> bool:
        return bool(self.sent)

    def _send(self, number: int) -> None:
        self.sent.append(number)
        if number == 1:
            threading.Event().wait(0.04)


def test_how_late_it_was_is_told(ros: int) -> None:
    node, feed = rclpy.create_node("player"), Feed()
    player = Player(node, feed, PlayOptions())
    assert not player.wait_for_listener(0.05, threading.Event())
    report = player.run(threading.Event())
    assert feed.sent == [0, 1, 2] and report.messages == 3 and 0.03 < report.latest_s < 10
    assert player.wait_for_listener(0.05, threading.Event())
    node.destroy_node()


def test_a_loop_of_nothing_ends(ros: int, monkeypatch: pytest.MonkeyPatch) -> None:
    node, feed = rclpy.create_node("player"), Feed()
    monkeypatch.setattr(Feed, "items", lambda self, clock: iter(()))
    assert Player(node, feed, PlayOptions(loop=True)).run(threading.Event()).messages == 0
    node.destroy_node()


@pytest.mark.parametrize("options", [{"rate": 0.0}, {"rate": -1.0}, {"rate": float("nan")}, {"clock_hz": -1.0}])
def test_speeds_that_are_none(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="use a number"):
        PlayOptions(**options)


def test_a_camera_with_a_clock_has_no_stamp_in_the_future(rig: Callable[..., Any], tmp_path: Path) -> None:
    r = rig(use_sim_time=True, lazy=False)
    latencies = r.listen("latency", Latency)
    r.start()
    flags = ["--rate", "25", "--clock", "--reliable", "--wait", "20"]
    command = [*PLAY, "--images", str(pictures(tmp_path / "pictures", 20)), *flags]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as player:
        wait_for(lambda: player.poll() is not None)
    wait_for(lambda: len(latencies) >= 3)  # a busy machine answers the newest images only
    assert Counter(latency.clock for latency in latencies) == {Latency.CLOCK_OK: len(latencies)}


def test_without_rclpy_the_verb_says_what_to_do(tmp_path: Path) -> None:
    create(tmp_path / "bag", from_folder(pictures(tmp_path / "pictures", 1), 10.0), BagLayout())
    command = [
        sys.executable,
        "-c",
        f"import sys; sys.modules['rclpy'] = None; {VERB}",
        "bag",
        "play",
        str(tmp_path / "bag"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "needs the Python module 'rclpy': source ROS 2" in done.stderr and "Traceback" not in done.stderr
