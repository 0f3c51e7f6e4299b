"""The run-length code against Autoware's layout, byte by byte."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from enet_ros.classes import AUTOWARE, CAMVID, CITYSCAPES, SUNRGBD, VOID, autoware_ids
from enet_ros.errors import ImageError
from enet_ros.products import run_length


def autoware_encoder(mask: np.ndarray) -> bytes:
    """What perception_utils::runLengthEncoder does: one entry opened by the first pixel, counted up pixel by pixel."""
    runs = [[int(mask[0, 0]), 0]]
    for value in mask.reshape(-1):
        if runs[-1][0] == value:
            runs[-1][1] += 1
        else:
            runs.append([int(value), 1])
    return b"".join(struct.pack("<Bi", *run) for run in runs)


@pytest.fixture
def mask() -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, CAMVID.num_classes, (6, 8)).astype(np.uint8)
    ids = np.kron(coarse, np.ones((5, 7), np.uint8))
    ids[11:13, 3:9] = VOID
    return ids


def test_a_literal() -> None:
    mask = np.array([[7, 7, 9], [9, 9, 0]], np.uint8)
    assert run_length.encode(mask).tobytes() == bytes([7, 2, 0, 0, 0, 9, 3, 0, 0, 0, 0, 1, 0, 0, 0])


def test_it_is_autowares_code(mask: np.ndarray) -> None:
    assert run_length.encode(mask).tobytes() == autoware_encoder(mask)


def test_mapped_ids_join_their_runs(mask: np.ndarray) -> None:
    ids = autoware_ids(CAMVID)
    assert run_length.encode(mask, ids).tobytes() == autoware_encoder(ids[mask])
    merged = np.arange(256, dtype=np.uint8)
    merged[9] = 7
    joined = run_length.encode(np.array([[7, 7, 9], [9, 7, 0]], np.uint8), merged)
    assert joined.tobytes() == bytes([7, 5, 0, 0, 0, 0, 1, 0, 0, 0])


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (480, 640)])
def test_one_value_is_one_run(shape: tuple[int, int]) -> None:
    mask = np.full(shape, 3, np.uint8)
    code = run_length.encode(mask)
    assert code.size == 5
    np.testing.assert_array_equal(run_length.decode(code, *shape), mask)


def test_a_view_is_read_row_by_row(mask: np.ndarray) -> None:
    view = mask[::2, 1::3]
    assert run_length.encode(view).tobytes() == autoware_encoder(view)


def test_decode_inverts_encode(mask: np.ndarray) -> None:
    code = run_length.encode(mask)
    np.testing.assert_array_equal(run_length.decode(code, *mask.shape), mask)
    np.testing.assert_array_equal(run_length.decode(code.tobytes(), *mask.shape), mask)


@pytest.mark.parametrize(
    "code",
    [
        b"",
        b"\x01\x02\x00\x00",
        struct.pack("<Bi", 1, 5),
        struct.pack("<BiBi", 1, 7, 2, -1),
        struct.pack("<Bi", 1, 7),
    ],
)
def test_a_damaged_code_is_refused(code: bytes) -> None:
    with pytest.raises(ImageError):
        run_length.decode(code, 2, 3)


def test_camvid_and_cityscapes_in_autowares_ids() -> None:
    camvid = [AUTOWARE.names[i] for i in autoware_ids(CAMVID)[: CAMVID.num_classes]]
    assert camvid == [
        "SKY",
        "BUILDING",
        "OBSTACLE",
        "ROAD",
        "SIDEWALK",
        "VEGETATION",
        "TRAFFIC_SIGN",
        "OBSTACLE",
        "VEHICLE",
        "PERSON",
        "BIKE",
    ]
    ids = autoware_ids(CITYSCAPES)
    assert {name: AUTOWARE.names[ids[i]] for i, name in enumerate(CITYSCAPES.names)} == {
        "road": "ROAD",
        "sidewalk": "SIDEWALK",
        "building": "BUILDING",
        "wall": "WALL",
        "fence": "OBSTACLE",
        "pole": "OBSTACLE",
        "traffic light": "TRAFFIC_LIGHT",
        "traffic sign": "TRAFFIC_SIGN",
        "vegetation": "VEGETATION",
        "terrain": "VEGETATION",
        "sky": "SKY",
        "person": "PERSON",
        "rider": "PERSON",
        "car": "VEHICLE",
        "truck": "VEHICLE",
        "bus": "VEHICLE",
        "train": "VEHICLE",
        "motorcycle": "BIKE",
        "bicycle": "BIKE",
    }


def test_void_and_strangers_become_unknown() -> None:
    assert autoware_ids(CAMVID)[VOID] == AUTOWARE.index("UNKNOWN")
    assert AUTOWARE.names[autoware_ids(SUNRGBD)[SUNRGBD.index("sofa")]] == "UNKNOWN"
    np.testing.assert_array_equal(autoware_ids(AUTOWARE)[:16], np.arange(16))
