"""Turn another project's ENet weights into a model file.

The format is recognised by the file's content: the ENet authors' Torch7 models, the Caffe port, PyTorch-ENet
checkpoints. Only numbers are read from them. The result is one .safetensors file that every other verb and the node
take as --model.

  enet_ros import model-best.net -o cityscapes.safetensors
  enet_ros import cityscapes_weights.caffemodel -o caffe.safetensors
  enet_ros import save/ENet_CamVid/ENet -o camvid12.safetensors --license "CC BY-NC 4.0"
  enet_ros import mine.pth -o mine.safetensors --classes my_classes.yaml

PyTorch-ENet changed its decoder in March 2021 in a way that the weights do not show: for a checkpoint trained
with its code of August 2019 to March 2021, give --format pytorch-enet-2019.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from enet_ros.errors import ConfigError

_FORMATS = ("auto", "torch7", "caffe", "pytorch-enet", "pytorch-enet-2019")  # a test compares them with the importers'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the weights of another project")
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="OUT", help="the model file to write, *.safetensors"
    )
    parser.add_argument(
        "--format", choices=_FORMATS, default="auto", help="format of FILE (%(default)s: recognised by its content)"
    )
    parser.add_argument("--classes", metavar="TABLE", help="class table of the outputs: a built-in name or a YAML file")
    parser.add_argument("--name", help="the model's name in its card (default: OUT's)")
    parser.add_argument("--license", default="", help="terms of use of the weights, for the card")


def run(args: argparse.Namespace) -> int:
    """Read FILE, write OUT, print what it is; return 0. Raises ModelError where FILE is not an ENet."""
    from enet_ros import model_file
    from enet_ros.datasets.folder import format_of
    from enet_ros.nn.importers import import_file

    if args.out.suffix != ".safetensors":
        raise ConfigError(f"-o is {str(args.out)!r}; give a path that ends with .safetensors")
    table = None if args.classes is None else format_of(args.classes).table
    model = import_file(args.file, args.format, args.name or args.out.stem, table)
    card = model.card.with_(
        license=args.license,
        provenance=f"{model.card.provenance}, file {args.file.name}",
    )
    card = model_file.save(args.out, card, model.tensors)
    numbers = sum(array.size for array in model.tensors.values())
    height, width = card.input_size
    print(f"wrote {args.out}: model {card.name!r}, {numbers} numbers in {len(model.tensors)} tensors")
    print(f"  classes     {card.classes.name} ({card.classes.num_classes})")
    print(f"  input       {width}x{height}, {card.channel_order}, (pixel - {card.mean[0]:g}) / {card.std[0]:g}")
    print(f"  provenance  {card.provenance}")
    if not card.license:
        print("  its card names no licence: add --license if you pass the model on")
    return 0
