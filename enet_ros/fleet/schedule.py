"""Who does what next: a plain account of bags, their segments and who has them, without clocks or processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from enet_ros.fleet.drives import Drive

MOST_FAILURES = 5
"""How often one task may fail, or kill who does it, before its bag is given up."""


class Step(Enum):
    """What is done with a bag: open it and see what there is to do, do one piece of it, bring the pieces together."""

    OPEN = "opening"
    PIECE = "working on"
    JOIN = "finishing"


class Task(NamedTuple):
    """One step with one bag. number: of the piece."""

    step: Step
    drive: Drive
    number: int = 0


@dataclass
class _Open:
    """A bag that is being worked on. left: pieces nobody does; hosts: machines that have the bag on their disk."""

    left: deque[int]
    running: int = 0
    hosts: set[Hashable] = field(default_factory=set)


class Schedule:
    """Hands out tasks; each must be answered by `opened`, `done`, `again` or `broken`."""

    def __init__(self, drives: Iterable[Drive]) -> None:
        self._new = deque(drives)
        self._open: dict[Drive, _Open] = {}
        self._failures: dict[Task, int] = {}
        self._opening = 0

    @property
    def over(self) -> bool:
        """Whether nothing is left to do, and nothing is being done."""
        return not (self._new or self._open or self._opening)

    @property
    def waiting(self) -> int:
        """How many tasks could be handed out now, at least."""
        return len(self._new) + sum(len(bag.left) for bag in self._open.values())

    def next(self, host: Hashable) -> Task | None:
        """The next task for a worker on a machine; None where there is none before another is answered.

        A machine stays with a bag that it has; new bags are begun before several machines share one.
        """
        ready = [drive for drive, bag in self._open.items() if not bag.left and not bag.running]
        if ready:
            return self._taken(Task(Step.JOIN, ready[0]), host)
        busy = [(drive, bag) for drive, bag in self._open.items() if bag.left]
        own = [(drive, bag) for drive, bag in busy if host in bag.hosts]
        if self._new and not own:
            self._opening += 1
            return Task(Step.OPEN, self._new.popleft())
        if not busy:
            return None
        drive, bag = max(own or busy, key=lambda item: len(item[1].left))
        return self._taken(Task(Step.PIECE, drive, bag.left.popleft()), host)

    def opened(self, task: Task, pieces: Sequence[int], host: Hashable) -> None:
        """A bag was opened by a machine, and these pieces are to be done."""
        self._opening -= 1
        self._open[task.drive] = _Open(deque(pieces), hosts={host})

    def done(self, task: Task, *, last: bool = False) -> None:
        """A piece was done, or a bag is finished. last: nothing of the bag can be done after this piece."""
        bag = self._open[task.drive]
        bag.running -= 1
        if task.step is Step.JOIN:
            del self._open[task.drive]
        elif last:
            bag.left = deque(number for number in bag.left if number < task.number)

    def again(self, task: Task, *, blame: bool = True) -> bool:
        """The task was not done and is to be done again; False: too often.

        blame: whether the bag may be the reason. A bag that is given up must be answered by `broken`.
        """
        self._failures[task] = failures = self._failures.get(task, 0) + blame
        if failures >= MOST_FAILURES:
            return False
        if task.step is Step.OPEN:
            self._opening -= 1
            self._new.append(task.drive)
            return True
        if task.step is Step.JOIN:  # a piece may be missing: it is looked again what there is
            del self._open[task.drive]
            self._new.append(task.drive)
            return True
        bag = self._open[task.drive]
        bag.running -= 1
        bag.left.appendleft(task.number)
        return True

    def broken(self, task: Task) -> None:
        """A bag is given up; what is still being done of it is answered by `again` or `done` without effect."""
        if task.step is Step.OPEN:
            self._opening -= 1
        self._open.pop(task.drive, None)

    def given_up(self, task: Task) -> bool:
        """Whether a task's answer comes too late, because the bag was given up."""
        return task.step is not Step.OPEN and task.drive not in self._open

    def _taken(self, task: Task, host: Hashable) -> Task:
        bag = self._open[task.drive]
        bag.running += 1
        bag.hosts.add(host)
        return task
