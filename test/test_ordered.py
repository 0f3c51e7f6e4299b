from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from enet_ros.ordered import ordered


def test_results_keep_the_order_whichever_is_done_first() -> None:
    second_done = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert second_done.wait(10)
        if item == 1:
            second_done.set()
        return item * item

    with ThreadPoolExecutor(2) as pool:
        assert list(ordered(work, range(6), pool, 3)) == [0, 1, 4, 9, 16, 25]


def test_items_are_not_drawn_far_ahead() -> None:
    drawn: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            drawn.append(item)
            yield item

    with ThreadPoolExecutor(2) as pool:
        results = ordered(lambda item: item, items(), pool, 4)
        assert next(results) == 0
        assert drawn == [0, 1, 2, 3, 4]
        results.close()  # type: ignore[attr-defined]


def test_an_exception_comes_where_its_result_is_due() -> None:
    with ThreadPoolExecutor(2) as pool:
        results = ordered(lambda item: 6 // item, [3, 2, 0, 1], pool, 3)
        assert [next(results), next(results)] == [2, 3]
        with pytest.raises(ZeroDivisionError):
            next(results)
