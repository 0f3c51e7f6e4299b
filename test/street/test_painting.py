"""The street's models and sprites: placed in batches, checked one by one against the camera's own projection."""

from __future__ import annotations

import numpy as np
import pytest

from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.street.boards import Upright, boards, warp
from enet_ros.street.cars import car
from enet_ros.street.faces import FaceTable
from enet_ros.street.figures import tree
from enet_ros.street.people import bicyclist, person
from enet_ros.street.solids import SHIFT, Solids, Standing
from enet_ros.street.street import _look_up
from enet_ros.street.view import View

POSES = [CameraPose(1.5, pitch_rad=0.04), CameraPose(2.4, pitch_rad=0.15, roll_rad=0.06, x_m=1.2, yaw_rad=-0.1)]


def view(pose: CameraPose) -> View:
    return View(CameraIntrinsics.from_fov(480, 360, 1.1), pose)


def pixels(camera: View, points: list[tuple[float, float, float]]) -> np.ndarray:
    seen = camera.project(np.array(points, np.float64))
    return seen[:, :2] / seen[:, 2:]


@pytest.mark.parametrize("pose", POSES)
def test_sprites_stand_where_the_camera_sees_their_feet(pose: CameraPose) -> None:
    camera = view(pose)
    things = [
        Upright(tree(1), 30.0, -6.0, "tree"),
        Upright(person(3, 1, False), 12.0, 1.0, "pedestrian"),
        Upright(bicyclist(0, 0), 50.0, -2.0, "bicyclist"),
    ]
    straight = 0
    for thing, board in zip(things, boards(camera, things, FaceTable()), strict=True):
        assert board is not None
        if board.affine is None:
            continue
        straight += 1
        half, height = thing.sprite.width_m / 2, thing.sprite.height_m
        across = [(thing.x, thing.y + side * half, z) for z in (0.0, height) for side in (1, -1)]
        wanted = pixels(camera, across)
        drawn = np.array([(0, 1, 1), (1, 1, 1), (0, 0, 1), (1, 0, 1)]) @ np.array(board.affine).T
        assert np.abs(drawn[:2] - wanted[:2]).max() < 1e-6
        width = np.abs(wanted[1] - wanted[0]).max()
        assert np.abs(drawn[2:] - wanted[2:]).max() <= max(0.4, 0.025 * width)
    assert straight >= 2


def test_a_sprite_is_drawn_alike_by_both_transforms() -> None:
    camera = view(CameraPose(1.5))
    sprite = person(0, 0, True)
    (board,) = boards(camera, [Upright(sprite, 9.0, -1.0, "pedestrian")], FaceTable())
    assert board is not None and board.affine is not None
    fast, exact = warp(camera, board, sprite), warp(camera, board._replace(affine=None), sprite)
    assert fast.shape == exact.shape and (fast[..., 3] > 127).sum() > 300
    assert ((fast[..., 3] > 127) == (exact[..., 3] > 127)).mean() > 0.98  # but for the outline


def test_sprites_out_of_the_image_are_left_out_and_keep_their_place() -> None:
    camera = view(CameraPose(1.5))
    sprite = person(0, 0, False)
    things = [Upright(sprite, x, y, "pedestrian") for x, y in ((10.0, 0.0), (-5.0, 0.0), (5.0, 40.0), (20.0, 1.0))]
    table = FaceTable()
    found = boards(camera, things, table)
    assert [board is not None for board in found] == [True, False, False, True]
    for board, thing in zip(found, things, strict=True):
        if board is not None:
            assert table.planes()[board.face][:4].tolist() == [1, 0, 0, thing.x]


@pytest.mark.parametrize("heading", [1, -1])
def test_models_show_the_faces_that_face_the_camera(heading: int) -> None:
    camera = view(CameraPose(1.5))
    mesh, table = car(5), FaceTable()
    behind, ahead = Solids(camera).patches([Standing(mesh, -30.0, 0.0), Standing(mesh, 15.0, 1.0, heading)], table)
    assert behind == []
    planes = table.planes()
    faces = [patch for patch in ahead if patch.face]
    assert len(faces) >= 3 and len(ahead) > len(faces)
    for patch in faces:
        normal, offset, nearest, farthest = planes[patch.face][:3], *planes[patch.face][3:]
        assert normal @ camera.eye > offset and 12 < nearest <= farthest < 18
        rows = np.clip(patch.corners[:, 1] / (1 << SHIFT), 0, 359)
        assert rows.max() > 180  # a car stands below the horizon


def test_far_models_have_no_details() -> None:
    camera = view(CameraPose(1.5))
    (far,) = Solids(camera).patches([Standing(car(5), 100.0, 1.0)], FaceTable())
    assert far and all(patch.face for patch in far)


@pytest.mark.parametrize("count", [40, 256, 300])
def test_labels_are_looked_up_for_any_number_of_faces(count: int) -> None:
    rng = np.random.default_rng(count)
    labels = rng.integers(0, 11, count).astype(np.uint8)
    faces = rng.integers(0, count, (30, 40)).astype(np.uint16)
    assert np.array_equal(_look_up(labels, faces), labels[faces])
