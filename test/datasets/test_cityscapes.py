from __future__ import annotations

import numpy as np
import pytest

from enet_ros.classes import CITYSCAPES, VOID
from enet_ros.datasets.cityscapes import cityscapes, pairs
from enet_ros.datasets.opening import open_dataset
from enet_ros.errors import DatasetError


def frame(root, write, picture, city: str, number: str, labels: np.ndarray, kind: str = "gtFine_labelIds") -> None:
    name = f"{city}_000000_{number}"
    write(root / "leftImg8bit" / "val" / city / f"{name}_leftImg8bit.png", picture)
    write(root / "gtFine" / "val" / city / f"{name}_{kind}.png", labels)


def test_label_ids_become_train_ids(tmp_path, write, picture) -> None:
    ids = np.resize(np.arange(34, dtype=np.uint8), (6, 8))
    frame(tmp_path, write, picture, "munster", "000019", ids)
    frame(tmp_path, write, picture, "lindau", "000019", np.resize(np.arange(19), (6, 8)), "gtFine_labelTrainIds")
    dataset = cityscapes(tmp_path, "val")
    assert [sample.name for sample in dataset.samples] == ["lindau_000000_000019", "munster_000000_000019"]
    assert dataset.samples[1].sequence == "munster_000000" and dataset.table is CITYSCAPES
    labels = dataset.read(1)[1].ravel()[:34].tolist()
    assert labels[7:9] == [0, 1] and labels[11:14] == [2, 3, 4] and labels[17] == 5
    assert labels[19:29] == list(range(6, 16)) and labels[31:34] == [16, 17, 18]
    assert labels.count(VOID) == 34 - 19
    assert dataset.read(0)[1].ravel()[:19].tolist() == list(range(19))


def test_first_bad_pair_is_named(tmp_path, write, picture) -> None:
    frame(tmp_path, write, picture, "munster", "000019", np.full((6, 8), 40, np.uint8))
    with pytest.raises(DatasetError, match=r"munster_000000_000019_gtFine_labelIds\.png has label value 40"):
        cityscapes(tmp_path, "val").read(0)
    write(tmp_path / "leftImg8bit" / "val" / "lindau" / "lindau_000000_000019_leftImg8bit.png", picture)
    with pytest.raises(DatasetError, match=r"has no label: there is no .*lindau_000000_000019_gtFine_labelIds"):
        cityscapes(tmp_path, "val")
    with pytest.raises(DatasetError, match=r"munster_000000_000019|lindau_000000_000019"):
        pairs(tmp_path / "leftImg8bit" / "val", tmp_path / "gtCoarse" / "val")


def test_wrong_places_are_explained(tmp_path) -> None:
    with pytest.raises(DatasetError, match="has no leftImg8bit/"):
        cityscapes(tmp_path, "val")
    with pytest.raises(DatasetError, match="no split 'demo'"):
        open_dataset("cityscapes", tmp_path, "demo")
