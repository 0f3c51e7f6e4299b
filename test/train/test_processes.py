"""Several processes train as one would on the same batches, and what they leave behind can be gone on with."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from enet_ros import model_file
from enet_ros.cli import main

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "enet_ros"]


def camvid_folder(root: Path) -> Path:
    """Noise above and below a line, in CamVid's layout."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 2)):
        for folder in (split, f"{split}annot"):
            (root / folder).mkdir(parents=True)
        for index in range(count):
            labels = np.repeat(rng.permutation(32) > 15, 48).reshape(32, 48).astype(np.uint8) * 3
            image = np.where(labels[..., None] == 0, 200, 70) + rng.integers(-20, 20, (32, 48, 3))
            cv2.imwrite(str(root / split / f"0001TP_{index:06}.png"), image.astype(np.uint8))
            cv2.imwrite(str(root / f"{split}annot" / f"0001TP_{index:06}.png"), labels)
    return root


def command(data: Path, out: Path) -> list[str]:
    options = f"train --data camvid={data} --out {out} --epochs 3 --batch 4 --size 48x32 --compile off --threads 1"
    return options.split()


def two(data: Path, out: Path) -> list[str]:
    return [*TORCHRUN, *command(data, out)]


def losses(out: Path) -> list[float]:
    return [float(row["loss"]) for row in csv.DictReader((out / "log.csv").open())]


def workers_of(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data`, and a run by one process in `alone`."""
    root = tmp_path_factory.mktemp("processes")
    camvid_folder(root / "data")
    assert main(command(root / "data", root / "alone")) == 0
    return root


def assert_same_run(out: Path, alone: Path) -> None:
    assert losses(out) == pytest.approx(losses(alone), rel=1e-4)
    found, expected = (model_file.load(folder / "model.safetensors").tensors for folder in (out, alone))
    for name, tensor in expected.items():
        np.testing.assert_allclose(found[name], tensor, rtol=0.01, atol=5e-3, err_msg=name)


def test_two_processes_learn_what_one_would(alone: Path) -> None:
    done = subprocess.run(two(alone / "data", alone / "two"), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("frames to train on") == done.stdout.count("wrote") == 1, "the first speaks for both"
    assert_same_run(alone / "two", alone / "alone")


def test_one_process_goes_on_where_one_of_two_was_killed(alone: Path) -> None:
    out = alone / "killed"
    torchrun = subprocess.Popen(two(alone / "data", out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not (out / "checkpoint.pt").exists():
        assert torchrun.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(workers_of(torchrun.pid)[-1], signal.SIGKILL)
    assert torchrun.wait(300) != 0
    assert not (out / "model.safetensors").exists()
    assert main(command(alone / "data", out)) == 0
    assert_same_run(out, alone / "alone")


def test_a_batch_that_does_not_divide_is_refused(alone: Path) -> None:
    odd = [*two(alone / "data", alone / "odd"), "--batch", "3", "--epochs", "1"]
    done = subprocess.run(odd, capture_output=True, text=True, timeout=300)
    assert done.returncode != 0 and "2 processes cannot share batches of 3 frames" in done.stderr
