"""Label a whole bag: copy every message, add the answers to every camera, resume a run that was killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from enet_ros.bags.cameras import Calibrations, find_cameras
from enet_ros.bags.messages import SEGMENTATION_INFO, definition_of, to_cdr
from enet_ros.bags.reader import BagMessage, BagReader, Topic
from enet_ros.bags.segments import Segment, SegmentedBag, TopicPlan
from enet_ros.card import ModelCard
from enet_ros.engines.base import Engine, EngineInfo
from enet_ros.errors import BagError, EnetRosError
from enet_ros.holding import held
from enet_ros.labelling.account import Account, LabelResult, accounts, join
from enet_ros.labelling.outputs import LATCHED, Outputs, OutputSettings
from enet_ros.labelling.pipeline import CORES, pipeline
from enet_ros.labelling.watching import Watch, nobody
from enet_ros.messages import Header, segmentation_info
from enet_ros.places import Place
from enet_ros.segmenter import Segmenter
from enet_ros.stamps import NS

CHECKPOINT_FRAMES = 500
"""A killed run loses about this many frames; each checkpoint ends a file of the bag."""


@dataclass(frozen=True)
class BagOptions:
    """What of a bag is labelled and written.

    topics      image topics to answer; all cameras by default (`find_cameras`)
    exclude     topics to leave out of the copy
    storage     "mcap" or "sqlite3"
    checkpoint  frames of a segment, about
    """

    topics: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    storage: str = "mcap"
    checkpoint: int = CHECKPOINT_FRAMES


class Piece(NamedTuple):
    """A segment of the input: its number, its messages, the calibrations that hold at its start."""

    number: int
    messages: Iterator[BagMessage]
    calibrations: Calibrations


class LabelledBag:
    """A bag to be labelled, open, with the plan of its copy. Use as a context manager."""

    def __init__(
        self,
        source: Path,
        card: ModelCard,
        engine: EngineInfo,
        settings: OutputSettings,
        options: BagOptions,
        watch: Watch = nobody,
    ) -> None:
        """Open the bag and find its cameras. Raises BagError where there is none, or topics cannot be copied."""
        self._card = card
        self._engine = engine
        self._settings = settings
        self._options = options
        self._watch = watch
        self._damage: list[BagError] = []
        self._reader = BagReader(source)
        try:
            self._kept = [topic for topic in self._reader.topics if topic.name not in set(options.exclude)]
            cameras = find_cameras(self._reader, options.topics)
            self._cameras = {c.topic: c for c in cameras if c.topic not in set(options.exclude)}
            _require_definitions(self._kept)
        except BaseException:
            self._reader.__exit__()
            raise
        self.topics = [TopicPlan(t.name, t.type, t.connection) for t in self._kept] + self._added()
        self.custom_data = self._reader.custom_data
        self.messages = self._reader.message_count

    def __enter__(self) -> LabelledBag:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.__exit__()

    @property
    def count(self) -> int | None:
        """How many segments it has; None of a bag without an index, in which no time can be found."""
        return len(self._cuts_ns) - 1 if self._reader.indexed else None

    @cached_property
    def _cuts_ns(self) -> list[int | None]:
        """Log times at which the segments begin and end; None is the start and the end of the bag.

        They follow from the bag's own account alone, so that every process cuts alike.
        """
        reader = self._reader
        images = sum(topic.total for topic in self._kept if topic.name in self._cameras)
        count = max(1, -(-images // self._options.checkpoint))
        length_ns = reader.end_ns - reader.start_ns
        return [None, *(reader.start_ns + length_ns * n // count for n in range(1, count)), None]

    def job(self, source: str) -> dict[str, Any]:
        """Everything that decides the result: only a run with the same job may resume another."""
        info, reader = self._engine, self._reader
        return {
            "input": source,
            "messages": reader.message_count,
            "start_ns": reader.start_ns,
            "end_ns": reader.end_ns,
            "checkpoint": self._options.checkpoint,
            "model": self._card.with_(metrics=(), provenance="").to_json(),
            "engine": info.kind,
            "settings": asdict(self._settings),
            "topics": [plan.name for plan in self.topics],
        }

    def piece(self, number: int) -> Piece:
        """One segment of a bag with an index."""
        start_ns, stop_ns = self._cuts_ns[number : number + 2]
        messages = self._readable(start_ns, stop_ns)
        return Piece(number, messages, Calibrations(self._reader, self._cameras.values(), start_ns))

    def pieces(self, done: Collection[int] = ()) -> Iterator[Piece]:
        """All segments but those done, in their order; of a bag without an index they are read one after the other."""
        if self.count is not None:
            yield from (self.piece(number) for number in range(self.count) if number not in done)
            return
        calibrations, images = Calibrations(self._reader, self._cameras.values()), 0

        def number(message: BagMessage) -> int:
            nonlocal images
            images += message.topic in self._cameras
            return max(images - 1, 0) // self._options.checkpoint

        for place, messages in groupby(self._readable(None, None), number):
            if place not in done:
                yield Piece(place, messages, calibrations)
            else:
                for message in messages:
                    calibrations.see(message)

    def label(
        self, piece: Piece, segment: Segment, segmenter: Segmenter, cores: int, advance: Callable[[int], None]
    ) -> Account:
        """Write a segment with its answers. Raises BagError where it cannot be written, EngineError."""
        outputs = Outputs(self._card, self._settings)
        count, frames, problems = 0, 0, []
        notes: Counter[tuple[str, str]] = Counter()
        answered = pipeline(piece.messages, self._cameras, segmenter, outputs, piece.calibrations, cores)
        with closing(answered) as answers:
            for message, made, problem in answers:
                if piece.number == count == 0:
                    info = to_cdr(Header(message.log_ns, ""), segmentation_info(self._card, self._engine))
                    for camera in self._cameras.values():
                        segment.write(f"{camera.output}/info", message.log_ns, info)
                segment.write(message.topic, message.log_ns, message.data)
                for output in made:
                    topic = f"{self._cameras[message.topic].output}/{output.topic}"
                    segment.write(topic, message.log_ns, output.cdr)
                if made:
                    self._watch(message, made, piece.calibrations.of(self._cameras[message.topic]))
                notes.update((message.topic, output.note) for output in made if output.note)
                count += 1
                frames += bool(made)
                if problem is not None:
                    problems.append(self._placed(problem, piece))
                advance(1)
        damage = self._placed(str(self._damage[0]), piece) if self._damage else ""
        return Account(count, frames, tuple(problems), tuple((*key, n) for key, n in notes.items()), damage)

    def _placed(self, problem: str, piece: Piece) -> str:
        """A problem with its place, where its message's number counts from the start of a segment."""
        start_ns = self._cuts_ns[piece.number] if self._reader.indexed else None
        return problem if start_ns is None else f"after {(start_ns - self._reader.start_ns) / NS:.1f} s, {problem}"

    def _readable(self, start_ns: int | None, stop_ns: int | None) -> Iterator[BagMessage]:
        """The messages that are copied, up to the first that cannot be read."""
        try:
            yield from self._reader.messages([topic.name for topic in self._kept], start_ns, stop_ns)
        except BagError as error:
            self._damage.append(error)

    def _added(self) -> list[TopicPlan]:
        """The topics added to the copy."""
        plans = []
        for camera in self._cameras.values():
            plans += [TopicPlan(f"{camera.output}/{name}", msgtype) for name, msgtype in self._settings.topics()]
            plans.append(TopicPlan(f"{camera.output}/info", SEGMENTATION_INFO, qos=(LATCHED,)))
        return plans


def label(
    source: Path,
    out: Path,
    card: ModelCard,
    engine: Engine,
    settings: OutputSettings,
    options: BagOptions | None = None,
    *,
    overwrite: bool = False,
    started: Callable[[int, int], None] = lambda total, done: None,
    advance: Callable[[int], None] = lambda messages: None,
    watch: Watch = nobody,
) -> LabelResult:
    """Copy a bag and add the answers to its cameras under CAMERA/segmentation/.

    overwrite  replace `out`, and discard an OUT.part of another job
    started    called once with the number of messages of the input and the number done by an earlier run
    advance    called with 1 after each message
    watch      called with each image that was answered
    Raises BagError and EngineError; finished segments then stay in OUT.part, and the same call resumes after them. A
    damaged input is labelled up to the damage: `out` is complete up to there, and BagError says so.
    """
    options = options or BagOptions()
    bag = SegmentedBag(Place.of(out), options.storage)
    bag.refuse_existing(overwrite)
    segmenter = Segmenter(engine, card, caution=settings.caution)
    with LabelledBag(source, card, engine.info, settings, options, watch) as work, held(bag.part):
        bag.begin(work.job(str(source.resolve())), overwrite)
        resumed = sum(account.messages for account in accounts(bag).values())
        started(work.messages, resumed)
        frames = 0
        try:
            for piece in work.pieces(bag.finished()):
                account = label_piece(work, piece, bag, segmenter, advance=advance)
                frames += account.frames
                if account.damage:
                    break
            return join(bag, work.count)._replace(frames=frames, resumed=resumed)
        except BaseException as error:
            finished = len(bag.finished())
            if not finished:
                bag.part.remove()
            elif isinstance(error, EnetRosError) and bag.part.exists():
                what = f"{finished} finished segments are bags in {bag.part}"
                raise type(error)(f"{error}; {what}; run the same command again to resume from there") from error
            raise


def label_piece(
    work: LabelledBag,
    piece: Piece,
    bag: SegmentedBag,
    segmenter: Segmenter,
    *,
    scratch: Path | None = None,
    cores: int = CORES,
    advance: Callable[[int], None] = lambda messages: None,
) -> Account:
    """Label one segment of a bag. scratch: as `SegmentedBag.segment`; cores: as `pipeline`. Raises as `label`."""
    with bag.segment(piece.number, work.topics, scratch, work.custom_data) as segment:
        account = work.label(piece, segment, segmenter, cores, advance)
        segment.finish(account.to_text())
    return account


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
