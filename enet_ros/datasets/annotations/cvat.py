"""CVAT for images 1.1: one XML file with polygons and masks, which CVAT takes as annotations of a task and exports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from enet_ros.arrays import U8
from enet_ros.classes import ClassTable
from enet_ros.datasets.annotations.shapes import Annotated, Decoded, Shape, regions_of
from enet_ros.errors import DatasetError

_AREALESS = ("box", "polyline", "points", "cuboid", "ellipse", "skeleton", "tag")


def read(folder: Path) -> list[Annotated]:
    """The pictures of the XML files in a folder. Raises DatasetError for another file, or a kind without area."""
    found = []
    for path in sorted(folder.glob("*.xml")):
        try:
            root = ElementTree.parse(path).getroot()
        except (ElementTree.ParseError, UnicodeDecodeError) as error:
            raise DatasetError(f"{path} is not XML ({error}): export the task as 'CVAT for images 1.1'") from None
        if root.tag != "annotations" or root.find("track") is not None:
            raise DatasetError(f"{path} is no CVAT file of images: export the task as 'CVAT for images 1.1'")
        found += [_image(image, path) for image in root.iter("image")]
    return found


def _image(image: ElementTree.Element, path: Path) -> Annotated:
    name = image.get("name", "")
    try:
        size = int(image.attrib["height"]), int(image.attrib["width"])
        elements = [element for element in image if element.tag in ("polygon", "mask", *_AREALESS)]
        elements.sort(key=lambda element: int(element.get("z_order", "0")))  # stable: else the order of the file
        return Annotated(name, size, Decoded(partial(_shapes, elements, size, name, path)))
    except (KeyError, ValueError) as error:
        raise _malformed(path, name, error) from None


def _shapes(elements: list[ElementTree.Element], size: tuple[int, int], name: str, path: Path) -> Iterator[Shape]:
    """The shapes of a picture of that (height, width), in the order given."""
    for element in elements:
        try:
            yield _shape(element, size, name)
        except (KeyError, ValueError) as error:
            raise _malformed(path, name, error) from None


def _malformed(path: Path, name: str, error: Exception) -> DatasetError:
    return DatasetError(f"{path}: picture {name!r} is malformed ({error}): export the task again")


def _shape(element: ElementTree.Element, size: tuple[int, int], name: str) -> Shape:
    label = element.attrib["label"]
    if element.tag == "polygon":
        pairs = (pair.split(",") for pair in element.attrib["points"].split(";"))
        return Shape(label, (np.array([(float(x), float(y)) for x, y in pairs]),))
    if element.tag == "mask":
        corner_x, corner_y, width, height = (int(element.attrib[key]) for key in ("left", "top", "width", "height"))
        runs = [int(run) for run in element.attrib["rle"].split(",")]
        within = 0 < width <= size[1] and 0 < height <= size[0]
        if not within or min(runs) < 0 or sum(runs) != width * height:
            raise ValueError(
                f"the runs of a mask of {label!r} have {sum(runs)} pixels for its {width}x{height}, in a picture of"
                f" {size[1]}x{size[0]}"
            )
        pixels = np.repeat(np.arange(len(runs)) % 2, runs).astype(np.uint8)  # runs of outside and inside by turns
        return Shape(label, mask=pixels.reshape(height, width), corner=(corner_x, corner_y))
    raise DatasetError(
        f"{name}: a {element.tag} of {label!r} covers no area: draw polygons or masks, or leave it out of the export"
    )


def written(pictures: Iterable[tuple[str, U8]], table: ClassTable) -> str:
    """The file for masks (H, W) uint8 by the names of their pictures, as polygons from back to front."""
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    for index, (name, labels) in enumerate(pictures):
        height, width = map(str, labels.shape)
        image = ElementTree.SubElement(root, "image", id=str(index), name=name, width=width, height=height)
        for order, region in enumerate(regions_of(labels)):
            points = ";".join(f"{x}.0,{y}.0" for x, y in region.outline.tolist())
            about = {"source": "auto", "occluded": "0", "points": points, "z_order": str(order)}
            ElementTree.SubElement(image, "polygon", {"label": table.names[region.label], **about})
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def label_list(table: ClassTable) -> Sequence[dict[str, object]]:
    """The labels of a new task, for CVAT's field 'Raw'."""
    colors = ("#{:02x}{:02x}{:02x}".format(*color) for color in table.colors)
    rows = enumerate(zip(table.names, colors, strict=True))
    return [{"name": n, "color": c, "attributes": []} for index, (n, c) in rows if index != table.void]
