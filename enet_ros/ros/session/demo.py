"""Show the node at work: it runs in a process of its own, a player in another, over DDS; their frames go to a folder.

  ./run demo                                  the synthetic street
  ./run demo --images frames/ --out result
  ./run demo --video drive.mp4 --model my.safetensors
  ./run demo --bag drive.mcap

Writes OUT/overlay.mp4, OUT/masks/NAME.png (class ids, 255 void), OUT/summary.json and OUT/report.html. The next picture
is sent when the last one is answered, at most at --rate: every picture is answered, and latencies are those of a camera
slow enough.

summary.json: frames_in, frames_out, dropped; latency_ms (p50, p99 of header stamp to published), stage_ms (medians by
stage); engine (openvino, ...), engine_info (runtime, device, precision), model.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from enet_ros.errors import ConfigError, EnetRosError
from enet_ros.frames import Source
from enet_ros.report import can_report
from enet_ros.ros import fastdds, process
from enet_ros.ros.play import player
from enet_ros.ros.session.children import Children, SentReport
from enet_ros.ros.session.collector import Collector, summary

READY_S = 180.0
"""Longest wait for the node to have loaded its model; a first start compiles it."""
QUIET_S = 5.0
"""Nothing more is expected so long after the last picture was sent."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="./run demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    player.add_source_arguments(made, required=False)
    made.add_argument("--out", type=Path, default=Path("demo_out"), metavar="DIR", help="default: %(default)s")
    made.add_argument("--model", default="camvid", help="shipped model or a model file (default: %(default)s)")
    made.add_argument("--engine", default="auto", help="auto, openvino, onnxruntime, pytorch, tensorrt")
    made.add_argument("--rate", type=float, default=0.0, metavar="HZ", help="of the camera (default: the source's own)")
    return made


class Demo:
    """One run."""

    def __init__(self, options: argparse.Namespace, film: Source, stopped: threading.Event) -> None:
        self._options, self._film, self._stopped = options, film, stopped
        self._namespace = f"/enet_demo_{os.getpid()}"
        self._segmentation = f"{self._namespace}/segmentation"
        self._rate_hz = options.rate or film.rate_hz

    def run(self, log: IO[str]) -> dict[str, Any]:
        """The summary, with everything written. Raises ConfigError where the node does not come up."""
        from enet_ros.ros.session.demo_files import DemoFiles

        with Children() as children, _ros() as node, DemoFiles(self._options.out, self._rate_hz) as files:
            child = children.start("enet_ros.ros.node.main", self._node_arguments(), stdout=log, stderr=log)
            collector = Collector(node, self._segmentation)
            self._wait_for_node(child, collector)
            sender = children.start("enet_ros.ros.play.player", self._player_arguments(), subprocess.PIPE, log)
            sent = SentReport(sender)
            self._collect(sender, sent, collector, files)
            sent.join()
            files.report(collector.page.page(sent.names, collector.info, self._film.name))
            return summary(len(sent.names), collector)

    def _node_arguments(self) -> list[str]:
        values: dict[str, object] = {
            "model": self._options.model,
            "engine": self._options.engine,
            "reliability": "reliable",
            "depth": 10,
            "output_depth": 10,
        }
        if (pose := self._film.pose) is not None:
            values |= {"camera_height": pose.height_m, "camera_pitch": pose.pitch_rad}
        parameters = [part for name, value in values.items() for part in ("-p", f"{name}:={value}")]
        return ["--ros-args", "-r", f"__ns:={self._namespace}", *parameters]

    def _player_arguments(self) -> list[str]:
        o = self._options
        source = ["--street"]
        for name in ("images", "video", "bag"):
            if (path := getattr(o, name)) is not None:
                source = [f"--{name}", str(path)]
        pace = ["--rate", str(self._rate_hz), "--frames", str(o.frames), "--answers", f"{self._segmentation}/latency"]
        topic = ["--topic", o.topic] if o.topic else []
        ros = ["--ros-args", "-r", f"__ns:={self._namespace}"]
        return [*source, *topic, *pace, "--reliable", "--wait", "30", "--report", *ros]

    def _wait_for_node(self, child: subprocess.Popen[str], collector: Collector) -> None:
        from rich.console import Console

        end_s = time.monotonic() + READY_S
        with Console(stderr=True).status(f"the node loads {self._options.model}"):
            while collector.info is None:
                if self._stopped.is_set():
                    raise KeyboardInterrupt
                if child.poll() is not None or time.monotonic() > end_s or collector.failure:
                    raise ConfigError(collector.failure or "the node did not come up")
                time.sleep(0.02)

    def _collect(self, sender: subprocess.Popen[str], sent: SentReport, collector: Collector, files: Any) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("frames answered"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, transient=True) as bar:
            task = bar.add_task("", total=self._film.total or None)
            quiet_s = time.monotonic()
            while True:
                if self._stopped.is_set():
                    raise KeyboardInterrupt
                if self._drain(collector, sent, files) or sender.poll() is None:
                    quiet_s = time.monotonic()
                bar.update(task, completed=files.masks)
                complete = files.masks >= len(sent.names) and files.overlays >= len(sent.names)
                if sender.poll() is not None and (complete or time.monotonic() > quiet_s + QUIET_S):
                    break
                time.sleep(0.005)

    def _drain(self, collector: Collector, sent: SentReport, files: Any) -> bool:
        """Write what has come; True where there was something."""
        some = False
        while not collector.pictures.empty():
            picture = collector.pictures.get()
            name = sent.names.get(picture.stamp_ns, str(picture.stamp_ns))
            files.write(picture, name)
            if picture.topic == "overlay":
                collector.page.add_overlay(picture.stamp_ns, name, picture.values)
            some = True
        return some


@contextmanager
def _ros() -> Iterator[Any]:
    """A node that is spun in the background."""
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    fastdds.use_profile()
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    process.keep_pages()
    node = rclpy.create_node(f"enet_demo_{os.getpid()}")
    executor = process.make_executor("auto")
    executor.add_node(node)
    ended = threading.Event()
    spinner = threading.Thread(target=process.spin, args=(executor, ended), name="spin", daemon=True)
    spinner.start()
    try:
        yield node
    finally:
        ended.set()
        executor.wake()
        spinner.join()
        node.destroy_node()
        rclpy.try_shutdown()


def show(result: dict[str, Any], out: Path) -> None:
    """The summary as a short table."""
    from rich.console import Console
    from rich.table import Table

    engine = f"{result['engine']} ({', '.join(result['engine_info'].values())})"
    table = Table(show_header=False, title=f"{result['model']} on {engine}", title_justify="left")
    table.add_row("frames in, out, dropped", f"{result['frames_in']}, {result['frames_out']}, {result['dropped']}")
    latency = result["latency_ms"]
    table.add_row("latency p50, p99 [ms]", f"{_number(latency['p50'])}, {_number(latency['p99'])}")
    for stage, value in result["stage_ms"].items():
        table.add_row(f"  {stage} p50 [ms]", _number(value))
    page = f", {out}/report.html" if can_report() else "; no report.html, which needs matplotlib and Jinja2"
    table.add_row("written", f"{out}/overlay.mp4, {out}/masks, {out}/summary.json{page}")
    Console().print(table)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def main(args: list[str] | None = None) -> int:
    """0 only if frames were answered."""
    process.hold_signals()
    stopped = threading.Event()
    process.on_signal(stopped.set, exit_s=None)  # the children have to be ended
    options = parser().parse_args(args)
    with tempfile.TemporaryFile("w+") as log:
        try:
            film = player.footage(options)
            result = Demo(options, film, stopped).run(log)
        except KeyboardInterrupt:
            print("demo: stopped", file=sys.stderr)
            return 130
        except EnetRosError as error:
            log.seek(0)
            sys.stderr.write(log.read())
            print(f"demo: {error}", file=sys.stderr)
            return 1
        (options.out / "summary.json").write_text(json.dumps(result, indent=2) + "\n")
        show(result, options.out)
        if result["frames_out"] == 0:
            log.seek(0)
            sys.stderr.write(log.read())
    return 0 if result["frames_out"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
