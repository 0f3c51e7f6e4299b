"""Label a whole bag: copy every message, add the answers to every camera, resume a run that was killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from enet_ros import model_file
from enet_ros.bags.cameras import Calibrations, Camera, find_cameras
from enet_ros.bags.messages import SEGMENTATION_INFO, definition_of, to_cdr
from enet_ros.bags.reader import BagMessage, BagReader, Topic
from enet_ros.bags.segments import SegmentedBag, TopicPlan
from enet_ros.card import ModelCard
from enet_ros.engines.base import Engine
from enet_ros.errors import BagError
from enet_ros.labelling.outputs import LATCHED, Outputs, OutputSettings
from enet_ros.labelling.pipeline import Labelled, pipeline
from enet_ros.messages import Header, segmentation_info
from enet_ros.segmenter import Segmenter

CHECKPOINT_FRAMES = 500
"""A killed run loses at most this many frames; each checkpoint ends a file of the bag."""


class LabelResult(NamedTuple):
    """What a run did.

    frames    how many frames this run answered
    resumed   how many input messages an earlier run had done
    problems  messages that could not be read, and why
    notes     for each camera: what its answers lack, in how many frames, and why
    """

    frames: int
    resumed: int
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


def label(
    source: Path,
    out: Path,
    model: Path,
    engine: Engine,
    settings: OutputSettings,
    *,
    topics: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    storage: str = "mcap",
    overwrite: bool = False,
    checkpoint: int = CHECKPOINT_FRAMES,
    started: Callable[[int, int], None] = lambda total, done: None,
    advance: Callable[[int], None] = lambda messages: None,
) -> LabelResult:
    """Copy a bag and add the answers to its cameras under CAMERA/segmentation/.

    topics     image topics to answer; all cameras by default (`find_cameras`)
    exclude    topics to leave out of the copy
    started    called once with the number of messages of the input and the number done by an earlier run
    advance    called with 1 after each message
    Raises BagError and EngineError; finished segments then stay in OUT.part, and the same call resumes after them. A
    damaged input is labelled up to the damage: `out` is complete up to there, and BagError says so.
    """
    card = model_file.read_card(model)
    with BagReader(source) as reader:
        kept = [topic for topic in reader.topics if topic.name not in set(exclude)]
        cameras = [c for c in find_cameras(reader, topics) if c.topic not in set(exclude)]
        _require_definitions(kept)
        plans = [TopicPlan(t.name, t.type, t.connection) for t in kept] + _plans(cameras, settings)
        job = _job(reader, card, engine, settings, plans)
        calibrations = Calibrations(reader, cameras)
        damage: list[BagError] = []

        def readable() -> Iterator[BagMessage]:
            try:
                yield from reader.messages([topic.name for topic in kept])
            except BagError as error:
                damage.append(error)

        with SegmentedBag(out, plans, job=job, storage=storage, overwrite=overwrite) as bag:
            started(reader.message_count, bag.consumed)

            def info(stamp_ns: int) -> memoryview:
                return to_cdr(Header(stamp_ns, ""), segmentation_info(card, engine.info))

            rest = readable()
            for message in islice(rest, bag.consumed):
                calibrations.see(message)
            by_topic = {camera.topic: camera for camera in cameras}
            segmenter = Segmenter(engine, card, caution=settings.caution)
            answered = pipeline(rest, by_topic, segmenter, Outputs(card, settings), calibrations)
            with closing(answered) as answers:
                result = _write(bag, answers, cameras, info, checkpoint, advance)
    if damage:
        raise BagError(f"{damage[0]}; {out} is labelled up to there") from damage[0]
    return result


def _require_definitions(topics: list[Topic]) -> None:
    """Raise BagError with all topics whose type is unknown: bags from before Iron do not define their types."""
    unknown = []
    for topic in topics:
        try:
            definition_of(topic.type, topic.connection.msgdef, topic.connection.digest)
        except BagError:
            unknown.append(topic)
    if unknown:
        listing = ", ".join(f"{topic.name} [{topic.type}]" for topic in unknown)
        names = " ".join(topic.name for topic in unknown)
        raise BagError(f"neither the bag nor ROS 2's standard packages define {listing}: use --exclude {names}")


def _plans(cameras: list[Camera], settings: OutputSettings) -> list[TopicPlan]:
    """The topics added to the copy."""
    plans = []
    for camera in cameras:
        plans += [TopicPlan(f"{camera.output}/{name}", msgtype) for name, msgtype in settings.topics()]
        plans.append(TopicPlan(f"{camera.output}/info", SEGMENTATION_INFO, qos=(LATCHED,)))
    return plans


def _job(
    reader: BagReader, card: ModelCard, engine: Engine, settings: OutputSettings, plans: list[TopicPlan]
) -> dict[str, Any]:
    """Everything that decides the result: only a run with the same job may resume another."""
    info = engine.info
    return {
        "input": str(reader.path.resolve()),
        "messages": reader.message_count,
        "start_ns": reader.start_ns,
        "end_ns": reader.end_ns,
        "model": card.digest,
        "engine": [info.name, info.runtime, info.precision, list(info.size)],
        "settings": asdict(settings),
        "topics": [plan.name for plan in plans],
    }


def _write(
    bag: SegmentedBag,
    answers: Iterable[Labelled],
    cameras: list[Camera],
    info: Callable[[int], memoryview],
    checkpoint: int,
    advance: Callable[[int], None],
) -> LabelResult:
    """Write all messages and answers, with a checkpoint every `checkpoint` frames."""
    prefixes = {camera.topic: camera.output for camera in cameras}
    resumed = consumed = bag.consumed
    frames, problems = 0, []
    notes: Counter[tuple[str, str]] = Counter()
    for message, outputs, problem in answers:
        if consumed == 0:
            for prefix in prefixes.values():
                bag.write(f"{prefix}/info", message.log_ns, info(message.log_ns))
        bag.write(message.topic, message.log_ns, message.data)
        for output in outputs:
            bag.write(f"{prefixes[message.topic]}/{output.topic}", message.log_ns, output.cdr)
        notes.update((message.topic, output.note) for output in outputs if output.note)
        consumed += 1
        frames += bool(outputs)
        if problem is not None:
            problems.append(problem)
        if outputs and frames % checkpoint == 0:
            bag.checkpoint(consumed)
        advance(1)
    bag.checkpoint(consumed)
    lacks = (f"{topic}, {count} frames: {note}" for (topic, note), count in notes.items())
    return LabelResult(frames, resumed, tuple(problems), tuple(lacks))
