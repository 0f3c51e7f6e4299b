"""What bench/exchange.py says of memory belongs to the exchange that it is said of."""

from __future__ import annotations

import mmap
import os
import threading
import time
from importlib import import_module
from pathlib import Path

import pytest


def test_memory_is_that_of_the_time_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "bench")
    exchange = import_module("exchange")
    stop = threading.Event()
    memory = exchange.Memory(os.getpid(), stop)
    begin_ns, before_mb = time.time_ns(), memory.now_mb()
    held = mmap.mmap(-1, 100 << 20)  # goes back when it is closed, also where freed pages are kept
    held.write(b"\1" * (100 << 20))
    time.sleep(0.2)
    freed_ns = time.time_ns()
    held.close()
    time.sleep(0.05)
    after_ns = time.time_ns()
    time.sleep(0.2)
    stop.set()
    assert memory.most_mb(begin_ns, freed_ns) > before_mb + 90
    assert memory.most_mb(after_ns, time.time_ns()) < before_mb + 50
    assert memory.most_mb(begin_ns, time.time_ns()) > before_mb + 90
