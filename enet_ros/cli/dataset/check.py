"""Find labels to look at again: where a good model is sure of something else.

  enet_ros dataset check dataset/ --report check.html
  enet_ros dataset check dataset/ --model runs/mine/model.safetensors --json check.json

Also told: frames without a label or with one class alone, and pictures that are in train and in val. Exit code 1 where
a frame has no label or a picture is in both parts; the others may be right, for the model may be wrong.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from enet_ros import model_file
from enet_ros.cli.results import write, write_json
from enet_ros.datasets import own
from enet_ros.datasets.inspection import DatasetInfo, inspect
from enet_ros.engines import ENGINES, create
from enet_ros.evaluation import counted_as
from enet_ros.evaluation.suspicion import SURE, Suspicions, Twin, suspicions, twins
from enet_ros.figures import percent
from enet_ros.frames.files import from_labelled
from enet_ros.report import DatasetPage, Doubt, Still, dataset_page, require_report
from enet_ros.report.page import Stat
from enet_ros.report.pictures import legend
from enet_ros.terminal import console, progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="as `enet_ros dataset import` writes it")
    parser.add_argument("--model", default=model_file.DEFAULT, help="a shipped model's name or a file (%(default)s)")
    parser.add_argument("--engine", default="auto", choices=("auto", *ENGINES), help="runtime (%(default)s)")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads; 0 is all (%(default)s)")
    parser.add_argument("--most", type=int, default=24, metavar="N", help="frames to show (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the findings")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write an HTML page with pictures")


def run(args: argparse.Namespace) -> int:
    """Check and print; returns 0, or 1 where something is wrong for certain."""
    if args.report:
        require_report()
    dataset = own.whole(args.dataset)
    path = model_file.resolve(args.model)
    card = model_file.read_card(path)
    counted_as(card.classes, dataset.table)  # a mismatch is told before anything is read
    both = [own.part(args.dataset, part) for part in own.PARTS] if own.has_val(args.dataset) else []
    source = from_labelled(args.dataset, dataset)
    with progress("checking", 2 * len(dataset)) as bar:
        info = inspect(dataset, bar.advance)
        with create(args.engine, path, confidence=True, threads=args.threads) as engine:
            found = suspicions(source, engine, card, args.most, bar.advance)
    same = twins(*both) if both else []
    _print(info, found, same)
    if args.json:
        write_json(args.json, _plain(info, found, same))
    if args.report:
        write(args.report, dataset_page(_page(args.dataset, info, found, same, f"{card.name} {card.digest}")))
    return 1 if info.empty or same else 0


def _print(info: DatasetInfo, found: Suspicions, same: list[Twin]) -> None:
    out = console()
    out.print(
        f"{found.total} frames; in {found.frames} the model is sure (p > {SURE}) of another class somewhere",
        style="bold",
    )
    for one in found.worst[:8]:
        given, seen = one.most
        out.print(f"  {percent(one.share)} % of {one.name}: mostly labelled {given}, seen as {seen}", markup=False)
    for what, names in (("no label", info.empty), ("one class alone", info.single)):
        if names:
            out.print(f"{what}: {len(names)} frames, {', '.join(names[:4])}", markup=False)
    for pair in same[:4]:
        out.print(f"in train and in val: {pair.train} and {pair.val} show one picture", markup=False)
    if len(same) > 4:
        out.print(f"and {len(same) - 4} more: put their drives into one part")


def _plain(info: DatasetInfo, found: Suspicions, same: list[Twin]) -> dict[str, object]:
    return {
        "frames": found.total,
        "suspicious": [
            {"name": one.name, "share": one.share, "labelled": one.most[0], "seen": one.most[1]} for one in found.worst
        ],
        "empty": list(info.empty),
        "single": list(info.single),
        "twins": [list(pair) for pair in same],
    }


def _page(place: Path, info: DatasetInfo, found: Suspicions, same: list[Twin], model: str) -> DatasetPage:
    labelled = max(1, sum(info.pixels))
    colors = dict(legend(info.table))
    rows = zip(info.table.names, info.pixels, info.frames, strict=True)
    doubts = []
    for one in found.worst:
        caption = f"{percent(one.share)} % of the labels, mostly {one.most[0]} seen as {one.most[1]}"
        doubts.append(Doubt(Still(one.name, caption, one.image, one.labels, one.truth), one.pixels))
    return DatasetPage(
        place.resolve().name,
        f"{info.drives.total()} frames of {len(info.drives)} drives, classes of {info.table.name}.",
        info.table,
        (
            Stat("frames", str(info.drives.total())),
            Stat("with labels that the model doubts", str(found.frames)),
            Stat("without a label", str(len(info.empty))),
            Stat("in train and in val", str(len(same))),
        ),
        [(name, colors[name], pixels / labelled, frames) for name, pixels, frames in rows if name in colors],
        doubts,
        (("model", model), ("drives", ", ".join(f"{d} ({n})" for d, n in sorted(info.drives.items())))),
    )
