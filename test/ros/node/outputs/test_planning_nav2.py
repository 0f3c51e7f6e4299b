"""Nav2's own conditions on a grid, and the recipes of docs/nav2.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")


from planning_frames import PARAMETERS, calibration, frame, nav2_accepts_grid, round_trip, rows

from enet_ros.classes import CAMVID
from enet_ros.errors import ConfigError
from enet_ros.ros.node.outputs import Setup, outputs

REPO = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize(
    "grid",
    [
        {},
        {"grid_resolution": 0.05, "grid_length": 50.0, "grid_width": 8.0},
        {"grid_resolution": 10.0, "grid_length": 10.0, "grid_width": 10.0},
        {"grid_resolution": 0.3, "grid_length": 20.0, "grid_width": 10.0},
    ],
)
def test_nav2_accepts_every_grid_the_parameters_allow(grid: dict[str, float]) -> None:
    message = rows(PARAMETERS.changed(grid))["~/occupancy_grid"].make(frame(info=calibration()))
    assert nav2_accepts_grid(round_trip(message))


def test_nav2_s_conditions_are_real() -> None:
    message = rows()["~/occupancy_grid"].make(frame(info=calibration()))
    message.header.frame_id = ""
    assert not nav2_accepts_grid(message)


@pytest.mark.parametrize(
    "values",
    [
        {"grid_resolution": 0.01, "grid_length": 1000.0},
        {"grid_resolution": 10.0, "grid_width": 1.0},
        {"base_frame": ""},
    ],
)
def test_a_grid_nobody_could_read_fails_the_configuration(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        rows(PARAMETERS.changed(values))


def test_the_recipes_name_topics_that_there_are() -> None:
    text = (REPO / "docs" / "nav2.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 5
    for block in blocks:
        assert yaml.safe_load(block)
    setup = Setup(None, PARAMETERS, CAMVID)  # type: ignore[arg-type]
    published = {output.topic.removeprefix("~") for output in outputs(setup)}
    named = set(re.findall(r"/segmentation(/[a-z_]+)", text)) - {"/pointcloud"}
    assert {"/obstacle_points", "/free_points", "/ground_points", "/mask"} <= named
    assert named <= published | {"/label_info", "/info"}


def test_the_semantic_layer_s_recipe_costs_every_class() -> None:
    text = (REPO / "docs" / "nav2.md").read_text()
    (block,) = (b for b in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "class_types" in b)
    camera = yaml.safe_load(block)["semantic_layer"]["camera"]
    assert sorted(n for kind in camera["class_types"] for n in camera[kind]["classes"]) == sorted(CAMVID.names)
