"""Draws docs/figures/rooms.png, the rooms of the package: `./run exec python docs/figures/rooms.py`.

The boxes and arrows are those of the table in test/test_imports.py, which the tests hold against every import. An arrow
goes from a room to one that it imports; left out are arrows that follow from others, and those to the bottom row, which
every room may import. Below each name: files, lines.
"""

from __future__ import annotations

import ast
import itertools
from pathlib import Path

import matplotlib

matplotlib.use("agg")
from matplotlib import pyplot as plt
from matplotlib.patches import FancyBboxPatch

REPO = Path(__file__).resolve().parents[2]
BOX = (1.9, 0.62)  # width, height in the units of the grid
ROS, PLAIN, EDGE = "#dbe9f6", "#f3efe6", "#8c8c8c"
Table = dict[str, set[str]]


def table() -> Table:
    """Room -> rooms it imports."""
    tree = ast.parse((REPO / "test" / "test_imports.py").read_text())
    (rooms,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "ROOMS" and node.value is not None
    )
    return {room: set(targets) for room, targets in rooms.items()}


def reach(rooms: Table, room: str) -> set[str]:
    """All rooms that a room may import, directly or through others."""
    return set().union(*({target} | reach(rooms, target) for target in rooms[room]))


def reduced(rooms: Table) -> Table:
    """Without the arrows that follow from two others, and those to the ground."""
    rooms = {room: {target for target in targets if rooms[target]} for room, targets in rooms.items()}
    return {
        room: {t for t in targets if not any(t in reach(rooms, other) for other in targets - {t})}
        for room, targets in rooms.items()
    }


def rank(rooms: Table, room: str) -> int:
    """The length of the longest way down to the ground."""
    return max((1 + rank(rooms, target) for target in rooms[room]), default=0)


def size(room: str, rooms: Table) -> str:
    """Files and lines of a room, those of its sub-rooms with a box of their own left out."""
    base = REPO / "enet_ros" / room.replace(".", "/")
    inner = [REPO / "enet_ros" / other.replace(".", "/") for other in rooms if other.startswith(f"{room}.")]
    paths = [base.with_suffix(".py")] if base.with_suffix(".py").exists() else sorted(base.rglob("*.py"))
    own = [p for p in paths if not any(p.is_relative_to(i) or p == i.with_suffix(".py") for i in inner)]
    lines = sum(len(path.read_text().splitlines()) for path in own)
    return f"{len(own)} file{'s' * (len(own) > 1)}, {lines}"


def places(rooms: Table) -> dict[str, tuple[float, float]]:
    """Centre of each room's box: rows by rank, each row sorted to lie above what it imports."""
    rows: dict[int, list[str]] = {}
    for room in rooms:
        rows.setdefault(rank(rooms, room), []).append(room)
    place: dict[str, tuple[float, float]] = {}
    widest = max(map(len, rows.values()))
    for height, row in sorted(rows.items()):
        if height:
            row.sort(key=lambda room: sum(place[t][0] for t in rooms[room]) / len(rooms[room]))
        step = widest / len(row)
        place.update({room: (step * (index + 0.5), float(height)) for index, room in enumerate(row)})
    return place


def main() -> None:
    """Draw the picture."""
    rooms = table()
    arrows = reduced(rooms)
    place = places(rooms)
    scale_x, scale_y = 2.1, 1.25
    columns, rows = (max(axis) + 1 for axis in zip(*place.values(), strict=True))
    figure, axes = plt.subplots(figsize=(columns * scale_x * 0.9, rows * scale_y * 0.9))
    for room, targets in arrows.items():
        for (x, y), (to_x, to_y) in itertools.product([place[room]], (place[target] for target in targets)):
            axes.annotate(
                "",
                (to_x * scale_x, to_y * scale_y + BOX[1] / 2),
                (x * scale_x, y * scale_y - BOX[1] / 2),
                arrowprops={"arrowstyle": "-|>", "color": EDGE, "lw": 0.9, "shrinkA": 0, "shrinkB": 0},
                zorder=1,
            )
    for room, (x, y) in place.items():
        corner = (x * scale_x - BOX[0] / 2, y * scale_y - BOX[1] / 2)
        colour = ROS if room.startswith("ros") else PLAIN
        axes.add_patch(
            FancyBboxPatch(corner, *BOX, boxstyle="round,pad=0,rounding_size=0.08", fc=colour, ec=EDGE, zorder=2)
        )
        axes.text(x * scale_x, y * scale_y + 0.1, room, ha="center", va="center", fontsize=11, zorder=3)
        axes.text(
            x * scale_x, y * scale_y - 0.16, size(room, rooms), ha="center", va="center", fontsize=7.5, color="#666666"
        )
    axes.set_aspect("equal")
    axes.autoscale_view()
    axes.axis("off")
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=110, bbox_inches="tight")


if __name__ == "__main__":
    main()
