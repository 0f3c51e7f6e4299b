"""Many bags, one after the other, in this process."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial

from enet_ros.errors import EnetRosError, WorkerError
from enet_ros.fleet.drives import Drive
from enet_ros.fleet.ledger import Ledger
from enet_ros.fleet.work import Done, Outcome, Worker, do
from enet_ros.holding import Check

_NAME = "here"


def run_here(worker: Worker, drives: Sequence[Drive], check: Check = lambda: None) -> Iterator[Outcome]:
    """Do the work on all bags, and yield what becomes of each as soon as it is known.

    check: asked before each step, whose error ends the work. Raises WorkerError where this machine cannot go on: what
    is done stays done.
    """
    ledger = Ledger(drives)
    with ledger.bars.shown():
        while (task := ledger.schedule.next(_NAME)) is not None:
            check()
            ledger.bars.begun(_NAME, task)
            begun = time.perf_counter()
            try:
                moved = partial(ledger.bars.moved, task.drive)
                answer = do(worker, task, ledger.values(task.drive), moved)
            except WorkerError as error:
                raise WorkerError(f"{error}; when that is mended, the same command goes on from here") from error
            except EnetRosError as error:
                ledger.failed(task, error)
            else:
                ledger.answered(task, answer, _NAME)
                if isinstance(answer, Done):
                    ledger.bars.did(_NAME, answer.frames, time.perf_counter() - begun)
            yield from ledger.news()
