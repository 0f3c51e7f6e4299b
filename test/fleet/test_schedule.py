from __future__ import annotations

import random
from collections import Counter

import pytest

from enet_ros.fleet.drives import Drive
from enet_ros.fleet.schedule import MOST_FAILURES, Schedule, Step, Task
from enet_ros.places import Place

BAGS = [Drive(Place(f"/{name}"), name, ()) for name in "abcde"]


def opened(schedule: Schedule, host: str, pieces: int) -> Task:
    task = schedule.next(host)
    assert task is not None and task.step is Step.OPEN
    schedule.opened(task, range(pieces), host)
    return task


def test_a_machine_stays_with_its_bag_and_idle_ones_help_with_the_longest() -> None:
    schedule = Schedule(BAGS[:2])
    opened(schedule, "x", 5)
    opened(schedule, "y", 1)
    x, y = schedule.next("x"), schedule.next("y")
    assert x is not None and y is not None and (x.drive, y.drive) == (BAGS[0], BAGS[1])
    helping = schedule.next("y")
    assert helping is not None and (helping.step, helping.drive) == (Step.PIECE, BAGS[0])
    schedule.done(y)
    joined = schedule.next("z")
    assert joined is not None and (joined.step, joined.drive) == (Step.JOIN, BAGS[1])


def test_nothing_after_the_damage_is_done() -> None:
    schedule = Schedule(BAGS[:1])
    opened(schedule, "x", 4)
    first, second = schedule.next("x"), schedule.next("x")
    assert first is not None and second is not None and second.number == 1
    schedule.done(second, last=True)
    assert schedule.next("x") is None  # 2 and 3 are not wanted, 0 is being done
    schedule.done(first)
    joined = schedule.next("x")
    assert joined is not None and joined.step is Step.JOIN


def test_a_bag_that_fails_too_often_is_given_up_and_late_answers_do_not_count() -> None:
    schedule = Schedule(BAGS[:1])
    opened(schedule, "x", 3)
    late = schedule.next("y")
    assert late is not None
    for failure in range(1, MOST_FAILURES + 1):
        task = schedule.next("x")
        assert task is not None
        assert schedule.again(task) == (failure < MOST_FAILURES)
    schedule.broken(task)
    assert schedule.given_up(late) and schedule.over


@pytest.mark.parametrize("seed", range(20))
def test_whatever_fails_each_piece_is_done_once_or_its_bag_is_given_up(seed: int) -> None:
    """Workers that come, go and lose their tasks, in any order of answers."""
    rng = random.Random(seed)
    schedule, running = Schedule(BAGS), []
    done: Counter[tuple[str, int]] = Counter()
    given_up, joined = set(), set()
    for _ in range(10_000):
        if schedule.over:
            break
        host = rng.choice("xyz")
        if len(running) < 4 and (task := schedule.next(host)) is not None:
            running.append((task, host))
        if not running or rng.random() < 0.3:
            continue
        task, host = running.pop(rng.randrange(len(running)))
        if schedule.given_up(task):
            continue
        if rng.random() < 0.2:
            if not schedule.again(task, blame=rng.random() < 0.5):
                schedule.broken(task)
                given_up.add(task.drive)
        elif task.step is Step.OPEN:
            left = [n for n in range(4) if not done[task.drive.name, n]]
            schedule.opened(task, left, host)
        else:
            schedule.done(task)
            done[task.drive.name, task.number] += task.step is Step.PIECE
            joined |= {task.drive} if task.step is Step.JOIN else set()
    assert schedule.over and joined | given_up == set(BAGS) and not joined & given_up
    assert all(done[drive.name, number] == 1 for drive in joined for number in range(4))
