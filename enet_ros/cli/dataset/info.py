"""Show what a dataset holds: drives, sizes, shares of the classes, frames without labels.

enet_ros dataset info dataset/
enet_ros dataset info dataset/ --json          for programs: one JSON object
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.markup import escape
from rich.table import Column, Table

from enet_ros.datasets import own
from enet_ros.datasets.inspection import DatasetInfo, inspect
from enet_ros.figures import percent, size_text
from enet_ros.terminal import console, progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="as `enet_ros dataset import` writes it")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the table; return 0."""
    dataset = own.whole(args.dataset)
    val = own.split_of(args.dataset, dataset)[1] if own.has_val(args.dataset) else []
    with progress("reading", len(dataset)) as bar:
        info = inspect(dataset, bar.advance)
    if args.json:
        print(json.dumps(_plain(info, val), indent=2))
    else:
        _show(args.dataset, info, val)
    return 0


def _plain(info: DatasetInfo, val: list[str]) -> dict[str, object]:
    return {
        "classes": info.table.name,
        "drives": dict(info.drives),
        "val": val,
        "sizes": {size_text(size): count for size, count in info.sizes.items()},
        "pixels": dict(zip(info.table.names, info.pixels, strict=True)),
        "void": info.void,
        "frames_with": dict(zip(info.table.names, info.frames, strict=True)),
        "empty": list(info.empty),
        "single": list(info.single),
    }


def _show(place: Path, info: DatasetInfo, val: list[str]) -> None:
    out = console()
    sizes = ", ".join(f"{count} of {size_text(size)}" for size, count in info.sizes.most_common(4))
    out.print(escape(f"{place}: {info.drives.total()} frames ({sizes}), classes of {info.table.name}"), style="bold")
    table = Table("class", *(Column(name, justify="right") for name in ("of pixels %", "frames")))
    labelled = max(1, sum(info.pixels))
    for name, pixels, frames in zip(info.table.names, info.pixels, info.frames, strict=True):
        table.add_row(escape(name), percent(pixels / labelled, 2), str(frames))
    out.print(table)
    drives = Table("drive", Column("frames", justify="right"), "part")
    for drive, frames in sorted(info.drives.items()):
        drives.add_row(escape(drive), str(frames), ("val" if drive in val else "train") if val else "")
    out.print(drives)
    out.print(f"without a label: {percent(info.void / (info.void + labelled))} % of the pixels")
    for what, names in (("have no label at all", info.empty), ("have one class alone", info.single)):
        if names:
            out.print(escape(f"{len(names)} frames {what}: {', '.join(names[:3])}{', ...' * (len(names) > 3)}"))
