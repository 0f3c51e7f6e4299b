"""Many bags on a Ray cluster: actors that keep their engine do one step at a time, and any of them may die.

The driver alone knows what is left (`Schedule`); what is done lies in the place of the results, committed by rename, so
that a step may be done twice and a driver that was killed goes on by reading what there is.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from enet_ros.engines.base import EngineInfo
from enet_ros.errors import ConfigError, EnetRosError, WorkerError
from enet_ros.fleet.drives import Drive
from enet_ros.fleet.hand import CPUS, Answer, ClusterOptions, Hand, Models
from enet_ros.fleet.ledger import Ledger
from enet_ros.fleet.schedule import Step, Task
from enet_ros.fleet.work import Done, Outcome, Work
from enet_ros.holding import Check
from enet_ros.places import Place

_LOOK_S = 2.0
"""How often it is looked which machines the cluster has."""
_STARTS = 3
"""How often a worker may die while it starts on a machine before that machine is left alone."""


class _Member(NamedTuple):
    """An actor of ours, the node it is on, and how it is called on screen."""

    actor: Any
    node: str
    name: str


def run_on_ray(
    work: Work, drives: Sequence[Drive], options: ClusterOptions, check: Check = lambda: None
) -> Iterator[Outcome]:
    """Do the work on all bags, and yield what becomes of each as soon as it is known.

    check: asked before steps are given out, whose error ends the work. Raises ConfigError where the cluster cannot be
    reached or has no room, WorkerError where none of its machines can work.
    """
    with (
        _connected(options) as ray,
        _grown(options) if options.workers else nullcontext(),
        _token(work, drives) as seen,
    ):
        ledger = Ledger(drives)
        crew = _Crew(ray, work, options, seen)
        with ledger.bars.shown():
            while not ledger.schedule.over:
                check()
                crew.muster(ledger)
                crew.give(ledger)
                crew.collect(ledger)
                yield from ledger.news()


class _Crew:
    """The actors: made where there is room, dropped where they die."""

    def __init__(self, ray: ModuleType, work: Work, options: ClusterOptions, seen: Sequence[Path]) -> None:
        self._ray = ray
        self._options = options
        self._args = (ray.put(work), ray.put([Models.of(engine.model) for engine in work.engines]), options)
        self._seen = seen
        self._remote = ray.remote(Hand)
        self._idle: list[_Member] = []
        self._busy: dict[Any, tuple[_Member, Task | None]] = {}
        self._refused: dict[str, str] = {}
        self._failed_starts: Counter[str] = Counter()
        self._engine: EngineInfo | None = None
        self._made = 0
        self._looked_s = 0.0

    def muster(self, ledger: Ledger) -> None:
        """Make actors where the cluster has room and there is work; WorkerError where no machine can work."""
        if time.monotonic() - self._looked_s < _LOOK_S:
            return
        self._looked_s = time.monotonic()
        nodes = [node for node in self._ray.nodes() if node["Alive"]]
        alive = {node["NodeID"] for node in nodes}
        self._idle = [member for member in self._idle if member.node in alive]
        rooms = {node["NodeID"]: self._room(node["Resources"]) for node in nodes}
        if not any(rooms.values()) and not self._made and not self._options.workers:
            has = ", ".join(f"{node['NodeManagerHostname']} {node['Resources'].get('CPU', 0):.0f}" for node in nodes)
            wanted = f"{self._options.cpus or 1} CPUs" + f" and {self._options.gpus} GPUs" * bool(self._options.gpus)
            raise ConfigError(f"no machine of the cluster has {wanted} (CPUs: {has}): use --ray-cpus and --ray-gpus")
        usable = [node for node in alive if rooms[node] and node not in self._refused]
        if not usable and self._refused and not self._busy:
            raise WorkerError(f"no machine of the cluster can work: {'; '.join(sorted(set(self._refused.values())))}")
        members = [*self._idle, *(member for member, _ in self._busy.values())]
        on = Counter(member.node for member in members)
        tasks = ledger.schedule.waiting + sum(task is not None for _, task in self._busy.values())
        wanted_now = min(self._options.workers or sys.maxsize, tasks) - len(members)
        for node in sorted(usable, key=lambda node: on[node]):
            for _ in range(min(rooms[node] - on[node], max(wanted_now, 0))):
                self._make(node, next(n for n in nodes if n["NodeID"] == node))
                wanted_now -= 1

    def give(self, ledger: Ledger) -> None:
        """Hand tasks to those that have none."""
        for member in list(self._idle):
            task = ledger.schedule.next(member.node)
            if task is None:
                return
            self._idle.remove(member)
            values = ledger.values(task.drive) if task.step is Step.JOIN else []
            ledger.bars.begun(member.name, task)
            self._busy[member.actor.do.remote(task, values)] = member, task

    def collect(self, ledger: Ledger) -> None:
        """Wait for answers, for a second at most."""
        if not self._busy:
            time.sleep(0.2)
            return
        refs = list(self._busy)
        ready, _ = self._ray.wait(refs, num_returns=1, timeout=1.0)
        if ready:  # and whatever else is there by now
            ready, _ = self._ray.wait(refs, num_returns=len(refs), timeout=0)
        for ref in ready:
            member, task = self._busy.pop(ref)
            try:
                answer: Answer = self._ray.get(ref)
            except self._ray.exceptions.RayError as error:
                self._lost(ledger, member, task, error)
                continue
            if task is None:
                self._started(member, answer)
            elif answer.error is None:
                self._idle.append(member)
                ledger.answered(task, answer.value, member.node)
                if isinstance(answer.value, Done):
                    ledger.bars.moved(task.drive, answer.value.messages)
                    ledger.bars.did(member.name, answer.value.frames, answer.seconds)
            elif isinstance(answer.error, WorkerError):
                self._refuse(member, answer.error)
                ledger.bars.gone(member.name)
                ledger.failed(task, answer.error, blame=False)
            else:
                self._idle.append(member)
                ledger.failed(task, answer.error)

    def _room(self, resources: dict[str, float]) -> int:
        """How many workers a machine has room for."""
        cpus = int(resources.get("CPU", 0))
        rooms = cpus // (self._options.cpus or min(CPUS, cpus) or 1)
        return min(rooms, int(resources.get("GPU", 0) / self._options.gpus)) if self._options.gpus else rooms

    def _make(self, node: str, facts: dict[str, Any]) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        cpus = self._options.cpus or min(CPUS, int(facts["Resources"]["CPU"]))
        there = NodeAffinitySchedulingStrategy(node, soft=False)
        options = {"num_cpus": cpus, "num_gpus": self._options.gpus, "scheduling_strategy": there}
        actor = self._remote.options(**options).remote()
        self._made += 1
        member = _Member(actor, node, f"{facts['NodeManagerHostname']}/{self._made}")
        self._busy[actor.start.remote(*self._args, cpus, self._seen)] = member, None

    def _started(self, member: _Member, answer: Answer) -> None:
        """Take an actor that has started into the crew, unless its engine is another than that of the others."""
        if answer.error is not None:
            self._refuse(member, answer.error)
            return
        found: EngineInfo | None = answer.value.engine
        self._engine = self._engine or found
        if found is None or self._engine is None or found.kind == self._engine.kind:
            self._idle.append(member)
            return
        theirs, ours = (f"{e.name} ({e.runtime}) in {e.precision}" for e in (found, self._engine))
        self._refuse(member, WorkerError(f"runs {theirs}, others {ours}: name one by --engine and --precision"))

    def _lost(self, ledger: Ledger, member: _Member, task: Task | None, error: Exception) -> None:
        """An actor, or its machine, has died."""
        ledger.bars.gone(member.name)
        self._looked_s = 0.0
        if task is None:
            self._failed_starts[member.node] += 1
            if self._failed_starts[member.node] >= _STARTS:
                self._refused[member.node] = f"{member.name}: {_last_line(error)}"
            return
        alive = any(node["Alive"] and node["NodeID"] == member.node for node in self._ray.nodes())
        what = f"its worker died {task.step.value} it ({_last_line(error)})"
        ledger.failed(task, WorkerError(what), blame=alive)
        with suppress(Exception):
            self._ray.kill(member.actor)

    def _refuse(self, member: _Member, error: EnetRosError) -> None:
        """Leave a machine alone."""
        self._refused[member.node] = f"{member.name}: {error}"
        print(f"enet_ros: {member.name} is left out: {error}", file=sys.stderr)
        self._ray.kill(member.actor)


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()


@contextmanager
def _connected(options: ClusterOptions) -> Iterator[ModuleType]:
    """Ray, connected. Raises ConfigError where it is not installed or the cluster cannot be reached."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing is sent to Ray's makers
    os.environ.setdefault("RAY_gcs_server_port_wait_time_s", "1")  # tries, of 40 s each
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ConfigError("--ray needs Ray on this machine and on those of the cluster: pip install ray") from error
    if options.address != "auto":
        _require_port(options.address)
    try:
        ray.init(address=options.address, namespace="enet_ros", log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError) as error:
        start = "begin one by `ray start --head`, or give its head as --ray HOST:PORT"
        raise ConfigError(f"no Ray cluster at {options.address} ({_last_line(error)}): {start}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def _grown(options: ClusterOptions) -> Iterator[None]:
    """A cluster that can grow does so for the workers asked for, and may shrink again afterwards."""
    bundle = {"CPU": options.cpus or CPUS, **({"GPU": options.gpus} if options.gpus else {})}
    try:
        _request([bundle] * options.workers)
        yield
    finally:
        _request([])


def _request(bundles: list[dict[str, float]]) -> None:
    """What the cluster should have room for, in place of what was asked for last."""
    with suppress(Exception):
        from ray.autoscaler.sdk import request_resources

        request_resources(bundles=bundles)


def _require_port(address: str) -> None:
    """Raise ConfigError where nobody listens: Ray itself would try for a minute and then end the process."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError(f"--ray {address}: give auto, or HOST:PORT of the cluster's head, such as 10.0.0.1:6379")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        raise ConfigError(
            f"no Ray cluster can be reached at {address} ({error.strerror or error}): is `ray start --head --port"
            f" {port}` running there, and the port open?"
        ) from error


@contextmanager
def _token(work: Work, drives: Sequence[Drive]) -> Iterator[list[Path]]:
    """Files on disks of this machine that the others must see too; one is made where the results go."""
    seen = [drive.place.local for drive in drives if drive.place.local is not None][:1]
    out: Place | None = getattr(work, "out", None)
    if out is None:
        yield seen
        return
    token = out / ".enet_ros"
    token.write(b"")
    try:
        yield [*seen, token.local] if token.local is not None else seen
    finally:
        token.remove()
