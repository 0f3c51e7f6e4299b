"""Score a model on labelled images, a labelled bag or the synthetic street, or a running node on a bag.

Prints IoU by class, mIoU, accuracies, calibration and speed; --json writes the same figures (fractions 0..1),
--report a page with pictures. One confusion matrix over all frames; pixels labelled void do not count, and
labels are compared at the size they are stored in.

  enet_ros evaluate --model camvid --images val/ --labels valannot/ --classes camvid --report val.html
  enet_ros evaluate --model mine.safetensors --images I --labels L --classes my_classes.yaml --json scores.json
  enet_ros evaluate --model camvid --images val/ --labels valannot/ --classes camvid --corrupt night:2
  enet_ros evaluate --model camvid --images val/ --labels valannot/ --classes camvid --corrupt all:3
  enet_ros evaluate --model camvid --bag drive --json scores.json
  enet_ros evaluate --model camvid --bag drives/ --json scores.json   all bags below a folder, as one
  enet_ros evaluate --bag drives/ -o scores/        the same; begun again, it goes on where it was
  enet_ros evaluate --bag drive --live              a running node: answers, latency and mIoU over DDS
  enet_ros evaluate --street --frames 30            the metres alone: free space and grid from exact labels
  enet_ros evaluate --street --model camvid         the same from the model's labels
  enet_ros evaluate --compare road mine.safetensors --images I --labels L --classes my_classes.yaml --report diff.html
  enet_ros evaluate --compare road road@precision=bf16,caution=0.6 --images frames/

--compare tells by how much the second differs, with an interval of 95 %, and a verdict: better, worse, cannot be told.
--classes is the name of a dataset, whose file names and label values then hold (CamVid: 0-10, void 11, or its
32 colours), another built-in class table, or a YAML file. The JSON has the speed only with --images, so that two
runs on a bag or the street write the same bytes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from enet_ros import model_file
from enet_ros.arrays import U8
from enet_ros.card import ModelCard
from enet_ros.cli import compare, many
from enet_ros.cli.results import write, write_json
from enet_ros.cli.score_bags import score_bags
from enet_ros.cli.score_table import print_metres, print_robustness, print_scores
from enet_ros.datasets.corruptions import Corruption, parse
from enet_ros.datasets.opening import table_of
from enet_ros.engines import ENGINES, create
from enet_ros.engines.base import Engine
from enet_ros.errors import ConfigError
from enet_ros.evaluation import Evaluation, counted_as, evaluate
from enet_ros.evaluation.metres import RATE_HZ, STRIDE, StreetJudge
from enet_ros.evaluation.robustness import corrupted, robustness
from enet_ros.evaluation.score import judge_exact_labels
from enet_ros.figures import parse_size, percent
from enet_ros.fleet import is_bag, is_glob
from enet_ros.frames import Frame, Source
from enet_ros.frames.files import from_folder, from_pairs
from enet_ros.frames.street import from_street
from enet_ros.metrics import FrameScore
from enet_ros.places import Place
from enet_ros.report import Chosen, EvaluationPage, Gallery, evaluation_page, require_report
from enet_ros.report.page import UNDEFINED
from enet_ros.terminal import progress

STREET_FRAMES = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--model", help="a shipped model's name or a file (road; of the street: exact labels)")
    parser.add_argument(
        "--compare",
        nargs=2,
        metavar=("A", "B"),
        help=f"two models instead, each with settings of its own: MODEL@NAME=VALUE,... ({', '.join(compare.SETTINGS)})",
    )
    source = parser.add_argument_group("frames (one of these)")
    source.add_argument("--images", type=Path, metavar="DIR", help="a folder of images, with --labels and --classes")
    source.add_argument(
        "--bag",
        nargs="+",
        metavar="BAG",
        help="bags with images and ground truth; folders of bags, globs, a store's",
    )
    source.add_argument("--street", action="store_true", help="the synthetic street, which judges metres too")
    detail = parser.add_argument_group("about the frames")
    detail.add_argument("--labels", type=Path, metavar="DIR", help="the folder of the images' labels")
    detail.add_argument("--classes", metavar="TABLE", help="what the label values mean: a name or a YAML file")
    detail.add_argument("--image-topic", metavar="TOPIC", help="image topic, if the bag has several")
    detail.add_argument("--truth-topic", metavar="TOPIC", help="ground truth topic, if the bag has several")
    detail.add_argument("--seed", type=int, default=0, help="seed of the street (%(default)s)")
    detail.add_argument("--frames", type=int, metavar="N", help="score only the first N frames (all; 30 of the street)")
    detail.add_argument("--corrupt", metavar="NAME[:1-5]", help="alter the images before the model sees them, or all")
    engine = parser.add_argument_group("inference")
    engine.add_argument(
        "--caution", type=float, default=0.0, metavar="P", help="void the road less probable than 0..1 (%(default)s)"
    )
    engine.add_argument("--engine", default="auto", choices=("auto", *ENGINES), help="inference engine (%(default)s)")
    engine.add_argument("--precision", default="auto", help="auto, fp32, fp16, bf16 or int8 (%(default)s)")
    engine.add_argument("--size", metavar="WxH", help="input size of the network, e.g. 480x360 (the card's)")
    engine.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads, 0 for all (%(default)s)")
    live = parser.add_argument_group("a running node (with --bag; needs rclpy)")
    live.add_argument(
        "--live", action="store_true", help="play the bag into a running node and score the masks that come back"
    )
    live.add_argument("--start", action="store_true", help="start a node for this (--model chooses its model)")
    live.add_argument("--node", default="/segmentation", metavar="NAME", help="full name of the node (%(default)s)")
    live.add_argument("--rate", type=float, default=1.0, metavar="X", help="speed; 1 is as recorded (%(default)s)")
    live.add_argument(
        "--clock", type=float, default=0.0, metavar="HZ", help="publish /clock at this rate, for use_sim_time"
    )
    live.add_argument(
        "--depth", type=int, default=1, help="messages that each publisher keeps; a camera keeps 1 (%(default)s)"
    )
    live.add_argument(
        "--timeout", type=float, default=20.0, metavar="S", help="longest wait for the node (%(default)s)"
    )
    live.add_argument("--exclude", nargs="+", default=[], metavar="TOPIC", help="do not play these topics")
    out = parser.add_argument_group("results")
    out.add_argument(
        "-o",
        "--out",
        metavar="DIR",
        help="keep the scores of each --bag there, here or in a store, and go on from them",
    )
    out.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    out.add_argument("--report", type=Path, metavar="FILE", help="write an HTML page with pictures")
    many.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Score, print and write; return 0."""
    if args.live:
        return _live(args)
    if args.out is not None and args.bag is None:
        raise ConfigError("-o keeps the scores of bags: name them by --bag")
    if args.bag is not None and (args.out is not None or not _one_bag(args)):
        return score_bags(args)
    source, corruptions = _source(args), parse(args.corrupt) if args.corrupt else ()
    if len(corruptions) > 1:
        if args.compare:
            raise ConfigError("--compare goes with one corruption, such as --corrupt night:2")
        return _robustness(args, source, corruptions)
    for corruption in corruptions:
        if args.street and corruption.moves:
            raise ConfigError(f"--corrupt {corruption} makes another camera of the street's, whose metres are judged")
        source = corrupted(source, corruption)
    if args.compare:
        compare.run(args, source)
        return 0
    judge = StreetJudge(source, args.seed) if args.street else None
    if judge is not None and args.model is None:
        return _exact_labels(args, source, judge)
    if args.report:
        require_report()
    gallery = Gallery()
    with progress("evaluating", source.total) as bar:

        def seen(frame: Frame, labels: U8, score: FrameScore) -> None:
            bar.advance()
            if args.report and frame.truth is not None:
                gallery.add(frame.rgb, frame.truth, labels, score)

        with _opened(args, source) as (engine, card):
            result = evaluate(source, engine, card, judge, seen, args.caution)
    print_scores(result.scores, f"{result.card.name} on {source.name}", result.frames_per_s)
    if (alone := source.total - len(result.scores.frames)) > 0:
        print(f"enet_ros: {alone} of {source.total} ground truths have no image of their stamp", file=sys.stderr)
    if result.metres is not None:
        print_metres(result.metres)
    if args.json:
        values = {**result.to_dict(), "corruption": str(corruptions[0]) if corruptions else None}
        values |= {"seed": args.seed} if args.street else {}
        values |= {"frames_per_s": result.frames_per_s} if args.images is not None else {}
        write_json(args.json, values)
    if args.report:
        write(args.report, evaluation_page(_page(result, gallery.chosen(), args.corrupt)))
    return 0


def _source(args: argparse.Namespace) -> Source:
    """The frames that the options name. Raises ConfigError where the options do not fit together."""
    if args.compare and args.model:
        raise ConfigError("--compare names two models: leave out --model")
    if sum((args.images is not None, args.bag is not None, args.street)) != 1:
        raise ConfigError("say what to score on: --images DIR --labels DIR --classes TABLE, or --bag BAG, or --street")
    if args.frames is not None and args.frames < 1:
        raise ConfigError(f"--frames is {args.frames}; use 1 or more")
    if args.bag is not None:
        from enet_ros.frames.bag import from_labelled_bag  # rosbags, for this source alone

        table = table_of(args.classes) if args.classes else None
        source = from_labelled_bag(Path(args.bag[0]), args.image_topic, args.truth_topic, table)
    elif args.street:
        source = from_street(args.frames or STREET_FRAMES, args.seed, rate_hz=RATE_HZ, step=STRIDE)
    elif args.compare and args.labels is None:
        source = from_folder(args.images)
    elif args.labels is None or args.classes is None:
        raise ConfigError("--images needs --labels DIR and --classes TABLE beside it")
    else:
        source = from_pairs(args.images, args.labels, args.classes)
    return source.first(args.frames)


def _one_bag(args: argparse.Namespace) -> bool:
    """Whether --bag names one bag of this machine; what is missing counts as one, and is told as such."""
    place = Place.of(args.bag[0])
    if len(args.bag) > 1 or place.local is None or is_glob(place):
        return False
    return is_bag(place) or not place.files()


@contextmanager
def _opened(args: argparse.Namespace, source: Source) -> Iterator[tuple[Engine, ModelCard]]:
    """The model's engine and card."""
    path = model_file.resolve(args.model or model_file.DEFAULT)
    card = model_file.read_card(path)
    if source.table is not None:
        counted_as(card.classes, source.table)  # a mismatch is told before the engine is built
    size = parse_size("--size", args.size) if args.size else None
    engine = create(args.engine, path, confidence=True, precision=args.precision, threads=args.threads, size=size)
    try:
        yield engine, card
    finally:
        engine.close()


def _robustness(args: argparse.Namespace, source: Source, corruptions: tuple[Corruption, ...]) -> int:
    """Score under many corruptions, and say what is left."""
    if args.street or args.report:
        raise ConfigError("--corrupt all makes a table of images' scores: leave out --street and --report")
    total = source.total * (len(corruptions) + 1)
    with _opened(args, source) as (engine, card), progress("evaluating", total) as bar:
        result = robustness(source, engine, card, corruptions, bar.advance, args.caution)
    print_robustness(result, f"{card.name} on {source.name}")
    if args.json:
        write_json(args.json, {"model": card.name, "digest": card.digest, **result.to_dict()})
    return 0


def _exact_labels(args: argparse.Namespace, source: Source, judge: StreetJudge) -> int:
    """Without a model: the errors of free space and grid alone."""
    if args.report or args.corrupt:
        raise ConfigError("exact labels make no report, and corruption cannot alter them; add --model")
    with progress("evaluating", source.total) as bar:
        metres = judge_exact_labels(source, judge, bar.advance)
    print_metres(metres, f"exact labels on {source.name}")
    if args.json:
        write_json(args.json, {"labels": "exact", "seed": args.seed, **metres._asdict(), "frames": source.total})
    return 0


def _live(args: argparse.Namespace) -> int:
    """Score a running node; 0, or 1 where no image was answered. ConfigError where options do not go together."""
    if args.bag is None or not _one_bag(args):
        raise ConfigError("--live needs --bag BAG, one bag, whose images it plays")
    for name in ("images", "street", "corrupt", "frames", "compare", "out"):
        if getattr(args, name):
            raise ConfigError(f"--{name} does not go with --live, which scores what a running node answers")
    defaults = {"engine": "auto", "precision": "auto", "size": None, "threads": 0, "labels": None, "caution": 0.0}
    for name, default in defaults.items():
        if getattr(args, name) != default:
            raise ConfigError(f"--{name} does not go with --live: give the node itself such a parameter")
    if args.model and not args.start:
        raise ConfigError("--model goes with --start: a node that runs already has its own model")
    from enet_ros.ros.session.live import LiveOptions, evaluate_live

    options = LiveOptions(
        bag=Path(args.bag[0]),
        image_topic=args.image_topic,
        truth_topic=args.truth_topic,
        classes=args.classes,
        node=args.node,
        model=(args.model or model_file.DEFAULT) if args.start else None,
        rate=args.rate,
        clock_hz=args.clock,
        depth=args.depth,
        timeout_s=args.timeout,
        exclude=tuple(args.exclude),
        report=args.report,
    )
    scores = evaluate_live(options)
    print(scores.text())
    if args.json:
        write_json(args.json, scores.to_dict())
    return 0 if scores.answered else 1


def _page(result: Evaluation, chosen: Chosen, corruption: str | None) -> EvaluationPage:
    info, source, settings = result.engine, result.source, [("corruption", corruption or "")]
    if (metres := result.metres) is not None:
        figures = metres.range_error_p95_20m, metres.range_error_p95_40m, metres.grid_agreement
        near, far, cells = (percent(figure, missing=UNDEFINED) for figure in figures)
        settings += [
            ("range error, 95 %", f"{near} % up to 20 m, {far} % up to 40 m"),
            ("grid cells right", f"{cells} %"),
        ]
    return EvaluationPage(
        result.card, result.scores, source.place, source.name, info.text, result.frames_per_s, chosen, tuple(settings)
    )
