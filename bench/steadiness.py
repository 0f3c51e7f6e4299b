"""How steady the ground's labels are from frame to frame: `./run exec python bench/steadiness.py [--video FILE]`.

A ground pixel is unsteady where its label is not that of the same place in the frame before. What moved is taken out:
on the synthetic street by the known motion of the camera, on a video by a homography fitted to corners of the road that
optical flow followed. Three filters over time, none with a delay, are compared with no filter; docs/evaluation.md has
what came of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from enet_ros import engines, model_file
from enet_ros.arrays import F64, U8
from enet_ros.classes import CAMVID, VOID
from enet_ros.frames.files import from_video
from enet_ros.products.lens import scaled
from enet_ros.segmenter import Segmenter
from enet_ros.street import Street

ROAD, PAVEMENT = CAMVID.index("road"), CAMVID.index("pavement")
OUTSIDE = 254


class Step(NamedTuple):
    """A frame's answer at the network's size, (h, w) each, and the pixel in the frame before of each pixel of ground.

    truth   exact labels, or None
    motion  (3, 3) float64 homography from pixels of this frame to those of the one before; None for the first
    """

    labels: U8
    confidence: U8
    truth: U8 | None
    motion: F64 | None


def moved(image: np.ndarray, motion: F64, outside: float) -> np.ndarray:
    """The previous frame's (h, w) image as this frame sees the ground; `outside` where it did not see it."""
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(image, motion, image.shape[::-1], flags=flags, borderValue=(outside,))


def street(segmenter: Segmenter, seed: int, frames: int) -> Iterator[Step]:
    """The synthetic street at 10 Hz; the camera drives straight ahead, so the ground moves by a homography."""
    drive = Street(seed, fps=30.0)
    height, width = segmenter.size_hw
    k, rotation = scaled(drive.intrinsics, width, height).k, drive.pose.rotation()
    before = None
    for index in range(0, 3 * frames, 3):
        frame = drive.frame(index)
        answer = segmenter.segment(frame.image, confidence=True)
        assert answer.confidence is not None
        motion = None
        if before is not None:
            forward = rotation.T @ np.array([frame.driven_m - before, 0.0, 0.0])
            motion = k @ (np.eye(3) - np.outer(forward, rotation[2]) / drive.pose.height_m) @ np.linalg.inv(k)
        truth = np.asarray(cv2.resize(frame.labels, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
        yield Step(answer.labels, answer.confidence, truth, motion)
        before = frame.driven_m


def video(segmenter: Segmenter, path: Path, frames: int) -> Iterator[Step]:
    """A video, its motion estimated on what is called road; a frame whose motion is not found begins anew."""
    before = None
    for _, frame in zip(range(frames), from_video(path), strict=False):
        answer = segmenter.segment(frame.rgb, confidence=True)
        assert answer.confidence is not None
        gray = cv2.cvtColor(segmenter.prepare(frame.rgb), cv2.COLOR_RGB2GRAY)
        motion = None
        if before is not None:
            on_road = np.where(answer.labels == ROAD, 255, 0).astype(np.uint8)
            corners = cv2.goodFeaturesToTrack(gray, 400, 0.005, 5, mask=on_road)
            if corners is not None and len(corners) >= 20:
                follows, found, _ = cv2.calcOpticalFlowPyrLK(gray, before, corners, None)
                kept = found.ravel() == 1
                motion, _ = cv2.findHomography(corners[kept], follows[kept], cv2.RANSAC, 1.0)
        yield Step(answer.labels, answer.confidence, None, motion)
        before = gray


def unfiltered(steps: list[Step]) -> list[U8]:
    return [step.labels for step in steps]


def evidence(keep: float, *, hold_road: bool, use_motion: bool = True) -> Callable[[list[Step]], list[U8]]:
    """A pixel of ground keeps its label until another is more confident than what is left of its own evidence.

    keep: the share of the evidence that is left after a frame. hold_road: road is kept like any other; otherwise only
    becoming road can be put off, leaving it never. What is not ground is taken over at once, either way.
    """

    def run(steps: list[Step]) -> list[U8]:
        results: list[U8] = []
        for step in steps:
            sure = step.confidence / np.float32(255)
            if step.motion is None:
                label, held = step.labels, sure
            else:
                label, held = results[-1], held * np.float32(keep)
                if use_motion:
                    label, held = moved(label, step.motion, VOID), moved(held, step.motion, 0)
                same = step.labels == label
                held = np.where(same, np.maximum(held, sure), held)
                ground = np.isin(label, (ROAD, PAVEMENT)) & np.isin(step.labels, (ROAD, PAVEMENT))
                change = ~same & (~ground | (sure > held) | ((label == ROAD) & (not hold_road)))
                label, held = np.where(change, step.labels, label), np.where(change, sure, held)
            results.append(label.astype(np.uint8))
        return results

    return run


FILTERS = {
    "none": unfiltered,
    "evidence 0.97, motion unknown, road is never held": evidence(0.97, hold_road=False, use_motion=False),
    "evidence 0.97, motion known, road is never held": evidence(0.97, hold_road=False),
    "evidence 0.97, motion known, road is held too": evidence(0.97, hold_road=True),
}


def unsteady(steps: list[Step], labels: list[U8]) -> float:
    """The share of ground pixels that become road or cease to be it, in percent."""
    pixels = changes = 0
    for i, step in enumerate(steps):
        if step.motion is None:
            continue
        before = moved(labels[i - 1], step.motion, OUTSIDE)
        truth_before = None if step.truth is None else steps[i - 1].truth
        if step.truth is not None and truth_before is not None:  # ground that nothing covers in either frame
            ground = (moved(truth_before, step.motion, OUTSIDE) == step.truth) & np.isin(step.truth, (ROAD, PAVEMENT))
        else:
            ground = (np.isin(before, (ROAD, PAVEMENT)) | np.isin(labels[i], (ROAD, PAVEMENT))) & (before != OUTSIDE)
        pixels += int(ground.sum())
        changes += int((ground & ((before == ROAD) != (labels[i] == ROAD))).sum())
    return 100 * changes / pixels


def road_scores(steps: list[Step], labels: list[U8]) -> str:
    """IoU and precision of road against the exact labels, in percent."""
    pairs = [(found == ROAD, step.truth == ROAD) for step, found in zip(steps, labels, strict=True)]
    both, either, called = (
        sum(int(f(found, true).sum()) for found, true in pairs)
        for f in (np.logical_and, np.logical_or, lambda found, true: found)
    )
    return f"{100 * both / either:10.2f}{100 * both / called:12.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=model_file.DEFAULT)
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0, help="of the street")
    parser.add_argument("--video", type=Path)
    args = parser.parse_args()
    path = model_file.resolve(args.model)
    engine = engines.create("openvino", path, confidence=True)
    segmenter = Segmenter(engine, model_file.read_card(path), full_resolution=False)
    steps = list(video(segmenter, args.video, args.frames) if args.video else street(segmenter, args.seed, args.frames))
    print(f"{'filter':52}{'unsteady %':>10}{'road IoU %':>12}{'precision %':>12}")
    for name, run in FILTERS.items():
        labels = run(steps)
        print(f"{name:52}{unsteady(steps, labels):10.2f}  {'' if args.video else road_scores(steps, labels)}")


if __name__ == "__main__":
    main()
