"""The first look, read back from the blueprint that a recording carries."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rerun", reason="rerun-sdk is not installed")

from rerun.chunk import RrdReader

from enet_ros.viewer import LIVE, RECORDED, opened


def view_names(path: Path) -> list[str]:
    """Names of the views and containers of the last blueprint that was sent."""
    reader = RrdReader(path)
    chunks = reader.stream(store=reader.blueprints()[-1]).to_chunks()
    found: list[str] = []
    for chunk in chunks:
        batch = chunk.to_record_batch()
        for name in batch.schema.names:
            if name.endswith(":display_name"):
                found += [text for row in batch.column(name).to_pylist() for text in row]
    return found


@pytest.mark.parametrize(
    ("cameras", "timeline", "there", "not_there"),
    [
        (["/front/segmentation"], LIVE, {"overlay", "confidence", "metres", "latency, ms", "log"}, {"all"}),
        (["/a/segmentation", "/b/segmentation"], LIVE, {"all", "a/segmentation", "b/segmentation", "log"}, set()),
        (["/camera/image_raw"], RECORDED, {"overlay", "metres"}, {"latency, ms", "log"}),
        ([], LIVE, {"waiting for a node"}, {"overlay"}),
    ],
)
def test_views(tmp_path: Path, cameras: list[str], timeline: str, there: set[str], not_there: set[str]) -> None:
    path = tmp_path / "seen.rrd"
    with opened(str(path), timeline) as window:
        window.arrange(cameras)
    names = set(view_names(path))
    assert there <= names and not names & not_there
