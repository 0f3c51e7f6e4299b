"""Publish a folder of images, a video, a bag's camera or the synthetic street as a camera, at its rate, with /clock.

  ros2 run enet_ros play --images frames/ --rate 10 --loop
  ros2 run enet_ros play --video drive.mp4 --clock --start-paused
  ros2 run enet_ros play --street --ros-args -r __ns:=/front

Publishes `image_raw` (or `image_raw/compressed`) and `camera_info`. Enter on the terminal, or the service ~/pause
(std_srvs/SetBool), pauses and resumes. A bag's messages as they were recorded: `enet_ros bag play`.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from enet_ros.errors import ConfigError, EnetRosError
from enet_ros.ros import process

if TYPE_CHECKING:
    from rclpy.node import Node

    from enet_ros.frames import Source

IMAGES_HZ = 10.0
"""For images without a time of their own."""
ANSWER_S = 20.0
"""Longest wait for an answer before the next picture goes out all the same."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="play", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_source_arguments(made, required=True)
    made.add_argument(
        "--rate", type=float, default=0.0, metavar="HZ", help="pictures a second (default: the source's own)"
    )
    made.add_argument("--loop", action="store_true", help="begin again at the end")
    made.add_argument("--start-paused", action="store_true", help="wait for Enter or ~/pause")
    made.add_argument("--clock", action="store_true", help="publish /clock and stamp by it, for use_sim_time")
    made.add_argument(
        "--encoding", default="rgb8", help="rgb8, bgr8, mono8; jpeg, png: compressed (default: %(default)s)"
    )
    made.add_argument("--frame-id", default="camera_optical_frame", help="of the headers (default: %(default)s)")
    made.add_argument("--reliable", action="store_true", help="reliable QoS (default: best effort, as camera drivers)")
    made.add_argument(
        "--wait", type=float, default=0.0, metavar="S", help="wait at most so long for a first subscriber"
    )
    made.add_argument(
        "--answers", default="", metavar="TOPIC", help="send a picture once TOPIC (Latency) answers the last"
    )
    made.add_argument("--report", action="store_true", help="a line of JSON on stdout for each picture sent")
    return made


def add_source_arguments(target: argparse.ArgumentParser, required: bool) -> None:
    """--images, --video, --bag, --street and what belongs to them."""
    source = target.add_mutually_exclusive_group(required=required)
    source.add_argument("--images", type=Path, metavar="DIR", help="images below a folder")
    source.add_argument("--video", type=Path, metavar="FILE", help="a video")
    source.add_argument("--bag", type=Path, metavar="FILE", help="a bag's folder, .mcap or .db3 file")
    source.add_argument("--street", action="store_true", help="the synthetic street")
    target.add_argument("--topic", default="", help="image topic of the bag (default: its first)")
    target.add_argument("--frames", type=int, default=0, metavar="N", help="stop after N pictures")


def footage(args: argparse.Namespace) -> Source:
    """What the arguments name. Raises EnetRosError where it cannot be read."""
    from enet_ros.frames import bag, files, street

    if args.images:
        return files.from_folder(args.images, args.rate or IMAGES_HZ).first(args.frames)
    if args.video:
        return files.from_video(args.video, args.rate).first(args.frames)
    if args.bag:
        return bag.from_bag(args.bag, args.topic).first(args.frames)
    return street.from_street(args.frames or 150)


class Player:
    """Plays footage through a CameraPublisher of a node that is spun elsewhere."""

    def __init__(self, node: Node, film: Source, args: argparse.Namespace, stopped: threading.Event) -> None:
        from std_srvs.srv import SetBool

        from enet_ros.ros.play.camera_publisher import CameraPublisher, Look

        reliability = "reliable" if args.reliable else "best_effort"
        look = Look(args.encoding, args.frame_id, reliability, 10 if args.reliable else 1, args.clock)
        self._camera = CameraPublisher(node, look, film.calibration)
        self._film, self._args, self._stopped = film, args, stopped
        self._playing = threading.Event()
        self._answer = threading.Condition()
        self._answered_ns = 0
        if not args.start_paused:
            self._playing.set()
        node.create_service(SetBool, "~/pause", self._on_pause)
        if args.answers:
            self._listen(node, args.answers)

    def run(self) -> int:
        """Play to the end; returns how many pictures were sent."""
        self._wait_for_subscriber()
        rate_hz = self._args.rate or self._film.rate_hz
        sent, due_s = 0, time.monotonic()
        while True:
            for frame in self._film:
                due_s = self._wait(due_s, sent / rate_hz)
                if self._stopped.is_set():
                    return sent
                stamp_ns = self._camera.stamp_ns(sent / rate_hz)
                if self._args.report:
                    print(json.dumps({"name": frame.name, "stamp_ns": stamp_ns}), flush=True)
                self._camera.tick(sent / rate_hz)
                self._camera.publish(frame.rgb, stamp_ns)
                sent += 1
                due_s = max(due_s + 1 / rate_hz, time.monotonic() - 1 / rate_hz)
                self._wait_for_answer(stamp_ns)
            if not self._args.loop:
                return sent

    def toggle(self) -> None:
        """Pause or resume."""
        if self._playing.is_set():
            self._playing.clear()
        else:
            self._playing.set()

    def _wait(self, due_s: float, scene_s: float) -> float:
        """Until due and playing; returns when it became due, later by the time of a pause."""
        from enet_ros.ros.play.camera_publisher import wait_until

        def tick() -> None:
            self._camera.tick(scene_s + min(0.0, time.monotonic() - due_s))

        wait_until(due_s, self._stopped.is_set, tick)
        paused = not self._playing.is_set()
        while not self._stopped.is_set() and not self._playing.wait(0.05):
            pass
        return time.monotonic() if paused else due_s

    def _wait_for_subscriber(self) -> None:
        end_s = time.monotonic() + self._args.wait
        while self._camera.subscribers() == 0 and time.monotonic() < end_s and not self._stopped.is_set():
            self._camera.tick(0.0)
            time.sleep(0.02)

    def _wait_for_answer(self, stamp_ns: int) -> None:
        if not self._args.answers:
            return
        end_s = time.monotonic() + ANSWER_S
        with self._answer:
            while self._answered_ns < stamp_ns and time.monotonic() < end_s and not self._stopped.is_set():
                self._answer.wait(0.2)

    def _listen(self, node: Node, topic: str) -> None:
        from enet_ros.msg import Latency
        from enet_ros.ros import qos
        from enet_ros.stamps import stamp_ns

        def on_answer(message: Latency) -> None:
            with self._answer:
                self._answered_ns = stamp_ns(message.header.stamp)
                self._answer.notify_all()

        node.create_subscription(Latency, topic, on_answer, qos.keep_last(10, "reliable"))

    def _on_pause(self, request: Any, response: Any) -> Any:
        if request.data == self._playing.is_set():
            self.toggle()
        response.success, response.message = True, "playing" if self._playing.is_set() else "paused"
        return response


def main(args: list[str] | None = None) -> int:
    """Runs to the end of the footage, or until SIGINT or SIGTERM."""
    stopped = process.begin()
    import rclpy
    from rclpy.signals import SignalHandlerOptions
    from rclpy.utilities import remove_ros_args

    argv = sys.argv if args is None else ["play", *args]
    options = parser().parse_args(remove_ros_args(argv)[1:])
    try:
        if options.rate < 0:
            raise ConfigError(f"--rate {options.rate}: use a number above 0")
        film = footage(options)
        rclpy.init(args=argv, signal_handler_options=SignalHandlerOptions.NO)
        process.keep_pages()
        node = rclpy.create_node("camera")
        player = Player(node, film, options, stopped)
        executor = process.make_executor("auto")
        executor.add_node(node)
        ended = threading.Event()
        spinner = threading.Thread(target=process.spin, args=(executor, ended), name="spin", daemon=True)
        spinner.start()
        if sys.stdin.isatty():
            threading.Thread(target=_on_enter, args=(player,), name="keys", daemon=True).start()
        sent = player.run()
    except EnetRosError as error:
        print(f"play: {error}", file=sys.stderr)
        return 1
    time.sleep(0.2)  # the last picture is still being read out of shared memory
    ended.set()
    executor.wake()
    spinner.join()
    node.destroy_node()
    rclpy.try_shutdown()
    print(f"play: {sent} pictures sent", file=sys.stderr)
    return 0


def _on_enter(player: Player) -> None:
    for _ in sys.stdin:
        player.toggle()


if __name__ == "__main__":
    sys.exit(main())
