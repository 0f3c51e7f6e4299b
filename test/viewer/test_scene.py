"""What is logged, read back from a .rrd by Rerun itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rerun", reason="rerun-sdk is not installed")

from rrd import Recorded

from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.classes import CAMVID
from enet_ros.messages import FreeSpace, OccupancyGrid
from enet_ros.products import lens
from enet_ros.viewer import RECORDED, CameraScene, Pulse, Seen, opened
from enet_ros.viewer.scene import boundary_px, shown_size, strips_m

BASE = "/base/front/segmentation"
POSE = CameraPose(1.5, pitch_rad=0.1, roll_rad=0.02, x_m=0.3, y_m=-0.2, yaw_rad=0.4)
CAMERA = CameraIntrinsics.from_fov(64, 48, 1.2)
SPACE = FreeSpace(
    height=48,
    width=64,
    column_offset=0,
    column_step=1,
    boundary_row=np.arange(64, dtype=np.uint16) // 2,
    ends_at=np.zeros(64, np.uint8),
    base_frame="base_link",
    range=np.where(np.arange(64) == 10, np.nan, 5.0).astype(np.float32),
    bearing=np.linspace(0.5, -0.5, 64).astype(np.float32),
)
CELLS = np.full((20, 30), -1, np.int8)
CELLS[0, :] = 100  # on the right of the camera: y is least in row 0
CELLS[5:, 10:] = 0


def seen(**changes: Any) -> Seen:
    """A frame with everything."""
    rgb = np.zeros((96, 128, 3), np.uint8)
    rgb[:, 64:] = (250, 10, 10)
    labels = (np.indices((48, 64)).sum(0) % 11).astype(np.uint8)
    labels[:3] = 255
    points = np.array([[1, 2, 0.2], [3, -4, 0.2]], np.float32)
    whole = Seen(
        5_000_000_007,
        rgb,
        labels,
        confidence=np.full((48, 64), 200, np.uint8),
        camera=CAMERA,
        pose=POSE,
        free_space=SPACE,
        obstacle_points=points,
        free_points=-points,
        grid=OccupancyGrid(CELLS, 0.1, (0.0, -1.0)),
    )
    return whole._replace(**changes)


@pytest.fixture
def record(tmp_path: Path) -> Callable[[Callable[[CameraScene], None]], Recorded]:
    """record(what is done with a scene): what the file says then."""

    def run(fill: Callable[[CameraScene], None]) -> Recorded:
        path = tmp_path / "seen.rrd"
        with opened(str(path), RECORDED) as window:
            window.arrange(["/front/segmentation"])
            fill(CameraScene(window.recording, "/front/segmentation"))
        return Recorded(path)

    return run


Record = Callable[[Callable[[CameraScene], None]], Recorded]


def test_the_mask_is_logged_with_its_classes(record: Record) -> None:
    colors = np.array(CAMVID.colors, np.uint8)

    def fill(scene: CameraScene) -> None:
        scene.classes(CAMVID.names, colors)
        scene.show(seen())

    found = record(fill)
    (blob,) = found.last(f"{BASE}/lens/mask", "buffer")
    assert np.array_equal(np.array(blob, np.uint8).reshape(48, 64), seen().labels)
    (context,) = found.last(BASE, "context")
    infos = {entry["class_id"]: entry["class_description"]["info"] for entry in context}
    assert [infos[i]["label"] for i in range(11)] == list(CAMVID.names)
    red, green, blue = CAMVID.colors[3]
    assert infos[3]["color"] == red << 24 | green << 16 | blue << 8 | 255
    assert infos[255]["label"] == "void" and infos[255]["color"] & 255 == 0


def test_frames_keep_the_classes_that_they_were_shown_with(record: Record) -> None:
    """A node may exchange its model meanwhile."""
    colors = np.zeros((2, 3), np.uint8)

    def fill(scene: CameraScene) -> None:
        for stamp_ns, names in ((1, ["road", "tree"]), (2, ["tree", "road"])):
            scene.classes(names, colors)
            scene.show(seen(stamp_ns=stamp_ns))

    found = record(fill)
    told = {}
    for chunk in found.chunks:
        if chunk.entity_path == BASE:
            batch = chunk.to_record_batch()
            stamps = batch.column("stamp").cast("int64").to_pylist()
            contexts = batch.column("AnnotationContext:context").to_pylist()
            told |= {s: c[0][0]["class_description"]["info"]["label"] for s, c in zip(stamps, contexts, strict=True)}
    assert told == {1: "road", 2: "tree"}


def test_pictures_are_jpegs_of_the_masks_size(record: Record) -> None:
    found = record(lambda scene: scene.show(seen()))
    for entity, left, right in (
        (f"{BASE}/lens/picture", (0, 0, 0), (250, 10, 10)),
        ("/confidence/front/segmentation", (200, 200, 200), (200, 200, 200)),
    ):
        (blob,) = found.last(entity, "blob")
        rgb = cv2.imdecode(np.array(blob, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(int)
        assert rgb.shape == (48, 64, 3)
        assert abs(rgb[20, 5] - left).max() < 12 and abs(rgb[20, 60] - right).max() < 12


def test_the_frustum_is_the_cameras(record: Record) -> None:
    """Where the lens has a point of the ground, Rerun has it too, half a pixel on: its centres are at .5."""
    found = record(lambda scene: scene.show(seen()))
    (k,) = found.last(f"{BASE}/lens", "image_from_camera")
    (translation,) = found.last(f"{BASE}/lens", "translation")
    (matrix,) = found.last(f"{BASE}/lens", "mat3x3")
    k, rotation = (np.array(values).reshape(3, 3).T for values in (k, matrix))  # column by column
    point = np.array([6.0, 2.0, 0.0])
    optical = rotation.T @ (point - translation)
    u, v, w = k @ optical
    (expected,), (inside,) = lens.in_view(CAMERA, ((point - POSE.position()) @ POSE.rotation())[None])
    assert inside and np.allclose([u / w, v / w], expected + 0.5, atol=1e-3)
    assert found.last(f"{BASE}/lens", "resolution") == [[64.0, 48.0]]


def test_metres_are_in_the_base_frame(record: Record) -> None:
    found = record(lambda scene: scene.show(seen()))
    assert found.last(f"{BASE}/obstacle_points", "positions") == pytest.approx(np.array(seen().obstacle_points))
    assert found.last(f"{BASE}/free_points", "positions") == pytest.approx(np.array(seen().free_points))
    left, right = found.last(f"{BASE}/free_space", "strips")
    assert len(left) == 10 and len(right) == 53  # broken where the range is unknown
    assert left[0] == pytest.approx([5 * np.cos(0.5), 5 * np.sin(0.5), 0.0], abs=1e-5)


def test_the_grid_has_its_first_row_below(record: Record) -> None:
    found = record(lambda scene: scene.show(seen()))
    (data,) = found.last(f"{BASE}/grid", "data")
    image = np.array(data, np.uint8).view(np.int8).reshape(20, 30)
    assert np.array_equal(image, CELLS[::-1])
    assert found.last(f"{BASE}/grid", "translation") == [pytest.approx([0.0, -1.0, 0.0])]
    assert found.last(f"{BASE}/grid", "cell_size") == [pytest.approx(0.1)]


def test_what_a_frame_lacks_is_cleared(record: Record) -> None:
    bare = Seen(6_000_000_000, None, seen().labels)

    def fill(scene: CameraScene) -> None:
        scene.show(seen())
        scene.show(bare)

    found = record(fill)
    gone = ("lens", "lens/picture", "lens/free_space", "free_space", "obstacle_points", "free_points", "grid")
    for entity in (*(f"{BASE}/{name}" for name in gone), "/confidence/front/segmentation"):
        assert found.rows(entity, "is_recursive") == [[False]], entity
    assert not found.rows(f"{BASE}/lens/mask", "is_recursive")


def test_frames_are_at_their_stamp_and_texts_are_not(record: Record) -> None:
    def fill(scene: CameraScene) -> None:
        scene.show(seen())
        scene.text("WARN", "the mount was bumped")
        scene.pulse(Pulse([1, 2, 3, 4, 5, 6, np.nan], [30, 1, 0, 0]))

    found = record(fill)
    chunks = {chunk.entity_path: chunk for chunk in found.chunks if not chunk.is_static}
    mask = chunks[f"{BASE}/lens/mask"].to_record_batch()
    assert mask.column("stamp").cast("int64").to_pylist() == [5_000_000_007]
    assert "stamp" not in chunks["/log/front/segmentation"].timeline_names
    assert found.last("/log/front/segmentation", "text") == ["the mount was bumped"]
    assert found.last("/log/front/segmentation", "level") == ["WARN"]
    stages = found.last("/latency/front/segmentation", "scalars")
    assert stages[:6] == [1, 2, 3, 4, 5, 6] and np.isnan(stages[6])
    assert found.last("/latency/front/segmentation", "names")[:2] == ["transport", "queue"]
    assert found.last("/rate/front/segmentation", "scalars") == [30, 1, 0, 0]


def test_wide_pictures_are_shrunk_with_all_that_lies_on_them(record: Record) -> None:
    wide = seen(labels=np.zeros((720, 1280), np.uint8), camera=CameraIntrinsics.from_fov(1280, 720, 1.2))
    found = record(lambda scene: scene.show(wide))
    assert shown_size((720, 1280)) == (360, 640)
    (blob,) = found.last(f"{BASE}/lens/mask", "buffer")
    assert len(blob) == 360 * 640
    assert found.last(f"{BASE}/lens", "resolution") == [[640.0, 360.0]]
    (k,) = found.last(f"{BASE}/lens", "image_from_camera")
    assert k[0] == pytest.approx(wide.camera.k[0, 0] / 2) and k[6] == pytest.approx(320.0)


def test_the_boundary_lies_on_the_picture() -> None:
    line = boundary_px(SPACE, 2.0)
    assert line.shape == (64, 2)
    assert line[9].tolist() == [19.0, 8.0]  # column 9 ends above row 4
    every_second = SPACE._replace(column_offset=4, column_step=2, boundary_row=SPACE.boundary_row[:3])
    assert boundary_px(every_second, 1.0)[:, 0].tolist() == [4.5, 6.5, 8.5]


def test_no_metres_no_line() -> None:
    nowhere = SPACE._replace(range=np.empty(0, np.float32), bearing=np.empty(0, np.float32))
    assert strips_m(nowhere) == []
