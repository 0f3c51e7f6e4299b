"""Add masks, overlays and free space to the cameras of a bag.

  enet_ros label drive.mcap drive_labelled
  enet_ros label drive labelled --model camvid --height 1.5 --pitch-deg 3   free space in metres, too
  enet_ros label drive masks_only --outputs mask/compressed --exclude /lidar/points

OUT has every message of IN, byte for byte, and for a camera /camera/image_raw:
  /camera/segmentation/mask/compressed       class ids, void 255, at camera resolution, as a grey PNG
  /camera/segmentation/overlay/compressed    JPEG
  /camera/segmentation/free_space            enet_ros/FreeSpace; in metres with camera_info and --height
  /camera/segmentation/info                  what the ids mean, latched
With `--outputs mask` the raw mask (mono8) too, for programs that read no PNG; it takes many times the room.

A run that was killed or interrupted leaves OUT.part; run the same command again to resume from there. OUT appears when
it is whole.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from functools import partial
from pathlib import Path

import cv2

from enet_ros import model_file
from enet_ros.bags.writer import STORAGES
from enet_ros.camera import CameraPose
from enet_ros.engines import ENGINES, create
from enet_ros.errors import ConfigError
from enet_ros.labelling import LabelResult, OutputSettings, label
from enet_ros.labelling.outputs import DEFAULT_KINDS, KINDS
from enet_ros.labelling.run import CHECKPOINT_FRAMES
from enet_ros.memory import keep_pages
from enet_ros.terminal import progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", type=Path, metavar="IN", help="folder of a bag, or its .mcap or .db3 file")
    parser.add_argument("out", type=Path, metavar="OUT", help="the labelled bag, a folder that does not exist yet")
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


def run(args: argparse.Namespace) -> int:
    """Label the bag; returns 0, or 1 where frames could not be decoded."""
    if args.checkpoint < 1 or not 1 <= args.quality <= 100:
        raise ConfigError(f"--checkpoint {args.checkpoint} --quality {args.quality}: use at least 1, and 1..100")
    kinds = tuple(args.outputs)
    settings = OutputSettings(kinds, _pose(args), args.base_frame, args.quality, args.full_overlay, args.caution)
    keep_pages()
    cv2.setNumThreads(1)  # frames are decoded and encoded in parallel already
    model = model_file.resolve(args.model)
    begun = time.perf_counter()
    engine = create(args.engine, model, confidence=args.caution > 0, precision=args.precision, threads=args.threads)
    try:
        with progress(f"labelling {args.out}", None) as bar:
            result = label(
                args.source,
                args.out,
                model,
                engine,
                settings,
                topics=args.topics,
                exclude=args.exclude,
                storage=args.storage,
                overwrite=args.force,
                checkpoint=args.checkpoint,
                started=bar.begin,
                advance=bar.advance,
            )
    except KeyboardInterrupt:
        if (part := args.out.with_name(f"{args.out.name}.part")).exists():
            print(f"enet_ros: interrupted; run the same command again to resume from {part}", file=sys.stderr)
        raise
    finally:
        engine.close()
    return _report(args.out, result, time.perf_counter() - begun)


def _pose(args: argparse.Namespace) -> CameraPose | None:
    if args.height is None:
        return None
    roll, pitch, yaw = (math.radians(v) for v in (args.roll_deg, args.pitch_deg, args.yaw_deg))
    return CameraPose(args.height, pitch, roll, args.x, args.y, yaw)


def _report(out: Path, result: LabelResult, seconds: float) -> int:
    say = partial(print, file=sys.stderr)
    resumed = f", after {result.resumed} messages of an earlier run" if result.resumed else ""
    say(f"{out}: {result.frames} frames in {seconds:.1f} s ({result.frames / seconds:.1f} frames/s){resumed}")
    for note in result.notes:
        say(f"enet_ros: {note}")
    for problem in result.problems[:5]:
        say(f"enet_ros: not labelled: {problem}")
    if len(result.problems) > 5:
        say(f"enet_ros: and {len(result.problems) - 5} more")
    return 1 if result.problems else 0
