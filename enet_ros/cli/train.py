"""Train a model on CamVid, Cityscapes, SUN RGB-D, IDD Lite, LUMS or folders of your own, or several of them.

A run writes to --out: checkpoint.pt after every epoch (run the same command again and it goes on exactly there),
log.csv, curves.png, and at the end model.safetensors, which every other verb and the node take as --model.

  enet_ros train --data camvid=camvid/ --out runs/camvid
  enet_ros train --data camvid=camvid/:2 --data idd_lite=idd/ --data lums=lums/ --recipe road --init camvid --out runs/r
  enet_ros train --data camvid=camvid/ --hold-out 0006R0 --init camvid --epochs 60 --out runs/b
  enet_ros train --data dataset/ --data camvid=camvid/:0.1 --recipe finetune --init road --out runs/mine
  enet_ros train --images frames/ --labels masks/ --classes my_classes.yaml --out runs/mine
  enet_ros train --data camvid=camvid/ --recipe paper --out runs/paper

An epoch takes each frame of a set once, or as often as the number behind it says. The model learns the classes of the
first set that has classes of its own; coarser labels each allow a set of these.
"""

from __future__ import annotations

import argparse
import logging
import math
import os
from collections.abc import Sequence
from pathlib import Path

from enet_ros import model_file
from enet_ros.arrays import U8
from enet_ros.card import ModelCard
from enet_ros.datasets.opening import LAYOUTS, table_of
from enet_ros.errors import ConfigError, EngineError
from enet_ros.evaluation.precisions import record_kept
from enet_ros.figures import parse_size, percent
from enet_ros.train.recipe import RECIPES, Recipe

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    data = parser.add_argument_group("data")
    data.add_argument(
        "--data", action="append", default=[], metavar="LAYOUT=DIR[:SHARE]", help="a dataset; may be repeated to mix"
    )
    data.add_argument("--dataset", choices=LAYOUTS, help="layout of a --data that names none")
    data.add_argument("--images", type=Path, metavar="DIR", help="a folder of images")
    data.add_argument("--labels", type=Path, metavar="DIR", help="its label images")
    data.add_argument("--classes", metavar="TABLE", help="their class table: a built-in name or a YAML file")
    data.add_argument("--model-classes", metavar="TABLE", help="the model's own, where no set has them")
    data.add_argument("--hold-out", nargs="+", default=[], metavar="SEQ", help="sequences to score on, not to train on")
    data.add_argument("--with-val", action="store_true", help="train on the splits `val` too, where not held out")
    recipe = parser.add_argument_group("recipe")
    recipe.add_argument("--recipe", choices=RECIPES, default="default")
    recipe.add_argument("--init", metavar="MODEL", help="begin from this model's weights")
    recipe.add_argument(
        "--keep-init", type=float, metavar="SHARE", help="share of the weights of --init in the saved ones, such as 0.3"
    )
    recipe.add_argument("--epochs", type=int)
    recipe.add_argument("--batch", type=int)
    recipe.add_argument("--learning-rate", type=float)
    recipe.add_argument("--seed", type=int)
    recipe.add_argument(
        "--class-weight-c", type=float, metavar="C", help="of the class weights 1 / ln(C + share of pixels); 0 for none"
    )
    recipe.add_argument(
        "--scale", nargs=2, type=float, metavar=("LEAST", "MOST"), help="random magnification, such as 0.8 1.25"
    )
    recipe.add_argument("--size", default="480x360", metavar="WxH", help="of the model, multiples of 8 (%(default)s)")
    recipe.add_argument("--crop", metavar="WxH", help="train on cuts of this size, which take less time")
    out = parser.add_argument_group("result")
    out.add_argument("--out", type=Path, required=True, metavar="DIR")
    out.add_argument("--name", default="", help="the model's name in its card (default: that of the class table)")
    out.add_argument("--license", default="", help="terms of use of the weights, for the card")
    out.add_argument("--provenance", default="", help="what the card says of data and origin, before the recipe")
    device = parser.add_argument_group("device")
    device.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    device.add_argument("--threads", type=int, default=0, help="CPU threads (0: as many as there are)")
    device.add_argument(
        "--workers", type=int, metavar="N", help="processes that augment (default: up to 16 beside a GPU)"
    )
    device.add_argument("--compile", choices=("auto", "on", "off"), default="auto", help="torch.compile with bfloat16")


def run(args: argparse.Namespace) -> int:
    """Train and write the model; 0 when done."""
    # Threads that wait awake for one another take five times the processor's time where others want it too.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from rich.console import Console

    from enet_ros.train import mix, session

    folders = (args.images, args.labels, args.classes)
    if any(folders) and not all(folders):
        raise ConfigError("--images, --labels and --classes go together")
    config = session.SessionConfig(
        recipe=_recipe(args),
        data=mix.DataConfig(
            sets=tuple(mix.SetSpec.parse(text, args.dataset) for text in args.data),
            folders=mix.FolderSpec(*folders) if all(folders) else None,
            hold_out=tuple(args.hold_out),
            with_val=args.with_val,
        ),
        size=parse_size("--size", args.size),
        out=args.out,
        table=table_of(args.model_classes) if args.model_classes else None,
        init=args.init,
        name=args.name,
        license=args.license,
        provenance=args.provenance,
        device=args.device,
        threads=args.threads,
        compile=args.compile,
        workers=args.workers,
    )
    console = Console()
    trained = session.run(config, console, _measured)
    score = dict(trained.metrics).get("held_out_miou", math.nan)
    shown = "" if math.isnan(score) else f", held-out mIoU {percent(score)} %"
    console.print(f"wrote {args.out / 'model.safetensors'}{shown}")
    return 0


def _measured(path: Path, images: Sequence[U8]) -> ModelCard:
    """The card with what bf16 keeps of the labels; unchanged where that cannot be measured here."""
    try:
        return record_kept(path, images)
    except EngineError as error:
        log.info("what bf16 keeps of the labels was not measured: %s", error)
        return model_file.read_card(path)


def _recipe(args: argparse.Namespace) -> Recipe:
    """The recipe of that name with what the options change."""
    recipe = RECIPES[args.recipe].with_(
        keep_init=args.keep_init,
        epochs=args.epochs,
        batch=args.batch,
        learning_rate=args.learning_rate,
        class_weight_c=args.class_weight_c,
        seed=args.seed,
        crop=parse_size("--crop", args.crop) if args.crop else None,
        encoder_epochs=args.epochs if args.recipe == "paper" else None,
    )
    return recipe.with_(augmentation=recipe.augmentation.with_(scale=tuple(args.scale))) if args.scale else recipe
