"""Train a model on CamVid, Cityscapes, SUN RGB-D or folders of your own.

A run writes to --out: checkpoint.pt after every epoch (run the same command again and it goes on exactly there),
log.csv, curves.png, and at the end model.safetensors, which every other verb and the node take as --model.

  enet_ros train --data camvid/ --dataset camvid --out runs/camvid
  enet_ros train --data camvid/ --dataset camvid --hold-out 0006R0 --init camvid --epochs 60 --out runs/b
  enet_ros train --images frames/ --labels masks/ --classes my_classes.yaml --out runs/mine
  enet_ros train --data camvid/ --dataset camvid --recipe paper --out runs/paper
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from enet_ros.errors import ConfigError
from enet_ros.figures import percent
from enet_ros.sizes import parse_size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="root of --dataset")
    parser.add_argument("--dataset", choices=("camvid", "cityscapes", "sunrgbd"), help="layout of --data")
    parser.add_argument("--images", type=Path, metavar="DIR", help="a folder of images, instead of --data")
    parser.add_argument("--labels", type=Path, metavar="DIR", help="its label images")
    parser.add_argument("--classes", metavar="TABLE", help="their class table: a built-in name or a YAML file")
    parser.add_argument(
        "--hold-out", nargs="+", default=[], metavar="SEQ", help="sequences to score on, not to train on"
    )
    parser.add_argument(
        "--with-val", action="store_true", help="train on the split `val` too, where it is not held out"
    )
    parser.add_argument("--recipe", choices=("default", "paper"), default="default")
    parser.add_argument("--init", metavar="MODEL", help="begin from this model's weights")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument(
        "--class-weight-c", type=float, metavar="C", help="of the class weights 1 / ln(C + share of pixels); 0 for none"
    )
    parser.add_argument(
        "--scale", nargs=2, type=float, metavar=("LEAST", "MOST"), help="random magnification, such as 0.8 1.25"
    )
    parser.add_argument("--size", default="480x360", metavar="WxH", help="training size, multiples of 8 (%(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--name", help="the model's name in its card (default: that of the class table)")
    parser.add_argument("--license", default="", help="terms of use of the weights, for the card")
    parser.add_argument("--provenance", default="", help="what the card says of data and origin, before the recipe")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0: as many as there are)")
    parser.add_argument("--compile", choices=("auto", "on", "off"), default="auto", help="torch.compile with bfloat16")


def run(args: argparse.Namespace) -> int:
    """Train and write the model; 0 when done."""
    from rich.console import Console

    from enet_ros.train import session

    height, width = size = parse_size("--size", args.size)
    if height % 8 or width % 8:
        raise ConfigError(f"--size {args.size}: use multiples of 8, such as 480x360")
    console = Console()
    trained = session.run(args, size, console)
    score = dict(trained.metrics).get("held_out_miou", math.nan)
    shown = "" if math.isnan(score) else f", held-out mIoU {percent(score)} %"
    console.print(f"wrote {args.out / 'model.safetensors'}{shown}")
    return 0
