"""Score a model on labelled images, a labelled bag or the synthetic street, or a running node on a bag.

Prints IoU by class, mIoU, accuracies, calibration and speed; --json writes the same figures (fractions 0..1),
--report a page with pictures. One confusion matrix over all frames; pixels labelled void do not count, and
labels are compared at the size they are stored in.

  enet_ros evaluate --model camvid --images val/ --labels valannot/ --classes camvid --report val.html
  enet_ros evaluate --model mine.safetensors --images I --labels L --classes my_classes.yaml --json scores.json
  enet_ros evaluate --model camvid --images val/ --labels valannot/ --classes camvid --corrupt dusk
  enet_ros evaluate --model camvid --bag drive --json scores.json
  enet_ros evaluate --bag drive --live              a running node: answers, latency and mIoU over DDS
  enet_ros evaluate --street --frames 30            the metres alone: free space and grid from exact labels
  enet_ros evaluate --street --model camvid         the same from the model's labels

--classes is camvid, cityscapes or sunrgbd, whose label values then hold (CamVid: 0-10, void 11, or its 32
colours), another built-in class table, or a YAML file. The JSON carries speed with --images alone, so that two
runs on a bag or street write the same bytes.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from enet_ros import model_file
from enet_ros.card import ModelCard
from enet_ros.cli.evaluate_live import add_live_arguments, become_live
from enet_ros.cli.evaluate_sources import Source, open_source
from enet_ros.cli.progress import progress
from enet_ros.cli.score_table import print_metres, print_scores
from enet_ros.datasets.corruptions import CORRUPTIONS
from enet_ros.engines import ENGINES, EngineInfo, create
from enet_ros.errors import ConfigError
from enet_ros.evaluation import Frame, Stopwatch, label_map, predict
from enet_ros.metrics import Scorer, Scores
from enet_ros.report.charts import require_drawing
from enet_ros.report.evaluation import Chosen, EvaluationPage, Gallery, evaluation_page
from enet_ros.report.page import percent


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--model", help="a shipped model's name or a file (camvid; with --street, exact labels)")
    source = parser.add_argument_group("frames (one of these)")
    source.add_argument("--images", type=Path, metavar="DIR", help="a folder of images, with --labels and --classes")
    source.add_argument("--bag", type=Path, metavar="BAG", help="a bag with images and ground truth")
    source.add_argument("--street", action="store_true", help="the synthetic street, where metres are judged too")
    detail = parser.add_argument_group("about the frames")
    detail.add_argument("--labels", type=Path, metavar="DIR", help="the folder of the images' labels")
    detail.add_argument("--classes", metavar="TABLE", help="what the label values mean: a name or a YAML file")
    detail.add_argument("--image-topic", metavar="TOPIC", help="the bag's images, where there are several")
    detail.add_argument("--truth-topic", metavar="TOPIC", help="the bag's ground truth, likewise")
    detail.add_argument("--seed", type=int, default=0, help="of the street (%(default)s)")
    detail.add_argument("--frames", type=int, metavar="N", help="the first N frames only (all; 30 of the street)")
    detail.add_argument("--corrupt", choices=tuple(CORRUPTIONS), help="alter the images before the model sees them")
    engine = parser.add_argument_group("inference")
    engine.add_argument("--engine", default="auto", choices=("auto", *ENGINES), help="(%(default)s)")
    engine.add_argument("--precision", default="auto", help="auto, fp32, fp16, bf16 or int8 (%(default)s)")
    engine.add_argument("--size", metavar="HxW", help="the network's input size (the card's)")
    engine.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads; 0 is all (%(default)s)")
    add_live_arguments(parser)
    out = parser.add_argument_group("results")
    out.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    out.add_argument("--report", type=Path, metavar="FILE", help="write an HTML page with pictures")


def run(args: argparse.Namespace) -> int:
    """Score, print, write; 0 when done."""
    if args.live:
        return become_live(args)
    if args.street and args.model is None:
        return _exact_street(args)
    if args.report:
        require_drawing()
    path = model_file.resolve(args.model or "camvid")
    card = model_file.read_card(path)
    with open_source(args) as source:
        label_map(card.classes, source.table)  # a mismatch is told before the engine is built
        result = _score(args, path, card, source)
    if not result.scores.frames:
        raise ConfigError(f"{source.place} holds no labelled frame; nothing was scored")
    print_scores(result.scores, f"{card.name} on {source.name}", result.frames_per_s)
    if (alone := source.total - len(result.scores.frames)) > 0:
        print(f"enet_ros: {alone} of {source.total} ground truths have no image of their stamp", file=sys.stderr)
    if source.judge is not None:
        print_metres(source.judge.scores())
    if args.json:
        _write(args.json, _json(_figures(args, card, source, result)))
    if args.report:
        _write(args.report, evaluation_page(_page(args, card, source, result)))
    return 0


class _Result(NamedTuple):
    scores: Scores
    info: EngineInfo
    frames_per_s: float
    chosen: Chosen


def _score(args: argparse.Namespace, path: Path, card: ModelCard, source: Source) -> _Result:
    """All frames through the engine and the judges."""
    scorer, watch, gallery = Scorer(source.table), Stopwatch(), Gallery()
    options: dict[str, Any] = {"precision": args.precision, "threads": args.threads, "size": _size(args.size)}
    engine = create(args.engine, path, confidence=True, **options)
    try:
        for frame, labels, confidence in predict(_progress(source), engine, card, source.table, watch):
            score = scorer.add(frame.name, frame.truth, labels, confidence)
            if source.judge is not None:
                source.judge.add(frame.name, labels)
            if args.report:
                gallery.add(frame.image, frame.truth, labels, score)
        return _Result(scorer.scores(), engine.info, watch.frames_per_s, gallery.chosen())
    finally:
        engine.close()


def _exact_street(args: argparse.Namespace) -> int:
    """The products of exact labels: what is wrong is the products' own."""
    if args.report or args.corrupt:
        raise ConfigError("exact labels make no report, and corruption cannot alter them; add --model")
    with open_source(args) as source:
        judge = source.judge
        if judge is None:
            raise ConfigError("only the street is judged without a model; add --model")
        for frame in _progress(source):
            judge.add(frame.name, frame.truth)
    metres = judge.scores()
    print_metres(metres, f"exact labels on {source.name}")
    if args.json:
        _write(args.json, _json({"labels": "exact", "seed": args.seed, **metres._asdict(), "frames": source.total}))
    return 0


def _figures(args: argparse.Namespace, card: ModelCard, source: Source, result: _Result) -> dict[str, Any]:
    """What --json writes; docs/evaluation.md lists the keys."""
    values: dict[str, Any] = {
        "model": card.name,
        "digest": card.digest,
        "classes": source.table.name,
        "engine": result.info.name,
        "precision": result.info.precision,
        "size": list(result.info.size),
        "corruption": args.corrupt,
        **result.scores.to_dict(),
    }
    if source.judge is not None:
        values.update(seed=args.seed, **source.judge.scores()._asdict())
    if args.images is not None:
        values["frames_per_s"] = result.frames_per_s
    return values


def _page(args: argparse.Namespace, card: ModelCard, source: Source, result: _Result) -> EvaluationPage:
    info, settings = result.info, [("corruption", args.corrupt or "")]
    if source.judge is not None:
        metres = source.judge.scores()
        settings += [
            (
                "range error, 95 %",
                f"{percent(metres.range_error_p95_20m)} % up to 20 m, "
                f"{percent(metres.range_error_p95_40m)} % up to 40 m",
            ),
            ("grid cells right", f"{percent(metres.grid_agreement)} %"),
        ]
    height, width = info.size
    engine = f"{info.name} ({info.runtime}) on {info.device}, {info.precision}, {width}x{height}"
    chosen = result.chosen
    return EvaluationPage(
        card, result.scores, source.place, source.name, engine, result.frames_per_s, chosen, tuple(settings)
    )


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


def _json(values: dict[str, Any]) -> str:
    """Strict JSON: a figure that is not finite is null."""
    plain = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
    return json.dumps(plain, indent=2, allow_nan=False) + "\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"wrote {path}")
