"""Show the node at work, in a process of its own that frames reach over DDS; what it answers goes to a folder.

  ./run demo                                  the synthetic street
  ./run demo --images frames/ --out result
  ./run demo --video drive.mp4 --model my.safetensors
  ./run demo --bag drive.mcap
  ./run demo --camera 0 --view                a webcam, looked at in the browser (needs rerun-sdk)
  ./run demo --camera 0 --view --fov 70 --height 0.4 --pitch-deg 10    and where it is, for metres

Writes OUT/overlay.mp4, OUT/masks/NAME.png (class ids, 255 void), OUT/summary.json and OUT/report.html. The next image
is sent when the last one is answered, at most at --rate: every image is answered, and latencies are those of a camera
that is slow enough. A live camera is shown until Ctrl-C or for --seconds; its answers are kept only where --out says.

summary.json: frames_in, frames_out, dropped; latency_ms (p50, p99 of header stamp to published), stage_ms (medians by
stage); engine (openvino, ...), engine_info (runtime, device, precision), model; exchanges, where the node's network was
exchanged meanwhile: model then names all of them, engine the last.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
from rich.table import Table

from enet_ros import model_file
from enet_ros.arrays import U8
from enet_ros.bags.messages import IMAGE, camera_frame, label_image
from enet_ros.camera import CameraPose
from enet_ros.classes import VOID
from enet_ros.errors import ConfigError, EnetRosError
from enet_ros.figures import finite_or_none, percentiles
from enet_ros.files import write
from enet_ros.frames import Source
from enet_ros.report import EvenSample, RunPage, Still, can_report, run_page
from enet_ros.ros import process
from enet_ros.ros.play.camera import Answers, CameraFeed, Look
from enet_ros.ros.play.main import add_source_arguments, source_of
from enet_ros.ros.play.player import Player, PlayOptions
from enet_ros.ros.session.mounting import FOV_DEG, HEIGHT_M, PITCH_DEG, mounting
from enet_ros.ros.session.record import STILLS, RunRecord
from enet_ros.ros.session.session import TOPICS, Picture, Session, node_process
from enet_ros.ros.view.nodes import viewing
from enet_ros.terminal import console, progress
from enet_ros.viewer.window import HELP, WEB

READY_S = 180.0
"""Longest wait for the node to have loaded its model; a first start compiles it."""
QUIET_S = 5.0
"""Nothing more is expected so long after the last image was sent."""
OUT = Path("demo_out")
VIEW_HZ = 2.0
"""Looks a second: more would cost the node over a tenth of its rate."""
LIVE_TOPICS = ("mask", "latency")
"""What is listened to where nothing is kept."""
_DEPTH = 10


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="./run demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_source_arguments(made, required=False, fov=f"the source's, or {FOV_DEG:g}")
    made.add_argument("--out", type=Path, metavar="DIR", help=f"folder to write ({OUT}; none for a live camera)")
    made.add_argument(
        "--height",
        type=float,
        metavar="M",
        help=f"of the camera above the ground; 0: no metres (default: the source's, or {HEIGHT_M:g})",
    )
    made.add_argument(
        "--pitch-deg",
        type=float,
        metavar="DEG",
        help=f"of the camera; positive looks down (default: the source's, or {PITCH_DEG:g})",
    )
    made.add_argument("--view", nargs="?", const=WEB, metavar="WHERE", help=HELP)
    made.add_argument("--model", default=model_file.DEFAULT, help="a shipped model's name or a file (%(default)s)")
    made.add_argument("--engine", default="auto", help="auto, openvino, onnxruntime, pytorch or tensorrt (%(default)s)")
    return made


class DemoFiles:
    """Writes OUT/masks/NAME.png and OUT/overlay.mp4. Raises ConfigError where OUT cannot be written.

    A mask with the same name is replaced; masks of an earlier run are removed, so that the folder shows one run.
    """

    def __init__(self, out: Path, rate_hz: float) -> None:
        self.stills: EvenSample[tuple[int, Still]] = EvenSample(STILLS)
        """Overlays for the page, with their stamps."""
        self._masks_dir, self._video_path, self._rate_hz = out / "masks", out / "overlay.mp4", rate_hz
        self._video: cv2.VideoWriter | None = None
        self._size = (0, 0)
        try:
            self._masks_dir.mkdir(parents=True, exist_ok=True)
            for old in self._masks_dir.glob("*.png"):
                old.unlink()
            self._video_path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot write to {out}: {error.strerror}; choose another --out") from error

    def close(self) -> None:
        """End the video."""
        if self._video is not None:
            self._video.release()

    def write(self, picture: Picture, name: str) -> None:
        """name: of the image that it answers."""
        if picture.topic == "mask":
            path = self._masks_dir / f"{name}.png"
            if not cv2.imwrite(str(path), label_image(IMAGE, picture.cdr)[1]):
                raise ConfigError(f"cannot write {path}: is the disk full?")
        else:
            overlay = camera_frame(IMAGE, picture.cdr).rgb
            self._append(overlay)
            if self.stills.wants():  # the classes are painted over the camera image already
                nothing_more = np.full(overlay.shape[:2], VOID, np.uint8)
                self.stills.add((picture.stamp_ns, Still(name, "", overlay, nothing_more).reduced()))

    def finish(self, summary: dict[str, Any], page: RunPage) -> None:
        """Write OUT/summary.json and, where matplotlib is installed, OUT/report.html. Raises ConfigError."""
        texts = {"summary.json": json.dumps(summary, indent=2) + "\n"}
        if can_report():
            texts["report.html"] = run_page(page)
        for name, text in texts.items():
            path = self._masks_dir.parent / name
            try:
                write(path, text)
            except OSError as error:
                raise ConfigError(f"cannot write {path}: {error.strerror}") from error

    def _append(self, rgb: U8) -> None:
        """A picture of another size than the first is fitted to it: a video has one."""
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        if self._video is None:
            self._size = (rgb.shape[1] // 2 * 2, rgb.shape[0] // 2 * 2)
            code = cv2.VideoWriter.fourcc(*"mp4v")
            self._video = cv2.VideoWriter(str(self._video_path), code, self._rate_hz, self._size)
            if not self._video.isOpened():
                raise ConfigError(f"cannot write {self._video_path}: OpenCV has no MPEG-4 encoder here, or no room")
        if (bgr.shape[1], bgr.shape[0]) != self._size:
            bgr = cv2.resize(bgr, self._size, interpolation=cv2.INTER_AREA)
        self._video.write(bgr)


def run(options: argparse.Namespace, source: Source, log: IO[str]) -> dict[str, Any]:
    """The summary, printed and with everything written. log: for what the node prints. Raises EnetRosError."""
    namespace = f"/enet_demo_{os.getpid()}"
    target = f"{namespace}/segmentation"
    rate_hz = options.rate or source.rate_hz
    out = options.out or (None if source.live else OUT)
    mounted = mounting(source, options.fov, options.height, options.pitch_deg)
    if mounted.assumed:
        print(
            f"demo: assumed for metres and the view in 3D: a camera {mounted.assumed} (change it with --fov, --height,"
            " --pitch-deg); they are as wrong as that is, so only look at them",
            file=sys.stderr,
        )
    with (
        process.running([], exit_s=None) as ros,
        closing(DemoFiles(out, rate_hz)) if out else nullcontext() as files,
        viewing(options.view, [target], ros.fail, rate_hz=VIEW_HZ) if options.view else nullcontext() as view,
        node_process(_parameters(options, mounted.pose), {"__ns": namespace}, log) as child,
    ):
        if view is not None:
            print(f"demo: look at {view.window.place}", file=sys.stderr)
        node = ros.create_node("demo", namespace=namespace)
        session = Session(node, target, TOPICS if out else LIVE_TOPICS, "reliable", ros.stopped)
        answers = Answers(node, f"{target}/latency", ros.stopped)
        look = Look(reliability="reliable", depth=_DEPTH, fov_rad=mounted.fov_rad)
        feed = CameraFeed(node, source, look, rate_hz, sent=session.note_sent, answers=answers)
        player = Player(node, feed, PlayOptions())
        with progress(f"the node loads {options.model}", None):
            session.wait_for_node(player, f"{namespace}/image_raw", READY_S, child)
        record, masks = session.record, 0
        with progress("frames answered; Ctrl-C ends it" if source.live else "frames answered", source.total) as bar:

            def take(picture: Picture) -> None:
                nonlocal masks
                if files is not None:
                    files.write(picture, record.sent[picture.stamp_ns].name)
                if picture.topic == "mask":
                    masks += 1
                    bar.advance()

            session.play(player, take, QUIET_S)
        if ros.stopped.is_set() and not source.live:
            raise KeyboardInterrupt
        if ros.stopped.is_set() and record.sent and next(reversed(record.sent)) not in record.total_ms:
            record.sent.popitem()  # in hand when it was ended
        result = summary(record, masks)
        if files is not None:
            files.finish(result, page_of(record, files.stills.entries, source.name, mounted.assumed))
        show(result, out)
        if view is not None and view.window.lasting and not ros.stopped.is_set():
            print(f"demo: {view.window.place} stays; Ctrl-C ends it", file=sys.stderr)
            ros.stopped.wait()
        return result


def _parameters(options: argparse.Namespace, pose: CameraPose) -> dict[str, object]:
    """The parameters of the node."""
    return {
        "model": options.model,
        "engine": options.engine,
        "reliability": "reliable",
        "depth": _DEPTH,
        "output_depth": _DEPTH,
        "camera_height": pose.height_m,
        "camera_pitch": pose.pitch_rad,
    }


def summary(record: RunRecord, answered: int) -> dict[str, Any]:
    """The contents of summary.json. Latencies are header stamp to published; stages are medians."""
    p50, p99 = percentiles(list(record.total_ms.values()), 50, 99)
    stages = {stage: percentiles(values, 50)[0] for stage, values in record.stage_ms().items()}
    return {
        "frames_in": len(record.sent),
        "frames_out": answered,
        "dropped": len(record.sent) - answered,
        "latency_ms": {"p50": _rounded(p50), "p99": _rounded(p99)},
        "stage_ms": {stage: _rounded(value) for stage, value in stages.items()},
        "engine": record.info.engine,
        "engine_info": {name: getattr(record.info, name) for name in ("runtime", "device", "precision")},
        "model": record.models,
    } | ({"exchanges": record.exchanges} if record.exchanges else {})


def _rounded(milliseconds: float) -> float | None:
    """To the microsecond."""
    return finite_or_none(round(milliseconds, 3))


def page_of(record: RunRecord, overlays: Sequence[tuple[int, Still]], source: str, assumed: str) -> RunPage:
    """The page report.html. overlays: with their stamps. source: short, for the title. assumed: of the camera."""
    stills = (still._replace(caption=f"{still.name}, {record.seconds(stamp):.2f} s") for stamp, still in overlays)
    return record.page(
        record.total_ms,
        facts=(("source", source), *((("camera, assumed", assumed),) if assumed else ())),
        kind="enet_ros demo",
        title=f"{record.models} on {source}",
        lede=f"{len(record.sent)} images sent over DDS, each when the last was answered; latency is from an image's "
        "stamp to its answers published.",
        table=record.class_table(tuple(record.info.class_names)),
        stills=tuple(stills),
    )


def show(result: dict[str, Any], out: Path | None) -> None:
    """The summary as a short table. out: where the rest is, if anywhere."""
    engine = f"{result['engine']} ({', '.join(result['engine_info'].values())})"
    table = Table(show_header=False, title=f"{result['model']} on {engine}", title_justify="left")
    table.add_row("frames in, out, dropped", f"{result['frames_in']}, {result['frames_out']}, {result['dropped']}")
    latency = result["latency_ms"]
    table.add_row("latency p50, p99 (ms)", f"{_number(latency['p50'])}, {_number(latency['p99'])}")
    for stage, value in result["stage_ms"].items():
        table.add_row(f"  {stage} p50 (ms)", _number(value))
    if out is not None:
        page = f", {out}/report.html" if can_report() else "; no report.html, which needs matplotlib and Jinja2"
        table.add_row("written", f"{out}/overlay.mp4, {out}/masks, {out}/summary.json{page}")
    console().print(table)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def main(args: list[str] | None = None) -> int:
    """0 only if frames were answered."""
    options = parser().parse_args(args)
    with tempfile.TemporaryFile("w+") as log:
        try:
            result = run(options, source_of(options), log)
        except KeyboardInterrupt:
            print("demo: stopped", file=sys.stderr)
            return 130
        except EnetRosError as error:
            log.seek(0)
            sys.stderr.write(log.read())
            print(f"demo: {error}", file=sys.stderr)
            return 1
        if result["frames_out"] == 0:
            log.seek(0)
            sys.stderr.write(log.read())
    return 0 if result["frames_out"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
