"""Parameters as ROS sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from rclpy.parameter import Parameter

from enet_ros.errors import ConfigError
from enet_ros.ros.declare import descriptor
from enet_ros.ros.parameters import SPECS


def change(rig: Any, **values: Any) -> Any:
    return rig.node.set_parameters_atomically([Parameter(name, value=value) for name, value in values.items()])


def test_descriptors_carry_text_range_and_words() -> None:
    depth, opacity, engine = descriptor("depth"), descriptor("overlay_opacity"), descriptor("engine")
    assert (depth.integer_range[0].from_value, depth.integer_range[0].to_value) == (1, 100)
    assert (opacity.floating_point_range[0].from_value, opacity.floating_point_range[0].to_value) == (0.0, 1.0)
    assert "openvino" in engine.additional_constraints
    assert descriptor("grid_length").description.endswith("[m]")


def test_every_parameter_is_declared_and_described(rig: Callable[..., Any]) -> None:
    node = rig().node
    for name in SPECS:
        assert node.has_parameter(name)
        assert node.describe_parameter(name).description


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"overlay_opacity": 1.5}, "overlay_opacity"),
        ({"engine": "caffe"}, "caffe"),
        ({"min_rate": float("nan")}, "min_rate"),
        ({"min_rate": 9.0, "engine": "caffe"}, "caffe"),
        ({"mask_groups": ["a b"]}, "mask group"),
        ({"input_height": 480}, "give both"),
        ({"depth": "many"}, "depth"),
        ({"min_rate": "fast"}, "min_rate"),
        ({"min_rate": True}, "min_rate"),
        ({"mask_groups": 3}, "mask_groups"),
    ],
    ids=str,
)
def test_a_bad_value_is_refused_with_a_reason_and_nothing_changes(
    rig: Callable[..., Any], values: dict[str, Any], reason: str
) -> None:
    r = rig()
    before = r.node.parameters
    result = change(r, **values)
    assert not result.successful and reason in result.reason
    assert r.node.parameters == before
    assert all(r.node.get_parameter(name).value != value for name, value in values.items())


def test_some_change_while_active_and_others_not(rig: Callable[..., Any]) -> None:
    r = rig()
    r.start()
    assert change(r, overlay_opacity=0.25, lazy=False).successful
    assert r.node.parameters.overlay_opacity == 0.25
    refused = change(r, engine="openvino")
    assert not refused.successful and "unconfigured" in refused.reason
    assert change(r, engine="onnxruntime").successful, "the value it has is no change"
    r.node.trigger_deactivate()
    assert not change(r, depth=3).successful
    r.node.trigger_cleanup()
    assert change(r, depth=3).successful and r.node.parameters.depth == 3


def test_an_unusable_override_is_refused_at_once(rig: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match="caffe"):
        rig(engine="caffe")
    with pytest.raises(ConfigError, match="depth"):
        rig(depth=0)
    r = rig()
    assert [name for name in r.watcher.get_node_names() if name == "segmentation"] == ["segmentation"]


def test_a_whole_number_and_an_empty_list_from_a_file(rig: Callable[..., Any]) -> None:
    r = rig(min_rate=10, mask_groups=[])
    assert r.node.parameters.min_rate == 10.0
    assert r.node.parameters.mask_groups == ()
    r.start()


def test_parameters_of_others_pass(rig: Callable[..., Any]) -> None:
    r = rig()
    assert change(r, use_sim_time=True).successful
