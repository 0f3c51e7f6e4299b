"""A robot's day in less: one node under everything that happens to it, and an exact account at the end of every round.

  ./run exec python bench/soak.py --seconds 900
  ./run exec python bench/soak.py --frames 100000 --rate 60 --seed 7

Rounds of two stretches. In the first the node stays up and much is asked of it: a stream at the highest rate held,
subscribers that come and go, storms of right and wrong parameters, stamps that jump or are zero, bad images, a camera
that ends and starts again. It ends with the account, sent = answered + dropped + failed + lost, and with the process's
memory, descriptors and threads. In the second, processes are killed (SIGKILL) and started again and the node goes
through its states under a stream: the camera, `play`, and every few rounds the node, as `segment` and as `container`
in turn. Exit code 0: every account exact, every mask of an image that was sent, nothing grown, no shared memory left.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from soak_camera import ZERO_STAMPS, Files, Task

from enet_ros.ros import process, shared_memory
from enet_ros.stamps import stamp_ns

NAMESPACE = f"/soak_{os.getpid()}"
NODE = f"{NAMESPACE}/segmentation"
WIDTH, HEIGHT = 160, 120
PARAMETERS = {"input_width": 96, "input_height": 64, "camera_height": 1.5, "output_depth": 50, "threads": 1}
"""Of the node: a small network, so that many frames fit into the time; what surrounds it is what is tried."""
ROUND_S = 40.0
KILL_NODE_EVERY = 5
PATIENCE_S = 120.0
GROWN_MB, GROWN_FILES, GROWN_THREADS = 20.0, 3, 2
"""What a process may gain between its second account and its last."""
LIVE: dict[str, list[Any]] = {
    "overlay_opacity": [0.0, 0.3, 1, 7.0],
    "min_confidence": [0.0, 0.5, 1.0, -1.0, "much"],
    "max_pixels": [50_000_000, 50_000_000, 50_000_000, 100, 0],
    "max_age": [0.001, 5.0, 60, "old"],
    "silence": [0.1, 2.0, 1e9],
    "lazy": [True, False, 3],
    "engine": ["openvino", "nope"],
    "model": ["other"],
    "nonsense": [1],
}
"""For the storms: some values are right, others out of range, of another type, or not to be changed while active."""
CLOCK_JUMPS_NS = (0, 0, 0, 3_600_000_000_000, -3_600_000_000_000, 50_000_000, ZERO_STAMPS)


class Account(NamedTuple):
    """An activation's counters, from /diagnostics."""

    received: int
    lost: int
    answered: int
    dropped: int
    failed: int

    def closed(self) -> bool:
        """Whether no image is still in the node."""
        return self.received == self.answered + self.dropped + self.failed


class Usage(NamedTuple):
    """Of a process: memory of its own, shared memory that it has touched, open descriptors, threads.

    The shared memory is Fast DDS's, which fills its segment (64 MB by our profile) before it uses a place again.
    """

    own_mb: float
    shared_mb: float
    files: int
    threads: int

    @staticmethod
    def of(pid: int) -> Usage:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        kb = {line.partition(":")[0]: int(line.split()[1]) for line in lines if line.startswith("Rss")}
        counts = len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))
        return Usage((kb["RssAnon"] + kb["RssFile"]) / 1024, kb["RssShmem"] / 1024, *counts)


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """The condition's value once it is true. Raises TimeoutError."""
    end_s = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        if time.monotonic() > end_s:
            raise TimeoutError(what)
        time.sleep(0.02)
    return value


class Processes:
    """The node and whatever sends images, each started again after it was killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = open(folder / "processes.log", "a")  # noqa: SIM115 - of as many processes as there will be
        self._all: list[subprocess.Popen[bytes]] = []
        self._hosts = 0
        self.node: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        started = subprocess.Popen(
            [sys.executable, *arguments], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        self._all.append(started)
        return started

    def start_node(self) -> str:
        """As `segment` and as `container` in turn; returns which."""
        values = [part for name, value in PARAMETERS.items() for part in ("-p", f"{name}:={value}")]
        self._hosts += 1
        if self._hosts % 2:
            name, arguments = "segment", ["enet_ros.ros.node.main", "--ros-args", "-r", f"__ns:={NAMESPACE}"]
        else:
            name, arguments = "container", ["enet_ros.ros.node.container", NAMESPACE, "--ros-args"]
        self.node = self.start("-m", *arguments, *values)
        return name

    def start_camera(self, rate_hz: float) -> tuple[subprocess.Popen[bytes], Files]:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        files = Files.below(folder)
        for path in files:
            path.write_bytes(bytes(8) if path != files.stamps else b"")
        task = Task(NAMESPACE, rate_hz, WIDTH, HEIGHT, str(folder))
        return self.start(str(Path(__file__).with_name("soak_camera.py")), json.dumps(task._asdict())), files

    def close(self) -> None:
        for one in self._all:
            if one.poll() is None:
                one.send_signal(signal.SIGINT)
        for one in self._all:
            try:
                one.wait(10)
            except subprocess.TimeoutExpired:
                one.kill()
        self._log.close()


class Watcher:
    """Hears masks, diagnostics and whatever else is subscribed to for a while; sets parameters and changes states."""

    def __init__(self, node: Any) -> None:
        from diagnostic_msgs.msg import DiagnosticArray
        from lifecycle_msgs.srv import ChangeState, GetState
        from rcl_interfaces.srv import DescribeParameters, ListParameters, SetParameters
        from sensor_msgs.msg import CameraInfo, Image, PointCloud2

        from enet_ros.msg import FreeSpace, Latency
        from enet_ros.ros import qos

        self._node, self._profile = node, qos.keep_last(100, "reliable")
        self._kinds = dict.fromkeys(("confidence", "color", "overlay", "masks/drivable"), Image)
        self._kinds |= {"camera_info": CameraInfo, "free_space": FreeSpace}
        self._kinds |= {"obstacle_points": PointCloud2, "latency": Latency}
        self.topics = tuple(self._kinds)
        self._extra: dict[str, Any] = {}
        self.account: Account | None = None
        self.masks: list[int] = []
        self.heard = 0
        node.create_subscription(Image, f"{NODE}/mask", self._on_mask, self._profile)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_status, self._profile)
        self._set = node.create_client(SetParameters, f"{NODE}/set_parameters")
        self._list = node.create_client(ListParameters, f"{NODE}/list_parameters")
        self._describe = node.create_client(DescribeParameters, f"{NODE}/describe_parameters")
        self._change = node.create_client(ChangeState, f"{NODE}/change_state")
        self._state = node.create_client(GetState, f"{NODE}/get_state")

    def _on_mask(self, message: Any) -> None:
        self.masks.append(stamp_ns(message.header.stamp))

    def _on_status(self, message: Any) -> None:
        mine = [status for status in message.status if status.hardware_id == NODE.lstrip("/")]
        values = {value.key: value.value for status in mine for value in status.values}
        if "received" in values:
            names = ("received", "lost in transport", "answered", "dropped", "failed")
            self.account = Account(*(int(values[name]) for name in names))
        elif mine:
            self.account = None

    def toggle(self, topic: str) -> None:
        """Subscribe to an output, or end that."""
        if topic in self._extra:
            self._node.destroy_subscription(self._extra.pop(topic))
        else:
            self._extra[topic] = self._node.create_subscription(
                self._kinds[topic], f"{NODE}/{topic}", self._on_extra, self._profile
            )

    def _on_extra(self, _: Any) -> None:
        self.heard += 1

    def set(self, values: dict[str, Any]) -> list[bool] | None:
        """Whether each was accepted, one by one; None where the node does not answer."""
        from rclpy.parameter import Parameter

        request = self._set.srv_type.Request()
        request.parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
        answer = self._call(self._set, request)
        return None if answer is None else [result.successful for result in answer.results]

    def ask(self) -> None:
        """For all parameters and their descriptors."""
        listed = self._call(self._list, self._list.srv_type.Request())
        if listed is not None:
            self._call(self._describe, self._describe.srv_type.Request(names=listed.result.names))

    def state(self) -> str:
        """The label of the lifecycle state, '' where the node does not answer."""
        answer = self._call(self._state, self._state.srv_type.Request())
        return "" if answer is None else str(answer.current_state.label)

    def change(self, transition: str) -> bool:
        request = self._change.srv_type.Request()
        request.transition.id = getattr(request.transition, f"TRANSITION_{transition.upper()}")
        answer = self._call(self._change, request)
        return answer is not None and bool(answer.success)

    def _call(self, client: Any, request: Any) -> Any:
        if not client.wait_for_service(2.0):
            return None
        future = client.call_async(request)
        end_s = time.monotonic() + 20.0
        while not future.done():
            if time.monotonic() > end_s:
                client.remove_pending_request(future)
                return None
            time.sleep(0.005)
        return future.result()


class Soak:
    """Rounds of the two stretches, and what was wrong in them."""

    def __init__(self, watcher: Watcher, processes: Processes, seed: int) -> None:
        self._watcher, self._processes = watcher, processes
        self._random = random.Random(seed)
        self.rate_hz = 0.0
        self.totals: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.lives: list[list[Usage]] = []

    def start_node(self) -> None:
        started_s = time.monotonic()
        name = self._processes.start_node()
        self.active()
        self.totals[f"{name} started"] += 1
        self.totals["slowest start [ms]"] = max(
            self.totals["slowest start [ms]"], round(1000 * (time.monotonic() - started_s))
        )
        self.lives.append([])

    def active(self) -> None:
        wait_for(lambda: self._watcher.state() == "active", "the node did not become active")
        self._watcher.account = None
        wait_for(lambda: self._watcher.account, "an active node publishes no diagnostics")

    def highest_rate(self, share: float = 0.8) -> float:
        """Images a second that the node answers when more are sent, times `share`."""
        self.rate_hz = 400.0
        account, _ = self.stretch(8.0, lambda: time.sleep(0.2))
        return share * account.answered / 8.0

    def stretch(self, seconds: float, disturb: Callable[[], None]) -> tuple[Account, int]:
        """The stream under disturbances, begun with an activation of its own; (account at its end, images sent)."""
        watcher = self._watcher
        for transition in ("deactivate", "activate"):
            if not watcher.change(transition):
                self.wrong.append(f"{transition} was refused")
        self.active()
        watcher.masks.clear()
        cameras, streamed_s = [], 0.0
        while streamed_s < seconds:
            camera, files = self._processes.start_camera(self.rate_hz)
            cameras.append(files)
            wait_for(lambda f=files: f.stamps.stat().st_size, "the camera does not send")
            begun_s = time.monotonic()
            until_s = begun_s + min(seconds - streamed_s, seconds * self._random.uniform(0.4, 1.0))
            while time.monotonic() < until_s:
                offset = self._random.choice(CLOCK_JUMPS_NS)
                files.offset.write_bytes(offset.to_bytes(8, "little", signed=True))
                disturb()
            camera.send_signal(signal.SIGTERM)
            streamed_s += time.monotonic() - begun_s
            camera.wait(20)
            self.totals["cameras ended"] += 1
        watcher.set({"max_pixels": 50_000_000})
        stamps = np.concatenate([np.fromfile(files.stamps, "<i8") for files in cameras])
        sent = sum(int.from_bytes(files.sent.read_bytes(), "little") for files in cameras)
        account = self._settled()
        if sent != account.received + account.lost:
            self.wrong.append(f"sent {sent}, {account}")
        if len(watcher.masks) != account.answered or not set(watcher.masks) <= set(stamps.tolist()):
            strange = len(set(watcher.masks) - set(stamps.tolist()))
            self.wrong.append(f"{account.answered} answered, {len(watcher.masks)} masks, {strange} of no image sent")
        return account, sent

    def _settled(self) -> Account:
        """The account once it is closed and two diagnostics agree."""
        last: list[Account | None] = [None]

        def settled() -> Account | None:
            account = self._watcher.account
            time.sleep(1.2)
            same = account is not None and account == self._watcher.account == last[0] and account.closed()
            last[0] = account
            return account if same else None

        found: Account = wait_for(settled, f"the account does not close: {self._watcher.account}")
        return found

    def disturb(self) -> None:
        """One thing that a node which stays up must bear."""
        watcher, pick = self._watcher, self._random.choice
        match self._random.randrange(4):
            case 0:
                for _ in range(3):
                    watcher.toggle(pick(watcher.topics))
                self.totals["subscriptions"] += 3
            case 1:
                for _ in range(10):
                    names = self._random.sample(sorted(LIVE), 3)
                    watcher.set({name: pick(LIVE[name]) for name in names})
                self.totals["parameters set"] += 30
            case 2:
                watcher.ask()
            case _:
                time.sleep(0.5)

    def break_things(self, kill_node: bool) -> None:
        """Kills and states, under a stream."""
        watcher, totals = self._watcher, self.totals
        camera, _ = self._processes.start_camera(self.rate_hz / 2)
        play = self._play()
        for number in range(4):
            time.sleep(self._random.uniform(0.0, 1.0))
            for transition in ("deactivate", "cleanup", "configure", "activate")[:: 1 if number % 2 else 3]:
                if not watcher.change(transition):
                    self.wrong.append(f"{transition} was refused or not answered")
            totals["lifecycle rounds"] += 1
            camera.kill()
            camera, _ = self._processes.start_camera(self.rate_hz / 2)
            totals["cameras killed"] += 1
            if number == 2:
                play.kill()
                play = self._play()
                totals["players killed"] += 1
        if kill_node and self._processes.node is not None:
            self._processes.node.kill()
            self._processes.node.wait()
            totals["nodes killed"] += 1
            self.start_node()
        camera.kill()
        play.kill()

    def _play(self) -> subprocess.Popen[bytes]:
        arguments = ["--street", "--loop", "--rate", "10", "--frames", "20", "--ros-args", "-r", f"__ns:={NAMESPACE}"]
        return self._processes.start("-m", "enet_ros.ros.play.main", *arguments)

    def round(self, number: int, seconds: float) -> None:
        account, sent = self.stretch(seconds, self.disturb)
        node = self._processes.node
        usage = Usage.of(node.pid) if node is not None else Usage(0.0, 0.0, 0, 0)
        self.lives[-1].append(usage)
        for name, value in {"sent": sent, **account._asdict()}.items():
            self.totals[name] += value
        left = len(shared_memory.left_behind())
        print(
            f"round {number}: sent {sent} = {account.answered} answered + {account.dropped} dropped + "
            f"{account.failed} failed + {account.lost} lost; {usage.own_mb:.0f} MB and {usage.shared_mb:.0f} shared, "
            f"{usage.files} descriptors, {usage.threads} threads; {left} segments of dead processes",
            flush=True,
        )
        self.break_things(kill_node=number % KILL_NODE_EVERY == KILL_NODE_EVERY - 1)
        self.active()

    def done(self, frames: int, end_s: float) -> bool:
        """Whether so many images (0: any number) or that monotonic time is reached."""
        return time.monotonic() > end_s or 0 < frames <= self.totals["sent"]

    def judge(self) -> None:
        """What has grown in a process's life, after its first account."""
        for life in self.lives:
            for usage in life[-1:] if len(life) > 2 else []:
                first = life[1]
                grown = (usage.own_mb - first.own_mb, usage.files - first.files, usage.threads - first.threads)
                if any(
                    value > limit for value, limit in zip(grown, (GROWN_MB, GROWN_FILES, GROWN_THREADS), strict=True)
                ):
                    self.wrong.append(f"a node grew from {first} to {usage}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seconds", type=float, default=900.0, help="begin no second round after so long (default: 900)"
    )
    parser.add_argument("--frames", type=int, default=0, help="nor after so many images")
    parser.add_argument("--rate", type=float, default=0.0, metavar="HZ", help="default: the highest that is held")
    parser.add_argument("--round", type=float, default=ROUND_S, metavar="S", help="length of a round's first stretch")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    start_s = time.monotonic()
    with tempfile.TemporaryDirectory() as name, process.running([], exit_s=None) as ros:
        node = ros.create_node("soak")
        processes = Processes(Path(name))
        soak = Soak(Watcher(node), processes, args.seed)
        try:
            soak.start_node()
            soak.rate_hz = args.rate or soak.highest_rate()
            print(f"{soak.rate_hz:.0f} Hz, {WIDTH}x{HEIGHT}, {PARAMETERS}, seed {args.seed}", flush=True)
            number = 0
            while not number or not soak.done(args.frames, start_s + args.seconds):
                soak.round(number, args.round)
                number += 1
        except TimeoutError as error:
            soak.wrong.append(str(error))
        finally:
            processes.close()
        soak.judge()
        if soak.wrong:
            print((Path(name) / "processes.log").read_text()[-6000:])
    print(f"{time.monotonic() - start_s:.0f} s; " + ", ".join(f"{key} {value}" for key, value in soak.totals.items()))
    for text in soak.wrong:
        print(f"WRONG: {text}")
    return int(bool(soak.wrong))


if __name__ == "__main__":
    sys.exit(main())
