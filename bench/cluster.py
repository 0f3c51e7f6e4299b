"""Label bags on a Ray cluster of several nodes on this machine, and compare with one process: bytes, speed, overhead.

  ./run exec python bench/cluster.py speed --frames 1500           throughput by turns, in one run
  ./run exec python bench/cluster.py kill --seed 1 --kills 20      SIGKILL of workers, raylets and the driver

`kill` ends with a comparison of all bytes, and exits with 1 where they differ. Needs requirements/cluster.txt.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

from ray.cluster_utils import Cluster

from enet_ros.bags.create import BagLayout, create
from enet_ros.frames.street import from_street

NODE = {"object_store_memory": 100 << 20, "node_ip_address": "127.0.0.2"}  # loopback; Ray replaces 127.0.0.1


def start(nodes: int, cpus: int) -> Cluster:
    """A head without CPUs, and nodes."""
    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "num_cpus": 0, "include_dashboard": False})
    for _ in range(nodes):
        cluster.add_node(num_cpus=cpus, **NODE)
    return cluster


def drives(folder: Path, bags: int, frames: int, width: int, height: int) -> Path:
    """Bags of the synthetic street, each with frames of its own."""
    for number in range(bags):
        street = from_street(frames, seed=number, width=width, height=height)
        create(folder / f"drive{number}", street, BagLayout(compression="jpeg"))
    return folder


def command(source: Path, out: Path, *more: str) -> list[str]:
    """`enet_ros label` as a person starts it."""
    return [sys.executable, "-m", "enet_ros", "label", str(source), "-o", str(out), *more]


def files(folder: Path) -> dict[str, bytes]:
    """All files but the lock."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def label_processes(cluster: Any) -> list[int]:
    """The workers of the cluster's nodes."""
    raylets = {info.process.pid for node in cluster.list_all_nodes() for info in node.all_processes.get("raylet", [])}
    found = []
    for folder in Path("/proc").iterdir():
        try:
            name = (folder / "cmdline").read_bytes()
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        except (OSError, IndexError):
            continue
        if name.startswith(b"ray::Hand") and int(parent) in raylets:
            found.append(int(folder.name))
    return found


def kill(args: argparse.Namespace, folder: Path) -> int:
    """Kill at random until the number is reached, then let it come to its end; 1 where the bytes differ."""
    source = drives(folder / "in", args.bags, args.frames, 240, 180)
    options = ["--model", "camvid", "--engine", "onnxruntime", "--threads", "1", "--checkpoint", str(args.checkpoint)]
    subprocess.run(command(source, folder / "once", *options), check=True, stderr=subprocess.DEVNULL)
    cluster, rng, killed = start(args.nodes, 1), random.Random(args.seed), Counter()
    begun = time.monotonic()
    spread = command(source, folder / "spread", *options, "--ray", cluster.address)
    driver = subprocess.Popen(spread)
    while sum(killed.values()) < args.kills:
        time.sleep(rng.uniform(*args.pause))
        ended = driver.poll()
        if ended == 0:
            shutil.rmtree(folder / "spread")  # it was faster than the kills: again from the start
        if ended is not None:
            print(f"the driver ended with {ended} and is begun again", flush=True)
            driver = subprocess.Popen(spread)
            continue
        what = rng.choice(("worker", "worker", "raylet", "driver"))
        if what == "worker":
            processes = label_processes(cluster)
            if not processes:
                continue
            os.kill(rng.choice(processes), signal.SIGKILL)
        elif what == "raylet":
            node = rng.choice(sorted(cluster.worker_nodes, key=lambda node: node.unique_id))
            os.kill(node.all_processes["raylet"][0].process.pid, signal.SIGKILL)
            cluster.remove_node(node, allow_graceful=False)
            cluster.add_node(num_cpus=1, **NODE)
        else:
            driver.kill()
            driver.wait()
            driver = subprocess.Popen(spread)
        killed[what] += 1
        done = len([*(folder / "spread").glob("*.part/*.json"), *(folder / "spread").glob("*/*.mcap")])
        print(f"{time.monotonic() - begun:6.1f} s  killed a {what}; {done} segments are done", flush=True)
    code = driver.wait()
    while code < 0:  # killed last
        code = subprocess.run(spread).returncode
    once, spread_files = files(folder / "once"), files(folder / "spread")
    same = once == spread_files
    kills = ", ".join(f"{count} {what}s" for what, count in sorted(killed.items()) if count)
    print(f"seed {args.seed}: {kills} killed in {time.monotonic() - begun:.0f} s; exit code {code};", end=" ")
    print(f"{len(once)} files, {sum(map(len, once.values())) / 1e6:.0f} MB: {'the same' if same else 'NOT THE SAME'}")
    cluster.shutdown()
    return 0 if same and code == 0 else 1


def speed(args: argparse.Namespace, folder: Path) -> int:
    """One process and a cluster of one node with the same cores, by turns; the cluster's start is not counted."""
    source = drives(folder / "in", args.bags, args.frames, 960, 540)
    cluster, cores = start(1, args.cpus), str(args.cpus)
    options = ["--model", "camvid", "--checkpoint", str(args.checkpoint)]
    ways = {"one process": [], "Ray": ["--ray", cluster.address, "--ray-cpus", cores]}
    frames, rates = args.bags * args.frames, {way: [] for way in ways}
    for turn in range(args.rounds):
        for way, more in ways.items():
            shutil.rmtree(folder / "out", ignore_errors=True)
            begun = time.perf_counter()
            subprocess.run(command(source, folder / "out", *options, *more), check=True, stderr=subprocess.DEVNULL)
            seconds = time.perf_counter() - begun
            rates[way].append(frames / seconds)
            load = os.getloadavg()[0]
            print(f"round {turn}, {way}: {frames / seconds:.1f} frames/s, {seconds:.1f} s, load {load:.1f}", flush=True)
    ratios = [b / a for a, b in zip(rates["one process"], rates["Ray"], strict=True)]
    print(f"Ray to one process, process starts included: {statistics.median(ratios):.3f} ({ratios})")
    cluster.shutdown()
    return 0


def main() -> int:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "kill"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument(
        "--pause", type=float, nargs=2, default=(3.0, 12.0), metavar="S", help="between kills, at random"
    )
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--bags", type=int, default=3)
    parser.add_argument("--frames", type=int, default=300, help="of each bag")
    parser.add_argument("--checkpoint", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return kill(args, Path(folder)) if args.what == "kill" else speed(args, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
