"""The part of `enet_ros evaluate` that sets two models, engines or settings side by side."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Column, Table

from enet_ros import model_file
from enet_ros.arrays import U8
from enet_ros.classes import ClassTable
from enet_ros.cli.results import write, write_json
from enet_ros.engines import create
from enet_ros.errors import ConfigError, unknown_name
from enet_ros.evaluation import counted_as
from enet_ros.evaluation.compare import Contender, compare
from enet_ros.figures import parse_size, percent
from enet_ros.frames import Frame, Source
from enet_ros.metrics import Comparison, Difference, FrameChange
from enet_ros.report import Changes, ComparisonPage, comparison_page, require_report
from enet_ros.report.comparison import signed
from enet_ros.terminal import console, progress

SETTINGS = ("engine", "precision", "size", "caution")
"""What may follow a model's name: MODEL@engine=onnxruntime,precision=int8."""


@dataclass(frozen=True)
class Side:
    """A model and its settings, as texts."""

    text: str
    model: str
    settings: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> Side:
        """Read `road`, `a/model.safetensors` or `road@engine=openvino,caution=0.6`. ConfigError for other texts."""
        model, _, rest = text.partition("@")
        settings = {}
        for item in filter(None, rest.split(",")):
            name, equals, value = item.partition("=")
            if name not in SETTINGS:
                raise ConfigError(f"--compare {text}: {unknown_name('setting', name, SETTINGS)}")
            if not (equals and value):
                raise ConfigError(f"--compare {text}: write {name}=VALUE")
            settings[name] = value
        return cls(text, model, settings)


def run(args: argparse.Namespace, source: Source) -> None:
    """Compare, print the table and the verdict, write what is asked for."""
    first, second = sides = [Side.parse(text) for text in args.compare]
    if (first.model, first.settings) == (second.model, second.settings):
        raise ConfigError(f"--compare {first.text} with itself: name another model or setting for the second")
    if args.report:
        require_report()
    changes = Changes()
    with ExitStack() as stack:
        one, other = (_opened(stack, side, args, source.table) for side in sides)
        counted_as(other.card.classes, source.table or one.card.classes)
        bar = stack.enter_context(progress("comparing", source.total))

        def seen(frame: Frame, before: U8, after: U8, change: FrameChange) -> None:
            bar.advance()
            if args.report:
                changes.add(frame.rgb, frame.truth, before, after, change)

        result = compare(source, one, other, seen)
        engines = one.engine.info.text, other.engine.info.text
    names = first.text, second.text
    _print(result, names, source.name)
    if args.json:
        write_json(args.json, {"models": list(names), "source": source.name, **result.to_dict()})
    if args.report:
        page = ComparisonPage(names, engines, source.place, source.name, result, changes)
        write(args.report, comparison_page(page))


def _opened(stack: ExitStack, side: Side, args: argparse.Namespace, table: ClassTable | None) -> Contender:
    """A side with its engine, which the stack closes; what it does not set is as the options say."""
    path = model_file.resolve(side.model)
    card = model_file.read_card(path)
    if table is not None:
        counted_as(card.classes, table)  # a mismatch is told before an engine is built
    settings = {name: side.settings.get(name, getattr(args, name)) for name in SETTINGS}
    try:
        caution = float(settings["caution"])
    except ValueError:
        raise ConfigError(f"--compare {side.text}: caution is a probability 0..1") from None
    size = parse_size("size", settings["size"]) if settings["size"] else None
    engine = create(
        settings["engine"], path, confidence=True, precision=settings["precision"], threads=args.threads, size=size
    )
    return Contender(side.text, stack.enter_context(engine), card, caution)


def _print(result: Comparison, names: tuple[str, str], place: str) -> None:
    out = console()
    first, second = names
    out.print(escape(f"{second} against {first} on {place}"), style="bold")
    if result.headlines:
        headings = (f"{first} %", f"{second} %", "difference", "95 % of it")
        table = Table("IoU", *(Column(escape(heading), justify="right") for heading in headings))
        for name, found in result.classes.items():
            table.add_row(name, *_cells(found))
        table.add_section()
        for name, found in result.headlines.items():
            table.add_row(name, *_cells(found), style="bold")
        out.print(table)
        better, worse = (sum(side * frame.gain > 0 for frame in result.frames) for side in (1, -1))
        out.print(f"{len(result.frames)} frames, {better} better, {worse} worse; resampled: {result.groups}")
    out.print(f"they agree on {percent(result.agreement)} % of the pixels")
    out.print(f"{second}: {result.verdict.value} ({result.reason})", style="bold")


def _cells(found: Difference) -> tuple[str, ...]:
    before, after = percent(found.before, 2), percent(found.after, 2)
    return before, after, signed(found.after - found.before), f"{signed(found.low)} .. {signed(found.high)}"
