"""The lens and the place of the demo's camera: what is known of them, and what has to be assumed to show metres."""

from __future__ import annotations

import math
from typing import NamedTuple

from enet_ros.camera import CameraPose, fov_rad
from enet_ros.errors import ConfigError
from enet_ros.frames import Source

FOV_DEG = 60.0
"""Horizontal; webcams have 55 to 80."""
HEIGHT_M = 1.3
"""That of a camera behind a windscreen."""
PITCH_DEG = 0.0


class Mounting(NamedTuple):
    """fov_rad: horizontal field of view of an ideal camera; 0 where the source's own calibration holds.

    assumed: what nobody has said, in words; empty where all is known.
    """

    fov_rad: float
    pose: CameraPose
    assumed: str


def mounting(source: Source, fov_deg: float | None, height_m: float | None, pitch_deg: float | None) -> Mounting:
    """What is given comes before what the source knows, and that before what is assumed. None: not given.

    A height of 0 is that of no known place: nothing is shown in metres or in 3D, and nothing is assumed for it.
    Raises ConfigError for values that no camera has.
    """
    assumed = []
    placed = height_m != 0
    if placed and fov_deg is None and source.calibration is None:
        fov_deg = FOV_DEG
        assumed.append(f"{FOV_DEG:g} degrees wide")
    if height_m is None:
        height_m = HEIGHT_M if source.pose is None else source.pose.height_m
        assumed += [f"{HEIGHT_M:g} m above the ground"] if source.pose is None else []
    if pitch_deg is None:
        pitch_deg = PITCH_DEG if source.pose is None else math.degrees(source.pose.pitch_rad)
        assumed += ["looking level"] if placed and source.pose is None else []
    if not 0 <= height_m <= 1000 or not -90 <= pitch_deg <= 90:
        raise ConfigError(f"--height {height_m:g} --pitch-deg {pitch_deg:g}: use 0 to 1000 m, and -90 to 90 degrees")
    fov = 0.0 if fov_deg is None else fov_rad(fov_deg)
    return Mounting(fov, CameraPose(height_m, math.radians(pitch_deg)), ", ".join(assumed))
