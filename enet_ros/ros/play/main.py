"""Publish images, a video, a bag's camera, a webcam or the synthetic street as a camera, at its rate, with /clock.

  ros2 run enet_ros play --images frames/ --rate 10 --loop
  ros2 run enet_ros play --video drive.mp4 --clock --start-paused
  ros2 run enet_ros play --camera rtsp://user:password@10.0.0.7/stream
  ros2 run enet_ros play --street --ros-args -r __ns:=/front

Publishes `image_raw` (or `image_raw/compressed`) and `camera_info`. The space bar, or the service ~/pause
(std_srvs/SetBool), pauses and resumes. A bag's messages as they were recorded: `enet_ros bag play`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from enet_ros.camera import fov_rad
from enet_ros.errors import ConfigError, EnetRosError
from enet_ros.ros import process

if TYPE_CHECKING:
    from enet_ros.frames import Source

CLOCK_HZ = 100.0
IMAGES_HZ = 10.0
"""Rate of images without a time of their own."""
STREET_FRAMES = 150


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="play", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_source_arguments(made, required=True, fov="the source's, or none")
    made.add_argument("--loop", action="store_true", help="begin again at the end")
    made.add_argument("--start-paused", action="store_true", help="wait for the space bar or ~/pause")
    made.add_argument("--clock", action="store_true", help="publish /clock, for use_sim_time, and stamp images by it")
    made.add_argument("--encoding", default="rgb8", help="rgb8, bgr8, mono8; or compressed: jpeg, png (%(default)s)")
    made.add_argument("--frame-id", default="camera_optical_frame", help="frame_id of the headers (%(default)s)")
    made.add_argument("--reliable", action="store_true", help="publish reliably, not best effort as camera drivers do")
    made.add_argument("--wait", type=float, default=0.0, metavar="S", help="wait at most S seconds for a subscriber")
    return made


def add_source_arguments(target: argparse.ArgumentParser, required: bool, fov: str) -> None:
    """--images, --video, --bag, --camera, --street and what belongs to them. fov: what holds without --fov."""
    source = target.add_mutually_exclusive_group(required=required)
    source.add_argument("--images", type=Path, metavar="DIR", help="images below a folder")
    source.add_argument("--video", type=Path, metavar="FILE", help="a video")
    source.add_argument("--bag", type=Path, metavar="FILE", help="a bag's folder, .mcap or .db3 file")
    source.add_argument(
        "--camera", metavar="CAMERA", help="a live camera: 0 for /dev/video0, a device, a URL (rtsp, http)"
    )
    source.add_argument("--street", action="store_true", help="the synthetic street")
    target.add_argument("--topic", default="", help="image topic of the bag (default: its first)")
    target.add_argument("--frames", type=int, default=0, metavar="N", help="stop after N images")
    target.add_argument(
        "--seconds", type=float, metavar="S", help="stop a live camera after S seconds (default: Ctrl-C)"
    )
    target.add_argument(
        "--fov",
        type=float,
        metavar="DEG",
        help=f"calibration of an ideal camera with this horizontal field of view (default: {fov})",
    )
    target.add_argument("--rate", type=float, default=0.0, metavar="HZ", help="images a second (default: the source's)")


def source_of(args: argparse.Namespace) -> Source:
    """What the arguments name. Raises EnetRosError where it cannot be read."""
    from enet_ros.frames.bag import from_bag
    from enet_ros.frames.files import from_folder, from_video
    from enet_ros.frames.live import from_camera
    from enet_ros.frames.street import from_street

    if args.rate < 0:
        raise ConfigError(f"--rate {args.rate}: use a number above 0")
    if args.images:
        return from_folder(args.images, args.rate or IMAGES_HZ).first(args.frames)
    if args.video:
        return from_video(args.video, args.rate or None).first(args.frames)
    if args.bag:
        return from_bag(args.bag, args.topic or None).first(args.frames)
    if args.camera:
        return from_camera(args.camera, args.rate or None, args.seconds).first(args.frames)
    return from_street(args.frames or STREET_FRAMES)


def main(args: list[str] | None = None) -> int:
    """Play to the end of the source, or until SIGINT or SIGTERM; returns 1 where the source cannot be played."""
    argv = sys.argv if args is None else ["play", *args]
    with process.running(argv) as ros:
        from rclpy.utilities import remove_ros_args

        options = parser().parse_args(remove_ros_args(argv)[1:])
        try:
            sent = _play(ros, options)
        except EnetRosError as error:
            print(f"play: {error}", file=sys.stderr)
            return 1
    print(f"play: {sent} images sent", file=sys.stderr)
    return 0


def _play(ros: process.RosProcess, args: argparse.Namespace) -> int:
    """Returns how many images were sent."""
    from enet_ros.ros.play.camera import CameraFeed, Look
    from enet_ros.ros.play.player import Player, PlayOptions

    source = source_of(args)
    if args.clock and source.live:
        raise ConfigError("--clock replays a recording's time: a live camera has the time of the wall")
    reliability = ("reliable", 10) if args.reliable else ("best_effort", 1)
    node = ros.create_node("camera")
    feed = CameraFeed(
        node,
        source,
        Look(args.encoding, args.frame_id, *reliability, fov_rad=0.0 if args.fov is None else fov_rad(args.fov)),
        args.rate or source.rate_hz,
        simulated=args.clock,
    )
    clock_hz = CLOCK_HZ if args.clock else 0.0
    player = Player(node, feed, PlayOptions(loop=args.loop, paused=args.start_paused, clock_hz=clock_hz))
    return player.play(args.wait, ros.stopped).messages


if __name__ == "__main__":
    sys.exit(main())
