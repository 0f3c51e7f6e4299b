"""The closed loop over real DDS: a bag into a real node, its masks scored."""

# ruff: noqa: E402  (what needs rclpy comes after the skip without it)
from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from enet_ros.bags.cameras import find_truth
from enet_ros.bags.create import BagLayout, create
from enet_ros.bags.reader import BagReader
from enet_ros.classes import CAMVID
from enet_ros.cli import main
from enet_ros.errors import ConfigError
from enet_ros.frames.street import from_street
from enet_ros.metrics import Scorer
from enet_ros.ros.session.live import LiveScores, Masks, truth_names
from enet_ros.ros.session.session import Picture

VERB = [sys.executable, "-c", "import sys; from enet_ros.cli import main; sys.exit(main())", "evaluate"]


def street(out: Path, frames: int = 4) -> Path:
    source = from_street(frames, rate_hz=2.0, width=160, height=120)  # slow enough for every frame to be answered
    create(out, source, BagLayout(compression="png"))
    return out


def test_a_running_node_is_scored_as_the_bag_alone_is(ros_domain: int, tmp_path: Path) -> None:
    bag = street(tmp_path / "bag")
    live = subprocess.run(
        [
            *VERB,
            "--bag",
            str(bag),
            "--live",
            "--start",
            "--model",
            "camvid",
            "--json",
            str(tmp_path / "out" / "live.json"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert live.returncode == 0, live.stderr
    assert "answered  4 of 4 frames (100.0 %)" in live.stdout
    scores = json.loads((tmp_path / "out" / "live.json").read_text())
    assert (scores["frames_played"], scores["frames_answered"], scores["frames_scored"]) == (4, 4, 4)
    assert scores["share_answered"] == 1.0
    assert scores["foreign_masks"] == 0
    latency = scores["latency_ms"]
    assert 0 < latency["p0"] <= latency["p50"] <= latency["p99"] <= latency["p100"]
    assert main(["evaluate", "--bag", str(bag), "--model", "camvid", "--json", str(tmp_path / "bag.json")]) == 0
    alone = json.loads((tmp_path / "bag.json").read_text())
    assert scores["miou"] == pytest.approx(alone["miou"], abs=1e-4)


def test_a_bag_without_ground_truth_gets_share_and_latency(ros_domain: int, tmp_path: Path) -> None:
    source = from_street(3, rate_hz=2.0, width=160, height=120)
    unlabelled = replace(source, table=None, loads=lambda: (lambda f=f: f._replace(truth=None) for f in source))
    create(tmp_path / "bag", unlabelled, BagLayout(compression="png"))
    files = ["--json", str(tmp_path / "live.json"), "--report", str(tmp_path / "live.html")]
    options = ["--bag", str(tmp_path / "bag"), "--live", "--start", "--timeout", "60", "--depth", "5"]
    done = subprocess.run([*VERB, *options, *files], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "answered  3 of 3 frames (100.0 %)" in done.stdout and "no ground truth" in done.stdout
    scores = json.loads((tmp_path / "live.json").read_text())
    assert (scores["frames_answered"], scores["frames_scored"], scores["miou"], scores["iou"]) == (3, 0, None, {})
    assert scores["latency_ms"]["p50"] > 0
    page = (tmp_path / "live.html").read_text()
    assert 'data-figure="filmstrip"' in page and 'data-figure="confusion"' not in page


def test_no_node_is_an_error_with_the_remedy(ros_domain: int, tmp_path: Path) -> None:
    bag = street(tmp_path / "bag", frames=1)
    done = subprocess.run(
        [*VERB, "--bag", str(bag), "--live", "--timeout", "1", "--node", "/nobody"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "no node /nobody that is active and listens to /camera/image_raw/compressed within 1 s" in done.stderr
    assert "or use --start" in done.stderr


def test_classes_of_a_yaml_file_hold_as_without_a_node(tmp_path: Path) -> None:
    (tmp_path / "yard.yaml").write_text(
        "names: [floor, wall]\ncolors: [[128, 64, 128], [70, 70, 70]]\ndrivable: [floor]\n"
    )
    with BagReader(street(tmp_path / "bag", frames=1)) as bag:
        truth = find_truth(bag)
        assert truth_names(bag, truth, None) == CAMVID.names
        assert truth_names(bag, truth, str(tmp_path / "yard.yaml")) == ("floor", "wall")
        with pytest.raises(ConfigError, match="there are no classes 'yard'"):
            truth_names(bag, truth, "yard")


def test_the_first_mask_of_a_stamp_counts() -> None:
    from enet_ros.bags.messages import image_cdr
    from enet_ros.messages import Header

    masks = Masks()
    for stamp, value in ((5, 1), (6, 2), (5, 3)):
        cdr = bytes(image_cdr(Header(stamp, "c"), np.full((2, 3), value, np.uint8), "mono8"))
        masks.add(Picture("mask", stamp, 100 + value, cdr))
    assert masks.arrived_ns == {5: 101, 6: 102}
    first, second = masks.get(5), masks.get(6)
    assert first is not None and second is not None
    assert (first.max(), second.max(), masks.get(7)) == (1, 2, None)
    masks.close()


def test_nothing_answered_has_no_figures() -> None:
    scores = LiveScores(3, 0, 2, np.empty(0), Scorer(CAMVID).scores())
    values = scores.to_dict()
    assert (values["share_answered"], values["miou"], values["latency_ms"]["p50"]) == (0.0, None, None)
    json.dumps(values, allow_nan=False)
    assert "2 masks with a stamp that no image had" in scores.text()
