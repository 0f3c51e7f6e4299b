"""A mailbox where the newest item wins, and a worker that survives what its work raises."""

from __future__ import annotations

import threading
from collections.abc import Callable

from enet_ros.ros.node.worker import Worker

Take = Callable[[], "int | None"]


def held(done: list[int]) -> tuple[Worker[int], threading.Event]:
    """A worker that has taken item 0 and finishes it when the event is set."""
    begun, go = threading.Event(), threading.Event()

    def work(take: Take) -> None:
        value = take()
        begun.set()
        go.wait(10)
        assert value is not None
        done.append(value)

    worker: Worker[int] = Worker("test", work, lambda error: None)
    assert not worker.put(0)
    assert begun.wait(10)
    return worker, go


def test_the_newest_wins() -> None:
    done: list[int] = []
    worker, go = held(done)
    assert [worker.put(n) for n in (1, 2, 3)] == [False, True, True]
    go.set()
    while len(done) < 2:
        threading.Event().wait(0.001)
    assert not worker.stop()
    assert done == [0, 3]


def test_stopping_frees_a_worker_that_waits() -> None:
    worker: Worker[int] = Worker("test", lambda take: None, lambda error: None)
    assert not worker.stop()


def test_what_comes_after_the_end_is_lost() -> None:
    done: list[int] = []
    worker, go = held(done)
    worker.put(1)
    go.set()
    worker.stop()
    assert worker.put(2), "lost: nobody will take it"
    assert not worker.stop() and 2 not in done


def test_nothing_is_lost_uncounted() -> None:
    done: list[int] = []

    def work(take: Take) -> None:
        if (value := take()) is not None:
            done.append(value)

    worker: Worker[int] = Worker("test", work, lambda error: None)
    lost = sum(worker.put(n) for n in range(20_000))
    lost += worker.stop()
    assert len(done) + lost == 20_000
    assert done == sorted(done)


def test_an_error_is_reported_and_the_next_served() -> None:
    errors: list[Exception] = []
    results: list[float] = []
    served = threading.Event()

    def work(take: Take) -> None:
        try:
            results.append(1 / (take() or 0))
        finally:
            served.set()

    worker: Worker[int] = Worker("test", work, errors.append)
    for value in (0, 2):
        served.clear()
        assert not worker.put(value)
        assert served.wait(10)
    worker.stop()
    assert [type(error) for error in errors] == [ZeroDivisionError]
    assert results == [0.5]


def test_stopping_finishes_what_is_in_hand_and_tells_what_is_left() -> None:
    done: list[int] = []
    worker, go = held(done)
    worker.put(1)
    threading.Timer(0.05, go.set).start()
    assert worker.stop()
    assert done == [0]
    assert not [thread for thread in threading.enumerate() if thread.name == "test"]


def test_work_that_waits_for_its_turn_takes_the_newest() -> None:
    called, turn = threading.Event(), threading.Event()
    done: list[int | None] = []

    def work(take: Take) -> None:
        called.set()
        turn.wait(10)
        done.append(take())

    worker: Worker[int] = Worker("test", work, lambda error: None)
    assert not worker.put(1)
    assert called.wait(10)
    assert worker.put(2), "the first is lost: the newer has replaced it"
    turn.set()
    while not done:
        threading.Event().wait(0.001)
    assert not worker.stop() and done == [2]


def test_an_item_whose_work_fails_before_it_is_taken_comes_once() -> None:
    errors: list[Exception] = []
    done: list[int | None] = []

    def work(take: Take) -> None:
        if not errors:
            raise RuntimeError("no turn")
        done.append(take())

    worker: Worker[int] = Worker("test", work, errors.append)
    assert not worker.put(1)
    while not errors:
        threading.Event().wait(0.001)
    assert not worker.put(2), "the first is gone: its failure was reported"
    while not done:
        threading.Event().wait(0.001)
    worker.stop()
    assert len(errors) == 1 and done == [2]


def test_errands_are_done_in_order_before_the_next_item() -> None:
    done: list[int] = []
    worker, go = held(done)
    worker.put(3)
    worker.between(lambda: done.append(1))
    worker.between(lambda: done.append(2))
    assert not done, "the item in hand comes first"
    go.set()
    while len(done) < 4:
        threading.Event().wait(0.001)
    assert done == [0, 1, 2, 3]
    at_once = threading.Event()
    worker.between(at_once.set)
    assert at_once.wait(10), "an idle worker does not wait for an item"
    worker.stop()


def test_no_errand_is_forgotten_at_the_end() -> None:
    done: list[int] = []
    worker, go = held(done)
    worker.between(lambda: done.append(1))
    stop = threading.Thread(target=worker.stop)
    stop.start()
    go.set()
    stop.join(10)
    worker.between(lambda: done.append(2))
    assert done == [0, 1, 2]
