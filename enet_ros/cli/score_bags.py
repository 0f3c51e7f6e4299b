"""Score a model on many bags as one: `enet_ros evaluate --bag DRIVES...`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from enet_ros import model_file
from enet_ros.cli import many
from enet_ros.cli.results import write_json
from enet_ros.cli.score_table import print_scores
from enet_ros.datasets.corruptions import parse
from enet_ros.datasets.opening import table_of
from enet_ros.errors import ConfigError
from enet_ros.evaluation import Evaluation, together
from enet_ros.evaluation.stored import restored, stored
from enet_ros.figures import parse_size
from enet_ros.fleet import Drive, find_drives
from enet_ros.fleet.work import EngineChoice, EvaluateWork
from enet_ros.holding import held
from enet_ros.places import Place


def score_bags(args: argparse.Namespace) -> int:
    """Score all bags as one; 0, or 1 where bags were given up."""
    if args.report or args.compare or args.frames or args.street or args.images is not None:
        others = "--report, --compare, --frames, --street and --images"
        raise ConfigError(f"of many bags, --bag gives scores alone: leave out {others}")
    corruptions = parse(args.corrupt) if args.corrupt else ()
    if len(corruptions) > 1:
        raise ConfigError("--corrupt all takes one bag at a time")
    size = parse_size("--size", args.size) if args.size else None
    path = model_file.resolve(args.model or model_file.DEFAULT)
    engine = EngineChoice(path, args.engine, args.precision, size, args.threads, confidence=True)
    topics = args.image_topic, args.truth_topic, args.classes
    work = EvaluateWork(engine, *topics, args.caution, corruptions[0] if corruptions else None)
    drives = find_drives(args.bag)
    if args.out is None:
        parts = {drive.name: result for drive, result, *_ in many.run_many(work, drives, args)}
    else:
        parts = _kept(args, work, drives)
    if not parts:
        raise ConfigError("no bag could be scored")
    result = together(sorted(parts.items()), f"{len(parts)} bags")
    print_scores(result.scores, f"{result.card.name} on {result.source.name}", result.frames_per_s)
    if args.json:
        write_json(args.json, {**result.to_dict(), "corruption": args.corrupt, "bags": sorted(parts)})
    return 1 if len(parts) < len(drives) else 0


def _kept(args: argparse.Namespace, work: EvaluateWork, drives: Sequence[Drive]) -> dict[str, Evaluation]:
    """The evaluations of the bags by name: those of earlier runs, and those of this one, which are kept likewise."""
    out, card = Place.of(args.out), model_file.read_card(work.engine.model)
    table = table_of(work.classes).to_dict() if work.classes else None
    engine = work.engine
    how: list[Any] = [card.digest, engine.name, engine.precision, engine.size, work.image_topic, work.truth_topic]
    how += [table, work.caution, work.corruption]
    parts = {}
    with held(out) as check:
        for drive in drives:
            content = (out / f"{drive.name}.json").read()
            if content is not None and (part := restored(content, [*how, drive.files], card)) is not None:
                parts[drive.name] = part
        if parts:
            print(f"enet_ros: {len(parts)} of {len(drives)} bags were scored before", file=sys.stderr)
        left = [drive for drive in drives if drive.name not in parts]
        for drive, result, *_ in many.run_many(work, left, args) if left else ():
            check()
            (out / f"{drive.name}.json").write(stored(result, [*how, drive.files]))
            parts[drive.name] = result
    return parts
