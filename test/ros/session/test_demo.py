"""The demo: three processes, real DDS, a real engine; what it leaves on the disk."""

from __future__ import annotations

import json
import math
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")
pytest.importorskip("openvino", reason="openvino is not installed")

KEYS = ["frames_in", "frames_out", "dropped", "latency_ms", "stage_ms", "engine", "engine_info", "model"]


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "enet_ros.ros.session.demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        values = np.random.default_rng(number).integers(0, 256, (96, 128, 3), np.uint8)
        cv2.imwrite(str(folder / f"view_{number:02d}.png"), values)
    return folder


def test_every_picture_is_answered(ros_domain: int, tmp_path: Path) -> None:
    source, out = pictures(tmp_path / "views", 7), tmp_path / "out"
    (out / "masks").mkdir(parents=True)
    (out / "masks" / "of_an_earlier_run.png").write_bytes(b"")
    place = ("--fov", "90", "--height", "1", "--pitch-deg", "5")
    result = demo("--images", str(source), "--out", str(out), "--rate", "30", *place)
    assert result.returncode == 0, result.stderr
    assert "assumed" not in result.stderr
    summary = json.loads((out / "summary.json").read_text())
    assert list(summary) == KEYS
    assert (summary["frames_in"], summary["frames_out"], summary["dropped"]) == (7, 7, 0)
    assert 0 < summary["stage_ms"]["infer"] <= summary["latency_ms"]["p50"] <= summary["latency_ms"]["p99"]
    assert list(summary["stage_ms"]) == [
        "transport",
        "queue",
        "decode",
        "preprocess",
        "infer",
        "postprocess",
        "publish",
    ]
    assert (summary["model"], summary["engine"]) == ("road", "openvino")
    facts = summary["engine_info"]
    assert list(facts) == ["runtime", "device", "precision"] and all(facts.values()) and "OpenVINO" in facts["runtime"]
    masks = sorted(path.name for path in (out / "masks").iterdir())
    assert masks == [f"view_{number:02d}.png" for number in range(7)]
    mask = cv2.imread(str(out / "masks" / masks[0]), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (96, 128) and mask.dtype == np.uint8 and set(np.unique(mask)) <= {*range(11), 255}
    video = cv2.VideoCapture(str(out / "overlay.mp4"))
    assert video.get(cv2.CAP_PROP_FPS) == 30.0
    shown = 0
    while video.read()[0]:
        shown += 1
    assert shown == 7
    assert "frames in, out, dropped" in result.stdout and "7, 7, 0" in result.stdout
    assert f"road on openvino ({facts['runtime']}" in " ".join(result.stdout.split())


def test_a_live_camera_is_answered_and_looked_at(
    ros_domain: int, tmp_path: Path, stream: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In metres too, by what is told and what is assumed. Nothing but the recording is kept."""
    pytest.importorskip("rerun", reason="rerun-sdk is not installed")
    monkeypatch.chdir(tmp_path)
    result = demo("--camera", stream(), "--frames", "40", "--view", "seen.rrd", "--pitch-deg", "10")
    assert result.returncode == 0, result.stderr
    assert "40, 40, 0" in result.stdout and "secret" not in result.stdout + result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["seen.rrd"]
    from rrd import Recorded

    seen = Recorded(tmp_path / "seen.rrd")
    (base,) = {found[1] for e in seen.entities() if (found := re.match(r"(/base/enet_demo_\d+/segmentation)/", e))}
    assert seen.last(f"{base}/lens", "translation") == [[0, 0, pytest.approx(1.3)]]
    ((*_, ahead),) = seen.last(f"{base}/lens", "mat3x3")
    assert ahead == pytest.approx(-math.sin(math.radians(10)))
    assert seen.last(f"{base}/lens", "image_from_camera")[0][0] == pytest.approx(32 / math.tan(math.radians(30)))
    assert seen.last(f"{base}/lens/picture", "blob") and seen.last(f"{base}/grid", "cell_size")
    assert "assumed for metres and the view in 3D: a camera 60 degrees wide, 1.3 m above the ground (" in result.stderr


def test_a_camera_that_is_not_there_is_told(ros_domain: int) -> None:
    result = demo("--camera", "97")
    assert result.returncode == 1
    assert "there is no camera /dev/video97" in result.stderr and "Traceback" not in result.stderr


def test_a_model_that_is_not_there_is_told(ros_domain: int, tmp_path: Path) -> None:
    source = pictures(tmp_path / "views", 1)
    result = demo("--images", str(source), "--out", str(tmp_path / "out"), "--model", "nonesuch")
    assert result.returncode == 1
    assert "there is no model 'nonesuch'" in result.stderr and "Traceback" not in result.stderr


def test_a_source_that_is_not_there_is_told(ros_domain: int, tmp_path: Path) -> None:
    result = demo("--images", str(tmp_path / "none"), "--out", str(tmp_path / "out"))
    assert result.returncode == 1
    assert "demo: " in result.stderr and "Traceback" not in result.stderr


def test_an_out_that_cannot_be_written_is_told(ros_domain: int, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    result = demo("--images", str(pictures(tmp_path / "views", 1)), "--out", str(tmp_path / "out"))
    assert result.returncode == 1
    assert "--out" in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize("before", [signal.SIG_DFL, signal.SIG_IGN], ids=["terminal", "background job of a script"])
def test_ctrl_c_ends_all_of_it(ros_domain: int, tmp_path: Path, before: signal.Handlers) -> None:
    source = pictures(tmp_path / "views", 40)
    command = [sys.executable, "-m", "enet_ros.ros.session.demo", "--images", str(source), "--rate", "5"]
    inherited = signal.signal(signal.SIGINT, before)
    child = subprocess.Popen([*command, "--out", str(tmp_path / "out")], stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, inherited)
    end_s = time.monotonic() + 120
    while not list((tmp_path / "out" / "masks").glob("*.png")):
        assert time.monotonic() < end_s and child.poll() is None
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, error = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "demo: stopped" in error and "Traceback" not in error
    namespace = f"/enet_demo_{child.pid}".encode()
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if namespace in _read(path)]
    assert left == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has just ended
        return b""
