"""Compressed payloads: real streams, whole, cut, damaged and lying about their size."""

from __future__ import annotations

import resource
import struct

import cv2
import numpy as np
import pytest

from enet_ros.codec import compress, compressed, decode_compressed, decode_ids
from enet_ros.codec.containers import Kind, read_header
from enet_ros.errors import ImageError


def photo(height: int = 96, width: int = 131) -> np.ndarray:
    """Smooth RGB picture with different channels."""
    small = np.random.default_rng(1).integers(0, 256, (9, 11, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def encode(extension: str, rgb: np.ndarray, *flags: int) -> bytes:
    colours = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR) if rgb.ndim == 3 else rgb
    done, data = cv2.imencode(extension, colours, list(flags))
    assert done
    return bytes(data)


@pytest.fixture(params=["simplejpeg", "opencv"])
def jpeg_decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both decoders of JPEG: the fast one where it is installed, OpenCV as on a machine without it."""
    if request.param == "opencv":
        monkeypatch.setattr(compressed, "_turbo", lambda name: None)
    elif compressed._turbo("decode_jpeg") is None:
        pytest.skip("simplejpeg is not installed")
    return str(request.param)


FORMATS = ["jpeg", "jpg", "", "rgb8; jpeg compressed bgr8", "bgr8; jpeg compressed bgr8"]


@pytest.mark.parametrize("format", FORMATS)
def test_jpeg(format: str, jpeg_decoder: str) -> None:
    got = decode_compressed(format, encode(".jpg", photo(), cv2.IMWRITE_JPEG_QUALITY, 98))
    assert got.shape == (96, 131, 3) and got.dtype == np.uint8
    assert np.abs(got.astype(int) - photo()).mean() < 3


@pytest.mark.parametrize(("format", "off"), [("jpeg", 4), ("png", 0)])
def test_what_is_compressed_is_decoded(format: str, off: int, jpeg_decoder: str) -> None:
    data = compress(photo(), format, 95)
    assert np.abs(decode_compressed(format, data).astype(int) - photo()).mean() <= off
    with pytest.raises(ImageError, match="'gif'; use one of none, jpeg, png"):
        compress(photo(), "gif")


def test_both_jpeg_decoders_agree_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    if compressed._turbo("decode_jpeg") is None:
        pytest.skip("simplejpeg is not installed")
    data = encode(".jpg", photo())
    fast = decode_compressed("jpeg", data)
    monkeypatch.setattr(compressed, "_turbo", lambda name: None)
    assert np.abs(fast.astype(int) - decode_compressed("jpeg", data)).max() <= 1


@pytest.mark.parametrize(
    ("format", "extension", "flags"),
    [
        ("png", ".png", ()),
        ("bgr8; png compressed bgr8", ".png", ()),
        ("rgb8; png compressed bgr8", ".png", ()),
        ("webp", ".webp", (cv2.IMWRITE_WEBP_QUALITY, 101)),
    ],
)
def test_lossless(format: str, extension: str, flags: tuple[int, ...]) -> None:
    assert np.array_equal(decode_compressed(format, encode(extension, photo(), *flags)), photo())


def test_swapped_before_encoding_is_swapped_back() -> None:
    data = encode(".png", photo()[..., ::-1])
    assert np.array_equal(decode_compressed("rgb8; png compressed rgb8", data), photo())


def test_sixteen_bit_png_loses_its_low_byte() -> None:
    deep = np.random.default_rng(2).integers(0, 65536, (20, 30, 3), dtype=np.uint16)
    assert np.array_equal(decode_compressed("rgb16; png compressed bgr16", encode(".png", deep)), deep >> 8)


@pytest.mark.parametrize("extension", [".jpg", ".png"])
def test_grey_becomes_three_equal_channels(extension: str, jpeg_decoder: str) -> None:
    grey = np.ascontiguousarray(photo()[..., 1])
    got = decode_compressed("mono8; jpeg compressed mono8", encode(extension, grey))
    assert got.shape == (96, 131, 3)
    assert (got == got[..., :1]).all() and np.abs(got[..., 0].astype(int) - grey).mean() < 3


def test_alpha_is_dropped() -> None:
    rgba = np.dstack([photo(), np.full(photo().shape[:2], 7, np.uint8)])
    done, data = cv2.imencode(".png", cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA))
    assert done and np.array_equal(decode_compressed("png", data), photo())


def test_exif_does_not_turn_the_camera(jpeg_decoder: str) -> None:
    tiff = b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0) + bytes(4)
    exif = b"Exif\0\0" + tiff
    plain = encode(".jpg", photo())
    turned = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[2:]
    assert cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR).shape[:2] == (131, 96)
    assert np.array_equal(decode_compressed("jpeg", turned), decode_compressed("jpeg", plain))


def test_progressive_jpeg(jpeg_decoder: str) -> None:
    data = encode(".jpg", photo(), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    assert np.abs(decode_compressed("jpeg", data).astype(int) - photo()).mean() < 6


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp"])
def test_a_truncated_stream_is_refused(extension: str, share: float, jpeg_decoder: str) -> None:
    data = encode(extension, photo())
    with pytest.raises(ImageError, match=r"check the transport|have the driver send"):
        decode_compressed("jpeg", data[: int(len(data) * share)])


def test_a_thumbnails_end_is_not_the_pictures(jpeg_decoder: str) -> None:
    plain, thumbnail = encode(".jpg", photo()), encode(".jpg", photo(16, 16))
    data = plain[:2] + b"\xff\xe2" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + plain[2:]
    assert decode_compressed("jpeg", data).shape == (96, 131, 3)
    with pytest.raises(ImageError, match="truncated"):
        decode_compressed("jpeg", data[: len(data) - len(plain) // 2])


def test_a_jpeg_that_lost_packets_is_refused() -> None:
    if compressed._turbo("decode_jpeg") is None:
        pytest.skip("simplejpeg is not installed, and OpenCV alone does not tell")
    data = encode(".jpg", photo(480, 640))
    with pytest.raises(ImageError, match="lost data"):
        decode_compressed("jpeg", data[: len(data) // 3] + data[2 * len(data) // 3 :])


def test_padding_of_webcams_is_harmless(jpeg_decoder: str) -> None:
    data = encode(".jpg", photo())
    plain = decode_compressed("jpeg", data)
    assert np.array_equal(decode_compressed("jpeg", data[:-2] + bytes(40) + data[-2:]), plain)
    assert np.array_equal(decode_compressed("jpeg", data + bytes(300)), plain)


@pytest.mark.parametrize(("extension", "start", "stop"), [(".png", -60, -59), (".webp", 30, 60)])
def test_a_damaged_stream_is_refused(extension: str, start: int, stop: int) -> None:
    data = bytearray(encode(extension, photo()))
    data[start:stop] = bytes(255 - value for value in data[start:stop])
    with pytest.raises(ImageError, match="corrupt"):
        decode_compressed("png", bytes(data))


def test_a_jpeg_without_a_frame_header_is_refused() -> None:
    data = encode(".jpg", photo())
    with pytest.raises(ImageError, match=r"corrupt|ends within"):
        decode_compressed("jpeg", data[:2] + data[data.index(b"\xff\xda") :])


@pytest.mark.parametrize(
    ("kind", "extension", "flags"),
    [
        (Kind.JPEG, ".jpg", ()),
        (Kind.JPEG, ".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
        (Kind.PNG, ".png", ()),
        (Kind.WEBP, ".webp", (cv2.IMWRITE_WEBP_QUALITY, 80)),
        (Kind.WEBP, ".webp", (cv2.IMWRITE_WEBP_QUALITY, 101)),
    ],
)
def test_header_size(kind: Kind, extension: str, flags: tuple[int, ...]) -> None:
    for height, width in [(1, 1), (17, 301), (240, 33)]:
        header = read_header(encode(extension, photo(height, width), *flags))
        assert (header.kind, header.height, header.width) == (kind, height, width)


def test_header_size_of_extended_webp() -> None:
    rgba = np.dstack([photo(), photo()[..., 0]])
    done, data = cv2.imencode(".webp", rgba, [cv2.IMWRITE_WEBP_QUALITY, 80])
    assert done and bytes(data[12:16]) == b"VP8X"
    header = read_header(bytes(data))
    assert (header.height, header.width) == (96, 131)


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp"])
def test_the_size_is_checked_before_decoding(extension: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(extension, photo())
    monkeypatch.setattr(compressed, "_decode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(ImageError, match=r"131x96 pixels is over the limit of 1000.*max_pixels"):
        decode_compressed("x", data, max_pixels=1000)


def test_a_header_that_lies_about_the_size_is_refused() -> None:
    data = bytearray(encode(".png", photo()))
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    with pytest.raises(ImageError, match=r"60000x60000 pixels is over the limit"):
        decode_compressed("png", bytes(data))
    data[16:24] = struct.pack(">II", 0, 96)
    with pytest.raises(ImageError, match=r"0x96 pixels.*above 0"):
        decode_compressed("png", bytes(data))


@pytest.mark.parametrize(
    ("format", "data", "message"),
    [
        ("jpeg", b"", "nothing"),
        ("jpeg", b"\xff\xd8", "ends within its header"),
        ("jpeg", b"\xff\xd8\xff\xd9", "corrupt|ends within"),
        ("png", b"\x89PNG\r\n\x1a\n", "ends within its header"),
        ("webp", b"RIFF\0\0\0\0WEBPVP8X", "ends within its header"),
        ("webp", b"RIFF\0\0\0\0WEBPJUNK" + bytes(20), "JUNK"),
        ("h264", b"\0\0\0\x01\x67\x42\0\x1e", "not JPEG, PNG or WebP"),
        ("tiff", b"II*\0\x08\0\0\0", "not JPEG, PNG or WebP"),
        ("16UC1; compressedDepth png", b"\0" * 40, "depth image.*colour camera"),
        ("jpeg", 3.5, "float"),
    ],
)
def test_bad_payloads(format: str, data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        decode_compressed(format, data)


def test_random_damage_raises_image_error_or_decodes() -> None:
    rng = np.random.default_rng(5)
    streams = [encode(extension, photo()) for extension in (".jpg", ".png", ".webp")]
    refused = 0
    for round in range(150):
        data = bytearray(streams[round % 3])
        for at in rng.integers(0, len(data), 6):
            data[at] = rng.integers(256)
        try:
            assert decode_compressed("jpeg", bytes(data), max_pixels=10**6).ndim == 3
        except ImageError:
            refused += 1
    assert refused > 50


def test_a_chunk_of_a_png_that_states_more_than_there_is_reserves_nothing() -> None:
    whole = encode(".png", photo())
    at = whole.index(b"IDAT") - 4
    for stated in (0x7FFFFFFF, 0xFFFFFFFF, len(whole) - at - 11):
        damaged = whole[:at] + struct.pack(">I", stated) + whole[at + 4 :]
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(ImageError, match="chunks are corrupt"):
            decode_compressed("png", damaged)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 100_000


def test_a_png_may_have_bytes_after_its_end() -> None:
    assert np.array_equal(decode_compressed("png", encode(".png", photo()) + b"\0" * 20), photo())


@pytest.mark.parametrize("cut", [1, 12, 13, 100])
def test_a_cut_png_is_refused(cut: int) -> None:
    with pytest.raises(ImageError, match="truncated"):
        decode_compressed("png", encode(".png", photo())[:-cut])


def test_a_mask_comes_back_as_it_was() -> None:
    ids = np.random.default_rng(1).integers(0, 256, (37, 53), np.uint8)
    assert np.array_equal(decode_ids(compress(ids, "png")), ids)


@pytest.mark.parametrize(
    "data",
    [
        encode(".jpg", np.zeros((4, 4), np.uint8)),
        encode(".webp", np.zeros((4, 4, 3), np.uint8)),
        encode(".png", np.zeros((4, 4, 3), np.uint8)),
        encode(".png", np.zeros((4, 4), np.uint16)),
    ],
    ids=["jpeg", "webp", "colour", "16 bit"],
)
def test_what_may_have_changed_the_ids_is_no_mask(data: bytes) -> None:
    with pytest.raises(ImageError, match="other than 8 bit grey values holds no class ids: send them as png"):
        decode_ids(data)


def test_a_damaged_mask_is_refused() -> None:
    data = compress(np.arange(64 * 64, dtype=np.uint16).astype(np.uint8).reshape(64, 64), "png")
    with pytest.raises(ImageError, match="truncated"):
        decode_ids(data[:-20])
    with pytest.raises(ImageError, match="64x64"):
        decode_ids(data, max_pixels=1000)
