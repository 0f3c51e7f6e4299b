"""The first look: what stands where in the viewer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from enet_ros.viewer.sdk import rerun

LIVE, RECORDED = "log_time", "stamp"
"""Timelines: a node's stamps may jump or be unset, a recording's are its time and say nothing of rates."""


def blueprint(cameras: Sequence[str], timeline: str) -> Any:
    """Pictures to the left, one tab a camera where there are several; metres, times and the log to the right."""
    bp = rerun("rerun.blueprint")
    names = sorted(name.strip("/") for name in cameras)
    each = [_camera(bp, name) for name in names]
    if len(each) > 1:
        together = bp.Grid(*(_overlay(bp, name, name) for name in names), name="all")
        pictures = bp.Tabs(together, *each, active_tab=0)
    else:
        pictures = each[0] if each else bp.Spatial2DView(origin="/base", name="waiting for a node")
    metres = bp.Spatial3DView(
        origin="/base",
        name="metres",
        contents=["/base/**", "- /base/**/lens/free_space"],
        background=(30, 32, 36),
        line_grid=bp.LineGrid3D(spacing=1.0),
        eye_controls=bp.EyeControls3D(position=(-5.5, 0.0, 5.0), look_target=(6.0, 0.0, 0.0), eye_up=(0.0, 0.0, 1.0)),
    )
    plots = bp.Horizontal(
        bp.TimeSeriesView(origin="/latency", name="latency, ms"),
        bp.TimeSeriesView(origin="/rate", name="images a second"),
    )
    log = bp.TextLogView(origin="/log", name="log")
    live = bp.Vertical(metres, plots, log, row_shares=[5, 3, 2])
    return bp.Blueprint(
        bp.Horizontal(pictures, metres if timeline == RECORDED else live, column_shares=[1, 1]),
        bp.BlueprintPanel(state="collapsed"),
        bp.SelectionPanel(state="collapsed"),
        bp.TimePanel(state="collapsed", timeline=timeline),
        auto_views=False,
    )


def _camera(bp: Any, name: str) -> Any:
    lens = f"/base/{name}/lens"
    rr = rerun()
    opaque = {f"{lens}/mask": rr.SegmentationImage.from_fields(opacity=1.0)}
    return bp.Vertical(
        _overlay(bp, name, "overlay"),
        bp.Horizontal(
            bp.Spatial2DView(origin=lens, name="camera", contents=["$origin/picture"]),
            bp.Spatial2DView(origin=lens, name="mask", contents=["$origin/mask"], overrides=opaque),
            bp.Spatial2DView(origin=f"/confidence/{name}", name="confidence"),
        ),
        row_shares=[3, 1],
        name=name,
    )


def _overlay(bp: Any, name: str, title: str) -> Any:
    lens = f"/base/{name}/lens"
    contents = [f"$origin/{entity}" for entity in ("picture", "mask", "free_space")]
    return bp.Spatial2DView(origin=lens, name=title, contents=contents)
