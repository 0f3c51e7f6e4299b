"""Annotations come back, as pictures and masks of a dataset of one's own (`enet_ros.datasets.own`)."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

import cv2

from enet_ros import files
from enet_ros.classes import VOID, ClassTable
from enet_ros.datasets import own
from enet_ros.datasets.annotations import Annotated, coco, cvat, drawn, labelme, voc
from enet_ros.datasets.files import IMAGE_ENDINGS, read_image
from enet_ros.errors import DatasetError, unknown_name
from enet_ros.figures import size_text

READERS: Final[Mapping[str, Callable[[Path, ClassTable], list[Annotated]]]] = {
    "cvat": lambda folder, table: cvat.read(folder),
    "coco": lambda folder, table: coco.read(folder),
    "labelme": lambda folder, table: labelme.read(folder),
    "voc": voc.read,
}
_WHERE = ("", "images", "JPEGImages")
"""Where in an export pictures lie."""
_UNLABELLED = "background"
"""What CVAT calls, in its masks, what nobody annotated."""


class _Item(NamedTuple):
    """A picture of the new dataset. name: DRIVE/STEM."""

    name: str
    picture: Path
    annotated: Annotated


class Imported(NamedTuple):
    """What was written: frames of each drive, and how many have no shape at all."""

    drives: Counter[str]
    empty: int


def import_annotations(
    folder: Path,
    kind: str,
    table: ClassTable,
    out: Path,
    *,
    images: Path | None = None,
    drive: str | None = None,
    overwrite: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> Imported:
    """Write the pictures and drawn masks of an export as a dataset; `out` appears when it is whole.

    kind    one of READERS
    images  where the pictures are, if they are not in the export
    drive   of pictures that lie in no folder of their own
    Raises DatasetError, before anything is written, where `out` exists, nothing is annotated, a label is not in the
    table, a picture is missing, has another size than its annotation, belongs to no drive or is there twice.
    """
    if out.exists() and not overwrite:
        raise DatasetError(f"{out} exists: give another name, remove it, or use --force")
    annotated = READERS[kind](folder, table)
    if not annotated:
        raise DatasetError(f"{folder} holds no annotation in the form of {kind}: is it another --format?")
    items = _items(annotated, folder, images, drive)  # first: masks are decoded for pictures of the size they claim
    ids = _ids(annotated, table)
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    files.write(part / own.CLASSES, own.table_text(table))
    empty = 0
    for name, picture, one in items:
        labels = drawn(one, ids)
        empty += bool((labels == VOID).all())
        for target in (part / own.IMAGES / f"{name}{picture.suffix.lower()}", part / own.LABELS / f"{name}.png"):
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.suffix == ".png" and target.is_relative_to(part / own.LABELS):
                target.write_bytes(cv2.imencode(".png", labels)[1].tobytes())
            else:
                shutil.copyfile(picture, target)
        advance()
    files.place(part, out)
    return Imported(Counter(name.rpartition("/")[0] for name, _, _ in items), empty)


def _ids(annotated: list[Annotated], table: ClassTable) -> dict[str, int]:
    """The id of each label there is. DatasetError names all that the table lacks."""
    ids = {name: index for index, name in enumerate(table.names) if index != table.void}
    ids.setdefault(_UNLABELLED, VOID)
    first: dict[str, str] = {}
    count: Counter[str] = Counter()
    for one in annotated:
        for shape in one.shapes:
            if shape.label not in ids:
                first.setdefault(shape.label, one.name)
                count[shape.label] += 1
    if count:
        listing = ", ".join(f"{label!r} ({count[label]} shapes, first in {first[label]})" for label in sorted(count))
        hint = unknown_name("class", min(count), [name for name in ids if name != _UNLABELLED])
        raise DatasetError(
            f"labels that class table {table.name!r} does not have: {listing}; {hint}. Rename them in the tool, or add "
            "them to the table"
        )
    return ids


def _items(annotated: list[Annotated], folder: Path, images: Path | None, drive: str | None) -> list[_Item]:
    """Where each annotation's picture is and how it will be called; its size is compared with the annotation's."""
    places = [images] if images else [folder / where for where in _WHERE]
    items: dict[str, _Item] = {}
    drives: dict[str, PurePosixPath] = {}
    for one in annotated:
        path = PurePosixPath(one.name.removeprefix("images/"))
        if path.is_absolute() or ".." in path.parts:
            raise DatasetError(f"the picture {one.name!r} lies outside of its folder: rename it in the tool")
        picture = _picture(path, places)
        where = "_".join(path.parent.parts) or drive
        if not where:
            raise DatasetError(
                f"the picture {one.name!r} lies in no folder, which would be its drive: say which by --drive NAME"
            )
        if path.parent.parts and (other := drives.setdefault(where, path.parent)) != path.parent:
            raise DatasetError(f"the folders {other} and {path.parent} would both be the drive {where}: rename one")
        size = read_image(picture).shape[:2]
        if size != one.size:
            raise DatasetError(
                f"{picture} is {size_text((size[0], size[1]))} pixels but was annotated at {size_text(one.size)}: "
                "annotate the picture itself, not a scaled copy, or give its folder by --images"
            )
        name = f"{where}/{path.stem if path.suffix.lower() in IMAGE_ENDINGS else path.name}"
        if name in items:
            raise DatasetError(
                f"picture {name} is annotated twice ({items[name].annotated.name}, {one.name}): export one"
            )
        items[name] = _Item(name, picture, one)
    return list(items.values())


def _picture(path: PurePosixPath, places: list[Path]) -> Path:
    """The file of a picture; VOC names it without its ending. DatasetError says where it was looked for."""
    endings = ("",) if path.suffix.lower() in IMAGE_ENDINGS else IMAGE_ENDINGS
    for place in places:
        for ending in endings:
            if (found := place / f"{path}{ending}").is_file():
                return found
    looked = ", ".join(map(str, places))
    raise DatasetError(f"the picture of annotation {str(path)!r} is not in {looked}: name its folder by --images")
