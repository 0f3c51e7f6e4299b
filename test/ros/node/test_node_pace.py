"""Images that wait, are left out or take their time: which are answered, and what is told of them."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from from_messages import from_image
from rclpy.parameter import Parameter
from ros_rig import Rig, picture, wait_for

from enet_ros.msg import Latency
from enet_ros.ros.node import active


def test_a_slow_node_answers_the_newest(rig: Callable[..., Rig]) -> None:
    r = rig()
    masks, latencies = r.listen("mask"), r.listen("latency", Latency)
    r.start()
    r.wait_for_camera()
    r.send(picture(250))
    wait_for(lambda: r.counters().failed == 1)
    engine = r.node._configured.serving.network.engine._shared.engine
    begun, gate, plain = threading.Event(), threading.Event(), engine._run
    engine._run = lambda image, confidence: (begun.set(), gate.wait(), plain(image, confidence))[2]
    for label in range(5):
        r.send(picture(label))
        assert begun.wait(30)
        wait_for(lambda n=label: (r.counters().received, r.counters().replaced) == (n + 2, max(0, n - 1)))
    gate.set()
    wait_for(lambda: len(masks) == len(latencies) == 2)
    assert [int(from_image(mask)[0, 0]) for mask in masks] == [0, 4]
    counters = r.counters()
    assert (counters.received, counters.replaced, counters.answered, counters.failed) == (6, 3, 2, 1)
    assert (latencies[1].frames_in, latencies[1].frames_dropped, latencies[1].frames_failed) == (6, 3, 1)


def test_a_rate_is_kept_and_what_it_skips_is_counted(rig: Callable[..., Rig]) -> None:
    r = rig(max_rate=0.01, priority=2.0)
    masks, latencies = r.listen("mask"), r.listen("latency", Latency)
    r.start()
    r.wait_for_camera()
    weights: list[float] = []
    shared = r.node._configured.serving.network.engine._shared
    take = shared.take
    shared.take = lambda lease, weight: weights.append(weight) or take(lease, weight)
    for number in range(4):
        r.send(picture(number))
        wait_for(lambda n=number: (r.counters().received, r.counters().skipped) == (n + 1, n))
        wait_for(lambda: len(latencies) == 1, "the first is answered before the others come")
    assert (r.counters().answered, r.counters().replaced) == (1, 0)
    r.node.set_parameters([Parameter("max_rate", value=0.0), Parameter("priority", value=0.5)])
    r.send(picture(9))
    wait_for(lambda: len(masks) == 2 and len(latencies) == 2)
    assert int(from_image(masks[1])[0, 0]) == 9
    assert (latencies[0].frames_skipped, latencies[1].frames_skipped, latencies[1].frames_in) == (0, 3, 5)
    assert weights == [2.0, 0.5]


def test_the_image_left_in_the_mailbox_at_deactivation_is_counted(rig: Callable[..., Rig]) -> None:
    r = rig(lazy=False)
    r.start()
    r.wait_for_camera()
    running, engine = r.node._active, r.node._configured.serving.network.engine._shared.engine
    begun, gate, plain = threading.Event(), threading.Event(), engine._run
    engine._run = lambda image, confidence: (begun.set(), gate.wait(), plain(image, confidence))[2]
    r.send(picture(1))
    assert begun.wait(30)
    r.send(picture(2))
    wait_for(lambda: running.account.counters.received == 2)
    stop = threading.Thread(target=r.node.trigger_deactivate)
    stop.start()
    wait_for(lambda: running._worker._stopped)
    gate.set()
    stop.join()
    counters = running.account.counters
    assert (counters.received, counters.answered, counters.replaced, counters.failed) == (2, 1, 1, 0)


def test_each_stage_tells_its_own_time(rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step sleeps; what its stage tells is at least that, so that no two stages can be exchanged."""
    sleeps_ms = {"decode": 20, "preprocess": 40, "infer": 60, "postprocess": 80, "publish": 100}

    def slowed(stage: str, step: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **more: (time.sleep(sleeps_ms[stage] / 1e3), step(*args, **more))[1]

    r = rig()
    masks, latencies = r.listen("mask"), r.listen("latency", Latency)
    r.start()
    r.wait_for_camera()
    serving = r.node._configured.serving
    monkeypatch.setattr(active, "decode", slowed("decode", active.decode))
    monkeypatch.setattr(serving.segmenter, "prepare", slowed("preprocess", serving.segmenter.prepare))
    engine = serving.network.engine._shared.engine
    monkeypatch.setattr(engine, "_run", slowed("infer", engine._run))
    (index,) = (i for i, (output, _) in enumerate(serving.outputs._rows) if output.topic == "~/mask")
    output, publisher = serving.outputs._rows[index]
    monkeypatch.setattr(publisher, "publish", slowed("publish", publisher.publish))
    serving.outputs._rows[index] = (
        dataclasses.replace(output, make=slowed("postprocess", output.make)), publisher
    )  # fmt: skip
    r.send(picture(3))
    wait_for(lambda: masks)
    r.send(picture(3))
    wait_for(lambda: len(latencies) == 2)
    for latency in latencies:
        for stage, least_ms in sleeps_ms.items():
            assert getattr(latency, f"{stage}_ms") >= least_ms, stage
    assert latencies[0].total_ms >= sum(sleeps_ms.values())
