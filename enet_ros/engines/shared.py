"""One compiled network for all cameras of a process: each holds a lease on it and takes turns with the others."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from enet_ros import engines
from enet_ros.arrays import U8
from enet_ros.engines.base import Engine, Inference
from enet_ros.errors import ModelError


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

    def _run(self, image: U8, confidence: bool) -> Inference:
        if self._lane is not None:
            return self._lane.infer(image, confidence=confidence)
        with self.turn():
            return self._run(image, confidence)

    def _free(self) -> None:
        self._shared.pool.release(self._shared, self)


class _Shared:
    """An engine, its lanes, and the leases on it. A lane is an engine that may run while the other lanes do."""

    def __init__(self, pool: Pool, engine: Engine) -> None:
        self.pool = pool
        self.engine = engine
        self._condition = threading.Condition()
        self._lanes: list[Engine] = [engine]
        self._free: list[Engine] = [engine]
        self._passes: dict[Lease, float] = {}
        self._waiting: set[Lease] = set()
        self._now = 0.0

    def add(self, lease: Lease) -> None:
        with self._condition:
            self._passes[lease] = self._now
        self._renew_lanes()

    def remove(self, lease: Lease) -> bool:
        """True where it was the last."""
        with self._condition:
            del self._passes[lease]
        if self._passes:
            self._renew_lanes()
        return not self._passes

    def take(self, lease: Lease, weight: float) -> Engine:
        """Wait for a free lane, in the order of the passes."""
        with self._condition:
            self._passes[lease] = max(self._passes[lease], self._now)
            self._waiting.add(lease)
            self._condition.wait_for(lambda: self._free and lease is min(self._waiting, key=self._passes.__getitem__))
            self._waiting.remove(lease)
            self._now = self._passes[lease]
            self._passes[lease] += 1.0 / weight
            self._condition.notify_all()
            return self._free.pop()

    def give_back(self, lane: Engine) -> None:
        with self._condition:
            if lane in self._lanes:  # not one of those before the last lease came or went
                self._free.append(lane)
                self._condition.notify_all()

    def _renew_lanes(self) -> None:
        """As many lanes as the number of leases gains by; those in use run to their end beside the new ones."""
        lanes = self.engine.lanes(len(self._passes))
        with self._condition:
            if lanes != self._lanes:
                self._lanes, self._free = lanes, list(lanes)
                self._condition.notify_all()


class Pool:
    """The engines that are leased in this process, one for each model file, runtime and set of options."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shared: dict[tuple[Any, ...], _Shared] = {}

    def lease(self, name: str, model_path: Path | str, **options: Any) -> Lease:
        """A lease on the engine that `create` makes of the same arguments, with confidence. Raises as that does."""
        try:
            digest = hashlib.sha256(Path(model_path).read_bytes()).digest()
        except OSError as error:
            raise ModelError(f"{model_path}: {error.strerror}") from error
        key = (name, digest, *sorted(options.items()))
        with self._lock:
            if key not in self._shared:
                self._shared[key] = _Shared(self, engines.create(name, model_path, confidence=True, **options))
            shared = self._shared[key]
            lease = Lease(shared)
            shared.add(lease)
            return lease

    def release(self, shared: _Shared, lease: Lease) -> None:
        """Take a lease back; the last one's engine is closed."""
        with self._lock:
            if shared.remove(lease):
                self._shared = {key: other for key, other in self._shared.items() if other is not shared}
                shared.engine.close()

    def __len__(self) -> int:
        """How many engines there are."""
        return len(self._shared)


POOL = Pool()
"""The process's own."""
