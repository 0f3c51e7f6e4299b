"""camera_calibration's YAML files (camera_info_manager's `file://` format) to intrinsics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from enet_ros.camera import CameraIntrinsics
from enet_ros.errors import ConfigError


def load_calibration(path: Path) -> CameraIntrinsics:
    """Size, K, D and distortion model of a calibration file. ConfigError names the entry that is unusable."""
    try:
        values: Any = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read calibration {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"calibration {path} is no YAML: {error}") from error
    try:
        k = np.array(values["camera_matrix"]["data"], np.float64)
        distortion = values.get("distortion_coefficients") or {"data": []}
        camera = CameraIntrinsics(
            width=int(values["image_width"]),
            height=int(values["image_height"]),
            k=k.reshape(3, 3),
            d=tuple(float(v) for v in distortion["data"]),
            model=str(values.get("distortion_model", "plumb_bob")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"calibration {path} lacks or misstates {error}: it needs image_width, image_height,"
            " camera_matrix, distortion_model and distortion_coefficients, as camera_calibration writes them"
        ) from error
    if not (camera.k[0, 0] > 0 and camera.k[1, 1] > 0 and np.isfinite(camera.k).all()):
        raise ConfigError(f"calibration {path} has focal lengths {camera.k[0, 0]}, {camera.k[1, 1]}: calibrate first")
    return camera
