"""One slot, newest wins, losers counted: exactly, under two threads as well."""

from __future__ import annotations

import threading

from enet_ros.ros.node.mailbox import Mailbox


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
