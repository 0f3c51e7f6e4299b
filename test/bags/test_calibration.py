from __future__ import annotations

from pathlib import Path

import pytest

from enet_ros.bags.calibration import load_calibration
from enet_ros.errors import ConfigError

OST = """\
image_width: 640
image_height: 480
camera_name: narrow_stereo
camera_matrix:
  rows: 3
  cols: 3
  data: [438.8, 0.0, 305.6, 0.0, 437.3, 243.5, 0.0, 0.0, 1.0]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.36, 0.17, 0.0001, -0.0005, 0.0]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
"""


def test_a_file_of_camera_calibration(tmp_path: Path) -> None:
    file = tmp_path / "ost.yaml"
    file.write_text(OST)
    camera = load_calibration(file)
    assert (camera.width, camera.height, camera.model) == (640, 480, "plumb_bob")
    assert camera.k.tolist() == [[438.8, 0, 305.6], [0, 437.3, 243.5], [0, 0, 1]]
    assert camera.d == (-0.36, 0.17, 0.0001, -0.0005, 0.0)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (OST.replace("image_width: 640\n", ""), "lacks or misstates 'image_width'"),
        (OST.replace("438.8, ", ""), "lacks or misstates cannot reshape"),
        (OST.replace("438.8", "0.0"), r"has focal lengths 0\.0, 437\.3"),
        ("[1, 2", "is no YAML"),
        ("just text", "lacks or misstates"),
    ],
)
def test_unusable_files_say_why(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "ost.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        load_calibration(file)
    with pytest.raises(ConfigError, match="cannot read calibration .*none.yaml: No such file"):
        load_calibration(tmp_path / "none.yaml")
