"""A bag's messages through a network: frames are decoded ahead and encoded behind it in threads, the order is kept."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import NamedTuple

from enet_ros.arrays import U8
from enet_ros.bags.cameras import Calibrations, Camera
from enet_ros.bags.messages import CameraFrame, camera_frame
from enet_ros.bags.ordered import ordered
from enet_ros.bags.reader import BagMessage
from enet_ros.camera import CameraIntrinsics
from enet_ros.engines.base import Inference
from enet_ros.errors import EnetRosError
from enet_ros.labelling.outputs import Output, Outputs
from enet_ros.segmenter import Segmenter

_AHEAD = 6
"""Frames decoded before the network wants them, and answered frames being encoded: about 10 MB each at 1080p."""
_MOST_WORKERS = 4


class Labelled(NamedTuple):
    """A message of the input and the messages that answer it; problem: why it is unreadable, None where it is not."""

    message: BagMessage
    outputs: list[Output]
    problem: str | None


class _Decoded(NamedTuple):
    message: BagMessage
    frame: CameraFrame | None
    network_input: U8 | None
    problem: str | None


class _Answered(NamedTuple):
    decoded: _Decoded
    inference: Inference | None
    camera: CameraIntrinsics | None


def pipeline(
    messages: Iterable[BagMessage],
    cameras: Mapping[str, Camera],
    segmenter: Segmenter,
    outputs: Outputs,
    calibrations: Calibrations,
) -> Generator[Labelled, None, None]:
    """Yield all messages in their order, those of cameras with their answers.

    cameras: by image topic. calibrations: updated as CameraInfo messages pass. An image that cannot be decoded has no
    outputs and a problem. Raises EngineError, and what `messages` raises.
    """

    def decode(message: BagMessage) -> _Decoded:
        if message.topic not in cameras:
            return _Decoded(message, None, None, None)
        try:
            frame = camera_frame(message.type, message.data)
        except EnetRosError as error:
            return _Decoded(message, None, None, f"message {message.number} of {message.topic}: {error}")
        return _Decoded(message, frame, segmenter.prepare(frame.rgb), None)

    def answer(decoded: Iterable[_Decoded]) -> Generator[_Answered, None, None]:
        backlog: deque[_Decoded] = deque()

        def inputs() -> Iterator[U8]:
            for item in decoded:
                backlog.append(item)
                if item.network_input is not None:
                    yield item.network_input

        def passed() -> Iterator[_Answered]:  # messages ahead of the next frame
            while backlog and backlog[0].network_input is None:
                item = backlog.popleft()
                problem = calibrations.see(item.message) or item.problem
                yield _Answered(item._replace(problem=problem), None, None)

        # Closed here, before anyone closes the engine, even if the consumer breaks off. Two frames in flight per core
        # keep the network busy.
        with closing(segmenter.infer_many(inputs(), in_flight=2 * _cores())) as inferences:
            for inference in inferences:
                yield from passed()
                item = backlog.popleft()
                yield _Answered(item, inference, calibrations.of(cameras[item.message.topic]))
        yield from passed()

    def encode(answered: _Answered) -> Labelled:
        message, frame, network_input, problem = answered.decoded
        if frame is None or network_input is None or answered.inference is None:
            return Labelled(message, [], problem)
        labels = segmenter.finish(answered.inference, segmenter.size_hw).labels
        made = outputs.make(frame.header, frame.rgb, network_input, labels, answered.camera)
        return Labelled(message, made, None)

    with (
        ThreadPoolExecutor(_workers(), "label") as pool,
        closing(answer(ordered(decode, messages, pool, _AHEAD))) as answered,
    ):
        yield from ordered(encode, answered, pool, _AHEAD)


def _workers() -> int:
    """How many threads decode and encode: half the cores, because a network on the CPU needs them too."""
    return max(1, min(_MOST_WORKERS, _cores() // 2))


def _cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))
