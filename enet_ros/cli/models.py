"""List the shipped models, or show one model file's card.

enet_ros models                       what is shipped: classes, size, scores, licence
enet_ros models camvid                one of them in full
enet_ros models runs/mine/model.safetensors --json
enet_ros models runs/mine/model.safetensors --measure frames/      what bf16 keeps of its labels there, written to its
                                                                   card: with 99.5 % or more, precision auto takes it
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Column, Table
from safetensors import safe_open

from enet_ros import model_file
from enet_ros.card import ModelCard
from enet_ros.errors import ConfigError
from enet_ros.evaluation.precisions import FRAMES, record_kept
from enet_ros.figures import percent
from enet_ros.frames.files import from_folder
from enet_ros.terminal import console

_NOT_LEARNED = ("running_mean", "running_var")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument(
        "model", nargs="?", metavar="MODEL", help="a shipped model's name, or a .safetensors, .onnx or .engine file"
    )
    parser.add_argument("--json", action="store_true", help="print JSON: a list, or one object for MODEL")
    parser.add_argument(
        "--measure", type=Path, metavar="DIR", help="images on which to measure the share of labels that bf16 keeps"
    )


def run(args: argparse.Namespace) -> int:
    """Print the table or the card; 0 when done."""
    if args.model is None and args.measure is not None:
        raise ConfigError("--measure needs the model file whose card it writes to")
    if args.model is not None:
        path = model_file.resolve(args.model)
        card = model_file.read_card(path)
        if args.measure is not None:
            card = record_kept(path, [frame.rgb for frame in from_folder(args.measure).evenly(FRAMES)])
        if args.json:
            print(json.dumps(_described(path, card), indent=2))
        else:
            _show(path, card)
        return 0
    cards = {path: model_file.read_card(path) for path in model_file.shipped().values()}
    if args.json:
        print(json.dumps([_described(path, card) for path, card in cards.items()], indent=2))
    else:
        _list(cards)
    return 0


def parameters(path: Path) -> int | None:
    """Learnable numbers in a .safetensors file, as the paper counts them; None for an exported model."""
    if path.suffix in (".onnx", ".engine"):
        return None
    with safe_open(path, framework="numpy") as file:
        names = [name for name in file.keys() if not name.endswith(_NOT_LEARNED)]  # noqa: SIM118 (not a dict)
        shapes: list[list[int]] = [file.get_slice(name).get_shape() for name in names]
    return sum(math.prod(shape) for shape in shapes)


def _described(path: Path, card: ModelCard) -> dict[str, Any]:
    """A card for programs; `metrics` as `enet_ros evaluate` measured them."""
    values: dict[str, Any] = json.loads(card.to_json())
    return {"path": str(path), "bytes": path.stat().st_size, "parameters": parameters(path), **values}


def _list(cards: dict[Path, ModelCard]) -> None:
    out = console()
    figures = (Column(name, justify="right") for name in ("classes", "input", "parameters", "file"))
    texts = (Column(name, overflow="fold") for name in ("measured", "licence of the weights"))
    table = Table("model", *figures, *texts, box=None, header_style="bold", pad_edge=False)
    for path, card in cards.items():
        height, width = card.input_size
        table.add_row(
            escape(card.name),
            f"{card.classes.num_classes} ({escape(card.classes.name)})",
            f"{width}x{height}",
            _thousands(parameters(path)),
            f"{path.stat().st_size / 1e6:.1f} MB",
            escape("\n".join(_measured(card))) or "-",
            escape(card.license) or "-",
        )
    out.print(table)
    if not cards:
        out.print("no model is shipped with this installation; train or import one, see `enet_ros --help`")


def _show(path: Path, card: ModelCard) -> None:
    height, width = card.input_size
    rows = (
        ("model", card.name),
        ("file", f"{path}, {path.stat().st_size / 1e6:.1f} MB"),
        ("digest", card.digest),
        ("parameters", _thousands(parameters(path))),
        ("input", f"{width}x{height} {card.channel_order}, (pixel - {_triple(card.mean)}) / {_triple(card.std)}"),
        ("classes", f"{card.classes.name}: " + ", ".join(card.classes.names)),
        ("drivable", ", ".join(n for n in card.classes.names if n in card.classes.drivable)),
        ("temperature", f"{card.temperature:g}"),
        ("measured", ", ".join(_measured(card)) or "-"),
        ("license", card.license or "-"),
        ("provenance", card.provenance or "-"),
    )
    table = Table(Column(style="bold"), Column(overflow="fold"), box=None, show_header=False, pad_edge=False)
    for name, value in rows:
        table.add_row(name, escape(value))
    console().print(table)


def _measured(card: ModelCard) -> list[str]:
    """Shares as percentages, other figures as they are."""
    shown = []
    for name, value in card.metrics:
        share = 0 <= value <= 1 and "ece" not in name
        shown.append(f"{name.replace('_', ' ')} {f'{percent(value)} %' if share else f'{value:.4g}'}")
    return shown


def _triple(values: tuple[float, float, float]) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else "(" + ", ".join(f"{value:g}" for value in values) + ")"


def _thousands(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"
