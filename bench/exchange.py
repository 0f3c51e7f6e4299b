"""What an exchange of the model costs a node that answers a camera: gaps between masks, memory, the account of images.

    ./run exec python bench/exchange.py --rounds 5

Each round sets the parameter `model` four times: to the file that runs already, to the same file with other weights (a
model trained anew), to another model, and back. A gap is the time from one mask's arrival here to the next one's.

answered: from the call to its answer. while loading: gaps that end between the call and half a second after its answer.
at the exchange: from the last mask of the old network to the first of the new. Memory is the node's resident set: at
most during all calls of a row, and two seconds or more after the answers to its first and its last; the same model
runs after each of a row. The node's cache of compiled models is empty at first. Ends with 1 where the account of the
images is not exact, or another number of networks answered than should have.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ros_bench import NAMESPACE, NODE, Camera, Listener, send

from enet_ros import figures, model_file
from enet_ros.stamps import NS

UNCHANGED, RETRAINED = "the file that runs, unchanged", "the same file, other weights"
ANOTHER, BACK = "another model", "and back"
KINDS = (UNCHANGED, RETRAINED, ANOTHER, BACK)
"""Of one kind of call each, which always ends with the same model."""
SETTLE_S = 2.0
"""After an answer, until memory is read."""
AFTER_S = 0.5
"""After an answer, until a gap counts as calm."""
_SAMPLE_S = 0.02


class Exchange(NamedTuple):
    """One call, on the wall clock in ns, and what the node's memory was meanwhile, at most, and afterwards, in MB."""

    kind: str
    asked_ns: int
    answered_ns: int
    peak_mb: float
    after_mb: float


class Gap(NamedTuple):
    """at_ns: when it ended, on the wall clock. new: the mask that ended it is another network's."""

    at_ns: int
    ms: float
    new: bool


class Memory:
    """Samples the resident set of a process, in a thread of its own."""

    def __init__(self, pid: int, stop: threading.Event) -> None:
        self._statm, self._stop = Path(f"/proc/{pid}/statm"), stop
        self._samples: list[tuple[int, float]] = []
        threading.Thread(target=self._watch, daemon=True).start()

    def now_mb(self) -> float:
        return int(self._statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def most_mb(self, begin_ns: int, end_ns: int) -> float:
        """The most that was seen between two times of the wall clock."""
        return max(mb for at_ns, mb in self._samples.copy() if begin_ns <= at_ns <= end_ns)

    def _watch(self) -> None:
        while not self._stop.wait(_SAMPLE_S):
            self._samples.append((time.time_ns(), self.now_mb()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--every", type=float, default=6.0, help="seconds for each exchange (%(default)s)")
    parser.add_argument("--rate", type=float, default=30.0, help="of the camera, Hz (%(default)s)")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--precision", default="auto")
    args = parser.parse_args()
    from enet_ros.ros import process
    from enet_ros.ros.session.session import node_process

    print(f"{args.width}x{args.height} at {args.rate:g} Hz, engine {args.engine}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        town = Path(folder) / "town.safetensors"
        retrain(town, 0)
        parameters = {"model": town, "engine": args.engine, "precision": args.precision}
        with process.running([], exit_s=None) as ros, node_process(parameters, {"__ns": NAMESPACE}) as child:
            node = ros.create_node("bench")
            listener = Listener(node, [])
            while not listener.info:
                assert child.poll() is None, "the node ended"
                time.sleep(0.05)
            frames = round(args.rate * (args.every * (4 * args.rounds + 1) + SETTLE_S))
            with ThreadPoolExecutor(1) as pool:
                sending = pool.submit(send, Camera(args.width, args.height, args.rate, frames, False))
                exchanges = exchange(node, town, child.pid, args, listener)
                assert not sending.done(), "the camera ended before the last exchange: give a longer --every"
                sent = sending.result()
            time.sleep(2.5)  # diagnostics with the last count
    tell(listener, exchanges, 1000 / args.rate)
    return 0 if exact(listener, sent, 1 + 3 * args.rounds) else 1


def retrain(path: Path, seed: int) -> None:
    """camvid with slightly other weights."""
    model = model_file.load(model_file.resolve("camvid"))
    rng = np.random.default_rng(seed)
    model_file.save(path, model.card, {n: t * (1 + 1e-4 * rng.standard_normal()) for n, t in model.tensors.items()})


def exchange(node: Any, town: Path, pid: int, args: argparse.Namespace, listener: Listener) -> list[Exchange]:
    """All of them, at the pace asked for, once the camera is answered."""
    from rcl_interfaces.srv import SetParameters
    from rclpy.parameter import Parameter

    client = node.create_client(SetParameters, f"{NODE}/set_parameters")
    assert client.wait_for_service(10)
    while not listener.masks:
        time.sleep(0.05)
    done, stop = [], threading.Event()
    memory = Memory(pid, stop)
    time.sleep(args.every)
    print(f"memory before: {memory.now_mb():.0f} MB")
    for number in range(args.rounds):
        for kind, model in zip(KINDS, (town, town, "road", town), strict=True):
            began_s = time.monotonic()
            if kind == RETRAINED:
                retrain(town, number + 1)
            asked_ns = time.time_ns()
            value = Parameter("model", value=str(model)).to_parameter_msg()
            asked = client.call_async(SetParameters.Request(parameters=[value]))
            while not asked.done():
                time.sleep(0.005)
            (result,) = asked.result().results
            assert result.successful, result.reason
            answered_ns = time.time_ns()
            time.sleep(max(SETTLE_S, args.every - (time.monotonic() - began_s)))
            most_mb = memory.most_mb(asked_ns, time.time_ns())
            done.append(Exchange(kind, asked_ns, answered_ns, most_mb, memory.now_mb()))
    stop.set()
    return done


def tell(listener: Listener, exchanges: list[Exchange], period_ms: float) -> None:
    """The table, as documents have it."""
    numbers = {stamp: latency.model_number for stamp, latency in listener.latencies.items()}
    gaps: list[Gap] = []
    for before, after in pairwise(listener.masks):
        ms = (after.received_ns - before.received_ns) / 1e6
        gaps.append(Gap(after.received_ns, ms, numbers[after.stamp_ns] != numbers[before.stamp_ns]))
    calm = [gap.ms for gap in gaps if not within(gap, exchanges)]
    print(
        "| `model` set to | answered (s) | while loading: gap p50, p99, max (ms) | at the exchange "
        "| MB at most, after the first, after the last |"
    )
    print("|---|---|---|---|---|")
    print(f"| nothing, calm | | {three(calm)} | | |")
    for kind in KINDS:
        calls = [call for call in exchanges if call.kind == kind]
        answered = [(call.answered_ns - call.asked_ns) / NS for call in calls]
        meanwhile = [gap.ms for gap in gaps if within(gap, calls) and not gap.new]
        at = [gap.ms for gap in gaps if within(gap, calls) and gap.new]
        assert len(at) == (0 if kind == UNCHANGED else len(calls)), f"{kind}: {len(at)} exchanges of {len(calls)}"
        memory = f"{max(call.peak_mb for call in calls):.0f}, {calls[0].after_mb:.0f}, {calls[-1].after_mb:.0f}"
        print(
            f"| {kind} ({len(calls)} times) | {min(answered):.2f} to {max(answered):.2f} | {three(meanwhile)} "
            f"| {three(at) if at else ''} | {memory} |"
        )
    print(f"the camera's period is {period_ms:.1f} ms")


def within(gap: Gap, calls: list[Exchange]) -> bool:
    return any(call.asked_ns <= gap.at_ns <= call.answered_ns + AFTER_S * NS for call in calls)


def three(values: list[float]) -> str:
    p50, p99 = figures.percentiles(values, 50, 99)
    return f"{p50:.0f}, {p99:.0f}, {max(values):.0f}"


def exact(listener: Listener, sent: int, networks: int) -> bool:
    """Whether every image is in one count, every answered one has a mask, and each network has answered."""
    count = {key: int(listener.status[key]) for key in ("received", "answered", "dropped", "skipped", "failed")}
    lost = int(listener.status["lost in transport"])
    answered_by = {latency.model_number for latency in listener.latencies.values()}
    print(f"sent {sent}, lost in transport {lost}, " + ", ".join(f"{key} {value}" for key, value in count.items()))
    print(f"masks {len(listener.masks)}, networks {len(answered_by)} of {networks}")
    return (
        sent == count["received"] + lost
        and count["received"] == count["answered"] + count["dropped"] + count["skipped"] + count["failed"]
        and len({mask.stamp_ns for mask in listener.masks}) == len(listener.masks) == count["answered"]
        and len(answered_by) == networks
    )


if __name__ == "__main__":
    sys.exit(main())
