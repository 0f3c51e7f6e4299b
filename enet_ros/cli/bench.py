"""Time sizes, engines and precisions on this machine, beside what people would use instead.

  enet_ros bench                                                  all that works here, at the model's size
  enet_ros bench --engines openvino --precisions fp32 bf16 --peers none
  enet_ros bench --images frames/ --json bench.json
  enet_ros bench --images val/ --labels valannot/ --classes camvid --frames 101 --precisions fp32 bf16 int8
  enet_ros bench --plot bench.png --peers pytorch_channels_last   320x240 to 1920x1080

Times are from image bytes to labels. Every engine has a process of its own; they take turns in several rounds, so that
whatever else the machine does affects all alike. 'labels %' is the share of pixels labelled as by the plain network in
float32 (the peer pytorch_eager), 'of baseline' the median over that of PyTorch in channels-last memory. 'mIoU %' needs
--labels.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from rich.table import Table

from enet_ros import model_file
from enet_ros.benchmark import (
    PEERS,
    Row,
    Settings,
    measure,
    plan,
    to_json,
    to_markdown,
)
from enet_ros.benchmark.rows import HEADER, TEXT_COLUMNS, cells, machine, plot
from enet_ros.engines import ENGINES
from enet_ros.engines.base import PRECISIONS
from enet_ros.errors import ConfigError
from enet_ros.figures import parse_size
from enet_ros.frames import Source
from enet_ros.frames.files import from_folder, from_pairs
from enet_ros.frames.street import from_street
from enet_ros.terminal import console, progress

STREET_STEP = 15
"""Frames of the street between two that are used: half a second."""
PLOT_SIZES = ("320x240", "480x360", "640x480", "1280x720", "1920x1080")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--model", default=model_file.DEFAULT, help="a shipped model's name or a file (%(default)s)")
    what = parser.add_argument_group("what is measured")
    what.add_argument("--engines", nargs="+", choices=("none", *ENGINES), help="(default: those installed)")
    what.add_argument("--precisions", nargs="+", choices=PRECISIONS[1:], default=["fp32"])
    what.add_argument(
        "--sizes", nargs="+", metavar="WxH", help="such as 480x360 (default: the model's; with --plot, five)"
    )
    what.add_argument("--peers", nargs="+", choices=("none", *PEERS), default=list(PEERS), help="(default: all)")
    what.add_argument("--opencv-model", type=Path, metavar="FILE", help="Torch7 or ONNX, for the peer opencv4")
    how = parser.add_argument_group("how")
    how.add_argument("--runs", type=int, default=60, metavar="N", help="timed runs of each case (%(default)s)")
    how.add_argument(
        "--rounds", type=int, default=6, metavar="N", help="rounds in which the cases take turns (%(default)s)"
    )
    how.add_argument("--threads", type=int, metavar="N", help="CPU threads of each runtime (default: all)")
    how.add_argument(
        "--frames", type=int, default=16, metavar="N", help="images that the runs rotate through (%(default)s)"
    )
    how.add_argument("--images", type=Path, metavar="DIR", help="a folder of images (default: the synthetic street)")
    how.add_argument("--labels", type=Path, metavar="DIR", help="ground truth of the images, for the mIoU")
    how.add_argument("--classes", metavar="TABLE", help="class table of the ground truth, as in `enet_ros evaluate`")
    how.add_argument("--calibration", type=Path, metavar="DIR", help="images for int8 (default: those measured)")
    out = parser.add_argument_group("what is written")
    out.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON")
    out.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    out.add_argument("--plot", type=Path, metavar="FILE", help="write a picture of time against pixels")


def run(args: argparse.Namespace) -> int:
    """Measure and print; returns 0, or 1 where nothing could be measured."""
    threads = args.threads or len(os.sched_getaffinity(0))
    if args.runs < 1 or not 1 <= args.rounds <= args.runs or args.frames < 1 or threads < 1:
        raise ConfigError(
            f"--runs {args.runs} --rounds {args.rounds} --frames {args.frames} --threads {threads}: use 1 or more, "
            "and no more rounds than runs"
        )
    path = model_file.resolve(args.model)
    cases = plan(_engines(args.engines), args.precisions, _sizes(args, path), [n for n in args.peers if n != "none"])
    settings = Settings(path, threads, args.runs, args.rounds, args.opencv_model, args.calibration)
    source = _source(args)
    with progress("measuring", len(cases) * args.runs) as bar:
        rows, skipped = measure(cases, source, settings, bar.advance)
    for name, reason in dict.fromkeys((case.name, reason) for case, reason in skipped):
        which = dict.fromkeys(case.precision for case, why in skipped if (case.name, why) == (name, reason))
        print(f"enet_ros: {name} {', '.join(which)} not measured: {reason}", file=sys.stderr)
    if not rows:
        return 1
    how = f"{args.runs} runs in {args.rounds} rounds, {source.total} frames of {source.name}"
    title = f"{machine()}, {threads} threads, {how}"
    print_rows(rows, title, markdown=args.markdown)
    if args.json is not None:
        to_json(rows, args.json)
    if args.plot is not None:
        plot(rows, args.plot, f"{machine()}, {threads} threads")
    return 0


def print_rows(rows: list[Row], title: str, *, markdown: bool) -> None:
    """The table on standard output."""
    if markdown:
        print(f"{title}\n\n{to_markdown(rows)}")
        return
    table = Table()
    for index, text in enumerate(HEADER):
        table.add_column(text, justify="left" if index < TEXT_COLUMNS else "right")
    for row in rows:
        table.add_row(*cells(rows, row))
    out = console()
    out.print(title, style="bold", markup=False)
    out.print(table)


def _engines(wanted: list[str] | None) -> list[str]:
    """Those asked for, or the installed ones; pytorch is there as the peer pytorch_channels_last."""
    if wanted is not None:
        return [name for name in wanted if name != "none"]
    return [name for name, backend in ENGINES.items() if name != "pytorch" and any(map(find_spec, backend.packages))]


def _sizes(args: argparse.Namespace, model: Path) -> list[tuple[int, int]]:
    texts = args.sizes or (PLOT_SIZES if args.plot else None)
    if texts is None:
        return [model_file.read_card(model).input_size]
    return [parse_size("--sizes", text) for text in texts]


def _source(args: argparse.Namespace) -> Source:
    if args.images is None:
        if args.labels is not None:
            raise ConfigError(f"--labels {args.labels} needs --images DIR beside it")
        return from_street(args.frames, step=STREET_STEP)
    if (args.labels is None) != (args.classes is None):
        raise ConfigError("--labels DIR and --classes TABLE go together")
    labelled = args.labels is not None
    source = from_pairs(args.images, args.labels, args.classes) if labelled else from_folder(args.images)
    return source.evenly(args.frames)
