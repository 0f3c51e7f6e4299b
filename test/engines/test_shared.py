"""Leases on one compiled network, and the turns of those who hold them."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest
from plain_models import SIZE, picture

from enet_ros import engines
from enet_ros.engines.base import Engine, EngineInfo, EngineOptions, Inference
from enet_ros.engines.shared import Lease, Pool
from enet_ros.errors import EngineError, ModelError

WAIT_S = 60.0


def _turns(leases: Sequence[Lease], count: int, first_weight: float = 1.0) -> list[int]:
    """Who had each of `count` turns while all want one all the time."""
    order: list[int] = []
    together = threading.Barrier(len(leases))

    def work(number: int) -> None:
        together.wait(WAIT_S)
        while len(order) < count:
            with leases[number].turn(first_weight if number == 0 else 1.0):
                order.append(number)
                time.sleep(0.002)  # so that the others queue

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(leases))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()
    return order[len(leases) : count]


def test_the_same_model_is_compiled_once(model_path: Path, tmp_path: Path) -> None:
    pool = Pool()
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(model_path.read_bytes())
    leases = [pool.lease("onnxruntime", path, threads=1) for path in (model_path, model_path, copy)]
    assert len(pool) == 1
    other = pool.lease("onnxruntime", model_path, threads=2)
    assert len(pool) == 2
    other.close()
    assert len(pool) == 1
    image = picture(SIZE)
    expected = leases[0].infer(image, confidence=True)
    assert all(np.array_equal(lease.infer(image).labels, expected.labels) for lease in leases)
    assert expected.confidence is not None and leases[0].info.size == SIZE
    (many,) = leases[1].infer_many([image])
    assert np.array_equal(many.labels, expected.labels)


def test_the_last_lease_frees_the_network(model_path: Path) -> None:
    pool = Pool()
    first, second = (pool.lease("onnxruntime", model_path, threads=1) for _ in range(2))
    first.close()
    first.close()
    with pytest.raises(EngineError, match="closed"):
        first.infer(picture(SIZE))
    assert second.infer(picture(SIZE)).labels.shape == SIZE and len(pool) == 1
    second.close()
    assert len(pool) == 0


class SlowEngine(Engine):
    """Built once `gates[threads]` is set, with as many lanes as there are users; counts each lane's images."""

    gates: ClassVar[dict[int, threading.Event]] = {}
    built: ClassVar[list[int]] = []

    def __init__(self, path: object, options: EngineOptions) -> None:
        super().__init__(EngineInfo("slow", "slow 1.0", "CPU", "fp32", SIZE, options.threads))
        self._beside: list[Engine] = []
        self.images = 0
        type(self).built.append(options.threads)
        if gate := self.gates.get(options.threads):
            assert gate.wait(WAIT_S)

    def lanes(self, users: int) -> list[Engine]:
        while len(self._beside) < users:
            self._beside.append(SlowEngine("", EngineOptions()))
        return self._beside[:users] if users > 1 else [self]

    def _run(self, image: Any, confidence: bool) -> Inference:
        self.images += 1
        return Inference(image[..., 0], image[..., 1])

    def _free(self) -> None:
        pass


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> type[SlowEngine]:
    """`onnxruntime` is a SlowEngine."""
    module = ModuleType("enet_ros.engines.slow")
    module.SlowEngine = SlowEngine  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "enet_ros.engines.slow", module)
    backend = engines._Backend("slow", "SlowEngine", ("numpy",))
    monkeypatch.setitem(engines.ENGINES, "onnxruntime", backend)
    monkeypatch.setattr(SlowEngine, "gates", {})
    monkeypatch.setattr(SlowEngine, "built", [])
    return SlowEngine


def test_a_build_holds_up_nobody_but_who_wants_the_same(slow: type[SlowEngine], model_path: Path) -> None:
    pool = Pool()
    held = pool.lease("onnxruntime", model_path, threads=1)
    slow.gates[2] = threading.Event()
    leases: list[Lease] = []
    same = [
        threading.Thread(target=lambda: leases.append(pool.lease("onnxruntime", model_path, threads=2)))
        for _ in range(2)
    ]
    for thread in same:
        thread.start()
    while 2 not in slow.built:
        time.sleep(0.001)
    others: list[str] = []

    def go_about() -> None:
        pool.lease("onnxruntime", model_path, threads=3).close()
        held.close()
        others.append("done")

    other = threading.Thread(target=go_about)
    other.start()
    other.join(WAIT_S)
    assert others == ["done"] and not leases
    slow.gates[2].set()
    for thread in same:
        thread.join(WAIT_S)
    assert [lease._shared is leases[0]._shared for lease in leases] == [True, True]
    assert slow.built.count(2) == 1


def test_new_lanes_have_inferred_before_they_are_used(slow: type[SlowEngine], model_path: Path) -> None:
    pool = Pool()
    leases = [pool.lease("onnxruntime", model_path) for _ in range(3)]
    lanes = leases[0]._shared._lanes
    assert [lane.images for lane in lanes] == [1, 1, 1]  # type: ignore[attr-defined]


def test_a_model_that_is_not_there_leaves_nothing(tmp_path: Path) -> None:
    pool = Pool()
    with pytest.raises(ModelError, match=r"nowhere\.onnx"):
        pool.lease("onnxruntime", tmp_path / "nowhere.onnx")
    assert len(pool) == 0


def test_equal_leases_have_equal_turns(model_path: Path) -> None:
    pool = Pool()
    order = _turns([pool.lease("onnxruntime", model_path, threads=1) for _ in range(4)], 84)
    counts = Counter(order)
    assert sorted(counts) == [0, 1, 2, 3] and max(counts.values()) - min(counts.values()) <= 2


def test_a_weight_gives_more_turns_and_starves_nobody(model_path: Path) -> None:
    pool = Pool()
    leases = [pool.lease("onnxruntime", model_path, threads=1) for _ in range(4)]
    counts = Counter(_turns(leases, 124, first_weight=3.0))
    assert counts[0] >= 2 * max(counts[number] for number in (1, 2, 3))
    assert min(counts.values()) >= 15
    counts = Counter(_turns(leases, 84))
    assert max(counts.values()) - min(counts.values()) <= 3


def test_one_that_comes_late_has_no_turns_saved_up(model_path: Path) -> None:
    pool = Pool()
    leases = [pool.lease("onnxruntime", model_path, threads=1) for _ in range(3)]
    _turns(leases[:2], 40)
    counts = Counter(_turns(leases, 63))
    assert max(counts.values()) - min(counts.values()) <= 3


def test_a_frame_that_fails_gives_its_turn_back(model_path: Path) -> None:
    pool = Pool()
    leases = [pool.lease("onnxruntime", model_path, threads=1) for _ in range(2)]
    with pytest.raises(EngineError, match="uint8"):
        leases[0].infer(np.zeros((3, 3, 3), np.float32))  # type: ignore[arg-type]
    assert leases[1].infer(picture(SIZE)).labels.shape == SIZE


def test_one_that_is_hurried_is_the_next(model_path: Path) -> None:
    pool = Pool()
    holder, last, rival = (pool.lease("onnxruntime", model_path, threads=1) for _ in range(3))
    for _ in range(3):
        with last.turn(0.01):  # its next turn is a hundred others' away
            pass
    order: list[str] = []

    def work(name: str, lease: Lease, weight: float) -> None:
        with lease.turn(weight):
            order.append(name)

    threads = [threading.Thread(target=work, args=job) for job in (("last", last, 0.01), ("rival", rival, 1.0))]
    with holder.turn():
        for thread in threads:
            thread.start()
        while len(holder._shared._waiting) < 2:
            time.sleep(0.001)
        last.hurry()
    for thread in threads:
        thread.join(WAIT_S)
    assert order == ["last", "rival"]


def test_openvino_runs_two_at_once_with_the_same_labels(model_path: Path) -> None:
    ov = pytest.importorskip("openvino", reason="openvino is not installed")
    if ov.Core().get_property("CPU", "RANGE_FOR_STREAMS")[1] < 2:
        pytest.skip("one CPU core: there is no second stream")
    pool = Pool()
    first = pool.lease("openvino", model_path)
    alone = first.infer(picture(SIZE), confidence=True)
    second = pool.lease("openvino", model_path)
    found = []
    with first.turn():
        other = threading.Thread(target=lambda: found.append(second.infer(picture(SIZE), confidence=True)))
        other.start()
        other.join(WAIT_S)
        beside = first.infer(picture(SIZE), confidence=True)
    for result in (beside, found[0]):
        assert np.array_equal(result.labels, alone.labels)
        assert result.confidence is not None and alone.confidence is not None
        assert np.abs(result.confidence.astype(int) - alone.confidence).max() <= 1
    with second.turn():  # one that goes and one that comes leave as many lanes as there were
        first.close()
        third = pool.lease("openvino", model_path)
        with third.turn():
            assert third._lane is not second._lane
            first = pool.lease("openvino", model_path)
            other = threading.Thread(target=first.infer, args=(picture(SIZE),))
            other.start()
            other.join(0.3)
            assert other.is_alive(), "a third image at once on two lanes"
    other.join(WAIT_S)
    third.close()
    second.close()
    assert np.array_equal(first.infer(picture(SIZE)).labels, alone.labels)
