"""Make, look at, check and split a dataset of your own.

  enet_ros dataset import export/ --format cvat --classes camvid -o dataset/     annotations of a tool
  enet_ros dataset info dataset/                                                 drives, sizes, shares of the classes
  enet_ros dataset check dataset/ --report check.html                            labels that a good model doubts
  enet_ros dataset split dataset/ --val 0.2                                      by drives, never by frames

Then: enet_ros train --data dataset/ --recipe finetune --init road --out runs/mine. Each has its own --help.
"""

from __future__ import annotations

import argparse

from enet_ros.cli.actions import declare, run
from enet_ros.cli.dataset import check, import_, info, split

__all__ = ["add_arguments", "run"]

_ACTIONS = {"import": import_, "info": info, "check": check, "split": split}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    declare(parser, _ACTIONS)
