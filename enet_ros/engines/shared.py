"""One compiled network for all cameras of a process: each holds a lease on it and takes turns with the others."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from enet_ros import engines
from enet_ros.arrays import U8
from enet_ros.engines.base import Engine, Inference
from enet_ros.errors import ModelError

Key = tuple[Any, ...]
"""Runtime, digest of the model file, options: what makes two engines the same."""


class Lease(Engine):
    """An engine that is shared with the other leases on the same model. For one thread at a time.

    Turns are given by stride scheduling (Waldspurger and Weihl 1995): of those that wait, the one comes first that has
    had the fewest turns for its weight. A lease that has not waited for a while saves up no turns.
    """

    def __init__(self, shared: _Shared) -> None:
        super().__init__(shared.engine.info)
        self._shared = shared
        self._lane: Engine | None = None

    @contextmanager
    def turn(self, weight: float = 1.0) -> Iterator[None]:
        """Wait for a turn and keep it to the end of the block: what is inferred in it need not wait again.

        weight: above 0; share of the turns relative to those of the others that wait. Raises EngineError once closed.
        """
        self._check_open()
        lane = self._lane = self._shared.take(self, weight)
        try:
            yield
        finally:
            self._lane = None
            self._shared.give_back(lane)

    def hurry(self) -> None:
        """Whoever waits for a turn of this lease is the next to have one. For any thread."""
        self._shared.hurry(self)

    def _run(self, image: U8, confidence: bool) -> Inference:
        if self._lane is not None:
            return self._lane.infer(image, confidence=confidence)
        with self.turn():
            return self._run(image, confidence)

    def _free(self) -> None:
        self._shared.pool.release(self._shared, self)


class _Shared:
    """An engine, its lanes, and the leases on it. A lane is an engine that may run while the other lanes do."""

    def __init__(self, pool: Pool, key: Key, engine: Engine) -> None:
        self.pool = pool
        self.key = key
        self.engine = engine
        self._condition = threading.Condition()
        self._lanes: list[Engine] = [engine]
        self._busy: set[Engine] = set()
        self._passes: dict[Lease, float] = {}
        self._waiting: dict[Lease, int] = {}
        self._tickets = itertools.count()
        self._now = 0.0

    def add(self, lease: Lease) -> None:
        """Raises EngineError where the engine cannot make the lanes for one more."""
        lanes = self.engine.lanes(len(self._passes) + 1)
        blank = np.zeros((*self.engine.info.size, 3), np.uint8)
        for lane in lanes:
            if lane is not self.engine and lane not in self._lanes:  # a new one, whose first image takes longer
                lane.infer(blank, confidence=True)
        with self._condition:
            self._passes[lease] = self._now
        self._use(lanes)

    def remove(self, lease: Lease) -> bool:
        """True where it was the last. The last but one returns to the engine itself, which answers one the fastest."""
        with self._condition:
            del self._passes[lease]
        if len(self._passes) == 1:
            self._use(self.engine.lanes(1))
        return not self._passes

    def take(self, lease: Lease, weight: float) -> Engine:
        """Wait for a free lane, in the order of the passes, and of asking where they are equal."""
        with self._condition:
            self._passes[lease] = max(self._passes[lease], self._now)
            self._waiting[lease] = next(self._tickets)
            self._condition.wait_for(lambda: bool(self._idle()) and lease is self._next())
            del self._waiting[lease]
            self._now = self._passes[lease]
            self._passes[lease] += 1.0 / weight
            lane = self._idle()[-1]
            self._busy.add(lane)
            self._condition.notify_all()
            return lane

    def give_back(self, lane: Engine) -> None:
        with self._condition:
            self._busy.discard(lane)
            self._condition.notify_all()

    def hurry(self, lease: Lease) -> None:
        """Let one that waits come next."""
        with self._condition:
            if lease in self._waiting:
                self._passes[lease] = self._now
                self._condition.notify_all()

    def _idle(self) -> list[Engine]:
        return [lane for lane in self._lanes if lane not in self._busy]

    def _next(self) -> Lease:
        return min(self._waiting, key=lambda lease: (self._passes[lease], self._waiting[lease]))

    def _use(self, lanes: list[Engine]) -> None:
        """From now on these; others that are busy run to their end beside them."""
        with self._condition:
            self._lanes = lanes
            self._condition.notify_all()


class Pool:
    """The engines that are leased in this process, one for each model file, runtime and set of options.

    Who leases one waits while another thread builds the same one, and for no other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shared: dict[Key, _Shared] = {}
        self._locks: dict[Key, threading.Lock] = {}

    def lease(self, name: str, model_path: Path | str, **options: Any) -> Lease:
        """A lease on the engine that `create` makes of the same arguments, with confidence. Raises as that does."""
        digest = _digest(model_path)
        key = (name, digest, *sorted(options.items()))
        with self._only(key):
            shared = self._shared.get(key)
            if shared is None:
                engine = engines.create(name, model_path, confidence=True, **options)
                if _digest(model_path) != digest:  # of which of the two files it is, nobody knows
                    engine.close()
                    raise ModelError(f"{model_path} changed while it was being loaded: load it again")
                shared = _Shared(self, key, engine)
            lease = Lease(shared)
            shared.add(lease)
            self._shared[key] = shared
            return lease

    def release(self, shared: _Shared, lease: Lease) -> None:
        """Take a lease back; the last one's engine is closed."""
        with self._only(shared.key):
            if shared.remove(lease):
                del self._shared[shared.key]
                shared.engine.close()

    def _only(self, key: Key) -> threading.Lock:
        """What is held while the engine of a key is built, given another user, or closed."""
        with self._lock:
            return self._locks.setdefault(key, threading.Lock())

    def __len__(self) -> int:
        """How many engines there are."""
        return len(self._shared)


def _digest(path: Path | str) -> bytes:
    """sha256 of a file. Raises ModelError where it cannot be read."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).digest()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from error


POOL = Pool()
"""The process's own."""
