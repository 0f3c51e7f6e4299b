"""Turn the export of an annotation tool into a dataset.

  enet_ros dataset import export/ --format cvat --classes camvid -o dataset/      'CVAT for images 1.1', unpacked
  enet_ros dataset import export/ --format coco --classes my_classes.yaml --images frames/images -o dataset/
  enet_ros dataset import frames/images --format labelme --classes camvid -o dataset/
  enet_ros dataset import export/ --format voc --classes camvid -o dataset/       'Segmentation mask 1.1'

Polygons and masks are drawn in the tool's order, the last on top; what nothing covers is void. The folder of a picture
is its drive. A label that the table does not have, a picture that is missing or was annotated at another size: all of
that is told before anything is written.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from enet_ros.datasets.importing import READERS, import_annotations
from enet_ros.datasets.opening import table_of
from enet_ros.terminal import progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="the unpacked export")
    parser.add_argument("--format", choices=READERS, required=True, help="of the export")
    parser.add_argument("--classes", required=True, metavar="TABLE", help="a built-in class table or a YAML file")
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="DATASET", help="a folder that does not exist yet"
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help="the pictures, if they are not in the export")
    parser.add_argument("--drive", metavar="NAME", help="the drive of pictures that lie in no folder")
    parser.add_argument("--force", action="store_true", help="replace DATASET if it exists")


def run(args: argparse.Namespace) -> int:
    """Import; return 0."""
    with progress(f"writing {args.out}", None) as bar:
        imported = import_annotations(
            args.folder,
            args.format,
            table_of(args.classes),
            args.out,
            images=args.images,
            drive=args.drive,
            overwrite=args.force,
            advance=bar.advance,
        )
    frames, drives = imported.drives.total(), len(imported.drives)
    empty = f", {imported.empty} of them without any label" if imported.empty else ""
    print(
        f"{args.out}: {frames} frames of {drives} drives{empty}; next: enet_ros dataset check {args.out}",
        file=sys.stderr,
    )
    return 0
