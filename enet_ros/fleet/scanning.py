"""The scan of drives for pictures (`enet_ros bag extract`), as work that many machines share."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from enet_ros import model_file
from enet_ros.bags.reader import BagReader
from enet_ros.card import ModelCard
from enet_ros.engines.base import EngineInfo
from enet_ros.extraction import Eyes, ScanSettings
from enet_ros.extraction.scan import Scanned, check, scan
from enet_ros.fleet.drives import Drive
from enet_ros.fleet.scratch import Scratch
from enet_ros.fleet.work import WHOLE, Advance, Done, EngineChoice, Opened, blamed
from enet_ros.segmenter import Segmenter


@dataclass(frozen=True)
class EyesChoice:
    """What `enet_ros.extraction.Eyes` are made of. features: whether images have features, which needs torch."""

    engine: EngineChoice
    doubts: bool
    disagrees: bool
    other: EngineChoice | None = None
    features: bool = False

    def open(self, stack: ExitStack) -> tuple[Eyes, EngineInfo]:
        """The eyes, and the engine of the first model; the stack closes them."""

        def opened(choice: EngineChoice) -> tuple[Segmenter, ModelCard]:
            card, engine = model_file.read_card(choice.model), choice.create()
            stack.callback(engine.close)
            infos.append(engine.info)
            return Segmenter(engine, card), card

        infos: list[EngineInfo] = []

        features = None
        if self.features:
            from enet_ros.selection.features import Features  # torch, for these ways alone

            features = Features(self.engine.model, self.engine.threads)
        first, other = opened(self.engine), opened(self.other) if self.other else None
        return Eyes(*first, self.doubts, self.disagrees, other, features), infos[0]


@dataclass(frozen=True)
class ScanWork:
    """The frames of each drive that may be chosen. eyes: None where no model is asked."""

    settings: ScanSettings
    eyes: EyesChoice | None = None

    @property
    def engines(self) -> tuple[EngineChoice, ...]:
        """Those of the eyes."""
        return () if self.eyes is None else tuple(e for e in (self.eyes.engine, self.eyes.other) if e is not None)

    def with_engines(self, *engines: EngineChoice) -> ScanWork:
        """The same with other places of the models, or other threads."""
        if self.eyes is None:
            return self
        first, other = (*engines, None)[:2]
        assert first is not None, "one for each of `engines`"
        return replace(self, eyes=replace(self.eyes, engine=first, other=other))

    def worker(self, scratch: Scratch, cores: int) -> ScanWorker:
        """Whoever does it on this machine."""
        return ScanWorker(self, scratch)


class ScanWorker:
    """Scans drives with eyes of its own; a drive is one piece, as a frame's neighbours count."""

    def __init__(self, work: ScanWork, scratch: Scratch) -> None:
        self._settings = work.settings
        self._scratch = scratch
        self._stack = ExitStack()
        self._eyes: Eyes | None = None
        self.info: EngineInfo | None = None
        if work.eyes is not None:
            self._eyes, self.info = work.eyes.open(self._stack)

    def open(self, drive: Drive) -> Opened:
        """Fetch the bag, and see whether there is something to find."""
        with blamed(), self._scratch.bag(drive) as path:
            return Opened((WHOLE,), check(path, self._settings), 0)

    def piece(self, drive: Drive, number: int, advance: Advance) -> Done:
        """Scan the drive."""
        with blamed(), self._scratch.bag(drive) as path:
            found = scan(drive.name, path, self._settings, self._eyes)
            with BagReader(path) as reader:
                messages = reader.message_count
        problems = [problem.replace(str(path), str(drive.place)) for problem in found.problems]
        return Done(messages, len(found.candidates), value=found._replace(problems=problems))

    def join(self, drive: Drive, values: Sequence[Scanned]) -> Scanned:
        """What was found."""
        return values[0]

    def close(self) -> None:
        """Free the engines."""
        self._stack.close()
