"""The chosen frames of one drive as picture files, with a row each for the manifest."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from enet_ros import files
from enet_ros.arrays import U8
from enet_ros.bags.messages import COMPRESSED, CameraFrame, camera_frame, from_cdr
from enet_ros.bags.reader import BagMessage, BagReader
from enet_ros.codec import is_swapped
from enet_ros.errors import BagError
from enet_ros.extraction.drives import Drive
from enet_ros.selection.choice import Candidate

IMAGES, LABELS, MANIFEST = "images", "labels", "manifest.csv"
"""Of the result: folders of pictures and of their masks, each with a folder a drive; the table of the frames."""
_MAGIC = {b"\xff\xd8\xff": ".jpg", b"\x89PN": ".png"}


class Row(NamedTuple):
    """A picture in the manifest. file: relative to the folder of the manifest; pose as in `Candidate`."""

    file: str
    drive: str
    bag: str
    topic: str
    number: int
    stamp_ns: int
    log_ns: int
    pose: tuple[float, ...] | None
    uncertainty: float
    disagreement: float


def write_pictures(
    drive: Drive,
    chosen: Sequence[Candidate],
    folder: Path,
    label: Callable[[U8], U8] | None = None,
    advance: Callable[[], None] = lambda: None,
) -> list[Row]:
    """Write the chosen frames of a drive below `folder`/images; a picture that is there already is left.

    JPEG and PNG payloads are written as they were recorded, other images, and payloads whose red and blue are swapped,
    as PNG. label: an image (H, W, 3) uint8 RGB to
    its mask (H, W) uint8, written as PNG of the same name below `folder`/labels. Raises BagError where the bag has
    become unreadable, PlaceError where it cannot be fetched, OSError where the disk is full.
    """
    wanted = {(candidate.topic, candidate.number): candidate for candidate in chosen}
    rows = {}
    with drive.bag() as path, BagReader(path) as reader:
        several = len({candidate.topic for candidate in chosen}) > 1
        for message in reader.messages({candidate.topic for candidate in chosen} or {""}):
            candidate = wanted.get((message.topic, message.number))
            if candidate is None:
                continue
            payload, ending, frame = _encoded(message)
            camera = f"{message.topic.strip('/').replace('/', '_')}_" if several else ""
            name = f"{drive.name}/{camera}{message.number:06d}_{candidate.stamp_ns}"
            _write(folder / IMAGES / f"{name}{ending}", payload)
            mask_file = folder / LABELS / f"{name}.png"
            if label is not None and not mask_file.exists():
                _write(mask_file, _png(label((frame or camera_frame(message.type, message.data)).rgb)))
            of = (
                drive.place,
                candidate.topic,
                candidate.number,
                candidate.stamp_ns,
                candidate.log_ns,
                candidate.pose,
            )
            row = Row(f"{IMAGES}/{name}{ending}", drive.name, *of, candidate.uncertainty, candidate.disagreement)
            rows[message.topic, message.number] = row
            advance()
            if len(rows) == len(wanted):
                break
    if lost := set(wanted) - set(rows):
        topic, number = min(lost)
        raise BagError(f"{drive.place} no longer has message {number} of {topic}: has it been replaced?")
    return [rows[candidate.topic, candidate.number] for candidate in chosen]


def manifest(rows: Sequence[Row]) -> str:
    """The rows as CSV; cells of what is not known are empty."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    pose = ("x", "y", "z", "qx", "qy", "qz", "qw")
    table.writerow([name for field in Row._fields for name in (pose if field == "pose" else (field,))])
    for row in rows:
        cells = row._replace(pose=None)
        plain = [f"{value:.6g}" if isinstance(value, float) else value for value in cells]
        digits = (3, 3, 3, 6, 6, 6, 6)  # millimetres: a map's coordinates have seven digits before the point
        place = [f"{v:.{d}f}" for v, d in zip(row.pose, digits, strict=True)] if row.pose else [""] * len(pose)
        where = Row._fields.index("pose")
        table.writerow(["" if value == "nan" else value for value in (*plain[:where], *place, *plain[where + 1 :])])
    return out.getvalue()


def _encoded(message: BagMessage) -> tuple[bytes, str, CameraFrame | None]:
    """The file of a message and its ending, and the decoded frame where it had to be decoded."""
    if message.type == COMPRESSED:
        image = from_cdr(message.type, message.data)
        payload = image.data.tobytes()
        ending = _MAGIC.get(payload[:3])
        if ending and not is_swapped(str(image.format)):
            return payload, ending, None
    frame = camera_frame(message.type, message.data)
    return _png(cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2BGR)), ".png", frame


def _png(pixels: np.typing.NDArray[np.uint8] | cv2.typing.MatLike) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def _write(path: Path, payload: bytes) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, payload)
