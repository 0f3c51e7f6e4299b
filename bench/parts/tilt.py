"""How well pitch and roll are found from the road: on the synthetic street, or whether they repeat on photographs.

  python bench/parts/tilt.py                                  six poses of the street, 20 images each
  python bench/parts/tilt.py --images DIR [--every 1] [--fov 60]
  python bench/parts/tilt.py --video FILE [--every 3] [--fov 60]

Of the street it prints the least and the greatest error, of photographs the answers of all images, of every second one
and of the others.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from enet_ros.arrays import U8
from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.classes import CAMVID
from enet_ros.engines import create
from enet_ros.frames.files import from_folder, from_video
from enet_ros.model_file import read_card, resolve
from enet_ros.products import lens
from enet_ros.products.vanishing import Sight, Tilt, look, tilt
from enet_ros.segmenter import Segmenter
from enet_ros.street import Street

FLAT, UPRIGHT = CAMVID.membership(CAMVID.flat), CAMVID.membership(["building", "pole", "sign", "fence"])
STREET = CameraIntrinsics.from_fov(960, 720, math.radians(64))
POSES = [
    CameraPose(1.2, math.radians(pitch), math.radians(roll), yaw_rad=math.radians(yaw))
    for pitch, roll, yaw in ((0, 0, 0), (2, 1, 0), (5, -2, 3), (8, 0, -5), (-1, 3, 2), (12, -1, 0))
]


class Shot(NamedTuple):
    """An image and labels of CamVid's ids, both of one size."""

    image: U8
    labels: U8


def seen(shots: Iterable[Shot], camera: CameraIntrinsics) -> list[Sight | None]:
    """What each image shows; None where it shows no road."""
    return [look(shot.image, shot.labels, camera, FLAT, UPRIGHT) for shot in shots]


def answer(sights: list[Sight | None]) -> Tilt:
    """Of those images that show a road."""
    return tilt([sight for sight in sights if sight is not None])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, metavar="DIR")
    parser.add_argument("--video", type=Path, metavar="FILE")
    parser.add_argument("--every", type=int, default=1, help="take every so many images")
    parser.add_argument("--fov", type=float, default=60.0, help="horizontal field of view in degrees, of an ideal lens")
    parser.add_argument("--model", default="road", help="with CamVid's classes")
    args = parser.parse_args()
    path = resolve(args.model)
    segmenter = Segmenter(create("auto", path, threads=2), read_card(path))
    if args.images or args.video:
        source = from_folder(args.images) if args.images else from_video(args.video)
        frames = [load().rgb for index, load in enumerate(source.loads()) if index % args.every == 0]
        height, width = frames[0].shape[:2]
        camera = lens.checked(CameraIntrinsics.from_fov(width, height, math.radians(args.fov)))
        sights = seen((Shot(image, segmenter.segment(image).labels) for image in frames), camera)
        halves = [answer(sights[half::2]) for half in (0, 1)]
        print(f"{len(frames)} images, a road in {sum(sight is not None for sight in sights)}, {args.fov:g} degrees")
        for name, tilted in (("all", answer(sights)), ("even", halves[0]), ("odd", halves[1])):
            pitch, spread, roll, _ = map(math.degrees, tilted)
            print(f"{name:5} pitch {pitch:6.2f} spread {spread:4.2f} roll {roll:6.2f}")
        return
    errors: dict[str, list[tuple[float, float]]] = {"labels of the model": [], "exact labels": []}
    for pose in POSES:
        street, camera = Street(3, pose=pose, intrinsics=STREET), lens.checked(STREET)
        drawn = [street.frame(25 * index) for index in range(20)]
        modelled = (Shot(frame.image, segmenter.segment(frame.image).labels) for frame in drawn)
        for name, shots in zip(errors, (modelled, (Shot(frame.image, frame.labels) for frame in drawn)), strict=True):
            found = answer(seen(shots, camera))
            off = found.pitch_rad - pose.pitch_rad, found.roll_rad - pose.roll_rad
            errors[name].append((abs(math.degrees(off[0])), abs(math.degrees(off[1]))))
    for name, each in errors.items():
        pitch, roll = zip(*each, strict=True)
        print(f"{name}: pitch {min(pitch):.2f} to {max(pitch):.2f}, roll {min(roll):.2f} to {max(roll):.2f} degrees")


if __name__ == "__main__":
    main()
