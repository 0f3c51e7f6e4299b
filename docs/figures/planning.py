"""Draws docs/figures/planning.png from the synthetic street: `./run exec python docs/figures/planning.py`."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from PIL import Image

from enet_ros.products.free_space import find_free_space
from enet_ros.products.ground import ground
from enet_ros.products.images import Surface, overlay, surface_image, surface_lut
from enet_ros.products.occupancy import GridSpec, grid_table, occupancy_grid
from enet_ros.products.points import boundary_xy, free_points, obstacle_points
from enet_ros.street import Street

SEED, INDEX = 0, 450
ENDS = {Surface.FLAT: ("ends at a kerb", "#ffd400"), Surface.UPRIGHT: ("ends at something upright", "#ff3030")}


def main() -> None:
    """One frame from above and as the camera saw it."""
    street = Street(SEED)
    frame = street.frame(INDEX)
    surface = surface_image(frame.labels, surface_lut(street.table))
    here = ground(street.intrinsics, street.pose, frame.labels.shape)
    space = find_free_space(surface)
    xy = boundary_xy(space, here)
    points, free = obstacle_points(space, xy, 40.0), free_points(space, here, 40.0)
    spec = GridSpec()
    grid = occupancy_grid(surface, grid_table(here, spec))

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), width_ratios=(1.25, 1), layout="constrained")
    left.imshow(overlay(frame.image, frame.labels, street.table.lut(), 0.35))
    columns = np.arange(len(space.boundary_row))
    for end, (label, color) in ENDS.items():
        here_ends = space.surface == end
        left.plot(columns[here_ends], space.boundary_row[here_ends] - 0.5, ".", ms=2, color=color, label=label)
    left.set(title="the mask, and where each column's free space ends", xlim=(0, 959), ylim=(719, 0))
    left.axis("off")
    left.legend(loc="lower right", markerscale=5, fontsize=8)

    x0, y0 = spec.origin
    colors = ListedColormap(["#c8c8c8", "#ffffff", "#404040"])
    right.imshow(
        np.digitize(grid, (0, 50)).T,
        origin="lower",
        extent=(y0, -y0, x0, x0 + spec.length_m),
        cmap=colors,
        vmin=0,
        vmax=2,
        interpolation="nearest",
    )
    right.plot(free[:, 1], free[:, 0], "-", lw=0.8, color="#2060ff", label="~/free_points")
    right.plot(points[:, 1], points[:, 0], ".", ms=2, color="#ff3030", label="~/obstacle_points")
    right.plot(0, 0, "k^", ms=8, clip_on=False)
    right.set(xlim=(-y0, y0), ylim=(0, 20), xlabel="y, m (left is positive)", ylabel="x, m (ahead)")
    right.set(title="~/occupancy_grid: white 0, dark 100, grey -1", aspect="equal")
    right.legend(loc="lower left", markerscale=5, fontsize=8)
    path = Path(__file__).with_suffix(".png")
    figure.savefig(path, dpi=90)
    Image.open(path).convert("RGB").quantize(200).save(path, optimize=True)


if __name__ == "__main__":
    main()
