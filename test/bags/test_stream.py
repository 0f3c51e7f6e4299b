"""A bag is read as a stream: neither its first message nor the memory it takes depends on its length."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from enet_ros.bags import BagReader, BagWriter
from enet_ros.bags.messages import IMAGE, definition_of, image_cdr
from enet_ros.frames.bag import from_bag
from enet_ros.messages import Header

CDR = bytes(image_cdr(Header(1, "cam"), np.zeros((1080, 1920, 3), np.uint8), "rgb8"))
PERIOD_NS = 33_333_333


def text(value: str) -> bytes:
    return struct.pack("<I", len(value)) + value.encode()


def record(opcode: int, body: bytes) -> bytes:
    return bytes([opcode]) + struct.pack("<Q", len(body)) + body


def sparse(path: Path, images: int) -> None:
    """An MCAP file of black images of 6 MB, each a chunk, that takes up next to nothing on the disk."""
    head = CDR.rstrip(b"\0")
    schema = record(3, struct.pack("<H", 1) + text(IMAGE) + text("ros2msg") + text(definition_of(IMAGE)[0]))
    channel = record(4, struct.pack("<HH", 1, 1) + text("/camera/image_raw") + text("cdr") + struct.pack("<I", 0))
    indexes = []
    with path.open("wb") as file:
        file.write(b"\x89MCAP0\r\n" + record(1, text("ros2") + text("sparse")) + schema + channel)
        for number in range(images):
            stamp, length, start = (number + 1) * PERIOD_NS, 22 + len(CDR), file.tell()
            size = 9 + length
            chunk = struct.pack("<QQQI", stamp, stamp, size, 0) + text("") + struct.pack("<Q", size)
            file.write(b"\x06" + struct.pack("<Q", len(chunk) + size) + chunk)
            file.write(b"\x05" + struct.pack("<QHIQQ", length, 1, number, stamp, stamp) + head)
            file.seek(len(CDR) - len(head), 1)
            end = file.tell()
            file.write(record(7, struct.pack("<HIQQ", 1, 16, stamp, 0)))
            index = struct.pack("<QQQQIHQQ", stamp, stamp, start, end - start, 10, 1, end, file.tell() - end)
            indexes.append(record(8, index + text("") + struct.pack("<QQ", size, size)))
        file.write(record(15, bytes(4)))
        summary = file.tell()
        counts = struct.pack("<QHIIIIQQIHQ", images, 1, 1, 0, 0, images, PERIOD_NS, stamp, 10, 1, images)
        file.write(schema + channel + b"".join(indexes) + record(11, counts))
        file.write(record(2, struct.pack("<QQI", summary, 0, 0)) + b"\x89MCAP0\r\n")


def read_bytes() -> int:
    """Bytes that this process has asked files for so far."""
    return int(dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())["rchar"])


def test_the_first_image_of_ten_gigabytes_is_there_at_once(tmp_path: Path) -> None:
    sparse(tmp_path / "long.mcap", 1607)
    assert (tmp_path / "long.mcap").stat().st_size > 9_900_000_000
    list(from_bag(_short(tmp_path)))  # whatever is imported and cached on the way
    before = read_bytes()
    source = from_bag(tmp_path / "long.mcap")
    frame = next(iter(source))
    assert (source.total, frame.rgb.shape) == (1607, (1080, 1920, 3))
    assert read_bytes() - before < 5 * len(CDR)


def _short(folder: Path) -> Path:
    sparse(folder / "short.mcap", 2)
    return folder / "short.mcap"


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_reading_on_takes_no_more_memory(tmp_path: Path, storage: str) -> None:
    """Thirty images of 6 MB each, of which a few are held at a time."""
    if storage == "mcap":
        sparse(tmp_path / "bag.mcap", 30)
    else:
        with BagWriter(tmp_path / "bag", storage="sqlite3") as bag:
            bag.add_topic("/camera/image_raw", IMAGE)
            for number in range(30):
                bag.write("/camera/image_raw", number + 1, CDR)
    path = tmp_path / ("bag.mcap" if storage == "mcap" else "bag")
    with BagReader(path) as reader:
        tracemalloc.start()
        try:
            assert sum(1 for _ in reader.messages()) == 30
            assert tracemalloc.get_traced_memory()[1] < 8 * len(CDR)
        finally:
            tracemalloc.stop()
