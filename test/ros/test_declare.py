"""Parameters as ROS sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.srv import SetParameters
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from ros_rig import wait_for

from enet_ros.ros.declare import descriptor
from enet_ros.ros.parameters import DEFAULTS, SPECS


def change(rig: Any, **values: Any) -> Any:
    return rig.node.set_parameters_atomically([Parameter(name, value=value) for name, value in values.items()])


def test_descriptors_carry_text_range_and_words() -> None:
    depth, opacity, engine = descriptor("depth"), descriptor("overlay_opacity"), descriptor("engine")
    assert (depth.integer_range[0].from_value, depth.integer_range[0].to_value) == (1, 100)
    assert (opacity.floating_point_range[0].from_value, opacity.floating_point_range[0].to_value) == (0.0, 1.0)
    assert "openvino" in engine.additional_constraints
    assert "may change at any time; loads a network" in engine.additional_constraints and not engine.read_only
    assert "may change while unconfigured" in depth.additional_constraints and not depth.read_only
    assert opacity.additional_constraints == "may change at any time"
    assert (
        descriptor("autostart").read_only
        and "may change at start only" in descriptor("autostart").additional_constraints
    )
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
        ({"depth": "many"}, "Wrong parameter type"),
        ({"min_rate": "fast"}, "Wrong parameter type"),
        ({"min_rate": True}, "Wrong parameter type"),
        ({"mask_groups": 3}, "Wrong parameter type"),
        ({"executor": "single"}, "read-only parameter: executor"),
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
    refused = change(r, depth=3, model="road")
    assert not refused.successful and "depth can change only while the node is unconfigured" in refused.reason
    assert r.node.parameters.model == "camvid"
    assert change(r, depth=1, engine="onnxruntime").successful, "the value it has is no change"
    r.node.trigger_deactivate()
    assert not change(r, depth=3).successful
    r.node.trigger_cleanup()
    assert change(r, depth=3).successful and r.node.parameters.depth == 3


@pytest.mark.parametrize(
    ("overrides", "reason", "remedy"),
    [
        ({"engine": "caffe"}, "engine is 'caffe'", {"engine": "onnxruntime"}),
        ({"depth": 0}, "depth is 0: use 1 to 100", {"depth": 2}),
        ({"depth": "many"}, "depth is 'many'", {"depth": 2}),
        ({"min_rate": float("nan")}, "min_rate is nan", {"min_rate": 1.0}),
        ({"mask_groups": ["a b"]}, "mask group 'a b'", {"mask_groups": ["car"]}),
        ({"input_height": 32}, "give both", {"input_height": 16, "input_width": 24}),
    ],
    ids=str,
)
def test_an_unusable_override_leaves_the_node_unconfigured(
    rig: Callable[..., Any],
    capfd: pytest.CaptureFixture[str],
    overrides: dict[str, Any],
    reason: str,
    remedy: dict[str, Any],
) -> None:
    r = rig(**overrides)
    found = r.listen("/diagnostics", DiagnosticArray)
    assert reason in r.node.failure
    line = next(line for line in capfd.readouterr().err.splitlines() if reason in line)
    assert "[ERROR]" in line and "[segmentation]" in line
    assert r.node.trigger_configure() == TransitionCallbackReturn.FAILURE
    status = wait_for(lambda: [one for message in found for one in message.status if reason in one.message])[0]
    assert status.level == DiagnosticStatus.ERROR
    name = next(iter(overrides))
    assert r.node.get_parameter(name).type_.value == r.node.describe_parameter(name).type
    if "engine" not in remedy:
        assert r.node.parameters == DEFAULTS.changed({"model": "camvid", "engine": "onnxruntime"})
    assert change(r, **remedy).successful
    r.start()
    assert r.node.failure == ""


def test_a_whole_number_and_an_empty_list_from_a_file(rig: Callable[..., Any]) -> None:
    r = rig(min_rate=10, mask_groups=[])
    assert r.node.parameters.min_rate == 10.0
    assert r.node.parameters.mask_groups == ()
    assert r.node.get_parameter("min_rate").type_ == Parameter.Type.DOUBLE
    assert r.node.get_parameter("mask_groups").type_ == Parameter.Type.STRING_ARRAY
    r.start()


def test_types_are_static(rig: Callable[..., Any]) -> None:
    node = rig().node
    for name in SPECS:
        described = node.describe_parameter(name)
        assert not described.dynamic_typing and described.type == node.get_parameter(name).type_.value, name


def set_remotely(r: Any, name: str, value: Any) -> Any:
    """As `ros2 param set` does it."""
    client = r.watcher.create_client(SetParameters, f"{r.node.get_fully_qualified_name()}/set_parameters")
    assert client.wait_for_service(20)
    future = client.call_async(SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()]))
    wait_for(future.done)
    return future.result().results[0]


def test_an_integer_for_a_float_does_not_change_the_type(rig: Callable[..., Any]) -> None:
    r = rig()
    result = set_remotely(r, "min_confidence", 1)
    assert result.successful, result.reason
    parameter = r.node.get_parameter("min_confidence")
    assert (parameter.type_, parameter.value) == (Parameter.Type.DOUBLE, 1.0)
    assert r.node.parameters.min_confidence == 1.0
    assert not set_remotely(r, "min_confidence", 2).successful
    assert set_remotely(r, "mask_groups", []).successful
    assert r.node.get_parameter("mask_groups").type_ == Parameter.Type.STRING_ARRAY


def test_a_misspelt_override_is_named(rig: Callable[..., Any], capfd: pytest.CaptureFixture[str]) -> None:
    rig(modle="camvid", **{"qos_overrides./image_raw.subscription.depth": 2}, use_sim_time=False)
    warnings = [line for line in capfd.readouterr().err.splitlines() if "[WARN]" in line and "no parameter" in line]
    assert len(warnings) == 1 and "there is no parameter 'modle': did you mean 'model'?" in warnings[0]


def test_parameters_of_others_pass(rig: Callable[..., Any]) -> None:
    r = rig()
    assert change(r, use_sim_time=True).successful
