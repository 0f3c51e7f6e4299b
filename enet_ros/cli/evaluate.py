"""Score a model on labelled images or a labelled bag.

Prints IoU by class, mIoU, accuracies, calibration and speed; --json writes the same figures (fractions 0..1),
--report a page with pictures. One confusion matrix over all frames; pixels labelled void do not count, and
labels are compared at the size they are stored in.

  enet_ros evaluate --model camvid --images val/ --labels valannot/ --classes camvid --report val.html
  enet_ros evaluate --model mine.safetensors --images I --labels L --classes my_classes.yaml --json scores.json
  enet_ros evaluate --model camvid --images val/ --labels valannot/ --classes camvid --corrupt dusk
  enet_ros evaluate --model camvid --bag drive --json scores.json

--classes is camvid, cityscapes or sunrgbd, whose label values then hold (CamVid: 0-10, void 11, or its 32
colours), another built-in class table, or a YAML file. The JSON of --bag carries no speed, so that two runs write
the same bytes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from enet_ros import model_file
from enet_ros.classes import TABLES, ClassTable
from enet_ros.cli.progress import progress
from enet_ros.cli.score_table import print_scores
from enet_ros.datasets.corruptions import CORRUPTIONS
from enet_ros.datasets.opening import open_pairs, table_of
from enet_ros.engines import ENGINES, EngineInfo, create
from enet_ros.errors import ConfigError
from enet_ros.evaluation import (
    Frame,
    LabelledFrame,
    Stopwatch,
    UInt8,
    dataset_frames,
    label_map,
    predict,
)
from enet_ros.metrics import Scorer
from enet_ros.report.evaluation import EvaluationPage, Gallery, evaluation_page


class Source(NamedTuple):
    """Labelled frames from somewhere, and how many there are at most."""

    frames: Iterable[Frame]
    total: int
    table: ClassTable
    path: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--model", default="camvid", help="a shipped model's name or a file (%(default)s)")
    parser.add_argument("--images", type=Path, metavar="DIR", help="a folder of images")
    parser.add_argument("--labels", type=Path, metavar="DIR", help="the folder of their label images")
    parser.add_argument("--classes", metavar="TABLE", help="what the label values mean: a name or a YAML file")
    parser.add_argument("--bag", type=Path, metavar="BAG", help="a bag with images and ground truth")
    parser.add_argument("--image-topic", metavar="TOPIC", help="the bag's images, where there are several")
    parser.add_argument("--truth-topic", metavar="TOPIC", help="the bag's ground truth, likewise")
    parser.add_argument("--frames", type=int, metavar="N", help="the first N frames only")
    parser.add_argument("--corrupt", choices=tuple(CORRUPTIONS), help="alter the images before the model sees them")
    parser.add_argument("--engine", default="auto", choices=("auto", *ENGINES), help="(%(default)s)")
    parser.add_argument("--precision", default="auto", help="auto, fp32, fp16, bf16 or int8 (%(default)s)")
    parser.add_argument("--size", metavar="HxW", help="the network's input size (the card's)")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads; 0 is all (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write an HTML page with pictures")


def run(args: argparse.Namespace) -> int:
    """Score, print, write; 0 when done."""
    path = model_file.resolve(args.model)
    card = model_file.read_card(path)
    with _source(args) as source:
        label_map(card.classes, source.table)  # a mismatch is told before the engine is built
        gallery = Gallery() if args.report else None
        scorer, watch = Scorer(source.table), Stopwatch()
        options: dict[str, Any] = {"precision": args.precision, "threads": args.threads, "size": _size(args.size)}
        engine = create(args.engine, path, confidence=True, **options)
        try:
            for answer in predict(_progress(source), engine, card, source.table, watch):
                frame = answer.frame
                score = scorer.add(frame.name, frame.truth, answer.labels, answer.confidence)
                if gallery is not None:
                    gallery.add(frame.image, frame.truth, answer.labels, score)
            info = engine.info
        finally:
            engine.close()
    scores = scorer.scores()
    if not scores.frames:
        raise ConfigError(f"{source.path} holds no labelled frame; nothing was scored")
    print_scores(scores, f"{card.name} on {source.path.name}", watch.frames_per_s)
    if args.json:
        speed = {} if args.bag else {"frames_per_s": watch.frames_per_s}
        settings = {"model": card.name, "digest": card.digest, "classes": source.table.name}
        ran = {"engine": info.name, "precision": info.precision, "size": list(info.size), "corruption": args.corrupt}
        _write_json(args.json, {**settings, **ran, **scores.to_dict(), **speed})
    if gallery is not None:
        extra = (("corruption", args.corrupt),) if args.corrupt else ()
        page = EvaluationPage(
            card,
            scores,
            str(source.path),
            source.path.name,
            _engine_text(info),
            watch.frames_per_s,
            gallery.chosen(),
            extra,
        )
        args.report.parent.mkdir(parents=True, exist_ok=True)
        args.report.write_text(evaluation_page(page), encoding="utf-8")
        print(f"wrote {args.report}")
    return 0


def _source(args: argparse.Namespace) -> AbstractContextManager[Source]:
    """Where the frames come from, by the options given. Raises ConfigError where they do not fit together."""
    if (args.bag is None) == (args.images is None):
        raise ConfigError("say what to score on: --images DIR --labels DIR --classes TABLE, or --bag BAG")
    if args.frames is not None and args.frames < 1:
        raise ConfigError(f"--frames is {args.frames}; use 1 or more")
    if args.bag is not None:
        return _bag(args)
    if args.labels is None or args.classes is None:
        raise ConfigError("--images needs --labels DIR and --classes TABLE beside it")
    dataset = open_pairs(args.images, args.labels, args.classes)
    frames = dataset_frames(dataset, CORRUPTIONS.get(args.corrupt))
    total = min(len(dataset), args.frames or len(dataset))
    return nullcontext(Source(islice(frames, args.frames), total, dataset.table, args.images.resolve()))


@contextmanager
def _bag(args: argparse.Namespace) -> Iterator[Source]:
    from enet_ros.bags.truth import LabelledBag

    with LabelledBag(args.bag, args.image_topic, args.truth_topic) as bag:
        table = table_of(args.classes) if args.classes else _table_named(bag.classes, args.bag)
        total = min(len(bag), args.frames or len(bag))
        frames: Iterator[Frame] = iter(bag)
        if args.corrupt:
            frames = _altered(frames, CORRUPTIONS[args.corrupt])
        yield Source(islice(frames, args.frames), total, table, args.bag.resolve())


def _altered(frames: Iterable[Frame], alter: Callable[[UInt8, int], UInt8]) -> Iterator[Frame]:
    for index, frame in enumerate(frames):
        yield LabelledFrame(frame.name, alter(frame.image, index), frame.truth)


def _table_named(names: tuple[str, ...] | None, bag: Path) -> ClassTable:
    """The built-in table with these names; the bag tells them, --classes need not."""
    for table in TABLES.values():
        if table.names == names:
            return table
    known = "does not say" if names is None else f"has classes of its own ({', '.join(names[:4])}, ...)"
    raise ConfigError(f"{bag} {known} what its ground truth means; add --classes TABLE")


def _progress(source: Source) -> Iterator[Frame]:
    """The frames, with a bar on a terminal."""
    with progress("evaluating", source.total) as bar:
        for frame in source.frames:
            yield frame
            bar.advance()


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    height, _, width = text.partition("x")
    if not (height.isdigit() and width.isdigit()):
        raise ConfigError(f"--size is {text!r}; use HEIGHTxWIDTH, such as 360x480")
    return int(height), int(width)


def _engine_text(info: EngineInfo) -> str:
    height, width = info.size
    return f"{info.name} ({info.runtime}) on {info.device}, {info.precision}, {width}x{height}"


def _write_json(path: Path, values: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
