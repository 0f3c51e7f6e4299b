"""Another model while the node is active: loaded beside the one that runs, exchanged between two images."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from from_messages import from_image
from rcl_interfaces.srv import GetParameters, SetParameters, SetParametersAtomically
from rclpy.parameter import Parameter
from ros_rig import SIZE, WAIT_S, PlainEngine, Rig, wait_for
from sensor_msgs.msg import Image
from streams import settle, stream

from enet_ros.card import ModelCard
from enet_ros.classes import CAMVID, CITYSCAPES, ClassTable
from enet_ros.engines.base import EngineOptions, Inference
from enet_ros.errors import EngineError
from enet_ros.model_file import save
from enet_ros.msg import Latency, SegmentationInfo
from enet_ros.ros import qos
from enet_ros.ros.node.host import Host
from enet_ros.spec import ENetSpec

OTHER = ClassTable("other", ("way", "rest"), ((0, 0, 0), (9, 9, 9)), frozenset({"way"}))


class Telling(PlainEngine):
    """A PlainEngine whose labels tell its model: those of camvid are below 11, those of any other from 11 to 18.

    Built once `gate` is set. A model called 'broken' is refused by the runtime.
    """

    gate: ClassVar[threading.Event] = threading.Event()
    built: ClassVar[list[str]] = []
    freed: ClassVar[list[str]] = []

    def __init__(self, path: Path, options: EngineOptions) -> None:
        self.name = Path(path).stem
        type(self).built.append(self.name)
        assert self.gate.wait(30)
        if self.name == "broken":
            raise EngineError("the runtime refuses this graph")
        super().__init__(path, options)

    def _run(self, image: Any, confidence: bool) -> Inference:
        labels, sureness = super()._run(image, confidence)
        return Inference(labels if self.name == "camvid" else 11 + labels % 8, sureness)

    def _free(self) -> None:
        super()._free()
        self.freed.append(self.name)


@pytest.fixture(autouse=True)
def telling(plain_engine: type[PlainEngine], monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Telling]]:
    """`engine:=onnxruntime` is a Telling."""
    monkeypatch.setattr(sys.modules["enet_ros.engines.plain"], "PlainEngine", Telling)
    monkeypatch.setattr(Telling, "built", [])
    monkeypatch.setattr(Telling, "freed", [])
    Telling.gate.set()
    yield Telling
    Telling.gate.set()


def model(path: Path, classes: ClassTable, seed: int = 0) -> str:
    """A model file whose tensors nobody reads."""
    card = ModelCard(path.stem, ENetSpec(num_classes=classes.num_classes), classes, SIZE)
    save(path, card, {"seed": np.array([seed], np.float32)})
    return str(path)


def call(r: Rig, kind: type, name: str, request: Any) -> Any:
    """The future of a call of a service of the node."""
    client = r.watcher.create_client(kind, f"{r.node.get_fully_qualified_name()}/{name}")
    assert client.wait_for_service(20)
    return client.call_async(request)


def ask(r: Rig, **values: Any) -> Any:
    """As `ros2 param set` does it, in one call: the future of the results."""
    parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
    return call(r, SetParameters, "set_parameters", SetParameters.Request(parameters=parameters))


def inference(found: list[DiagnosticArray]) -> list[DiagnosticStatus]:
    return [status for message in found for status in message.status if status.name.endswith("inference")]


def answer(future: Any) -> Any:
    wait_for(future.done)
    (result,) = future.result().results
    return result


@pytest.mark.parametrize("executor", ["auto", "single"])
def test_another_model_under_load(rig: Callable[..., Rig], tmp_path: Path, executor: str) -> None:
    r = rig(executor=executor, lazy=False)
    told: list[str] = []
    r.watcher.create_subscription(
        SegmentationInfo,
        "/segmentation/info",
        lambda m: told.append(f"{m.model_number} {m.model} {m.class_table}"),
        qos.latched(),
    )
    masks, latencies = r.listen("mask"), r.listen("latency", Latency)
    r.start()
    r.wait_for_camera()
    assert told == [] or told == ["1 camvid camvid"]
    Telling.gate.clear()
    with stream(r, 30.0) as sent:
        wait_for(lambda: len(masks) > 5)
        future = ask(r, model=model(tmp_path / "town.safetensors", CITYSCAPES), mask_groups=["drivable"])
        wait_for(lambda: "town" in Telling.built)
        count = len(masks)
        wait_for(lambda: len(masks) > count + 10, "images wait for the network that is being built")
        assert answer(ask(r, overlay_opacity=0.125)).successful, "other parameters change in the meantime"
        second = answer(ask(r, model="road"))
        assert not second.successful and "another network is being loaded" in second.reason
        current = call(r, GetParameters, "get_parameters", GetParameters.Request(names=["model"]))
        wait_for(current.done)
        assert current.result().values[0].string_value == "camvid", "what runs, not what is being built"
        assert not future.done() and told == ["1 camvid camvid"]
        Telling.gate.set()
        wait_for(future.done)
        assert [result.successful for result in future.result().results] == [True, True]
        wait_for(lambda: latencies[-1].model_number == 2)
        count = len(masks)
        wait_for(lambda: len(masks) > count + 5)
        assert r.node.get_parameter("model").value.endswith("town.safetensors")
    counters = settle(r, sent)
    assert counters.failed == 0
    wait_for(lambda: len(masks) == len(latencies) == counters.answered)
    for mask, latency in zip(masks, latencies, strict=True):
        assert mask.header.stamp == latency.header.stamp
        assert latency.model_number == (1 if int(from_image(mask)[0, 0]) < 11 else 2)
    assert told == ["1 camvid camvid", "2 town cityscapes"]
    wait_for(lambda: Telling.open_engines == 1, "the old one is not freed")
    assert r.node.parameters.overlay_opacity == 0.125


def test_the_ids_are_told_before_the_first_mask_of_them(rig: Callable[..., Rig], tmp_path: Path) -> None:
    r = rig(lazy=False)
    order: list[str] = []
    r.watcher.create_subscription(
        SegmentationInfo, "/segmentation/info", lambda m: order.append(m.class_table), qos.latched()
    )
    r.watcher.create_subscription(
        Image, "/segmentation/mask", lambda m: order.append("old" if m.data[0] < 11 else "new"), 20
    )
    r.start()
    r.wait_for_camera()
    with stream(r):
        wait_for(lambda: "old" in order)
        assert answer(ask(r, model=model(tmp_path / "town.safetensors", CITYSCAPES))).successful
        wait_for(lambda: "new" in order)
    changed = order.index("cityscapes")
    assert "new" not in order[:changed] and "old" not in order[changed:]


@pytest.mark.parametrize(
    ("values", "reason", "built"),
    [
        ({"model": "broken"}, "the runtime refuses this graph", True),
        ({"model": "nonesuch"}, "there is no model 'nonesuch'", False),
        ({"device": "nowhere"}, "there is no device 'nowhere'", True),
        ({"model": "other"}, "class 'pedestrian' is not in table 'other'", False),
    ],
    ids=str,
)
def test_a_network_that_cannot_be_had_leaves_the_old_one(
    rig: Callable[..., Rig], tmp_path: Path, values: dict[str, Any], reason: str, built: bool
) -> None:
    files = {
        "broken": model(tmp_path / "broken.safetensors", CAMVID),
        "other": model(tmp_path / "other.safetensors", OTHER),
    }
    values = {name: files.get(value, value) for name, value in values.items()}
    r = rig(lazy=False, mask_groups=["drivable", "pedestrian"])
    found, masks = r.listen("/diagnostics", DiagnosticArray), r.listen("mask")
    r.start()
    r.wait_for_camera()
    before, counters = r.node.parameters, r.counters()
    with stream(r) as sent:
        result = answer(ask(r, **values))
        assert not result.successful and reason in result.reason
        count = len(masks)
        wait_for(lambda: len(masks) > count + 3)
    settle(r, sent)
    assert counters is r.counters() and counters.failed == 0
    assert {int(from_image(mask)[0, 0]) < 11 for mask in masks} == {True}
    assert (len(Telling.built) > 1) == built
    assert r.node.parameters == before
    assert all(r.node.get_parameter(name).value == getattr(before, name) for name in values)
    assert reason in r.node.failure
    wait_for(lambda: [status for status in inference(found) if reason in status.message])
    assert inference(found)[-1].level == DiagnosticStatus.WARN
    assert r.node.set_parameters([Parameter("model", value="camvid")])[0].successful
    found.clear()
    wait_for(lambda: [status for status in inference(found) if status.level == DiagnosticStatus.OK])


def test_width_and_height_change_together(rig: Callable[..., Rig]) -> None:
    r = rig(lazy=False, mask_size="network", mask_groups=[])
    masks = r.listen("mask")
    r.start()
    r.wait_for_camera()
    alone = answer(ask(r, input_width=40))
    assert not alone.successful and "give both" in alone.reason
    values = {"input_width": 40, "input_height": 16}
    request = SetParametersAtomically.Request()
    request.parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
    with stream(r):
        wait_for(lambda: masks)
        future = call(r, SetParametersAtomically, "set_parameters_atomically", request)
        wait_for(future.done)
        assert future.result().result.successful, future.result().result.reason
        wait_for(lambda: masks[-1].width == 40)
    assert {(mask.width, mask.height) for mask in masks} == {(SIZE[1], SIZE[0]), (40, 16)}


def test_a_file_that_holds_another_model_is_read_again(rig: Callable[..., Rig], tmp_path: Path) -> None:
    path = tmp_path / "town.safetensors"
    name = model(path, CITYSCAPES)
    r = rig(model=name)
    r.start()
    assert answer(ask(r, model=name)).successful
    assert Telling.built == ["town"], "it is what runs"
    model(path, CAMVID, seed=1)
    assert answer(ask(r, overlay_opacity=0.25)).successful
    assert Telling.built == ["town"], "nobody has asked for it"
    assert answer(ask(r, model=name)).successful
    assert Telling.built == ["town", "town"]
    wait_for(lambda: r.node._configured.serving.network.card.classes == CAMVID)


def test_a_file_that_changes_while_it_is_loaded_is_refused(rig: Callable[..., Rig], tmp_path: Path) -> None:
    path = tmp_path / "town.safetensors"
    name = model(path, CITYSCAPES)
    r = rig()
    r.start()
    Telling.gate.clear()
    future = ask(r, model=name)
    wait_for(lambda: "town" in Telling.built)
    model(path, CAMVID, seed=1)
    Telling.gate.set()
    result = answer(future)
    assert not result.successful and "changed while it was being loaded" in result.reason
    assert r.node.parameters.model == "camvid" and r.node._configured.serving.network.card.name == "camvid"


def test_a_change_beside_another_does_not_undo_it(rig: Callable[..., Rig]) -> None:
    """Set from a thread of the process, as the page on the node says, while the executor sets another parameter."""
    r = rig()
    r.start()
    Telling.gate.clear()
    setting = threading.Thread(target=lambda: r.node.set_parameters([Parameter("model", value="road")]))
    setting.start()
    wait_for(lambda: "road" in Telling.built)
    future = ask(r, overlay_opacity=0.25)
    time.sleep(0.2)  # time for the executor to take it up
    Telling.gate.set()
    setting.join(WAIT_S)
    assert answer(future).successful
    assert (r.node.parameters.model, r.node.parameters.overlay_opacity) == ("road", 0.25)
    assert r.node.get_parameter("model").value == "road" and Telling.built == ["camvid", "road"]
    wait_for(lambda: r.node._configured.serving.network.card.name == "road")


def test_cleaning_up_does_not_wait_for_a_build(rig: Callable[..., Rig]) -> None:
    r = rig()
    r.start()
    Telling.gate.clear()
    future = ask(r, model="road")
    wait_for(lambda: "road" in Telling.built)
    r.node.trigger_deactivate()
    r.node.trigger_cleanup()
    Telling.gate.set()
    result = answer(future)
    assert not result.successful and "cleaned up" in result.reason
    assert r.node.parameters.model == "camvid"
    r.start()


def test_nor_does_the_end_of_the_node(ros: int, watcher: Any) -> None:
    host = Host()
    number = host.add(parameter_overrides=[Parameter("engine", value="onnxruntime")])
    Telling.gate.clear()
    client = watcher.create_client(SetParameters, "/segmentation/set_parameters")
    assert client.wait_for_service(20)
    camvid = Parameter("model", value="camvid").to_parameter_msg()
    client.call_async(SetParameters.Request(parameters=[camvid]))
    wait_for(lambda: "camvid" in Telling.built)
    host.remove(number)
    assert host.nodes() == {} and Telling.open_engines == 0
    Telling.gate.set()
    wait_for(lambda: Telling.freed == ["road", "camvid"])


def test_it_changes_while_inactive_too(rig: Callable[..., Rig]) -> None:
    r = rig()
    infos = r.listen("info", SegmentationInfo, qos.latched())
    assert r.node.trigger_configure().name == "SUCCESS"
    assert answer(ask(r, model="road")).successful
    wait_for(lambda: Telling.open_engines == 1)
    assert r.node.trigger_activate().name == "SUCCESS"
    assert [(info.model_number, info.model) for info in wait_for(lambda: infos)] == [(2, "road")]
