"""A camera's pitch and roll over the road, from the lines of the street that it sees.

The lines of a straight road (kerbs, marks, edges) meet in a point of the horizon, whatever the camera's heading, and
upright edges of buildings and poles in the point straight below. Both tell how the camera is tilted (Caprile and Torre
1990). Segments are found by LSD (Grompone von Gioi et al. 2010), the point by the pair of lines that most others agree
with (Fischler and Bolles 1981), then by weighted least squares.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from enet_ros.arrays import F64, U8
from enet_ros.camera import CameraIntrinsics
from enet_ros.products import lens
from enet_ros.products.images import nearest

MIN_LENGTH = 0.04
"""Length of a segment as a share of the image's width; shorter ones are texture."""
AGREES_RAD = math.radians(1.0)
"""A line passes through a point that lies less than this off its direction, seen from its middle."""
LEAN_RAD = math.radians(20.0)
"""What leans more in the image is no upright edge."""
STRAIGHT = 0.005
"""Radians by which the lines of a straight road are not straight or not parallel."""
PAIRS = 300
MIN_LINES = 4
WIDTH_RAD = math.radians(0.5)
"""Pitches, and rolls, this near to each other support each other."""


class Sight(NamedTuple):
    """What one image shows of the camera's tilt.

    ahead: (3,) float64, the road's direction in the optical frame. std_rad: of its elevation, by the lines' lengths.
    rolls: (N,) float64 radians, one for each upright edge; lengths: (N,) float64, their weights.
    """

    ahead: F64
    std_rad: float
    rolls: F64
    lengths: F64


class Tilt(NamedTuple):
    """Angles as in `CameraPose`, and how much single images differ from them (robust standard deviation), in radians.

    roll_rad and its spread are NaN where there are too few upright edges.
    """

    pitch_rad: float
    pitch_spread_rad: float
    roll_rad: float
    roll_spread_rad: float


class _Lines(NamedTuple):
    """Segments as planes through the camera. normals, middles: (N, 3) unit vectors; lengths: (N,) pixels."""

    normals: F64
    middles: F64
    lengths: F64

    def off(self, point: F64) -> tuple[F64, F64]:
        """(N,) radians between each line and the direction to a point (..., 3), and the sines of its distance."""
        distance = np.linalg.norm(np.cross(self.middles, point[..., None, :]), axis=-1)
        sines = np.abs(point @ self.normals.T) / np.maximum(distance, 1e-6)
        return np.arcsin(np.minimum(sines, 1.0)), distance


def look(image: U8, labels: U8, camera: CameraIntrinsics, flat: U8, upright: U8) -> Sight | None:
    """One image's part; None where it shows no road that leads somewhere.

    image: (H, W, 3) uint8 RGB. labels: (h, w) uint8. camera: of the image's size, as `lens.checked` returns it. flat,
    upright: (256,) uint8, 255 at the ids of ground that is flat, and of things whose edges stand upright.
    """
    height, width = image.shape[:2]
    labels = nearest(labels, (height, width))
    found = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[0]
    if found is None:
        return None
    segments = np.asarray(found, np.float64).reshape(-1, 4)
    across, down = np.abs(segments[:, 2:] - segments[:, :2]).T
    length = np.hypot(across, down)
    u, v = ((segments[:, :2] + segments[:, 2:]) / 2).astype(np.intp).T
    kind = labels[v.clip(0, height - 1), u.clip(0, width - 1)]
    long = length > MIN_LENGTH * width
    road = _lines(camera, segments[long & (flat[kind] > 0) & (down > 0.1 * length)])
    edges = _lines(camera, segments[long & (upright[kind] > 0) & (across < math.sin(LEAN_RAD) * length)])
    meeting = _meeting_point(road)
    if meeting is None:
        return None
    ahead, std_rad = meeting
    return Sight(ahead, std_rad, _rolls(edges, math.asin(-ahead[1])), edges.lengths)


def tilt(sights: Sequence[Sight], assumed_roll_rad: float = 0.0) -> Tilt:
    """The tilt that most of one or more images agree on. assumed_roll_rad: where the images do not show it."""
    rolls = np.concatenate([sight.rolls for sight in sights])
    lengths = np.concatenate([sight.lengths for sight in sights])
    with_edges = [sight for sight in sights if len(sight.rolls) >= MIN_LINES]
    roll = spread = math.nan
    if 2 * len(with_edges) >= len(sights):
        roll = _peak(rolls, lengths**2)
        spread = _spread(np.array([_peak(sight.rolls, sight.lengths**2) for sight in with_edges]), roll)
    level = assumed_roll_rad if math.isnan(roll) else roll
    x, y, z = np.array([sight.ahead for sight in sights]).T
    pitches = np.arctan2(-(x * math.sin(level) + y * math.cos(level)), z)  # where up is square to the road
    stds = np.array([sight.std_rad for sight in sights])
    pitch = _peak(pitches, 1.0 / (stds**2 + math.radians(0.2) ** 2))
    return Tilt(pitch, _spread(pitches, pitch), roll, spread)


def _lines(camera: CameraIntrinsics, segments: F64) -> _Lines:
    one, other = lens.rays(camera, segments[:, :2]), lens.rays(camera, segments[:, 2:])
    known = np.isfinite(one).all(axis=1) & np.isfinite(other).all(axis=1)
    one, other, segments = one[known], other[known], segments[known]
    normals, middles = np.cross(one, other), one + other
    length = np.hypot(*(segments[:, 2:] - segments[:, :2]).T)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return _Lines(normals, middles / np.linalg.norm(middles, axis=1, keepdims=True), length)


def _meeting_point(lines: _Lines) -> tuple[F64, float] | None:
    """(3,) unit direction in which most lines meet, within 37 degrees of the axis, and the std of its elevation."""
    normals, _, length = lines
    if len(length) < MIN_LINES:
        return None
    one, other = np.random.default_rng(0).integers(0, len(length), (2, PAIRS))
    points = np.cross(normals[one], normals[other])
    sine = np.linalg.norm(points, axis=1)
    crossing = sine > math.sin(math.radians(8))
    points = points[crossing] / sine[crossing, None]
    points *= np.sign(points[:, 2:])
    points = points[points[:, 2] > 0.8]
    if not len(points):
        return None
    point: F64 = points[((lines.off(points)[0] < AGREES_RAD) * length).sum(axis=1).argmax()]
    weighted = np.eye(3)
    for _ in range(10):
        _, distance = lines.off(point)
        variance = np.maximum(distance, 0.03) ** 2 * ((1 / length) ** 2 + STRAIGHT**2)
        weights = 1 / (1 + (normals @ point) ** 2 / variance / 4) ** 2 / variance
        weighted = (normals * weights[:, None]).T @ normals
        point = np.linalg.eigh(weighted)[1][:, 0]
        point *= np.sign(point[2]) or 1.0
    agree = lines.off(point)[0] < AGREES_RAD
    if agree.sum() < MIN_LINES or point[2] < 0.8:
        return None
    upward = np.array([0.0, 1.0, 0.0]) - point * point[1]
    upward /= np.linalg.norm(upward)
    covariance = np.linalg.inv(weighted + 1e9 * np.outer(point, point))
    share = length[agree].sum() / length.sum()
    return point, math.sqrt(upward @ covariance @ upward / share)


def _rolls(edges: _Lines, pitch: float) -> F64:
    """(N,) radians: the roll by which each edge stands upright, for a camera of that pitch."""
    a, b, c = edges.normals.T * np.array([[math.cos(pitch)], [math.cos(pitch)], [-math.sin(pitch)]])
    lag = np.arctan2(b, a)  # a sin(roll) + b cos(roll) = c
    sine = np.arcsin(np.clip(c / np.hypot(a, b), -1, 1))
    both = np.stack([sine - lag, math.pi - sine - lag])
    both = (both + math.pi) % (2 * math.pi) - math.pi
    return np.asarray(np.where(np.abs(both[0]) < np.abs(both[1]), *both))


def _peak(values: F64, weights: F64) -> float:
    """Where the values lie densest."""

    def support(at: F64) -> F64:
        nearness: F64 = np.exp(-(((values - at[:, None]) / WIDTH_RAD) ** 2) / 2)
        return weights * nearness

    places = np.arange(-0.7, 0.7, WIDTH_RAD / 5)
    peak = float(places[support(places).sum(axis=1).argmax()])
    for _ in range(20):
        near = support(np.array([peak]))[0]
        if not near.any():
            break
        peak = float((near * values).sum() / near.sum())
    return peak


def _spread(values: F64, center: float) -> float:
    return float(1.4826 * np.median(np.abs(values - center)))
