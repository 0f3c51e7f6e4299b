"""Split a dataset into drives to train on and drives to score on.

  enet_ros dataset split dataset/ --val 0.2             drives with about a fifth of the frames
  enet_ros dataset split dataset/ --drives tuesday rain these, by name

Never by frames: two frames of one drive are so alike that a score on one of them says nothing when the other was
trained on. Writes split.yaml into the dataset.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from enet_ros import files
from enet_ros.datasets import own
from enet_ros.datasets.inspection import split_drives
from enet_ros.errors import ConfigError, unknown_name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="as `enet_ros dataset import` writes it")
    parser.add_argument(
        "--val", type=float, default=0.2, metavar="SHARE", help="of the frames, to score on (%(default)s)"
    )
    parser.add_argument("--drives", nargs="+", metavar="DRIVE", help="score on these drives instead")
    parser.add_argument("--force", action="store_true", help="replace an earlier split")


def run(args: argparse.Namespace) -> int:
    """Write the split; return 0."""
    if own.has_val(args.dataset) and not args.force:
        raise ConfigError(f"{args.dataset} is split already: use --force to split it again")
    drives = Counter(sample.sequence for sample in own.whole(args.dataset).samples)
    if args.drives:
        for name in args.drives:
            if name not in drives:
                raise ConfigError(unknown_name("drive", name, drives))
        train, val = sorted(set(drives) - set(args.drives)), sorted(set(args.drives))
        if not train:
            raise ConfigError("--drives names all drives: leave one to train on")
    else:
        train, val = split_drives(drives, args.val)
    files.write(args.dataset / own.SPLIT, own.split_text(train, val))
    for part, names in (("train", train), ("val", val)):
        print(f"{part}: {sum(drives[name] for name in names)} frames of {', '.join(names)}")
    return 0
