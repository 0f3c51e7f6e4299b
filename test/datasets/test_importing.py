"""Annotations of four tools become the same dataset; what does not fit is refused by name, before a byte is written."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from enet_ros.classes import CAMVID
from enet_ros.cli import main
from enet_ros.datasets import own
from enet_ros.datasets.annotations import Annotated, Shape, coco, cvat, drawn, labelme, regions_of
from enet_ros.datasets.opening import open_dataset
from enet_ros.errors import DatasetError

SIZE = (48, 64)
ROAD, CAR, SKY = (CAMVID.index(name) for name in ("road", "car", "sky"))


def scene() -> np.ndarray:
    """Sky, road, and a car on the road; the rim of the picture is not labelled."""
    labels = np.full(SIZE, 255, np.uint8)
    labels[2:20, 2:62], labels[20:46, 2:62], labels[24:36, 20:40] = SKY, ROAD, CAR
    return labels


def rectangle(x: int, y: int, right: int, low: int) -> list[list[float]]:
    return [[float(px), float(py)] for px, py in ((x, y), (right, y), (right, low), (x, low))]


SHAPES = (("sky", rectangle(2, 2, 61, 19)), ("road", rectangle(2, 20, 61, 45)), ("car", rectangle(20, 24, 39, 35)))


def picture(path: Path, size: tuple[int, int] = SIZE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(1).integers(0, 256, (*size, 3)).astype(np.uint8))
    return path


def cvat_export(root: Path, shapes: str, name: str = "monday/a.png") -> Path:
    picture(root / "images" / name)
    image = f'<image id="0" name="{name}" width="64" height="48">{shapes}</image>'
    (root / "annotations.xml").write_text(f"<annotations><version>1.1</version><meta/>{image}</annotations>")
    return root


def polygon(label: str, points: list[list[float]], z: int = 0) -> str:
    text = ";".join(f"{x:.2f},{y:.2f}" for x, y in points)
    return f'<polygon label="{label}" points="{text}" z_order="{z}" occluded="0"/>'


def export_cvat(root: Path) -> None:
    """The car is first in the file and over the road by its z_order, as a mask."""
    mask = '<mask label="car" rle="0,240" left="20" top="24" width="20" height="12" z_order="2"/>'
    cvat_export(root, mask + "".join(polygon(label, points) for label, points in SHAPES[:2]))


def export_coco(root: Path) -> None:
    picture(root / "images" / "monday" / "a.png")
    car = np.zeros(SIZE, np.uint8)
    car[24:36, 20:40] = 1
    flat = car.T.ravel()  # COCO's run lengths go down the columns
    changes = np.flatnonzero(np.diff(flat)) + 1
    runs = {"size": list(SIZE), "counts": np.diff([0, *changes, flat.size]).tolist()}
    rings = [[[value for point in points for value in point]] for _, points in SHAPES[:2]]
    content = {
        "images": [{"id": 7, "file_name": "monday/a.png", "width": 64, "height": 48}],
        "categories": [{"id": index + 1, "name": name} for index, (name, _) in enumerate(SHAPES)],
        "annotations": [
            {"id": index, "image_id": 7, "category_id": index + 1, "segmentation": segmentation}
            for index, segmentation in enumerate([*rings, runs])
        ],
    }
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    (root / "annotations" / "instances.json").write_text(json.dumps(content))


def export_labelme(root: Path) -> None:
    picture(root / "monday" / "a.png")
    shapes = [{"label": label, "points": points, "shape_type": "polygon"} for label, points in SHAPES[:2]]
    png = cv2.imencode(".png", np.full((12, 20), 255, np.uint8))[1].tobytes()
    mask = base64.b64encode(png).decode()
    shapes.append({"label": "car", "points": [[20, 24], [39, 35]], "shape_type": "mask", "mask": mask})
    content = {"imagePath": "a.png", "imageWidth": 64, "imageHeight": 48, "shapes": shapes}
    (root / "monday" / "a.json").write_text(json.dumps(content))


def export_voc(root: Path) -> None:
    picture(root / "JPEGImages" / "monday" / "a.png")
    colors = {SKY: (1, 2, 3), ROAD: (200, 0, 0), CAR: (0, 9, 0)}
    rows = ["# label:color_rgb:parts:actions", "background:0,0,0::"]
    rows += [f"{CAMVID.names[label]}:{r},{g},{b}::" for label, (r, g, b) in colors.items()]
    (root / "labelmap.txt").write_text("\n".join(rows))
    rgb = np.zeros((*SIZE, 3), np.uint8)
    for label, color in colors.items():
        rgb[scene() == label] = color
    (root / "SegmentationClass" / "monday").mkdir(parents=True)
    cv2.imwrite(str(root / "SegmentationClass" / "monday" / "a.png"), rgb[..., ::-1])


EXPORTS = {"cvat": export_cvat, "coco": export_coco, "labelme": export_labelme, "voc": export_voc}


def run(root: Path, kind: str, out: Path, *options: str, classes: str = "camvid") -> int:
    return main(["dataset", "import", str(root), "--format", kind, "--classes", classes, "-o", str(out), *options])


@pytest.mark.parametrize("kind", EXPORTS)
def test_an_export_becomes_a_dataset(tmp_path, kind) -> None:
    if kind == "coco":
        pytest.importorskip("pycocotools", reason="pycocotools is not installed")
    EXPORTS[kind](tmp_path / "export")
    assert run(tmp_path / "export", kind, tmp_path / "set") == 0
    dataset = open_dataset("own", tmp_path / "set", "train")
    (sample,) = dataset.samples
    assert (sample.name, sample.sequence) == ("monday/a", "monday") and dataset.table == CAMVID
    image, labels = dataset.read(0)
    np.testing.assert_array_equal(labels, scene())
    assert image.shape == (*SIZE, 3) and {path.name for path in tmp_path.iterdir()} == {"export", "set"}


def test_the_order_of_the_tool_decides(tmp_path) -> None:
    """The same two polygons, the other one on top: by z_order first, then by their place in the file."""
    seen = []
    for z, name in ((0, "a"), (3, "b")):
        shapes = polygon("car", SHAPES[2][1], z) + polygon("road", SHAPES[1][1])
        assert run(cvat_export(tmp_path / name, shapes), "cvat", tmp_path / f"set {name}") == 0
        seen.append(int(own.whole(tmp_path / f"set {name}").read(0)[1][30, 30]))
    assert seen == [ROAD, CAR]


@pytest.mark.parametrize("writer", [cvat, coco])
def test_prelabels_come_back_as_they_were(tmp_path, writer) -> None:
    """Regions within regions and holes; only slivers of a pixel at the outlines may differ."""
    labels = cv2.resize(scene(), (320, 240), interpolation=cv2.INTER_NEAREST)
    cv2.circle(labels, (160, 170), 30, SKY, -1)
    cv2.circle(labels, (160, 170), 12, ROAD, -1)
    name = "annotations.xml" if writer is cvat else "coco.json"
    (tmp_path / name).write_text(writer.written([("d/a.png", labels)], CAMVID))
    (found,) = writer.read(tmp_path)
    again = drawn(found, {name: index for index, name in enumerate(CAMVID.names)})
    assert found.name == "d/a.png" and (again == labels)[again != 255].mean() > 0.995
    assert (again == 255).mean() < (labels == 255).mean() + 0.01
    assert [region.label for region in regions_of(labels)][-2:] == [SKY, ROAD]


@pytest.mark.parametrize(
    ("shapes", "name", "options", "message"),
    [
        (polygon("raod", SHAPES[1][1]), "m/a.png", (), "'raod' (1 shapes, first in m/a.png); there is no"),
        ('<box label="car" xtl="1" ytl="1" xbr="5" ybr="5"/>', "m/a.png", (), "m/a.png: a box of 'car' covers no area"),
        (polygon("road", SHAPES[1][1]), "a.png", (), "lies in no folder, which would be its drive: say"),
        (polygon("road", SHAPES[1][1]), "../a.png", (), "lies outside of its folder"),
        (polygon("road", SHAPES[1][1]), "m/a.png", ("--images", "nowhere"), "'m/a.png' is not in nowhere"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_and_nothing_is_written(tmp_path, capsys, shapes, name, options, message) -> None:
    cvat_export(tmp_path / "export", shapes, name)
    assert run(tmp_path / "export", "cvat", tmp_path / "set", *options) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("set*"))


@pytest.mark.parametrize("size", [(24, 32), (40_000, 50_000)])
def test_a_coco_mask_of_another_size_is_refused_before_it_is_decoded(tmp_path, capsys, size) -> None:
    export_coco(tmp_path / "export")
    path = tmp_path / "export" / "annotations" / "instances.json"
    content = json.loads(path.read_text())
    content["annotations"][2]["segmentation"] = {"size": list(size), "counts": [0, size[0] * size[1]]}
    path.write_text(json.dumps(content))
    assert run(tmp_path / "export", "coco", tmp_path / "set") == 2
    assert "'car' has no usable segmentation (its run lengths are not those of the picture's 64x48" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("rle", "width"), [("0,4000000000", 20), ("0,239", 20), ("9,-9,240", 20), ("0,4000000000000", 10**12)]
)
def test_runs_that_are_not_the_mask_are_refused_before_they_are_decoded(tmp_path, capsys, rle, width) -> None:
    mask = f'<mask label="car" rle="{rle}" left="20" top="24" width="{width}" height="12" z_order="2"/>'
    assert run(cvat_export(tmp_path / "export", mask), "cvat", tmp_path / "set") == 2
    assert "'monday/a.png' is malformed (the runs of a mask of 'car' have" in capsys.readouterr().err


def test_a_png_larger_than_its_picture_is_refused_before_it_is_decoded(tmp_path, capsys) -> None:
    export_labelme(tmp_path / "export")
    path = tmp_path / "export" / "monday" / "a.json"
    content = json.loads(path.read_text())
    png = bytearray(base64.b64decode(content["shapes"][2]["mask"]))
    png[16:24] = struct.pack(">II", 30_000, 30_000)  # its size, as the header states it
    content["shapes"][2]["mask"] = base64.b64encode(png).decode()
    path.write_text(json.dumps(content))
    assert run(tmp_path / "export", "labelme", tmp_path / "set") == 2
    assert "the mask of 'car', 30000x30000 pixels, is larger than the picture of 64x48" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["cvat", "labelme"])
def test_masks_are_decoded_one_by_one(tmp_path, kind) -> None:
    """And again at each look: those of an export are never all in memory."""
    EXPORTS[kind](tmp_path)
    (one,) = (cvat.read if kind == "cvat" else labelme.read)(tmp_path)
    first, second = ([shape.mask for shape in one.shapes if shape.mask is not None] for _ in range(2))
    assert len(first) == 1 and first[0] is not second[0]
    np.testing.assert_array_equal(first[0], second[0])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("sky:1,2,3::\nroad:200,0,0::\ncar:200,0,0::", "gives 'road' and 'car' one colour, (200, 0, 0)"),
        ("# label:color_rgb:parts:actions\n200 0 0 road", "labelmap.txt has no row NAME:R,G,B"),
    ],
)
def test_colours_that_do_not_tell_labels_are_refused(tmp_path, capsys, rows, message) -> None:
    export_voc(tmp_path / "export")
    (tmp_path / "export" / "labelmap.txt").write_text(rows)
    assert run(tmp_path / "export", "voc", tmp_path / "set") == 2
    assert message in capsys.readouterr().err


def test_two_folders_that_would_be_one_drive_are_refused(tmp_path, capsys) -> None:
    for name in ("day/1_x/a.png", "day_1/x/b.png"):
        cvat_export(tmp_path / "export", polygon("road", SHAPES[1][1]), name)
        (tmp_path / "export" / "annotations.xml").rename(tmp_path / "export" / f"{name[-5]}.xml")
    assert run(tmp_path / "export", "cvat", tmp_path / "set") == 2
    assert "the folders day/1_x and day_1/x would both be the drive day_1_x" in capsys.readouterr().err


def test_annotations_of_another_size_are_refused(tmp_path, capsys) -> None:
    export_cvat(tmp_path / "export")
    picture(tmp_path / "export" / "images" / "monday" / "a.png", (96, 128))
    assert run(tmp_path / "export", "cvat", tmp_path / "set") == 2
    assert "a.png is 128x96 pixels but was annotated at 64x48: annotate the picture itself" in capsys.readouterr().err
    assert not list(tmp_path.glob("set*"))


def test_two_classes_of_one_name_are_refused(tmp_path, capsys) -> None:
    export_cvat(tmp_path / "export")
    (tmp_path / "t.yaml").write_text("names: [road, sky, road]\ncolors: [[1, 1, 1], [2, 2, 2], [3, 3, 3]]\n")
    assert run(tmp_path / "export", "cvat", tmp_path / "set", classes=str(tmp_path / "t.yaml")) == 2
    error = capsys.readouterr().err
    assert "names ['road'] more than once; rename one" in error and "t.yaml" in error


def test_a_mask_beyond_the_picture_is_refused() -> None:
    one = Annotated("a.png", (10, 10), [Shape("road", mask=np.ones((4, 4), np.uint8), corner=(8, 0))])
    with pytest.raises(DatasetError, match="does not lie within the picture of 10x10"):
        drawn(one, {"road": 0})


def test_an_existing_dataset_stays(tmp_path, capsys) -> None:
    export_cvat(tmp_path / "export")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine.txt").write_text("kept")
    assert run(tmp_path / "export", "cvat", tmp_path / "set") == 2
    assert "exists" in capsys.readouterr().err
    assert [path.read_text() for path in (tmp_path / "set").iterdir()] == ["kept"]
    assert run(tmp_path / "export", "cvat", tmp_path / "set", "--force", "--drive", "unused") == 0
    assert not (tmp_path / "set" / "mine.txt").exists() and (tmp_path / "set" / "images").is_dir()


@pytest.mark.parametrize("kind", EXPORTS)
def test_another_format_is_told(tmp_path, capsys, kind) -> None:
    (tmp_path / "export").mkdir()
    assert run(tmp_path / "export", kind, tmp_path / "set") == 2
    assert "is it another --format?" in capsys.readouterr().err
    if kind == "voc":
        return
    (tmp_path / "export" / ("x.xml" if kind == "cvat" else "x.json")).write_text('{"a": 1')
    assert run(tmp_path / "export", kind, tmp_path / "set") == 2
    assert "x." in capsys.readouterr().err
