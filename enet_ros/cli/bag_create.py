"""Write a bag from a dataset, a folder, a video or the synthetic street.

  enet_ros bag create OUT --dataset camvid --data DIR --split val
      stamps follow the frame numbers: CamVid at 30 Hz (0016E5_07959 is 265.3 s), Cityscapes at 17 Hz. --rate HZ stamps
      by order instead; --stamps number --rate HZ counts HZ frame numbers as a second
  enet_ros bag create OUT --dataset cityscapes --data DIR --images DIR/leftImg8bit_sequence/val/lindau
      every frame of the folder, with the dataset's ground truth where it has one
  enet_ros bag create OUT --images I --labels L --classes camvid
  enet_ros bag create OUT --images frames/ --rate 10 --compress jpeg
  enet_ros bag create OUT --video drive.mp4 --fov 60
  enet_ros bag create OUT --street 300

Topics: PREFIX/image_raw (or image_raw/compressed), PREFIX/camera_info with --camera-info, --fov or --street,
PREFIX/ground_truth (mono8 class ids, void 255) where there are labels. OUT appears when it is whole.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from enet_ros.bags.create import BagLayout, create
from enet_ros.bags.writer import STORAGES
from enet_ros.camera import CameraIntrinsics, fov_rad, load_calibration
from enet_ros.codec import COMPRESSIONS
from enet_ros.datasets.opening import LAYOUTS, open_dataset
from enet_ros.errors import ConfigError
from enet_ros.frames import Source, files, street
from enet_ros.terminal import progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("out", type=Path, metavar="OUT", help="the bag, a folder that does not exist yet")
    source = parser.add_argument_group("frames (one of these)")
    source.add_argument("--dataset", choices=LAYOUTS, help="layout of --data")
    source.add_argument("--images", type=Path, metavar="DIR", help="images; also with --labels or --dataset")
    source.add_argument("--video", type=Path, metavar="FILE", help="a video file")
    source.add_argument("--street", type=int, metavar="N", help="N frames of the synthetic street")
    detail = parser.add_argument_group("about the frames")
    detail.add_argument("--data", type=Path, metavar="DIR", help="root of the dataset")
    detail.add_argument("--split", default="val", help="train, val or test (default: %(default)s)")
    detail.add_argument("--labels", type=Path, metavar="DIR", help="label files for --images")
    detail.add_argument("--classes", metavar="NAME", help="what the labels mean: camvid, cityscapes... or a YAML file")
    detail.add_argument(
        "--rate", type=float, metavar="HZ", help="frames per second; frame numbers with --stamps number"
    )
    detail.add_argument("--stamps", choices=files.STAMPS, help="stamp by frame numbers, by order, or by names in ns")
    detail.add_argument("--seed", type=int, default=0, help="seed of the street (default: %(default)s)")
    camera = parser.add_argument_group("camera_info")
    camera.add_argument("--camera-info", type=Path, metavar="YAML", help="calibration, as camera_calibration writes it")
    camera.add_argument("--fov", type=float, metavar="DEG", help="an ideal camera with this horizontal field of view")
    out = parser.add_argument_group("the bag")
    out.add_argument("--compress", choices=COMPRESSIONS, default="none", help="image format (default: %(default)s)")
    out.add_argument("--quality", type=int, default=90, help="JPEG quality, 1..100 (default: %(default)s)")
    out.add_argument("--prefix", default="/camera", help="namespace of the topics (default: %(default)s)")
    out.add_argument("--frame-id", default="camera_optical_frame", help="frame of the images (default: %(default)s)")
    out.add_argument("--storage", choices=tuple(STORAGES), default="mcap", help="storage format (default: %(default)s)")
    out.add_argument("--force", action="store_true", help="replace OUT if it exists")


def run(args: argparse.Namespace) -> int:
    """Write the bag; return 0."""
    if not 1 <= args.quality <= 100:
        raise ConfigError(f"--quality {args.quality}: use 1..100")
    if args.rate is not None and not args.rate > 0:
        raise ConfigError(f"--rate {args.rate}: use a number above 0")
    source = _source(args)
    layout = BagLayout(
        prefix="/" + args.prefix.strip("/"),
        frame_id=args.frame_id,
        compression=args.compress,
        quality=args.quality,
        camera=_camera(args, source),
    )
    with progress(f"writing {args.out}", source.total) as bar:
        frames = create(args.out, source, layout, storage=args.storage, overwrite=args.force, advance=bar.advance)
    rate = f"{source.rate_hz:.4g} Hz"
    print(f"{args.out}: {frames} frames at {rate}; look at it with: enet_ros bag info {args.out}", file=sys.stderr)
    return 0


def _source(args: argparse.Namespace) -> Source:
    chosen = [n for n in ("dataset", "images", "video", "street") if getattr(args, n) is not None]
    if len(chosen) != 1 and chosen != ["dataset", "images"]:
        given = " and ".join(f"--{n}" for n in chosen) or "none"
        raise ConfigError(f"give one of --dataset, --images, --video, --street ({given} given)")
    if args.video is not None:
        return files.from_video(args.video, args.rate)
    if args.street is not None:
        return street.from_street(args.street, args.seed, rate_hz=args.rate or 30.0)
    layout = args.dataset or (args.classes if args.labels is not None else None)
    by_number = layout in files.COUNTED_HZ and args.rate is None
    timing = (args.rate, args.stamps or ("number" if by_number else "order"))
    if args.dataset is not None:
        if args.data is None:
            raise ConfigError(f"--dataset {args.dataset} needs --data DIR, its root folder")
        if args.images is not None:
            return files.from_folder(args.images, *timing, open_dataset(args.dataset, args.data, args.split))
        return files.from_dataset(args.dataset, args.data, args.split, *timing)
    if args.labels is None:
        return files.from_folder(args.images, *timing)
    if args.classes is None:
        raise ConfigError("--labels needs --classes: what the label values mean, e.g. camvid")
    return files.from_pairs(args.images, args.labels, args.classes, *timing)


def _camera(args: argparse.Namespace, source: Source) -> CameraIntrinsics | None:
    if args.camera_info is not None:
        return load_calibration(args.camera_info)
    if args.fov is None:
        return None
    fov = fov_rad(args.fov)
    height, width = next(iter(source)).rgb.shape[:2]
    return CameraIntrinsics.from_fov(width, height, fov)
