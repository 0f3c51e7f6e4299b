"""The options of verbs that do many bags, and the run of such a verb."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from enet_ros.fleet import Drive, Outcome, run_here
from enet_ros.fleet.cluster import run_on_ray
from enet_ros.fleet.hand import CPUS, ClusterOptions
from enet_ros.fleet.scratch import Scratch
from enet_ros.fleet.work import Work
from enet_ros.holding import Check
from enet_ros.labelling.pipeline import CORES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    many = parser.add_argument_group("many bags")
    many.add_argument(
        "--ray",
        nargs="?",
        const="auto",
        metavar="HOST:PORT",
        help="do it on a Ray cluster, this machine's or that",
    )
    many.add_argument("--ray-workers", type=int, default=0, metavar="N", help="most workers (all there is room for)")
    many.add_argument(
        "--ray-cpus", type=int, default=0, metavar="N", help=f"CPUs of a worker ({CPUS}, or all of a smaller machine)"
    )
    many.add_argument("--ray-gpus", type=float, default=0, metavar="X", help="GPUs of a worker, such as 0.5 (none)")
    many.add_argument(
        "--scratch", type=Path, metavar="DIR", help="where bags of a store are copied to (~/.cache/enet_ros/scratch)"
    )
    many.add_argument(
        "--scratch-gb", type=float, default=0, metavar="GB", help="most that is kept there (half of what is free)"
    )


def run_many(
    work: Work, drives: Sequence[Drive], args: argparse.Namespace, check: Check = lambda: None
) -> Iterator[Outcome]:
    """Do a verb's work on all bags, here or on a cluster, and yield what becomes of each that is not given up.

    Those that are given up are told at the end. check: as in `outcomes`.
    """
    broken = []
    for outcome in outcomes(work, drives, args, check):
        if outcome.problem:
            broken.append(outcome)
        else:
            yield outcome
    if broken:
        print(f"enet_ros: {len(broken)} of {len(drives)} bags failed:", file=sys.stderr)
    for outcome in broken:
        print(f"  {outcome.drive.name}: {outcome.problem}", file=sys.stderr)


def scratch(args: argparse.Namespace) -> Scratch:
    """Where bags of a store are copied to on this machine."""
    return Scratch(args.scratch, round(args.scratch_gb * 1e9))


def outcomes(
    work: Work, drives: Sequence[Drive], args: argparse.Namespace, check: Check = lambda: None
) -> Iterator[Outcome]:
    """Do a verb's work on all bags, here or on a cluster, and yield what becomes of each.

    check: of the folder of results, asked before each step; what it raises ends the work.
    """
    if args.ray is not None:
        cluster = args.ray, args.ray_workers, args.ray_cpus, args.ray_gpus
        options = ClusterOptions(*cluster, args.scratch, round(args.scratch_gb * 1e9))
        yield from run_on_ray(work, drives, options, check)
        return
    worker = work.worker(scratch(args), CORES)
    try:
        yield from run_here(worker, drives, check)
    finally:
        worker.close()
