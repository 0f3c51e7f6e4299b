"""The picture of time against pixels."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

pytest.importorskip("matplotlib", reason="pip install matplotlib")

from enet_ros.benchmark import Case
from enet_ros.benchmark.rows import make_row, plot
from enet_ros.errors import ConfigError

ROWS = [
    make_row(Case(name, name, "fp32", (h, w)), "runtime", [ms * h * w / 1e5], 2, None, None)
    for name, ms in (("openvino", 10), ("pytorch_eager", 40))
    for h, w in ((240, 320), (360, 480), (1080, 1920))
]


def test_it_is_drawn(tmp_path: Path) -> None:
    plot(ROWS, tmp_path / "plot.png", "here")
    image = cv2.imread(str(tmp_path / "plot.png"))
    assert image.shape[:2] == (600, 960)
    assert (image.std(axis=2) > 20).sum() > 500  # coloured lines


@pytest.mark.parametrize("name", ["none/plot.png", "plot.xyz"])
def test_it_cannot_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot write the plot"):
        plot(ROWS, tmp_path / name, "here")
