"""Take pictures out of recorded drives, those that are worth an annotator's time.

  enet_ros bag extract drives/ -o frames/ --every 2s                  one picture in two seconds
  enet_ros bag extract a.mcap b/ -o frames/ --moved 2m                where the robot moved on, by odometry or TF
  enet_ros bag extract drives/ -o frames/ --every 1s --count 200 --by mixed --prelabel
  enet_ros bag extract drives/ -o frames/ --count 100 --by disagreement --against camvid
  enet_ros bag extract 's3://fleet/2024-06-*' -o frames/ --count 200 --by novelty --ray

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
instead of drawing. A killed run leaves frames.part; the same command goes on from there, also with other drives or
another --count.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cache, partial
from pathlib import Path

from enet_ros import model_file
from enet_ros.arrays import U8
from enet_ros.cli import many
from enet_ros.cli.results import tell_problems
from enet_ros.engines import ENGINES
from enet_ros.errors import BagError, ConfigError
from enet_ros.extraction import Drive, Extraction, ScanSettings, extract
from enet_ros.extraction.prelabels import FORMATS, write_prelabels
from enet_ros.extraction.scan import Scanned
from enet_ros.fleet import Drive as Bag
from enet_ros.fleet import find_drives
from enet_ros.fleet.scanning import EyesChoice, ScanWork
from enet_ros.fleet.scratch import Scratch
from enet_ros.fleet.work import EngineChoice
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
    parser.add_argument(
        "drives", nargs="+", metavar="DRIVE", help="a bag, a folder of bags, or a glob in quotes, here or in a store"
    )
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
    parser.add_argument(
        "--force", action="store_true", help="replace DIR, and discard a DIR.part of other frames or another model"
    )
    many.add_arguments(parser)


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
    bags = _bags(args.drives)
    scratch = cache(lambda: many.scratch(args))
    drives = [Drive(b.name, str(b.place), b.files, partial(_fetched, scratch, b)) for b in bags]
    formats = None if args.prelabel is None else tuple(args.prelabel or FORMATS)
    with ExitStack() as stack:
        eyes = _eyes(args) if args.by in _SCORED or args.by == "novelty" else None
        work = ScanWork(settings, eyes)
        label, finish, labels = None, lambda folder, rows: None, None
        if formats is not None:
            choice = _choice(args, args.model)
            engine, card = stack.enter_context(choice.create()), model_file.read_card(choice.model)
            labels = [formats, engine.info.kind]
            label = partial(_label, Segmenter(engine, card))
            finish = lambda folder, rows: write_prelabels(folder, rows, card.classes, formats)  # noqa: E731
        bar = stack.enter_context(progress(f"extracting to {args.out}", None))
        result = extract(
            drives,
            args.out,
            settings,
            count=args.count,
            by=args.by,
            unlike=args.unlike,
            spread=partial(_spread, args, work, bags),
            label=label,
            finish=finish,
            scan_job=eyes and [eyes.doubts, eyes.disagrees, eyes.features, *(e.key() for e in work.engines)],
            job=labels,
            overwrite=args.force,
            started=lambda steps: bar.begin(steps, 0),
            advance=bar.advance,
        )
    say = partial(print, file=sys.stderr)
    say(f"{args.out}: {len(result.rows)} pictures of {result.candidates} frames from {len(drives)} drives")
    if args.count and len(result.rows) < args.count:
        say(f"enet_ros: {args.count} were asked for; {_shortage(args, result)}")
    return tell_problems(result.problems, "not read")


def _shortage(args: argparse.Namespace, result: Extraction) -> str:
    """Why there are fewer pictures than --count."""
    if len(result.rows) == result.candidates:
        return "there are no other frames to choose from"
    reasons = [f"are too like these (--unlike {args.unlike})"] if args.unlike else []
    if args.by in ("uncertainty", "disagreement"):
        reasons.append("lie within a second of one of these")
    return f"the others {' or '.join(reasons)}"


def _bags(texts: list[str]) -> list[Bag]:
    """The bags meant, by names that can be a folder's. ConfigError for two that would have one name."""
    bags: dict[str, Bag] = {}
    for found in find_drives(texts):
        bag = found._replace(name=found.name.replace("/", "_"))
        if (other := bags.setdefault(bag.name, bag)) is not bag:
            raise ConfigError(f"{other.place} and {bag.place} would both be called {bag.name}: rename one of them")
    return list(bags.values())


def _spread(
    args: argparse.Namespace, work: ScanWork, bags: Sequence[Bag], drives: Sequence[Drive]
) -> Iterator[tuple[Drive, Scanned]]:
    """Scan drives, here or on a cluster; a broken one has a problem alone.

    Raises BagError, after all others, where some could not be scanned for reasons that may pass.
    """
    by_name = {drive.name: drive for drive in drives}
    left = [bag for bag in bags if bag.name in by_name]
    later = []
    for outcome in many.outcomes(work, left, args) if left else ():
        if outcome.again:
            later.append(f"{outcome.drive.name}: {outcome.problem}")
        else:
            yield by_name[outcome.drive.name], outcome.result or Scanned([], [outcome.problem])
    if later:
        listing = "; ".join(later[:3])
        raise BagError(
            f"{len(later)} drives could not be scanned ({listing}): the same command goes on from here, also"
            " without them"
        )


def _fetched(scratch: Callable[[], Scratch], bag: Bag) -> AbstractContextManager[Path]:
    """The bag on this machine."""
    return nullcontext(bag.place.local) if bag.place.local is not None else scratch().bag(bag)


def _choice(args: argparse.Namespace, model: str) -> EngineChoice:
    return EngineChoice(model_file.resolve(model), args.engine, args.precision, None, args.threads, confidence=True)


def _eyes(args: argparse.Namespace) -> EyesChoice:
    doubts, disagrees = _SCORED.get(args.by, (False, False))
    other = _choice(args, args.against) if args.against else None
    return EyesChoice(_choice(args, args.model), doubts, disagrees, other, args.by in ("novelty", "mixed"))


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
