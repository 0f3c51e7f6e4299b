"""A mailbox where the newest item wins, and a worker that survives what its work raises."""

from __future__ import annotations

import threading

from enet_ros.ros.node.worker import Mailbox, Worker


def test_the_newest_wins() -> None:
    box: Mailbox[int] = Mailbox()
    assert [box.put(n) for n in (1, 2, 3)] == [False, True, True]
    assert box.take() == 3


def test_closing_frees_who_waits() -> None:
    box: Mailbox[int] = Mailbox()
    taken: list[int | None] = []
    thread = threading.Thread(target=lambda: taken.append(box.take()))
    thread.start()
    assert not box.close()
    thread.join(10)
    assert taken == [None]


def test_what_is_left_at_the_end_is_lost() -> None:
    box: Mailbox[int] = Mailbox()
    box.put(1)
    assert box.close() and not box.close()
    assert box.put(2), "lost: nobody will take it"
    assert box.take() is None


def test_nothing_is_lost_uncounted() -> None:
    box: Mailbox[int] = Mailbox()
    taken = []
    thread = threading.Thread(target=lambda: taken.extend(iter(box.take, None)))
    thread.start()
    lost = sum(box.put(n) for n in range(20_000))
    lost += box.close()
    thread.join(10)
    assert len(taken) + lost == 20_000
    assert taken == sorted(taken)


def test_an_error_is_reported_and_the_next_served() -> None:
    errors: list[Exception] = []
    results: list[float] = []
    served = threading.Event()

    def work(value: int) -> None:
        try:
            results.append(1 / value)
        finally:
            served.set()

    worker = Worker("test", work, errors.append)
    for value in (0, 2):
        served.clear()
        assert not worker.put(value)
        assert served.wait(10)
    worker.stop()
    assert [type(error) for error in errors] == [ZeroDivisionError]
    assert results == [0.5]


def test_stopping_finishes_what_is_in_hand_and_tells_what_is_left() -> None:
    begun, go, done = threading.Event(), threading.Event(), []

    def work(value: int) -> None:
        begun.set()
        go.wait(10)
        done.append(value)

    worker = Worker("test", work, lambda error: None)
    worker.put(1)
    assert begun.wait(10)
    worker.put(2)
    threading.Timer(0.05, go.set).start()
    assert worker.stop()
    assert done == [1]
    assert not [thread for thread in threading.enumerate() if thread.name == "test"]
