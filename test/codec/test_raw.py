"""Raw layouts against bytes laid out here by hand, value by value."""

from __future__ import annotations

from array import array

import numpy as np
import pytest

from enet_ros.codec import ENCODINGS, RawImage, UnsupportedEncoding, to_rgb
from enet_ros.errors import ImageError

# Channel letters of every interleaved encoding: y is grey, a is dropped.
PACKED = {
    "rgb8": "rgb", "bgr8": "bgr", "rgba8": "rgba", "bgra8": "bgra", "mono8": "y",
    "rgb16": "rgb", "bgr16": "bgr", "rgba16": "rgba", "bgra16": "bgra", "mono16": "y",
    "8UC1": "y", "8UC3": "bgr", "8UC4": "bgra", "16UC1": "y", "16UC3": "bgr", "16UC4": "bgra",
}  # fmt: skip
BAYER = ("rggb", "bggr", "gbrg", "grbg")
UYVY, YUYV = ("uyvy", "yuv422"), ("yuyv", "yuv422_yuy2")
PLANAR = ("nv12", "nv21", "nv24")


def sizes(seed: int, count: int = 6) -> list[tuple[int, int, int]]:
    """(height, width, padding bytes of a row): random, with the odd and the tiny ones among them."""
    rng = np.random.default_rng(seed)
    drawn = [(int(h), int(w), int(p)) for h, w, p in rng.integers((1, 1, 0), (40, 60, 9), (count, 3))]
    return [(1, 1, 0), (3, 5, 0), (5, 7, 3), (4, 6, 1), *drawn]


def padded(rows: np.ndarray, padding: int) -> tuple[int, bytes]:
    """(step, data) of (height, bytes) uint8 rows with junk after each."""
    junk = np.random.default_rng(9).integers(0, 256, (len(rows), padding), dtype=np.uint8)
    return rows.shape[1] + padding, np.hstack([rows, junk]).tobytes()


def rgb_of_yuv(y: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """ITU-R BT.601 limited range, in float."""
    luma, u, v = 255 / 219 * (y.astype(float) - 16), u.astype(float) - 128, v.astype(float) - 128
    red, blue = luma + 255 / 224 * 1.402 * v, luma + 255 / 224 * 1.772 * u
    green = luma - 255 / 224 * (1.772 * 0.114 / 0.587 * u + 1.402 * 0.299 / 0.587 * v)
    return np.clip(np.rint(np.stack([red, green, blue], -1)), 0, 255)


def close(got: np.ndarray, expected: np.ndarray) -> bool:
    return got.shape == expected.shape and np.abs(got.astype(float) - expected).max() <= 2


def test_the_table_holds_every_name_tried_here_and_no_other() -> None:
    bayer = {f"bayer_{pattern}{bits}" for pattern in BAYER for bits in (8, 16)}
    assert set(ENCODINGS) == {*PACKED, *bayer, *UYVY, *YUYV, *PLANAR}


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("encoding", PACKED)
def test_interleaved_channels(encoding: str, big_endian: bool) -> None:
    letters = PACKED[encoding]
    deep = "16" in encoding
    rng = np.random.default_rng(1)
    for height, width, padding in sizes(2):
        values = rng.integers(0, 65536 if deep else 256, (height, width, len(letters)))
        wire = values.astype((">u2" if big_endian else "<u2") if deep else "u1")
        step, data = padded(wire.view(np.uint8).reshape(height, -1), padding)
        picked = [0, 0, 0] if letters == "y" else [letters.index(c) for c in "rgb"]
        expected = (values >> 8 if deep else values)[..., picked]
        got = to_rgb(RawImage(encoding, height, width, step, big_endian, data))
        assert got.dtype == np.uint8 and np.array_equal(got, expected), (height, width, padding)


@pytest.mark.parametrize("padding", [0, 5])
def test_rgb8_is_a_view_of_the_message(padding: int) -> None:
    image = np.random.default_rng(3).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    step, data = padded(image.reshape(7, -1), padding)
    message = array("B", data)
    got = to_rgb(RawImage("rgb8", 7, 9, step, False, message))
    assert np.shares_memory(got, np.frombuffer(message, np.uint8))
    assert np.array_equal(got, image)
    message[0] ^= 255
    assert got[0, 0, 0] == message[0]


BUFFERS = [bytes, bytearray, memoryview, lambda b: array("B", b), lambda b: np.frombuffer(b, "u1")]


@pytest.mark.parametrize("buffer", BUFFERS)
def test_every_kind_of_buffer_is_read(buffer) -> None:  # type: ignore[no-untyped-def]
    got = to_rgb(RawImage("bgr8", 1, 2, 6, False, buffer(bytes([1, 2, 3, 4, 5, 6]))))
    assert got.tolist() == [[[3, 2, 1], [6, 5, 4]]]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("pattern", BAYER)
def test_bayer_gives_back_the_colour_that_made_the_mosaic(pattern: str, bits: int) -> None:
    colour = {"r": 210, "g": 120, "b": 35}
    for height, width, padding in [(3, 3, 0), (8, 10, 0), (7, 9, 3), (6, 11, 1)]:
        mosaic = np.empty((height, width), int)
        for position, letter in enumerate(pattern):
            mosaic[position // 2 :: 2, position % 2 :: 2] = colour[letter]
        wire = mosaic.astype(np.uint8) if bits == 8 else (mosaic * 256 + 77).astype(">u2")
        step, data = padded(wire.view(np.uint8).reshape(height, -1), padding)
        got = to_rgb(RawImage(f"bayer_{pattern}{bits}", height, width, step, bits == 16, data))
        assert (got == (210, 120, 35)).all(), (height, width)


@pytest.mark.parametrize("pattern", BAYER)
def test_bayer_keeps_every_measured_value_in_its_channel(pattern: str) -> None:
    mosaic = np.random.default_rng(4).integers(0, 256, (12, 14), dtype=np.uint8)
    got = to_rgb(RawImage(f"bayer_{pattern}8", 12, 14, 14, False, mosaic.tobytes()))
    for row in range(1, 11):
        for column in range(1, 13):
            channel = "rgb".index(pattern[2 * (row % 2) + column % 2])
            assert got[row, column, channel] == mosaic[row, column], (row, column)


@pytest.mark.parametrize("encoding", UYVY + YUYV)
def test_422(encoding: str) -> None:
    rng = np.random.default_rng(5)
    for height, width, padding in sizes(6):
        pairs = (width + 1) // 2
        luma = rng.integers(16, 236, (height, 2 * pairs))
        u, v = rng.integers(60, 196, (2, height, pairs))
        first, second = luma[:, ::2], luma[:, 1::2]
        order = (u, first, v, second) if encoding in UYVY else (first, u, second, v)
        step, data = padded(np.stack(order, -1).astype(np.uint8).reshape(height, -1), padding)
        expected = rgb_of_yuv(luma, u.repeat(2, 1), v.repeat(2, 1))[:, :width]
        assert close(to_rgb(RawImage(encoding, height, width, step, False, data)), expected), (height, width)


@pytest.mark.parametrize("encoding", [UYVY[0], YUYV[0]])
def test_422_of_odd_width_that_ends_within_a_pair(encoding: str) -> None:
    """The last pixel has a U of its own and the V of the pair before it; a lone pixel has none."""
    y, u, v = np.arange(60, 110, 10), np.array([100, 100, 150, 150, 90]), np.array([160, 160, 80, 80, 80])
    chroma = np.array([100, 160, 150, 80, 90])  # u and v by turns
    pairs = np.stack((chroma, y) if encoding == "uyvy" else (y, chroma), -1).astype(np.uint8)
    got = to_rgb(RawImage(encoding, 2, 5, 10, False, pairs.tobytes() * 2))
    assert close(got, np.stack([rgb_of_yuv(y, u, v)] * 2))
    one = to_rgb(RawImage(encoding, 1, 1, 2, False, pairs[:1].tobytes()))
    assert close(one, rgb_of_yuv(y[None, :1], u[None, :1], np.full((1, 1), 128)))


@pytest.mark.parametrize("encoding", ["nv12", "nv21"])
def test_420(encoding: str) -> None:
    rng = np.random.default_rng(7)
    for height, width, padding in sizes(8):
        pairs, rows = (width + 1) // 2, (height + 1) // 2
        luma = rng.integers(16, 236, (height, width))
        u, v = rng.integers(60, 196, (2, rows, pairs))
        chroma = np.stack((u, v) if encoding == "nv12" else (v, u), -1).astype(np.uint8).reshape(rows, -1)
        step, luma_data = padded(luma.astype(np.uint8), padding)
        _, chroma_data = padded(chroma, max(0, step - chroma.shape[1]))
        got = to_rgb(RawImage(encoding, height, width, step, False, luma_data + chroma_data))
        expected = rgb_of_yuv(luma, *(c.repeat(2, 0).repeat(2, 1)[:height, :width] for c in (u, v)))
        assert close(got, expected), (height, width, padding)


def test_444() -> None:
    rng = np.random.default_rng(10)
    for height, width, padding in sizes(11):
        luma = rng.integers(16, 236, (height, width))
        chroma = rng.integers(60, 196, (height, width, 2))
        step, luma_data = padded(luma.astype(np.uint8), padding)
        _, chroma_data = padded(chroma.astype(np.uint8).reshape(height, -1), 2 * padding)
        got = to_rgb(RawImage("nv24", height, width, step, False, luma_data + chroma_data))
        assert close(got, rgb_of_yuv(luma, chroma[..., 0], chroma[..., 1])), (height, width, padding)


BAD = {
    "unknown name": (RawImage("RGB8", 2, 2, 6, False, bytes(12)), r"'RGB8'.*rgb8"),
    "no name": (RawImage("", 2, 2, 6, False, bytes(12)), r"''.*one of"),
    "float": (RawImage("32FC1", 2, 2, 8, False, bytes(16)), r"'32FC1'"),
    "zero height": (RawImage("rgb8", 0, 2, 6, False, b""), r"2x0.*above 0"),
    "zero width": (RawImage("rgb8", 2, 0, 0, False, b""), r"0x2.*above 0"),
    "absurd size": (RawImage("mono8", 2**31, 2**31, 2**31, False, b""), r"2147483648x2147483648.*max_pixels"),
    "step of pixels": (RawImage("rgb8", 2, 4, 4, False, bytes(8)), r"step of 4 .*at least 12"),
    "zero step": (RawImage("mono8", 2, 4, 0, False, bytes(8)), r"step of 0 .*at least 4"),
    "step of 8 bit for 16": (RawImage("mono16", 2, 4, 4, False, bytes(8)), r"step of 4 .*at least 8"),
    "truncated": (RawImage("rgb8", 2, 2, 6, False, bytes(11)), r"truncated.*11 bytes.*takes 12"),
    "empty": (RawImage("rgb8", 2, 2, 6, False, b""), r"truncated.*0 bytes.*takes 12"),
    "oversized": (RawImage("rgb8", 2, 2, 6, False, bytes(13)), r"oversized.*13 bytes.*takes 12"),
    "nv12 without chroma": (RawImage("nv12", 4, 4, 4, False, bytes(16)), r"truncated.*16 bytes.*takes 24"),
    "nv24 at half chroma": (RawImage("nv24", 4, 4, 4, False, bytes(24)), r"truncated.*24 bytes.*takes 48"),
    "bayer of two rows": (RawImage("bayer_rggb8", 2, 8, 8, False, bytes(16)), r"8x2.*at least 3x3"),
    "a float": (RawImage("mono8", 1, 2, 2, False, 1.5), r"float.*contiguous buffer"),  # type: ignore
    "scattered": (RawImage("mono8", 1, 2, 2, False, np.zeros((2, 4), "u1")[:, ::2]), r"contiguous buffer"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_names_value_and_remedy(name: str) -> None:
    raw, message = BAD[name]
    with pytest.raises(ImageError, match=message):
        to_rgb(raw)


def test_a_name_outside_the_table_can_be_told_apart() -> None:
    with pytest.raises(UnsupportedEncoding):
        to_rgb(RawImage("32FC1", 1, 1, 4, False, bytes(4)))


def test_the_pixel_limit_is_the_callers() -> None:
    raw = RawImage("mono8", 10, 10, 10, False, bytes(100))
    assert to_rgb(raw, max_pixels=100).shape == (10, 10, 3)
    with pytest.raises(ImageError, match="limit of 99"):
        to_rgb(raw, max_pixels=99)
