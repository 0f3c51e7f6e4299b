"""The street's models and sprites, checked against the camera's own projection."""

from __future__ import annotations

import numpy as np
import pytest

from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.street.drawing import Sprite
from enet_ros.street.painter import Canvas, Faces, View, homography
from enet_ros.street.things import look
from enet_ros.street.world import Surface, Thing

POSES = [CameraPose(1.5, pitch_rad=0.04), CameraPose(2.4, pitch_rad=0.15, roll_rad=0.06, x_m=1.2, yaw_rad=-0.1)]


def view(pose: CameraPose) -> View:
    return View(CameraIntrinsics.from_fov(480, 360, 1.1), pose)


def blank(camera: View) -> Canvas:
    return Canvas(camera, np.zeros((360, 480, 3), np.uint8), np.zeros((360, 480), np.uint16), Faces())


def sprite(kind: str, variant: int = 0) -> Sprite:
    (drawn,) = look(Thing(kind, 0.0, 0.0, variant), 0.0)
    assert isinstance(drawn, Sprite)
    return drawn


def pixels(points: np.ndarray) -> np.ndarray:
    return points[:, :2] / points[:, 2:]


@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize(("kind", "x", "y"), [("tree", 30.0, -6.0), ("person", 12.0, 1.0), ("bicyclist", 25.0, -2.0)])
def test_sprites_stand_where_the_camera_sees_them(pose: CameraPose, kind: str, x: float, y: float) -> None:
    camera, drawn = view(pose), sprite(kind, 1)
    half = drawn.width_m / 2
    corners = [(x, y + side * half, z) for z in (0.0, drawn.height_m) for side in (1, -1)]
    wanted = pixels(camera.project(np.array(corners)))
    shares = np.array([(0, 1, 1), (1, 1, 1), (0, 0, 1), (1, 0, 1)])
    assert np.abs(pixels(shares @ homography(camera, drawn, x, y).T) - wanted).max() < 1e-6
    canvas = blank(camera)
    canvas.paint(drawn, x, y)
    rows, columns = np.nonzero(canvas.ids)
    foot = pixels(camera.project(np.array([(x, y, 0.0)])))[0]
    assert len(rows) > 50 and abs(rows.max() - foot[1]) < 2
    assert wanted[:, 0].min() - 1 < columns.min() <= columns.max() < wanted[:, 0].max() + 1
    assert wanted[:, 1].min() - 1 < rows.min()


def test_sprites_out_of_the_image_are_left_out() -> None:
    canvas = blank(view(CameraPose(1.5)))
    surfaces = len(canvas.faces.planes())
    for x, y in ((10.0, 0.0), (-5.0, 0.0), (5.0, 40.0), (20.0, 1.0)):
        canvas.paint(sprite("person"), x, y)
    assert canvas.faces.planes()[surfaces:, :4].tolist() == [[1, 0, 0, 10.0], [1, 0, 0, 20.0]]
    assert {surfaces, surfaces + 1} <= set(np.unique(canvas.ids).tolist())


@pytest.mark.parametrize("heading", [1, -1])
def test_models_show_the_faces_that_face_the_camera(heading: int) -> None:
    camera = view(CameraPose(1.5))
    canvas = blank(camera)
    (car,) = look(Thing("car", 0.0, 0.0, 5), 0.0)
    canvas.paint(car, -30.0, 0.0)
    assert not canvas.ids.any() and len(canvas.faces.planes()) == len(Surface)
    canvas.paint(car, 15.0, 1.0, heading)
    planes = canvas.faces.planes()[len(Surface) :]
    assert len(planes) >= 3
    for *normal, offset, nearest, farthest in planes:
        assert normal @ camera.eye > offset and 12 < nearest <= farthest < 18
    rows = np.nonzero(canvas.ids)[0]
    assert rows.max() > 180  # a car stands below the horizon
    colors = {tuple(color) for color in canvas.image[canvas.ids > 0].tolist()}
    assert len(colors) > len(planes)  # its details


def test_far_models_have_no_details() -> None:
    canvas = blank(view(CameraPose(1.5)))
    (car,) = look(Thing("car", 0.0, 0.0, 5), 0.0)
    canvas.paint(car, 100.0, 1.0)
    colors = {tuple(color) for color in canvas.image[canvas.ids > 0].tolist()}
    assert 1 <= len(colors) <= len(canvas.faces.planes()) - len(Surface)
    assert ((canvas.image > 0).any(2) == (canvas.ids > 0)).all()


@pytest.mark.parametrize("count", [40, 256, 300])
def test_labels_are_looked_up_for_any_number_of_faces(count: int) -> None:
    rng = np.random.default_rng(count)
    faces = Faces()
    labels = rng.integers(0, 11, count - len(Surface)).tolist()
    for label in labels:
        faces.add(label, (1, 0, 0), 10.0)
    ids = rng.integers(len(Surface), count, (30, 40)).astype(np.uint16)
    assert np.array_equal(faces.labels(ids), np.array([0] * len(Surface) + labels)[ids])
