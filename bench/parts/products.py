"""Time of each product on one frame: `./run exec python bench/parts/products.py [--size 960x720] [--rounds 200]`.

The scene is a road with a pavement, an obstacle and a wall, seen through a plumb_bob lens, with a network's ragged
borders. All measurements of a round are taken one after the other, so that a busy machine slows each alike; "cpu" is
the time on processors, of all threads, which other processes disturb less than the time on the clock.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np

from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.classes import CAMVID, autoware_ids
from enet_ros.figures import parse_size
from enet_ros.products import images, run_length
from enet_ros.products.free_space import find_free_space
from enet_ros.products.ground import ground
from enet_ros.products.images import surface_image, surface_lut
from enet_ros.products.occupancy import GridSpec, grid_table, occupancy_grid
from enet_ros.products.points import boundary_xy, free_points, ground_points, obstacle_points, range_and_bearing
from enet_ros.ros.process import keep_pages


def scene(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, labels and confidence whose borders are as ragged as a network's."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:height, 0:width] / (height, width)[0]
    labels = np.full((height, width), CAMVID.index("sky"), np.uint8)
    labels[rows > 0.2] = CAMVID.index("building")
    half_road = (rows - 0.5) * 1.2
    labels[rows > 0.55] = CAMVID.index("pavement")
    labels[(rows > 0.55) & (np.abs(columns - 0.65) < half_road)] = CAMVID.index("road")
    labels[(np.abs(rows - 0.58) < 0.1) & (np.abs(columns - 0.75) < 0.06)] = CAMVID.index("car")
    wobble = cv2.GaussianBlur(rng.normal(size=(2, height, width)).transpose(1, 2, 0), (0, 0), 6) * 60
    mapped = [(np.indices((height, width))[1 - i] + wobble[..., i]).astype(np.float32) for i in (0, 1)]
    labels = cv2.remap(labels, mapped[0], mapped[1], cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    edges = cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 0
    confidence = np.where(edges, 90, 245).astype(np.uint8)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8), np.ascontiguousarray(labels), confidence


def products(height: int, width: int) -> dict[str, Callable[[], object]]:
    """Each product as the node computes it, and all of them together as one frame."""
    image, labels, confidence = scene(height, width)
    focal = 0.83 * width
    k = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    camera = CameraIntrinsics(width, height, k, (-0.28, 0.07, 0.0006, -0.0004, 0.0), "plumb_bob")
    here = ground(camera, CameraPose(1.5, 0.05), (height, width))
    table = grid_table(here, GridSpec())
    lut, ids = surface_lut(CAMVID), autoware_ids(CAMVID)
    colors, members = CAMVID.lut(), CAMVID.membership(CAMVID.drivable)

    def free(surface: np.ndarray) -> object:
        space = find_free_space(surface)
        xy = boundary_xy(space, here)
        return range_and_bearing(xy), obstacle_points(space, xy, 40.0), free_points(space, here, 40.0)

    surface = surface_image(labels, lut, confidence, 0.5)

    def everything() -> object:
        gated = surface_image(labels, lut, confidence, 0.5)
        return (
            images.color(labels, colors),
            images.overlay(image, labels, colors, 0.5),
            images.group_mask(labels, members, confidence, 0.5),
            free(gated),
            ground_points(gated, here),
            occupancy_grid(gated, table),
            run_length.encode(labels, ids),
        )

    return {
        "color": lambda: images.color(labels, colors),
        "overlay": lambda: images.overlay(image, labels, colors, 0.5),
        "drivable mask": lambda: images.group_mask(labels, members, confidence, 0.5),
        "surface image": lambda: surface_image(labels, lut, confidence, 0.5),
        "free space, range, points": lambda: free(surface),
        "free space with its surface image": lambda: free(surface_image(labels, lut, confidence, 0.5)),
        "ground points (organised cloud)": lambda: ground_points(surface, here),
        "occupancy grid": lambda: occupancy_grid(surface, table),
        "grid with its surface image": lambda: occupancy_grid(surface_image(labels, lut, confidence, 0.5), table),
        "run-length code": lambda: run_length.encode(labels, ids),
        "all together": everything,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="960x720", help="WIDTHxHEIGHT")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2, help="of OpenCV")
    args = parser.parse_args()
    cv2.setNumThreads(args.threads)
    keep_pages()  # as the node does by default: page faults would cost more than the work
    height, width = parse_size("--size", args.size)
    todo = products(height, width)
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in todo}
    for _ in range(args.rounds + 5):
        for name, compute in todo.items():
            start, cpu = time.perf_counter(), time.process_time()
            compute()
            spent[name].append((1e3 * (time.perf_counter() - start), 1e3 * (time.process_time() - cpu)))
    print(f"{width}x{height}, {args.threads} threads, {args.rounds} rounds: milliseconds")
    print(f"{'':36}{'median':>8}{'min':>8}{'cpu':>8}")
    for name, times in spent.items():
        clock, cpu = np.array(times[5:]).T
        print(f"{name:36}{np.median(clock):8.3f}{clock.min():8.3f}{np.median(cpu):8.3f}")


if __name__ == "__main__":
    main()
