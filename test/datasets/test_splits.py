"""IDD Lite and LUMS: files, recordings, label values; and the real sets where they lie beside the repository."""

from __future__ import annotations

import numpy as np
import pytest

from enet_ros.classes import IDD_LITE, LUMS, VOID
from enet_ros.datasets.opening import open_dataset, open_pairs
from enet_ros.errors import DatasetError


def test_idd_lite(tmp_path, write, picture) -> None:
    for split in ("train", "val"):
        write(tmp_path / split / "12_034.jpg", picture)
        write(tmp_path / f"{split}annot" / "12_034.png", np.resize(np.uint8([0, 6, 255]), (6, 8)))
    dataset = open_dataset("idd_lite", tmp_path, "train")
    assert dataset.table is IDD_LITE and dataset.samples[0].sequence == "12"
    assert dataset.read(0)[1].ravel()[:3].tolist() == [0, 6, VOID]
    with pytest.raises(DatasetError, match="IDD Lite has no split 'test'; use one of train, val"):
        open_dataset("idd_lite", tmp_path, "test")


def test_lums(tmp_path, write, picture) -> None:
    write(tmp_path / "i" / "color_00001.jpg", picture)
    write(tmp_path / "l" / "color_00001.png", np.resize(np.uint8([0, 4, 255]), (6, 8)))
    dataset = open_pairs(tmp_path / "i", tmp_path / "l", "lums")
    assert dataset.table is LUMS and dataset.read(0)[1].ravel()[:3].tolist() == [0, 4, VOID]
    write(tmp_path / "l" / "color_00001.png", np.full((6, 8), 5, np.uint8))
    with pytest.raises(DatasetError, match="label value 5"):
        dataset.read(0)


@pytest.mark.parametrize(("name", "frames"), [("idd_lite", (1403, 204)), ("lums", (315, 86))])
def test_the_real_sets(name, frames, camvid_dir) -> None:
    root = camvid_dir.parent / name
    if not root.is_dir():
        pytest.skip(f"no test data: {root} is missing")
    assert tuple(len(open_dataset(name, root, split)) for split in ("train", "val")) == frames
    image, labels = open_dataset(name, root, "val").read(0)
    assert image.shape[:2] == labels.shape
