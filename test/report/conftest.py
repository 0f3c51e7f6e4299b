from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from enet_ros.classes import CAMVID
from enet_ros.metrics import FrameScore, Scorer
from enet_ros.report.evaluation import Gallery
from enet_ros.report.pictures import Still

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    "--window-size=1200,900",
]

# Runs in the browser, after loading; what it finds is read back from the dumped page.
PROBE = """<script>addEventListener("load", () => {
  const size = (e) => { const r = e.getBoundingClientRect(); return [Math.round(r.width), Math.round(r.height)]; };
  const found = {
    figures: Object.fromEntries([...document.querySelectorAll("[data-figure]")].map(
      (e) => [e.dataset.figure, size(e)])),
    images: [...document.images].map((i) => [i.naturalWidth, i.naturalHeight]),
    charts: [...document.querySelectorAll("svg")].map((e) => [...size(e), e.querySelectorAll("path").length]),
    requests: performance.getEntriesByType("resource").map((e) => e.name).filter((n) => !n.startsWith("data:")),
    overflow: document.documentElement.scrollWidth - innerWidth,
    ink: getComputedStyle(document.body).color, page: getComputedStyle(document.body).backgroundColor,
    scripts: document.scripts.length, title: document.title, text: document.body.innerText,
  };
  const out = document.createElement("pre"); out.id = "found"; out.textContent = JSON.stringify(found);
  document.body.append(out);
});</script></body>"""

Browse = Callable[..., dict[str, Any]]


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """browse(html, *flags): what a real browser makes of a page."""
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt install chromium")

    def look(html: str, *flags: str) -> dict[str, Any]:
        page = tmp_path / "page.html"
        page.write_text(html.replace("</body>", PROBE), encoding="utf-8")
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            command = [CHROMIUM, *FLAGS, *flags, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()]
            browser = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
            )
            try:
                dumped, _ = browser.communicate(timeout=240)
            finally:
                if browser.poll() is None:
                    os.killpg(browser.pid, signal.SIGKILL)
                    browser.wait()
        found = re.search(r'<pre id="found">(.*?)</pre>', dumped, re.DOTALL)
        assert found, dumped[-2000:]
        return dict(json.loads(unescape(found[1])))

    return look


class Scene:
    """Frames with a road, a building and a sky, and predictions that get some of it wrong."""

    def __init__(self, frames: int = 6) -> None:
        rng = np.random.default_rng(0)
        self.scorer, self.gallery = Scorer(CAMVID), Gallery()
        self.stills: list[Still] = []
        self.frame_scores: list[FrameScore] = []
        for index in range(frames):
            truth = np.full((60, 80), CAMVID.index("sky"), np.uint8)
            truth[20:, :30] = CAMVID.index("building")
            truth[35:, 10:] = CAMVID.index("road")
            truth[:4] = 255
            labels = np.roll(truth, 2 + 3 * index, axis=1)
            image = rng.integers(0, 256, (60, 80, 3)).astype(np.uint8)
            confidence = np.where(labels == truth, 230, 130).astype(np.uint8)
            score = self.scorer.add(f"frame <{index}>", truth, labels, confidence)
            self.gallery.add(image, truth, labels, score)
            self.frame_scores.append(score)
            self.stills.append(Still(f"frame <{index}>", f"{index / 30:.2f} s", image, labels, truth))


@pytest.fixture
def scene() -> Scene:
    """Six frames, worse and worse."""
    return Scene()
