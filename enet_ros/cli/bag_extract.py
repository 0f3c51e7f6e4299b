"""Take pictures out of recorded drives, those that are worth an annotator's time.

  enet_ros bag extract drives/ -o frames/ --every 2s                  one picture in two seconds
  enet_ros bag extract a.mcap b/ -o frames/ --moved 2m                where the robot moved on, by odometry or TF
  enet_ros bag extract drives/ -o frames/ --every 1s --count 200 --by mixed --prelabel
  enet_ros bag extract drives/ -o frames/ --count 100 --by disagreement --against camvid

--count N chooses over all drives, --by
  time           evenly
  uncertainty    where the model doubts the drivable area and its boundary most
  disagreement   where it differs from --against MODEL, or from its own answer to the frame before
  novelty        what looks least like all that is chosen, by features of the network (k-centre greedy; needs torch)
  mixed          novelty weighted by the two before it
Near-duplicates are left out (--unlike).

frames/images/DRIVE/ has the pictures, as they were recorded where they are JPEG or PNG; manifest.csv says of each which
message it is, when, and where the robot was. With --prelabel, frames/labels/ has the model's masks, classes.yaml what
they mean, annotations.xml and labels.json are for CVAT, coco.json for tools that read COCO: the annotator corrects
instead of drawing. A killed run leaves frames.part; the same command goes on from there.
"""

from __future__ import annotations

import argparse
import re
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from enet_ros import model_file
from enet_ros.arrays import U8
from enet_ros.card import ModelCard
from enet_ros.engines import ENGINES, create
from enet_ros.errors import ConfigError
from enet_ros.extraction import Drive, Eyes, ScanSettings, extract
from enet_ros.extraction.prelabels import FORMATS, write_prelabels
from enet_ros.fleet import find_drives
from enet_ros.segmenter import Segmenter
from enet_ros.selection import BY
from enet_ros.stamps import NS
from enet_ros.terminal import progress

UNLIKE = 5
"""Bits of 64 in which two pictures must differ: a camera that stands still gives 0 to 4."""
_SCORED = {"uncertainty": (True, False), "disagreement": (False, True), "mixed": (True, True)}
"""Which of uncertainty and disagreement a way to choose needs."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("drives", nargs="+", metavar="DRIVE", help="a bag, a folder of bags, or a glob in quotes")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR", help="a folder that does not exist yet")
    which = parser.add_argument_group("which frames")
    which.add_argument("--every", metavar="TIME", help="at least so far apart: 2s, 500ms")
    which.add_argument("--moved", metavar="WAY", help="at least so far apart: 2m, 50cm")
    which.add_argument("--count", type=int, metavar="N", help="so many, of those that --every and --moved leave")
    which.add_argument("--by", choices=BY, default="time", help="how to choose them (%(default)s)")
    which.add_argument(
        "--unlike",
        type=int,
        default=UNLIKE,
        metavar="BITS",
        help="least difference of two pictures, 0..64 (%(default)s)",
    )
    which.add_argument("--topics", nargs="+", default=[], metavar="TOPIC", help="image topics (default: all cameras)")
    which.add_argument("--base-frame", default="base_link", help="frame that TF moves, for --moved (%(default)s)")
    model = parser.add_argument_group("the model that scores and prelabels")
    model.add_argument("--model", default=model_file.DEFAULT, help="a shipped model's name or a file (%(default)s)")
    model.add_argument("--against", metavar="MODEL", help="a second one, for disagreement")
    model.add_argument("--engine", default="auto", choices=("auto", *ENGINES), help="runtime (%(default)s)")
    model.add_argument("--precision", default="auto", help="auto, fp32, fp16, bf16 or int8 (%(default)s)")
    model.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads; 0 is all (%(default)s)")
    parser.add_argument(
        "--prelabel", nargs="*", choices=FORMATS, help="masks of the model, and what annotation tools read (all)"
    )
    parser.add_argument("--force", action="store_true", help="replace DIR, and discard a DIR.part of another job")


def run(args: argparse.Namespace) -> int:
    """Extract; returns 0, or 1 where something could not be read."""
    settings = ScanSettings(
        tuple(args.topics),
        round(_quantity("--every", args.every, {"s": 1.0, "ms": 1e-3}) * NS),
        _quantity("--moved", args.moved, {"m": 1.0, "cm": 0.01}),
        args.base_frame,
    )
    if not (args.every or args.moved or args.count):
        raise ConfigError("say which frames: --every 2s, --moved 2m, or --count 200")
    if args.count is None and args.by != "time":
        raise ConfigError(f"--by {args.by} needs --count, how many to choose")
    if args.against and args.by not in ("disagreement", "mixed"):
        raise ConfigError("--against is for --by disagreement or mixed")
    if not 0 <= args.unlike <= 64:
        raise ConfigError(f"--unlike {args.unlike}: use 0 to 64 bits")
    drives = _drives(args.drives)
    formats = None if args.prelabel is None else tuple(args.prelabel or FORMATS)
    with ExitStack() as stack:
        opened = partial(_opened, stack, args)
        scored = args.by in _SCORED or args.by == "novelty"
        first = opened(args.model) if scored or formats is not None else None
        eyes = _eyes(args, first, opened) if scored and first else None
        label, finish = None, lambda folder, rows: None
        if formats is not None and first:
            segmenter, card = first
            label = partial(_label, segmenter)
            finish = lambda folder, rows: write_prelabels(folder, rows, card.classes, formats)  # noqa: E731
        bar = stack.enter_context(progress(f"extracting to {args.out}", None))
        used = [card.digest for _, card in [side for side in (first, eyes and eyes.other) if side]]
        result = extract(
            drives,
            args.out,
            settings,
            count=args.count,
            by=args.by,
            unlike=args.unlike,
            eyes=eyes,
            label=label,
            finish=finish,
            job=[used, formats],
            overwrite=args.force,
            started=lambda steps: bar.begin(steps, 0),
            advance=bar.advance,
        )
    say = partial(print, file=sys.stderr)
    say(f"{args.out}: {len(result.rows)} pictures of {result.candidates} frames from {len(drives)} drives")
    if args.count and len(result.rows) < args.count:
        say(f"enet_ros: {args.count} were asked for; the others are too like these (--unlike {args.unlike})")
    for problem in result.problems[:5]:
        say(f"enet_ros: not read: {problem}")
    if len(result.problems) > 5:
        say(f"enet_ros: and {len(result.problems) - 5} more")
    return 1 if result.problems else 0


def _drives(texts: list[str]) -> list[Drive]:
    """The bags meant, by names that can be a folder's. ConfigError for one that is not on this machine."""
    drives = []
    for found in find_drives(texts):
        if found.place.local is None:
            raise ConfigError(f"{found.place} is in a store: fetch it, pictures are taken out of local bags")
        drives.append(Drive(found.name.replace("/", "_"), found.place.local))
    return drives


def _opened(stack: ExitStack, args: argparse.Namespace, model: str) -> tuple[Segmenter, ModelCard]:
    """A model ready to answer; the stack closes it."""
    path = model_file.resolve(model)
    engine = create(args.engine, path, confidence=True, precision=args.precision, threads=args.threads)
    card = model_file.read_card(path)
    return Segmenter(stack.enter_context(engine), card), card


def _eyes(
    args: argparse.Namespace, first: tuple[Segmenter, ModelCard], opened: partial[tuple[Segmenter, ModelCard]]
) -> Eyes:
    doubts, disagrees = _SCORED.get(args.by, (False, False))
    features = None
    if args.by in ("novelty", "mixed"):
        from enet_ros.selection.features import Features  # torch, for these ways alone

        features = Features(model_file.resolve(args.model), args.threads)
    return Eyes(*first, doubts, disagrees, opened(args.against) if args.against else None, features)


def _label(segmenter: Segmenter, rgb: U8) -> U8:
    return segmenter.segment(rgb).labels


def _quantity(option: str, text: str | None, units: dict[str, float]) -> float:
    """The number of a text such as 2s in the first unit; 0 for None. ConfigError for other texts."""
    if text is None:
        return 0.0
    match = re.fullmatch(rf"([0-9]*\.?[0-9]+)({'|'.join(units)})", text.strip())
    if match is None or not float(match[1]) > 0:
        raise ConfigError(
            f"{option} {text}: write a number and its unit ({', '.join(units)}), such as 2{next(iter(units))}"
        )
    return float(match[1]) * units[match[2]]
