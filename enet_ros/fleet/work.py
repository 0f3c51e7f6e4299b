"""What is done with each bag, by whoever does it: a process alone, or one of many on a cluster."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from enet_ros import engines, model_file
from enet_ros.bags.segments import SegmentedBag
from enet_ros.datasets.corruptions import Corruption
from enet_ros.engines.base import Engine, EngineInfo
from enet_ros.engines.source import identity
from enet_ros.errors import BagError, EnetRosError, EngineError, WorkerError
from enet_ros.evaluation import Evaluation, evaluate, together
from enet_ros.evaluation.robustness import corrupted
from enet_ros.fleet.drives import Drive
from enet_ros.fleet.schedule import Step, Task
from enet_ros.fleet.scratch import Scratch
from enet_ros.frames import Source
from enet_ros.frames.bag import Pairs, find_pairs, from_labelled_bag
from enet_ros.labelling import LabelResult, OutputSettings
from enet_ros.labelling.account import accounts, join
from enet_ros.labelling.run import BagOptions, LabelledBag, Piece, label_piece
from enet_ros.places import Place
from enet_ros.segmenter import Segmenter

WHOLE = -1
"""The number of a piece that is the whole bag."""
SEGMENT_PAIRS = 500
"""Images with truths of a segment that is scored."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)

Advance = Callable[[int], None]
"""Called with the number of messages done."""


class Opened(NamedTuple):
    """What there is to do with a bag.

    pieces    numbers of those not done yet
    messages  messages of the whole bag
    done      how many of them an earlier run has done
    """

    pieces: tuple[int, ...]
    messages: int
    done: int


class Done(NamedTuple):
    """A piece that was done. last: nothing comes after it; value: what the verb wants of it."""

    messages: int
    frames: int
    last: bool = False
    value: Any = None


class Outcome(NamedTuple):
    """What became of a bag: `result` of its verb, or the problem for which it was given up.

    again: whether trying again later may help
    """

    drive: Drive
    result: Any = None
    problem: str = ""
    again: bool = False


class Worker(Protocol):
    """Does the steps of a verb; one at a time."""

    @property
    def info(self) -> EngineInfo | None: ...

    def open(self, drive: Drive) -> Opened: ...

    def piece(self, drive: Drive, number: int, advance: Advance) -> Done: ...

    def join(self, drive: Drive, values: Sequence[Any]) -> Any: ...

    def close(self) -> None: ...


def do(worker: Worker, task: Task, values: Sequence[Any], advance: Advance) -> Any:
    """One step with a bag. values: of its pieces, for the last step."""
    if task.step is Step.OPEN:
        return worker.open(task.drive)
    if task.step is Step.PIECE:
        return worker.piece(task.drive, task.number, advance)
    return worker.join(task.drive, values)


@dataclass(frozen=True)
class EngineChoice:
    """The model and what runs it: arguments of `enet_ros.engines.create`."""

    model: Path
    name: str = "auto"
    precision: str = "auto"
    size: tuple[int, int] | None = None
    threads: int = 0
    confidence: bool = False

    def create(self) -> Engine:
        """The engine, which tells its model's identity. Raises EngineError, ConfigError, ModelError."""
        options = {"precision": self.precision, "size": self.size, "threads": self.threads}
        engine = engines.create(self.name, self.model, confidence=self.confidence, **options)  # type: ignore[arg-type]
        engine.info = engine.info._replace(model=identity(self.model, self.size))
        return engine

    def key(self) -> list[Any]:
        """JSON values that decide the answers, as far as they are known before the engine is made."""
        return [identity(self.model, self.size), self.name, self.precision, self.confidence]


class Work(Protocol):
    """A verb with its options; it travels to the workers."""

    @property
    def engines(self) -> tuple[EngineChoice, ...]: ...

    def with_engines(self, *engines: EngineChoice) -> Work: ...

    def worker(self, scratch: Scratch, cores: int) -> Worker: ...


@dataclass(frozen=True)
class LabelWork:
    """`enet_ros label`: each bag, with the model's answers, becomes out/NAME."""

    engine: EngineChoice
    out: Place
    settings: OutputSettings
    options: BagOptions
    overwrite: bool = False

    @property
    def engines(self) -> tuple[EngineChoice, ...]:
        """The engine alone."""
        return (self.engine,)

    def with_engines(self, *engines: EngineChoice) -> LabelWork:
        """The same with another place of the model, or other threads."""
        return replace(self, engine=engines[0])

    def worker(self, scratch: Scratch, cores: int) -> LabelWorker:
        """Whoever does it on this machine, with so many processors."""
        return LabelWorker(self, scratch, cores)


class LabelWorker:
    """Labels bags with an engine of its own."""

    def __init__(self, work: LabelWork, scratch: Scratch, cores: int) -> None:
        self._work = work
        self._scratch = scratch
        self._cores = cores
        self._card = model_file.read_card(work.engine.model)
        self._engine = work.engine.create()
        self._segmenter = Segmenter(self._engine, self._card, caution=work.settings.caution)
        self.info = self._engine.info

    def open(self, drive: Drive) -> Opened:
        """Fetch the bag, find its cameras, and see what is done.

        Raises BagError where the result would not fit, and where it is there but something of its input was amiss.
        """
        bag = self._bag(drive)
        with self._labelled(drive) as work:
            job = work.job(str(drive.place))
            if (amiss := bag.made_by(job)) is not None:
                bag.part.remove()
                if amiss:
                    raise BagError(f"{bag.out} was made before: {amiss}")
                return Opened((), work.messages, work.messages)
            if bag.whole() and not self._work.overwrite:
                raise BagError(f"{bag.out} exists, made with other settings: name another folder, or use --force")
            bag.begin(job, self._work.overwrite)
            done = accounts(bag)
            if work.count is None:
                pieces: tuple[int, ...] = (WHOLE,)
            else:
                pieces = tuple(number for number in range(work.count) if number not in done)
            return Opened(pieces, work.messages, sum(account.messages for account in done.values()))

    def piece(self, drive: Drive, number: int, advance: Advance) -> Done:
        """Label one segment of the bag, or all that are not done."""
        bag = self._bag(drive)
        messages = frames = 0
        damaged = False
        with self._labelled(drive) as work:
            for piece in work.pieces(bag.finished()) if number == WHOLE else [work.piece(number)]:
                account = self._piece(work, piece, bag, advance)
                messages += account.messages
                frames += account.frames
                damaged = bool(account.damage)
                if damaged:
                    break
        return Done(messages, frames, damaged)

    def join(self, drive: Drive, values: Sequence[Any]) -> LabelResult | None:
        """Put the bag in its place; None where it was there."""
        bag = self._bag(drive)
        if not bag.part.exists():
            return None
        with self._labelled(drive) as work:
            return join(bag, work.count)

    def close(self) -> None:
        """Free the engine."""
        self._engine.close()

    def _piece(self, work: LabelledBag, piece: Piece, bag: SegmentedBag, advance: Advance) -> Any:
        own, cores = self._scratch.own, self._cores
        return label_piece(work, piece, bag, self._segmenter, scratch=own, cores=cores, advance=advance)

    def _bag(self, drive: Drive) -> SegmentedBag:
        return SegmentedBag(self._work.out / drive.name, self._work.options.storage)

    @contextmanager
    def _labelled(self, drive: Drive) -> Iterator[LabelledBag]:
        work = self._work
        with (
            blamed(),
            self._scratch.bag(drive) as path,
            LabelledBag(path, self._card, self.info, work.settings, work.options) as bag,
        ):
            yield bag


@dataclass(frozen=True)
class EvaluateWork:
    """`enet_ros evaluate`: scores of each bag. segment: images with truths that are scored at once of a long one."""

    engine: EngineChoice
    image_topic: str | None = None
    truth_topic: str | None = None
    classes: str | None = None
    caution: float = 0.0
    corruption: Corruption | None = None
    segment: int = SEGMENT_PAIRS

    @property
    def engines(self) -> tuple[EngineChoice, ...]:
        """The engine alone."""
        return (self.engine,)

    def with_engines(self, *engines: EngineChoice) -> EvaluateWork:
        """The same with another place of the model, or other threads."""
        return replace(self, engine=engines[0])

    def worker(self, scratch: Scratch, cores: int) -> EvaluateWorker:
        """Whoever does it on this machine."""
        return EvaluateWorker(self, scratch)


class EvaluateWorker:
    """Scores bags with an engine of its own.

    A long bag is cut into segments of so many pairs of an image and its truth: whoever does one reads once
    through the bag to know all pairs, as an image and its truth may be far apart.
    """

    def __init__(self, work: EvaluateWork, scratch: Scratch) -> None:
        self._work = work
        self._scratch = scratch
        self._card = model_file.read_card(work.engine.model)
        self._engine = work.engine.create()
        self.info = self._engine.info
        self._known: tuple[Drive, Pairs | None] | None = None

    def open(self, drive: Drive) -> Opened:
        """Fetch the bag, find its camera and its truth, and cut it."""
        with blamed(), self._scratch.bag(drive) as path:
            source = self._source(path)
            pairs = self._pairs(drive, path) if source.total > self._work.segment else None
        if pairs is None or not len(pairs.image):
            return Opened((WHOLE,), source.total, 0)
        return Opened(tuple(range(-(-len(pairs.image) // self._work.segment))), len(pairs.image), 0)

    def piece(self, drive: Drive, number: int, advance: Advance) -> Done:
        """Score a segment, or the bag."""
        with blamed(), self._scratch.bag(drive) as path:
            pairs = None if number == WHOLE else self._pairs(drive, path)
            begin = 0 if pairs is None else number * self._work.segment
            source = self._source(path, pairs and pairs.part(begin, begin + self._work.segment))
            if self._work.corruption is not None:
                source = corrupted(source, self._work.corruption, begin)
            seen = lambda frame, labels, score: advance(1)  # noqa: E731
            result = evaluate(source, self._engine, self._card, None, seen, self._work.caution)
        frames = len(result.scores.frames)
        return Done(frames, frames, value=result._replace(source=replace(source, loads=_nothing)))

    def join(self, drive: Drive, values: Sequence[Evaluation]) -> Evaluation:
        """The scores of the bag."""
        return together([("", value) for value in values], values[0].source.name)

    def close(self) -> None:
        """Free the engine."""
        self._engine.close()

    def _pairs(self, drive: Drive, path: Path) -> Pairs | None:
        """Those of the bag, which are remembered until another comes."""
        if self._known is None or self._known[0] != drive:
            self._known = drive, find_pairs(path, self._work.image_topic, self._work.truth_topic)
        return self._known[1]

    def _source(self, path: Path, only: Pairs | None = None) -> Source:
        from enet_ros.datasets.opening import table_of

        table = table_of(self._work.classes) if self._work.classes else None
        return from_labelled_bag(path, self._work.image_topic, self._work.truth_topic, table, only)


def _nothing() -> Iterator[Any]:
    """The frames of a source that is only told of: its bag may be on another machine."""
    return iter(())


@contextmanager
def blamed() -> Iterator[None]:
    """Tell what is this machine's fault, whatever the bag, as WorkerError."""
    try:
        yield
    except EngineError as error:
        raise WorkerError(str(error)) from error
    except (EnetRosError, OSError) as error:
        cause: BaseException | None = error
        while cause is not None:
            full = "full" in str(cause) and type(cause).__module__ == "sqlite3"
            if full or (isinstance(cause, OSError) and cause.errno in _NO_ROOM):
                raise WorkerError(str(error)) from error
            cause = cause.__cause__
        if isinstance(error, OSError):
            raise BagError(str(error)) from error
        raise
