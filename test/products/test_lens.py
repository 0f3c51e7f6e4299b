"""Pixels to rays and back against the distortion formulas as published."""

from __future__ import annotations

from dataclasses import replace

import flat_scenes as scenes
import numpy as np
import pytest

from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.products import lens
from enet_ros.products.lens import GeometryError, Reason


def grid_of_pixels(camera: CameraIntrinsics) -> np.ndarray:
    u, v = np.meshgrid(np.linspace(0, camera.width - 1, 25), np.linspace(0, camera.height - 1, 19))
    return np.column_stack((u.ravel(), v.ravel()))


@pytest.mark.parametrize("name", scenes.LENSES)
def test_rays_and_pixels_are_inverse_by_the_published_formula(name: str) -> None:
    camera = lens.checked(scenes.LENSES[name])
    pixels = grid_of_pixels(camera)
    rays = lens.rays(camera, pixels)
    assert np.isfinite(rays).all()
    np.testing.assert_array_equal(rays[:, 2], 1)
    np.testing.assert_allclose(scenes.distorted(rays, scenes.LENSES[name]), pixels, atol=0.01)
    np.testing.assert_allclose(lens.project(camera, 3.7 * rays), pixels, atol=0.01)
    found, inside = lens.in_view(camera, 3.7 * rays)
    assert inside.all()
    np.testing.assert_allclose(found, pixels, atol=0.01)


def test_a_pixel_s_integer_coordinates_are_its_centre() -> None:
    camera = CameraIntrinsics(640, 480, np.array([[500.0, 0, 319.5], [0, 500.0, 239.5], [0, 0, 1]]))
    np.testing.assert_allclose(lens.rays(camera, np.array([[319.5, 239.5], [819.5, 239.5]])), [[0, 0, 1], [1, 0, 1]])


def test_a_polynomial_that_folds_back_shows_nothing_there() -> None:
    # Strong barrel distortion: r (1 - 0.35 r^2) turns round at r = 0.98, and r = 1.69 lands on the image's centre.
    camera = lens.checked(CameraIntrinsics(960, 720, scenes.K, (-0.35, 0.0, 0.0, 0.0), "plumb_bob"))
    folded = np.array([[1.6, 0.2, 1.0], [0.0, 1.65, 1.0]])
    assert (lens.project(camera, folded) > 0).all()
    assert not lens.in_view(camera, folded)[1].any()
    assert lens.in_view(camera, np.array([[0.3, 0.2, 1.0]]))[1].all()


def test_a_pixel_that_no_ray_reaches_is_nan() -> None:
    # The same lens cannot bring light further than 0.65 focal lengths from the centre.
    camera = lens.checked(CameraIntrinsics(2000, 1500, scenes.K, (-0.35, 0.0, 0.0, 0.0), "plumb_bob"))
    rays = lens.rays(camera, np.array([[476.0, 355.0], [1990.0, 1490.0]]))
    assert np.isfinite(rays[0]).all()
    assert np.isnan(rays[1]).all()


def test_directions_behind_the_camera_are_not_in_view() -> None:
    for camera in map(lens.checked, scenes.LENSES.values()):
        assert not lens.in_view(camera, np.array([[0.0, 0.1, -1.0], [1.0, 0.0, 0.0]]))[1].any()


@pytest.mark.parametrize("size", [(480, 360), (1920, 1440), (512, 720)])
def test_scaling_keeps_the_image_s_outer_edges(size: tuple[int, int]) -> None:
    camera = scenes.LENSES["ideal"]
    small = lens.scaled(camera, *size)
    corners = np.array([[-0.5, -0.5], [camera.width - 0.5, camera.height - 0.5]])
    scaled_corners = np.array([[-0.5, -0.5], [size[0] - 0.5, size[1] - 0.5]])
    np.testing.assert_allclose(lens.rays(small, scaled_corners), lens.rays(camera, corners))
    assert (small.width, small.height) == size


def bad(**changes: object) -> CameraIntrinsics:
    return replace(scenes.LENSES["plumb_bob"], **changes)


@pytest.mark.parametrize(
    ("camera", "reason"),
    [
        (bad(k=np.zeros((3, 3))), Reason.UNCALIBRATED),
        (bad(k=-scenes.K), Reason.UNCALIBRATED),
        (bad(k=np.eye(2)), Reason.UNCALIBRATED),
        (bad(width=0), Reason.UNCALIBRATED),
        (bad(k=np.full((3, 3), np.nan)), Reason.NOT_FINITE),
        (bad(d=(0.1, float("inf"), 0.0, 0.0, 0.0)), Reason.NOT_FINITE),
        (bad(model="kannala_brandt_8000"), Reason.UNKNOWN_DISTORTION),
        (bad(d=(0.1, 0.2, 0.3)), Reason.UNKNOWN_DISTORTION),
        (bad(model="equidistant"), Reason.UNKNOWN_DISTORTION),
    ],
)
def test_what_is_wrong_with_a_calibration_has_a_name(camera: CameraIntrinsics, reason: Reason) -> None:
    with pytest.raises(GeometryError) as caught:
        lens.checked(camera)
    assert caught.value.reason is reason


@pytest.mark.parametrize(("model", "d"), [("", ()), ("none", ()), ("plumb_bob", (0.0,) * 5), ("fisheye", (0.1,) * 4)])
def test_names_drivers_use_are_understood(model: str, d: tuple[float, ...]) -> None:
    camera = lens.checked(bad(model=model, d=d))
    assert (camera.model, camera.d) == (("equidistant", d) if model == "fisheye" else ("plumb_bob", ()))


def test_an_equidistant_lens_without_coefficients_is_still_equidistant() -> None:
    camera = lens.checked(bad(model="equidistant", d=()))
    (ray,) = lens.rays(camera, np.array([[476.0 + 800 * np.pi / 4, 355.0]]))
    np.testing.assert_allclose(ray, [1, 0, 1], atol=1e-6)


def test_the_scene_s_frames_are_the_camera_pose_s() -> None:
    pose = CameraPose(1.5, 0.1, -0.05, 0.3, 0.4, 0.2)
    points = np.array([[5.0, 1.0, 0.0], [9.0, -3.0, 2.0]])
    expected = (points - pose.position()) @ pose.rotation()
    np.testing.assert_allclose(scenes.optical_directions(points, pose), expected)


def test_a_calibration_serves_every_resolution_of_its_own_proportions() -> None:
    camera = CameraIntrinsics(1920, 1080, np.eye(3), (), "plumb_bob")
    for width, height in ((1920, 1080), (640, 360), (853, 480), (1920, 1088)):
        lens.require_ratio(camera, (height, width))
    for width, height in ((640, 480), (1080, 1920), (1920, 1200)):
        with pytest.raises(GeometryError, match=f"1920 x 1080 pixels, the image has {width} x {height}") as caught:
            lens.require_ratio(camera, (height, width))
        assert caught.value.reason is Reason.OTHER_IMAGE
