"""Where `enet_ros evaluate` takes its frames from: folders, a bag, the synthetic street."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from enet_ros.classes import TABLES, ClassTable
from enet_ros.datasets.corruptions import CORRUPTIONS
from enet_ros.datasets.opening import open_pairs, table_of
from enet_ros.errors import ConfigError
from enet_ros.evaluation import Frame, LabelledFrame

if TYPE_CHECKING:
    from enet_ros.evaluation.street import StreetJudge

UInt8 = npt.NDArray[np.uint8]
Alter = Callable[[UInt8, int], UInt8]

STREET_FRAMES = 30


class Source(NamedTuple):
    """Labelled frames from somewhere, and how many there are at most.

    name   short, for titles
    place  in full
    judge  of the metres, where the frames are the street's
    """

    frames: Iterable[Frame]
    total: int
    table: ClassTable
    name: str
    place: str
    judge: StreetJudge | None = None


@contextmanager
def open_source(args: argparse.Namespace) -> Iterator[Source]:
    """The frames that the options name. Raises ConfigError where the options do not fit together."""
    if sum((args.images is not None, args.bag is not None, args.street)) != 1:
        raise ConfigError("say what to score on: --images DIR --labels DIR --classes TABLE, or --bag BAG, or --street")
    if args.frames is not None and args.frames < 1:
        raise ConfigError(f"--frames is {args.frames}; use 1 or more")
    if args.bag is not None:
        yield from _bag(args)
    elif args.street:
        yield _street(args)
    else:
        yield _folders(args)


def _folders(args: argparse.Namespace) -> Source:
    if args.labels is None or args.classes is None:
        raise ConfigError("--images needs --labels DIR and --classes TABLE beside it")
    dataset = open_pairs(args.images, args.labels, args.classes)
    frames = (LabelledFrame(s.name, *dataset.read(index)) for index, s in enumerate(dataset.samples))
    total = min(len(dataset), args.frames or len(dataset))
    place = args.images.resolve()
    return Source(_chosen(args, frames), total, dataset.table, place.name, str(place))


def _bag(args: argparse.Namespace) -> Iterator[Source]:
    from enet_ros.bags.truth import LabelledBag  # rosbags, for this source alone

    with LabelledBag(args.bag, args.image_topic, args.truth_topic) as bag:
        table = table_of(args.classes) if args.classes else _table_named(bag.classes, args.bag)
        total = min(len(bag), args.frames or len(bag))
        yield Source(_chosen(args, bag), total, table, args.bag.name, str(args.bag.resolve()))


def _street(args: argparse.Namespace) -> Source:
    from enet_ros.evaluation.street import StreetJudge
    from enet_ros.street import Street

    judge = StreetJudge(Street(args.seed))
    total = args.frames or STREET_FRAMES
    frames = judge.frames(total)
    name = f"synthetic street {args.seed}"
    return Source(_altered(args, frames), total, judge.table, name, name, judge)


def _chosen(args: argparse.Namespace, frames: Iterable[Frame]) -> Iterable[Frame]:
    """The first --frames of them, with --corrupt applied."""
    return islice(_altered(args, frames), args.frames)


def _altered(args: argparse.Namespace, frames: Iterable[Frame]) -> Iterable[Frame]:
    if args.corrupt is None:
        return frames
    alter: Alter = CORRUPTIONS[args.corrupt]
    return (LabelledFrame(f.name, alter(f.image, index), f.truth) for index, f in enumerate(frames))


def _table_named(names: tuple[str, ...] | None, bag: Path) -> ClassTable:
    """The built-in table with these names, which a bag made by `enet_ros bag create` tells."""
    for table in TABLES.values():
        if table.names == names:
            return table
    known = "does not say" if names is None else f"has classes of its own ({', '.join(names[:4])}, ...):"
    raise ConfigError(f"{bag} {known} what its ground truth means; add --classes TABLE")
