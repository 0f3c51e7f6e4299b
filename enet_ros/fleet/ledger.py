"""What the answers to tasks mean for the rest of the work, and what is told of it meanwhile."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from enet_ros.errors import EnetRosError, PlaceError, WorkerError
from enet_ros.fleet.drives import Drive
from enet_ros.fleet.schedule import Schedule, Task
from enet_ros.fleet.work import Done, Opened, Outcome


class Ledger:
    """Keeps the schedule, the values of the pieces and the outcomes; `bars` shows them to a person."""

    def __init__(self, drives: Sequence[Drive]) -> None:
        self.schedule = Schedule(drives)
        self.bars = Bars(drives)
        self._outcomes: deque[Outcome] = deque()
        self._values: dict[Drive, dict[int, Any]] = {}

    def news(self) -> Iterator[Outcome]:
        """The bags that have been finished or given up since the last call."""
        while self._outcomes:
            yield self._outcomes.popleft()

    def values(self, drive: Drive) -> list[Any]:
        """The values of a bag's pieces, in their order."""
        return [value for _, value in sorted(self._values.get(drive, {}).items())]

    def answered(self, task: Task, answer: Any, host: Hashable) -> None:
        """A task was done, with this answer of the worker."""
        if self.schedule.given_up(task):
            return
        if isinstance(answer, Opened):
            self.bars.opened(task.drive, answer)
            self.schedule.opened(task, answer.pieces, host)
        elif isinstance(answer, Done):
            self._values.setdefault(task.drive, {})[task.number] = answer.value
            self.schedule.done(task, last=answer.last)
        else:
            self.schedule.done(task)
            self._end(Outcome(task.drive, answer))

    def failed(self, task: Task, error: EnetRosError, *, blame: bool = True) -> None:
        """A task was not done. blame: whether the bag may be the reason."""
        if self.schedule.given_up(task):
            return
        final = not isinstance(error, (PlaceError, WorkerError))  # a bag's own error would come again
        if final or not self.schedule.again(task, blame=blame):
            self.schedule.broken(task)
            self._end(Outcome(task.drive, problem=str(error) or type(error).__name__, again=not final))

    def _end(self, outcome: Outcome) -> None:
        self._values.pop(outcome.drive, None)
        self._outcomes.append(outcome)
        self.bars.ended(outcome.drive)


class Bars:
    """A line for each worker and one for the whole, on stderr where that is a terminal."""

    def __init__(self, drives: Sequence[Drive]) -> None:
        terminal = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal)
        self._sizes = {drive: max(drive.size, 1) for drive in drives}
        self._left = len(drives)
        self._per_message: dict[Drive, float] = {}
        self._whole = self._progress.add_task("", total=sum(self._sizes.values()), rate="")
        self._lines: dict[str, TaskID] = {}
        self._frames = 0
        self._begun = time.perf_counter()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """While the work goes on."""
        with self._progress:
            yield

    def opened(self, drive: Drive, found: Opened) -> None:
        """What there is to do with a bag is known; an earlier run's part of it is done."""
        self._per_message[drive] = self._sizes[drive] / max(found.messages, 1)
        self._progress.advance(self._whole, self._per_message[drive] * found.done)

    def begun(self, worker: str, task: Task) -> None:
        """A worker takes a task."""
        text = f"{worker}: {task.step.value} {task.drive.name}" + f" {task.number}" * (task.number > 0)
        if worker not in self._lines:
            self._lines[worker] = self._progress.add_task(text, total=None, rate="")
        self._progress.update(self._lines[worker], description=text)

    def moved(self, drive: Drive, messages: int) -> None:
        """So many messages of a bag are done."""
        self._progress.advance(self._whole, self._per_message.get(drive, 0.0) * messages)

    def did(self, worker: str, frames: int, seconds: float) -> None:
        """A worker has answered so many frames in this time."""
        self._frames += frames
        rate = self._frames / (time.perf_counter() - self._begun)
        self._progress.update(self._whole, rate=f"{rate:.1f} frames/s")
        if worker in self._lines and frames:
            self._progress.update(self._lines[worker], rate=f"{frames / seconds:.1f} frames/s")

    def ended(self, drive: Drive) -> None:
        """A bag is finished or given up."""
        self._left -= 1
        done = len(self._sizes) - self._left
        self._progress.update(self._whole, description=f"{done} of {len(self._sizes)} bags")

    def gone(self, worker: str) -> None:
        """A worker has ended."""
        if worker in self._lines:
            self._progress.remove_task(self._lines.pop(worker))
