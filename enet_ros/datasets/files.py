"""Image and label files: reading them unaltered, and finding which belongs to which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.arrays import U8
from enet_ros.errors import DatasetError

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm")
LABEL_ENDINGS = (".png", ".bmp", ".tif", ".tiff", ".pgm")

_PALETTE = 3  # PNG colour type, byte 25 of the file (PNG specification, IHDR)


def read_image(path: Path) -> U8:
    """(H, W, 3) uint8 RGB, pixels as stored: an EXIF rotation is ignored, because labels have none."""
    decoded = _decoded(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def read_raw_label(path: Path) -> npt.NDArray[Any]:
    """(H, W) values, or (H, W, 3) uint8 RGB, as stored; of a paletted PNG the indices, not the colours."""
    try:
        with path.open("rb") as file:
            head = file.read(26)
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from None
    if head[1:4] == b"PNG" and len(head) == 26 and head[25] == _PALETTE:
        return _palette_indices(path)
    raw = _decoded(path, cv2.IMREAD_UNCHANGED)
    if raw.ndim == 2:
        return raw
    if raw.dtype != np.uint8:
        raise DatasetError(f"{path} is a 16-bit colour image; save labels as 8-bit PNG")
    return np.ascontiguousarray(raw[..., 2::-1])  # BGR(A) -> RGB


def _palette_indices(path: Path) -> U8:
    """OpenCV expands a palette to colours; Pillow keeps the indices."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise DatasetError(f"{path} is a PNG with a palette, which needs Pillow: pip install pillow") from None
    try:
        with Image.open(path) as image:
            return np.array(image, np.uint8)
    except (OSError, UnidentifiedImageError) as error:
        raise DatasetError(f"{path} is not a readable PNG: {error}") from None


def _decoded(path: Path, flags: int) -> npt.NDArray[Any]:
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from None
    decoded = cv2.imdecode(np.frombuffer(payload, np.uint8), flags) if payload else None
    if decoded is None:
        raise DatasetError(f"{path} is not a readable image ({len(payload)} bytes); replace or remove it")
    return decoded


def find_images(folder: Path) -> list[Path]:
    """Image files below a folder, sorted by their path; DatasetError where there is none."""
    if not folder.is_dir():
        raise DatasetError(f"there is no folder {folder}")
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_ENDINGS and p.is_file())
    if not found:
        raise DatasetError(f"{folder} holds no image ({', '.join(IMAGE_ENDINGS)})")
    return found


def find_label(image: Path, images: Path, labels: Path, stems: Sequence[str]) -> Path:
    """The label of `image`: below `labels`, in the same subfolder, with the first of `stems` that exists.

    Raises DatasetError naming the image and the file that was looked for.
    """
    folder = labels / image.parent.relative_to(images)
    for stem in stems:
        for ending in LABEL_ENDINGS:
            if (path := folder / f"{stem}{ending}").is_file():
                return path
    raise DatasetError(f"image {image} has no label: there is no {folder / stems[0]}{LABEL_ENDINGS[0]}")
