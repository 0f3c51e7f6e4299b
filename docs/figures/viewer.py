"""Draws docs/figures/viewer.jpg: the viewer's page on the synthetic street, as Chromium shows it.

  ./run exec pip install -r requirements/view.txt
  ./run exec python docs/figures/viewer.py

Needs Chromium (apt install chromium), which draws without a GPU: a minute.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from enet_ros import engines, messages, model_file
from enet_ros.frames.street import from_street
from enet_ros.products.free_space import find_free_space
from enet_ros.products.ground import ground
from enet_ros.products.images import surface_image, surface_lut
from enet_ros.products.occupancy import GridSpec, grid_table, occupancy_grid
from enet_ros.products.points import boundary_xy, free_points, in_metres, obstacle_points
from enet_ros.segmenter import Segmenter
from enet_ros.viewer import LIVE, CameraScene, Pulse, Seen, opened

OUT = Path(__file__).with_name("viewer.jpg")
FRAMES = 12
MAX_RANGE_M = 40.0
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--ignore-gpu-blocklist", "--hide-scrollbars", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-quic", "--disable-background-networking", "--disable-component-update", "--window-size=1600,1000"),
)


def frames() -> Iterator[tuple[Seen, Pulse]]:
    """What the node would publish of each frame, and how long it took here."""
    source = from_street(FRAMES, step=4)
    model = model_file.resolve(model_file.DEFAULT)
    card = model_file.read_card(model)
    engine = engines.create("auto", model, confidence=True)
    segmenter, surfaces, spec = Segmenter(engine, card), surface_lut(card.classes), GridSpec()
    for frame in source:
        answer = segmenter.segment(frame.rgb, confidence=True)
        height, width = answer.labels.shape
        surface = surface_image(answer.labels, surfaces)
        plane = ground(source.calibration, source.pose, (height, width), image_size=(height, width))
        space = find_free_space(surface)
        xy = boundary_xy(space, plane)
        cells = occupancy_grid(surface, grid_table(plane, spec, MAX_RANGE_M))
        stages = [answer.preprocess_ns / 1e6, answer.infer_ns / 1e6, answer.postprocess_ns / 1e6]
        yield (
            Seen(
                frame.stamp_ns,
                frame.rgb,
                answer.labels,
                answer.confidence,
                source.calibration,
                source.pose,
                messages.free_space(space, height, in_metres(lambda xy=xy: xy), "base_link"),
                obstacle_points(space, xy, MAX_RANGE_M),
                free_points(space, plane, MAX_RANGE_M),
                messages.OccupancyGrid(cells, spec.resolution_m, spec.origin),
            ),
            Pulse([np.nan, np.nan, np.nan, *stages, np.nan], [source.rate_hz, 0.0, 0.0, 0.0]),
        )
    engine.close()


def screenshot(page: str, wait_s: float) -> bytes:
    """A JPEG of the page, that long after it was opened, by Chromium's DevTools protocol over a pipe."""
    to_browser, commands = os.pipe()
    answers, from_browser = os.pipe()

    def pipes() -> None:
        os.dup2(to_browser, 3)
        os.dup2(from_browser, 4)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}", page]
        browser = subprocess.Popen(
            command, preexec_fn=pipes, close_fds=False, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            time.sleep(wait_s)
            with open(commands, "wb") as to, open(answers, "rb") as heard:

                def ask(method: str, session: str | None = None, **params: Any) -> Any:
                    asked = {"id": 1, "method": method, "params": params} | ({"sessionId": session} if session else {})
                    to.write(json.dumps(asked).encode() + b"\0")
                    to.flush()
                    text = b""
                    while True:
                        while not text.endswith(b"\0"):
                            text += heard.read(1)
                        answer, text = json.loads(text[:-1]), b""
                        if answer.get("id") == 1:
                            return answer["result"]

                (tab,) = (t for t in ask("Target.getTargets")["targetInfos"] if t["type"] == "page")
                session = ask("Target.attachToTarget", targetId=tab["targetId"], flatten=True)["sessionId"]
                return base64.b64decode(ask("Page.captureScreenshot", session, format="jpeg", quality=85)["data"])
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()


def main() -> None:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--wait", type=float, default=60.0, help="seconds until the page is drawn (%(default)s)")
    args = parser.parse_args()
    assert CHROMIUM, "no Chromium: apt install chromium"
    card = model_file.read_card(model_file.resolve(model_file.DEFAULT))
    with opened("web", LIVE) as window:
        window.arrange(["front/segmentation"])
        scene = CameraScene(window.recording, "front/segmentation")
        scene.classes(card.classes.names, np.array(card.classes.colors, np.uint8))
        for seen, pulse in frames():
            scene.show(seen)
            scene.pulse(pulse)
        scene.text("INFO", f"{card.name} at 480x360, from the synthetic street")
        window.recording.flush()
        args.out.write_bytes(screenshot(window.place, args.wait))


if __name__ == "__main__":
    main()
