"""A worker that survives what its work raises."""

from __future__ import annotations

import threading

from enet_ros.ros.node.worker import Worker


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
