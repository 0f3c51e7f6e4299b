"""Figures of rows, as table and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from enet_ros.benchmark import Case, Row, to_json, to_markdown
from enet_ros.benchmark.rows import baseline, make_row
from enet_ros.errors import ConfigError

OPENVINO = make_row(
    Case("openvino", "openvino", "fp32", (360, 480)), "OpenVINO 1", [10.0] * 60 + [12.0] * 40, 2, 0.99995, 0.6
)
PEER = make_row(Case("pytorch_channels_last", "", "fp32", (360, 480)), "PyTorch 2", [40.0], 2, None, None)


def test_a_row_of_run_times() -> None:
    assert (OPENVINO.p50_ms, OPENVINO.p99_ms, OPENVINO.frames_per_s, OPENVINO.runs) == (10.0, 12.0, 100.0, 100)
    assert (OPENVINO.height, OPENVINO.width, OPENVINO.engine) == (360, 480, "OpenVINO 1")


def test_ratios_are_to_the_baseline_of_the_same_size() -> None:
    assert baseline([OPENVINO, PEER], OPENVINO) == 0.25
    assert baseline([OPENVINO, PEER._replace(height=240)], OPENVINO) is None


def test_markdown() -> None:
    header, rule, first, second = to_markdown([OPENVINO, PEER]).splitlines()
    assert header.startswith("| name | runtime | precision | WxH |") and set(rule) == set("| -:")
    assert first == "| openvino | OpenVINO 1 | fp32 | 480x360 | 10.0 | 12.0 | 100.0 | 0.25 | 99.995 | 60.00 |"
    assert second.endswith("| 40.0 | 40.0 | 25.0 | 1.00 | - | - |")


def test_json(tmp_path: Path) -> None:
    to_json([OPENVINO, PEER], tmp_path / "rows.json")
    assert [Row(**row) for row in json.loads((tmp_path / "rows.json").read_text())] == [OPENVINO, PEER]
    with pytest.raises(ConfigError, match="cannot write"):
        to_json([OPENVINO], tmp_path / "none" / "rows.json")
