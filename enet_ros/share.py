"""Files that are installed beside the package: message definitions, the Fast DDS profile."""

from __future__ import annotations

from pathlib import Path


def find(folder: str, name: str) -> Path | None:
    """The path of `FOLDER/NAME` in the sources or under share/enet_ros where installed; None where it is missing."""
    for parent in Path(__file__).resolve().parents:
        for place in (parent, parent / "share" / "enet_ros"):
            if (place / folder / name).is_file():
                return place / folder / name
    return None
