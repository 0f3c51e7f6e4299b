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
from enet_ros.bags.reader import BagMessage
from enet_ros.camera import CameraIntrinsics
from enet_ros.engines.base import Inference
from enet_ros.errors import EnetRosError
from enet_ros.labelling.outputs import Output, Outputs
from enet_ros.ordered import ordered
from enet_ros.segmenter import Segmenter

_AHEAD = 6
"""Frames decoded before the network wants them, and answered frames being encoded: about 10 MB each at 1080p."""
CORES = len(os.sched_getaffinity(0))
"""Processors that this process may use."""


class Labelled(NamedTuple):
    """A message of the input and the messages that answer it; problem: why it is unreadable, None where it is not."""

    message: BagMessage
    outputs: list[Output]
    problem: str | None


class _Work(NamedTuple):
    """A message on its way; what is None is not known yet, or never will be of a message that is not an image."""

    message: BagMessage
    problem: str | None = None
    frame: CameraFrame | None = None
    network_input: U8 | None = None
    inference: Inference | None = None
    camera: CameraIntrinsics | None = None


def pipeline(
    messages: Iterable[BagMessage],
    cameras: Mapping[str, Camera],
    segmenter: Segmenter,
    outputs: Outputs,
    calibrations: Calibrations,
    cores: int = CORES,
) -> Generator[Labelled, None, None]:
    """Yield all messages in their order, those of cameras with their answers.

    cameras: by image topic. calibrations: updated as CameraInfo messages pass. cores: processors to use; a half of them
    decode and encode in threads, because a network on the CPU needs them too. An image that cannot be decoded has no
    outputs and a problem. Raises EngineError, and what `messages` raises.
    """

    def decode(message: BagMessage) -> _Work:
        if message.topic not in cameras:
            return _Work(message)
        try:
            frame = camera_frame(message.type, message.data)
        except EnetRosError as error:
            return _Work(message, f"{message.place}: {error}")
        return _Work(message, None, frame, segmenter.prepare(frame.rgb))

    def answer(decoded: Iterable[_Work]) -> Generator[_Work, None, None]:
        backlog: deque[_Work] = deque()

        def inputs() -> Iterator[U8]:
            for work in decoded:
                backlog.append(work)
                if work.network_input is not None:
                    yield work.network_input

        def passed() -> Iterator[_Work]:  # messages ahead of the next frame
            while backlog and backlog[0].network_input is None:
                work = backlog.popleft()
                yield work._replace(problem=calibrations.see(work.message) or work.problem)

        # Closed here, before anyone closes the engine, even if the consumer breaks off. Two frames in flight per core
        # keep the network busy.
        with closing(segmenter.infer_many(inputs(), in_flight=2 * cores)) as inferences:
            for inference in inferences:
                yield from passed()
                work = backlog.popleft()
                yield work._replace(inference=inference, camera=calibrations.of(cameras[work.message.topic]))
        yield from passed()

    def encode(work: _Work) -> Labelled:
        if work.frame is None or work.network_input is None or work.inference is None:
            return Labelled(work.message, [], work.problem)
        labels = segmenter.finish(work.inference, segmenter.size_hw).labels
        made = outputs.make(work.frame.header, work.frame.rgb, work.network_input, labels, work.camera)
        return Labelled(work.message, made, None)

    with (
        ThreadPoolExecutor(max(1, min(4, cores // 2)), "label") as pool,
        closing(answer(ordered(decode, messages, pool, _AHEAD))) as answered,
    ):
        yield from ordered(encode, answered, pool, _AHEAD)
