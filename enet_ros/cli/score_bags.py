"""Score a model on many bags as one: `enet_ros evaluate --bag DRIVES...`."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from enet_ros import model_file
from enet_ros.cli import many
from enet_ros.cli.results import write_json
from enet_ros.cli.score_table import print_scores
from enet_ros.datasets.corruptions import parse
from enet_ros.datasets.opening import table_of
from enet_ros.engines.base import EngineInfo
from enet_ros.errors import ConfigError
from enet_ros.evaluation import Evaluation, together
from enet_ros.evaluation.stored import restored, stored
from enet_ros.figures import parse_size
from enet_ros.fleet import Drive, find_drives
from enet_ros.fleet.work import EngineChoice, EvaluateWork
from enet_ros.holding import Check, held
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
    parts = _scored(args, work, drives) if args.out is None else _kept(args, work, drives)
    if not parts:
        what = f"none of the {len(drives)} bags of {' '.join(args.bag)} could be scored"
        raise ConfigError(f"{what}: mend what is told of each above, or name bags with images and their truth")
    result = together(sorted(parts.items()), f"{len(parts)} bags")
    print_scores(result.scores, f"{result.card.name} on {result.source.name}", result.frames_per_s)
    if args.json:
        write_json(args.json, {**result.to_dict(), "corruption": args.corrupt, "bags": sorted(parts)})
    return 1 if len(parts) < len(drives) else 0


def key(work: EvaluateWork) -> list[Any]:
    """JSON values that decide the scores of a bag beside its files, all but the runtime that is found."""
    table = table_of(work.classes).to_dict() if work.classes else None
    return [work.engine.key(), work.image_topic, work.truth_topic, table, work.caution, work.corruption]


def _kept(args: argparse.Namespace, work: EvaluateWork, drives: Sequence[Drive]) -> dict[str, Evaluation]:
    """The evaluations of the bags by name: those of earlier runs, and those of this one, which are kept likewise."""
    out, card = Place.of(args.out), model_file.read_card(work.engine.model)
    how, kept = key(work), {}
    with held(out) as check:

        def keep(drive: Drive, result: Evaluation) -> None:
            check()
            (out / f"{drive.name}.json").write(stored(result, [*how, drive.files]))

        for drive in drives:
            content = (out / f"{drive.name}.json").read()
            if content is not None and (part := restored(content, [*how, drive.files], card)) is not None:
                kept[drive.name] = part
        if kept:
            print(f"enet_ros: {len(kept)} of {len(drives)} bags were scored before", file=sys.stderr)
        if kept and args.ray is None:
            with closing(work.engine.create()) as engine:
                _drop_others(kept, engine.info)
        elif kept:  # of a run that was killed in between; which of them the cluster runs shows later
            common, _ = Counter(part.engine.kind for part in kept.values()).most_common(1)[0]
            _drop_others(kept, next(part.engine for part in kept.values() if part.engine.kind == common))
        found = _scored(args, work, [drive for drive in drives if drive.name not in kept], keep, check)
        if found:  # the engine of a cluster is known by now
            dropped = _drop_others(kept, next(iter(found.values())).engine)
            found |= _scored(args, work, [drive for drive in drives if drive.name in dropped], keep, check)
    return kept | found


def _scored(
    args: argparse.Namespace,
    work: EvaluateWork,
    drives: Sequence[Drive],
    keep: Callable[[Drive, Evaluation], None] = lambda drive, result: None,
    check: Check = lambda: None,
) -> dict[str, Evaluation]:
    """Score bags; by name, those that are not given up. keep: called with each as soon as it is known."""
    found: dict[str, Evaluation] = {}
    for drive, result, *_ in many.run_many(work, drives, args, check) if drives else ():
        keep(drive, result)
        found[drive.name] = result
    return found


def _drop_others(kept: dict[str, Evaluation], engine: EngineInfo) -> set[str]:
    """Take out those that another engine has scored, and tell it: scores of two are not mixed."""
    dropped = {name: kept.pop(name).engine for name in [*kept] if kept[name].engine.kind != engine.kind}
    if dropped:
        ran, runs = (f"{e.name} ({e.runtime}) in {e.precision}" for e in (next(iter(dropped.values())), engine))
        what = f"{len(dropped)} of them are scored anew: by {runs}, not {ran}"
        print(f"enet_ros: {what}", file=sys.stderr)
    return set(dropped)
