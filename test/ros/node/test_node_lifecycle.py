"""Transitions: they fail clean, can be tried again, and leave nothing behind."""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from from_messages import from_image
from rclpy.lifecycle import TransitionCallbackReturn as Return
from rclpy.parameter import Parameter
from ros_rig import PlainEngine, Rig, picture, wait_for
from safetensors.numpy import save_file

from enet_ros import model_file
from enet_ros.classes import CITYSCAPES


def state(r: Rig) -> str:
    return str(r.node._state_machine.current_state[1])


def damaged(path: Path) -> Path:
    path.write_bytes(b'\x10\0\0\0\0\0\0\0{"half": ')
    return path


def miscounted(path: Path) -> Path:
    """The shipped model with another class table in its card."""
    model = model_file.load(model_file.resolve("camvid"))
    card = json.loads(model.card.to_json()) | {"classes": CITYSCAPES.to_dict()}
    save_file(dict(model.tensors), path, metadata={model_file.CARD_KEY: json.dumps(card)})
    return path


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"model": "nonesuch"}, "nonesuch"),
        ({"model": "DAMAGED"}, "safetensors"),
        ({"mask_groups": ["ships=galleon"]}, "galleon"),
        ({"mask_groups": ["galleon"]}, "galleon"),
        ({"model": "MISCOUNTED"}, "11 outputs but its class table 'cityscapes' lists 19"),
        ({"device": "nowhere"}, "nowhere"),
        ({"base_frame": ""}, "base_frame"),
    ],
    ids=str,
)
def test_configure_fails_with_the_reason_and_can_be_tried_again(
    rig: Callable[..., Rig], tmp_path: Path, parameters: dict[str, Any], reason: str
) -> None:
    makers = {"DAMAGED": damaged, "MISCOUNTED": miscounted}
    if maker := makers.get(parameters.get("model", "")):
        parameters = {"model": str(maker(tmp_path / "model.safetensors"))}
    before = PlainEngine.open_engines
    r = rig(**parameters)
    assert r.node.trigger_configure() == Return.FAILURE
    assert state(r) == "unconfigured"
    assert reason in r.node.failure
    assert PlainEngine.open_engines == before
    good = {"model": "camvid", "engine": "onnxruntime", "device": "auto"}
    good |= {"mask_groups": ["drivable"], "base_frame": "base_link"}
    results = r.node.set_parameters([Parameter(name, value=value) for name, value in good.items()])
    assert all(result.successful for result in results), results
    assert r.node.trigger_configure() == Return.SUCCESS
    assert r.node.failure == ""


def test_an_unwritable_cache_is_a_warning(
    rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed")
    (tmp_path / "cache").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    r = rig(engine="openvino", input_height=32, input_width=32)
    assert r.node.trigger_configure() == Return.SUCCESS
    warnings = [line for line in capfd.readouterr().err.splitlines() if "[WARN]" in line]
    assert [line for line in warnings if f"cannot write the engine cache {tmp_path}/cache" in line]


def test_an_exception_in_a_transition_is_a_failure(rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object, images: int) -> float:
        raise ZeroDivisionError("surprise")

    monkeypatch.setattr("enet_ros.ros.node.configured.Network._warm_up", broken)
    before = PlainEngine.open_engines
    r = rig()
    assert r.node.trigger_configure() == Return.FAILURE
    assert state(r) == "unconfigured" and "surprise" in r.node.failure
    assert PlainEngine.open_engines == before


def test_a_cleanup_that_fails_ends_unconfigured(rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    r = rig()
    r.start()
    r.node.trigger_deactivate()
    network = r.node._configured.serving.network
    with monkeypatch.context() as patch:
        patch.setattr(network, "close", lambda: 1 / 0)
        assert r.node.trigger_cleanup() == Return.ERROR
    assert state(r) in ("unconfigured", "finalized")
    network.close()


def test_frames_do_not_outlive_deactivation(rig: Callable[..., Rig]) -> None:
    r = rig()
    masks = r.listen("mask")
    r.start()
    r.wait_for_camera()
    r.send(picture(4))
    wait_for(lambda: masks)
    active = r.node._active
    assert r.node.trigger_deactivate() == Return.SUCCESS
    wait_for(lambda: r.camera.get_subscription_count() == 0)
    counters = active.account.counters
    assert counters.received == counters.answered + counters.replaced + counters.failed
    assert r.node.trigger_activate() == Return.SUCCESS
    r.wait_for_camera()
    r.send(picture(6))
    wait_for(lambda: len(masks) == 2)
    assert (from_image(masks[1]) == 6).all()


def test_shutdown_from_active(rig: Callable[..., Rig]) -> None:
    before = PlainEngine.open_engines
    r = rig()
    r.start()
    assert r.node.trigger_shutdown() == Return.SUCCESS
    assert state(r) == "finalized"
    assert PlainEngine.open_engines == before


def rss_kb() -> int:
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * 4


def cycle(r: Rig, masks: list[Any]) -> None:
    r.start()
    r.wait_for_camera()
    before = len(masks)
    r.send(picture(2, (480, 640)))
    wait_for(lambda: len(masks) > before)
    assert r.node.trigger_deactivate() == Return.SUCCESS
    assert r.node.trigger_cleanup() == Return.SUCCESS


def cycles_leave_nothing(r: Rig, warm: int, cycles: int, limit_mb: float) -> None:
    masks = r.listen("mask")
    for _ in range(warm):  # caches and pools fill
        cycle(r, masks)
    masks.clear()
    gc.collect()
    threads, memory = threading.active_count(), rss_kb()
    tasks = len(list(Path("/proc/self/task").iterdir()))
    for _ in range(cycles):
        cycle(r, masks)
        masks.clear()
    gc.collect()
    assert threading.active_count() == threads
    assert len(list(Path("/proc/self/task").iterdir())) <= tasks
    assert (rss_kb() - memory) / 1024 < limit_mb


def test_fifty_cycles_leave_nothing(rig: Callable[..., Rig]) -> None:
    cycles_leave_nothing(rig(), 10, 50, 8)


def test_cycles_of_a_real_engine_leave_nothing(ros: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    r = Rig(input_height=64, input_width=64, warmup=0)
    try:
        cycles_leave_nothing(r, 4, 12, 16)
    finally:
        r.close()
