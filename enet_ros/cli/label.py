"""Add masks, overlays and free space to the cameras of a bag, or of many.

  enet_ros label drive.mcap drive_labelled
  enet_ros label drives/ -o labelled/                            each bag below drives/, to labelled/NAME
  enet_ros label 's3://fleet/2024-06-*' -o s3://fleet/labelled   from and to a store that fsspec opens
  enet_ros label drive labelled --model camvid --height 1.5 --pitch-deg 3   free space in metres, too
  enet_ros label drive labelled --view       looked at in the browser meanwhile (needs rerun-sdk)
  enet_ros label drive masks_only --outputs mask/compressed --exclude /lidar/points

OUT has every message of IN, byte for byte, and for a camera /camera/image_raw:
  /camera/segmentation/mask/compressed       class ids, void 255, at camera resolution, as a grey PNG
  /camera/segmentation/overlay/compressed    JPEG
  /camera/segmentation/free_space            enet_ros/FreeSpace; in metres with camera_info and --height
  /camera/segmentation/info                  what the ids mean, latched
With `--outputs mask` the raw mask (mono8), for programs that read no PNG: as small within an MCAP file, fifty times as
large in SQLite and when it is played.

A run that was killed or interrupted leaves OUT.part; run the same command again to resume from there. OUT appears when
it is whole. Of many bags, those that are done already are passed over; one that is broken is told at the end.
"""

from __future__ import annotations

import argparse
import math
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path

import cv2

from enet_ros import model_file
from enet_ros.bags.info import size_bytes
from enet_ros.bags.writer import STORAGES
from enet_ros.camera import CameraPose
from enet_ros.card import ModelCard
from enet_ros.cli import many
from enet_ros.cli.results import tell_problems
from enet_ros.engines import ENGINES
from enet_ros.errors import BagError, ConfigError, EnetRosError
from enet_ros.fleet import Drive, find_drives
from enet_ros.fleet.work import EngineChoice, LabelWork
from enet_ros.holding import held
from enet_ros.labelling import BagOptions, LabelResult, OutputSettings, label
from enet_ros.labelling.outputs import DEFAULT_KINDS, KINDS
from enet_ros.labelling.run import CHECKPOINT_FRAMES
from enet_ros.labelling.sizes import Sizes, estimate
from enet_ros.labelling.watching import BagView, Watch, nobody
from enet_ros.memory import keep_pages
from enet_ros.places import Place
from enet_ros.terminal import progress
from enet_ros.viewer import RECORDED, opened
from enet_ros.viewer.window import HELP, WEB

_SAMPLES = 3
"""How many of many bags are tried for one whose result can be estimated."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "source",
        nargs="+",
        metavar="IN [OUT]",
        help="folder of a bag or its .mcap or .db3 file, and the labelled bag, a folder that does not exist yet; with"
        " -o any number of bags, folders of bags and globs, here or in a store",
    )
    parser.add_argument(
        "-o", "--out", metavar="DIR", help="folder that gets each bag's labelled copy, here or in a store"
    )
    parser.add_argument("--model", default=model_file.DEFAULT, help="a shipped model's name or a file (%(default)s)")
    parser.add_argument("--engine", default="auto", choices=("auto", *ENGINES), help="runtime (%(default)s)")
    parser.add_argument("--precision", default="auto", help="auto, fp32, fp16, bf16 or int8 (%(default)s)")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads; 0 is all (%(default)s)")
    parser.add_argument(
        "--caution",
        type=float,
        default=0.0,
        metavar="P",
        help="void drivable pixels less probable than P, 0..1 (%(default)s)",
    )
    parser.add_argument(
        "--outputs",
        nargs="+",
        choices=KINDS,
        default=list(DEFAULT_KINDS),
        metavar="NAME",
        help=f"what to add: some of {', '.join(KINDS)} (default: all but mask)",
    )
    parser.add_argument("--topics", nargs="+", metavar="TOPIC", help="image topics to label (default: all cameras)")
    parser.add_argument("--exclude", nargs="+", metavar="TOPIC", default=[], help="topics to leave out of OUT")
    parser.add_argument("--quality", type=int, default=80, help="JPEG quality of the overlay, 1..100 (%(default)s)")
    parser.add_argument("--full-overlay", action="store_true", help="overlay at the size of the camera's image")
    parser.add_argument("--storage", choices=tuple(STORAGES), default="mcap", help="format of OUT (%(default)s)")
    parser.add_argument(
        "--checkpoint",
        type=int,
        default=CHECKPOINT_FRAMES,
        metavar="N",
        help="a killed run loses about N frames at most (%(default)s)",
    )
    parser.add_argument("--force", action="store_true", help="replace OUT, and discard an OUT.part of other settings")
    pose = parser.add_argument_group("pose of the camera (REP-103), for free space in metres")
    pose.add_argument("--height", type=float, metavar="M", help="height of the camera above the ground")
    for name, unit, text in (
        ("pitch-deg", "DEG", "degrees, not the node's radians; positive looks down"),
        ("roll-deg", "DEG", "degrees; positive lowers the right side"),
        ("yaw-deg", "DEG", "degrees; positive turns left"),
        ("x", "M", "metres forward of the base frame's origin"),
        ("y", "M", "metres left of the base frame's origin"),
    ):
        pose.add_argument(f"--{name}", type=float, default=0.0, metavar=unit, help=text)
    pose.add_argument("--base-frame", default="base_link", help="frame of the pose (%(default)s)")
    parser.add_argument("--view", nargs="?", const=WEB, metavar="WHERE", help=HELP)
    many.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Label the bags; returns 0, or 1 where frames could not be decoded or bags were given up."""
    if args.checkpoint < 1 or not 1 <= args.quality <= 100:
        raise ConfigError(f"--checkpoint {args.checkpoint} --quality {args.quality}: use at least 1, and 1..100")
    kinds = tuple(args.outputs)
    settings = OutputSettings(kinds, _pose(args), args.base_frame, args.quality, args.full_overlay, args.caution)
    keep_pages()
    cv2.setNumThreads(1)  # frames are decoded and encoded in parallel already
    model = model_file.resolve(args.model)
    choice = EngineChoice(model, args.engine, args.precision, None, args.threads, confidence=args.caution > 0)
    options = BagOptions(args.topics and tuple(args.topics), tuple(args.exclude), args.storage, args.checkpoint)
    if args.out is not None:
        if args.view:
            raise ConfigError(
                "--view shows one bag, IN OUT, while it is labelled: leave it out with -o, which takes many"
            )
        return _many(args, LabelWork(choice, Place.of(args.out), settings, options, args.force))
    if len(args.source) != 2:
        raise ConfigError("say IN OUT, a bag and its labelled copy, or -o DIR beside any number of bags")
    if any("://" in place for place in args.source):
        raise ConfigError("a bag of a store is labelled with -o DIR, also into one: leave out OUT")
    source, out = map(Path, args.source)
    work = LabelWork(choice, Place.of(out), settings, options, args.force)
    card = model_file.read_card(model)
    with opened(args.view, RECORDED) if args.view else nullcontext() as window:
        if window is None:
            return _one(source, out, work, card)
        print(f"enet_ros: look at {window.place}", file=sys.stderr)
        code = _one(source, out, work, card, BagView(window, card, settings))
        if window.lasting:
            print(f"enet_ros: {window.place} stays; Ctrl-C ends it", file=sys.stderr)
            signal.pause()
        return code


def _one(source: Path, out: Path, work: LabelWork, card: ModelCard, watch: Watch = nobody) -> int:
    """Label one bag."""
    begun = time.perf_counter()
    engine = work.engine.create()
    try:
        _tell(estimate(source, card, engine, work.settings, work.options), source, out)
        with progress(f"labelling {out}", None) as bar:
            result = label(
                source,
                out,
                card,
                engine,
                work.settings,
                work.options,
                overwrite=work.overwrite,
                started=bar.begin,
                advance=bar.advance,
                watch=watch,
            )
    except KeyboardInterrupt:
        if (part := out.with_name(f"{out.name}.part")).exists():
            print(f"enet_ros: interrupted; run the same command again to resume from {part}", file=sys.stderr)
        raise
    finally:
        engine.close()
    seconds = time.perf_counter() - begun
    done = f"{result.frames} frames in {seconds:.1f} s ({result.frames / seconds:.1f} frames/s)"
    size = size_bytes(out)
    return _report(out, result, f"{done}, {size / 1e6:.1f} MB, {size / size_bytes(source):.1f} times {source}")


def _say(sizes: Sizes, source: Path | str, out: Path | Place) -> None:
    """Say what is going to be written."""
    added = ", ".join(f"{kind} {size / 1e6:.1f} MB" for kind, size in sizes.added)
    about = f"about {sizes.total / 1e6:.0f} MB, {sizes.total / sizes.source:.1f} times {source}"
    print(f"{out}: will be {about}: {added} are added to {sizes.source / 1e6:.1f} MB", file=sys.stderr)


def _tell(sizes: Sizes, source: Path, out: Path) -> None:
    """Say what the labelled bag will weigh. Raises BagError where the disk has not the room."""
    _say(sizes, source, out)
    folder = next(parent for parent in out.resolve().parents if parent.exists())
    begun = sum(file.stat().st_size for file in out.with_name(f"{out.name}.part").rglob("*") if file.is_file())
    if (free := shutil.disk_usage(folder).free) < sizes.total - begun:
        raise BagError(f"{folder} has {free / 1e6:.0f} MB left: choose another place, or fewer --outputs")


def _many(args: argparse.Namespace, work: LabelWork) -> int:
    """Label many bags."""
    codes = []
    drives = find_drives(args.source, work.out)
    with held(work.out) as check:
        _tell_all(args, work, drives)
        for drive, result, *_ in many.run_many(work, drives, args, check):
            if result is None:
                print(f"{work.out / drive.name}: done before", file=sys.stderr)
                codes.append(0)
            else:
                codes.append(_report(work.out / drive.name, result, f"{result.frames} frames"))
    return max(codes, default=1) or int(len(codes) < len(drives))


def _tell_all(args: argparse.Namespace, work: LabelWork, drives: Sequence[Drive]) -> None:
    """Say what the bags that are not labelled yet will weigh, as one of them does, or why that is not known.

    The middle one of those on this machine by size; where all are in a store, the smallest, which is fetched. A room
    that may be too small is only told: other bags may weigh less, and what is done by then is not lost.
    """
    there = {found.path for found in work.out.files()}
    left = [drive for drive in drives if work.overwrite or f"{drive.name}/metadata.yaml" not in there]
    sizes = sorted(left, key=lambda drive: drive.size)
    here = [drive for drive in sizes if drive.place.local is not None]
    problem = ""
    for sample in here[len(here) // 2 :][:_SAMPLES] if here else sizes[:1]:
        if sample.place.local is None:
            what = f"{sample.place} ({sample.size / 1e6:.1f} MB) is fetched to estimate what all will weigh"
            print(f"enet_ros: {what}", file=sys.stderr)
        try:
            found = _estimated(args, work, sample)
        except EnetRosError as error:  # told of each bag later, too
            problem = str(error)
            continue
        whole = found.of(sum(drive.size for drive in left))
        _say(whole, f"{len(left)} bags, as of {sample.name}", work.out)
        if work.out.local is not None and (free := shutil.disk_usage(work.out.local).free) < whole.total:
            print(f"enet_ros: {work.out} has {free / 1e6:.0f} MB left, maybe too little", file=sys.stderr)
        return
    if problem:
        print(f"enet_ros: what {work.out} will weigh is not known: {problem}", file=sys.stderr)


def _estimated(args: argparse.Namespace, work: LabelWork, sample: Drive) -> Sizes:
    """What one of many bags will weigh; a bag of a store is fetched."""
    with many.scratch(args).bag(sample) as bag, closing(work.engine.create()) as engine:
        return estimate(bag, model_file.read_card(work.engine.model), engine, work.settings, work.options)


def _pose(args: argparse.Namespace) -> CameraPose | None:
    if args.height is None:
        return None
    roll, pitch, yaw = (math.radians(v) for v in (args.roll_deg, args.pitch_deg, args.yaw_deg))
    return CameraPose(args.height, pitch, roll, args.x, args.y, yaw)


def _report(out: Path | Place, result: LabelResult, done: str) -> int:
    say = partial(print, file=sys.stderr)
    resumed = f", after {result.resumed} messages of an earlier run" if result.resumed else ""
    say(f"{out}: {done}{resumed}")
    for note in result.notes:
        say(f"enet_ros: {note}")
    return tell_problems(result.problems, "not labelled")
