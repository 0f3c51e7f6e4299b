"""Imported weights on CamVid's validation frames: agreement with OpenCV's reader, IoU of the classes both tables have.

  python bench/imported.py --camvid camvid/ --torch7 enet-model.net --caffe cityscapes_weights.caffemodel \\
      --pytorch-enet ENet_default_2018-03-04 [--every 5]

Needs OpenCV 4 (5 reads no Torch7 models). Cityscapes' classes are mapped onto CamVid's below.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

from enet_ros.classes import CAMVID, VOID, ClassTable
from enet_ros.metrics import ConfusionMatrix
from enet_ros.model_file import Model
from enet_ros.nn import ENet, build
from enet_ros.nn.importers import import_file

TO_CAMVID = {
    "sidewalk": "pavement",
    "wall": "fence",
    "traffic light": "sign",
    "traffic sign": "sign",
    "vegetation": "tree",
    "terrain": "tree",
    "person": "pedestrian",
    "rider": "bicyclist",
    "motorcycle": "bicyclist",
    "bicycle": "bicyclist",
    **dict.fromkeys(("truck", "bus", "train"), "car"),
}


def camvid_ids(table: ClassTable) -> np.ndarray:
    """(256,) uint8 from the ids of a table to CamVid's."""
    ids = np.full(256, VOID, np.uint8)
    for index, name in enumerate(table.names):
        name = TO_CAMVID.get(name, name)
        if name in CAMVID.names:
            ids[index] = CAMVID.index(name)
    return ids


@torch.no_grad()
def labels(network: ENet, model: Model, frame: np.ndarray) -> np.ndarray:
    """Labels (H, W) of a BGR frame."""
    pixels = frame if model.card.channel_order == "bgr" else cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    x = (pixels.astype(np.float32) - np.float32(model.card.mean)) / np.float32(model.card.std)
    return network(torch.from_numpy(x.transpose(2, 0, 1))[None])[0].argmax(0).numpy().astype(np.uint8)


def opencv_labels(peer: cv2.dnn.Net, frame: np.ndarray) -> np.ndarray:
    """What OpenCV's reading of the Torch7 file says."""
    peer.setInput(cv2.dnn.blobFromImage(frame, 1 / 255, swapRB=True))
    return peer.forward()[0].argmax(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--camvid", type=Path, required=True)
    for name in ("torch7", "caffe", "pytorch-enet"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--every", type=int, default=5)
    args = parser.parse_args()
    frames = sorted((args.camvid / "val").glob("*.png"))[:: args.every]
    for name in ("torch7", "caffe", "pytorch_enet"):
        path = getattr(args, name)
        if path is None:
            continue
        model = import_file(path, "auto", name)
        network, ids = build(model), camvid_ids(model.card.classes)
        peer = cv2.dnn.readNetFromTorch(str(path)) if name == "torch7" else None
        matrix, same = ConfusionMatrix(CAMVID.num_classes), []
        for file in frames:
            frame = cv2.imread(str(file))
            found = labels(network, model, frame)
            truth = cv2.imread(str(args.camvid / "valannot" / file.name), cv2.IMREAD_UNCHANGED)
            truth[truth == CAMVID.num_classes] = VOID  # as the files have it
            matrix.add(truth, ids[found])
            if peer is not None:
                same.append((found == opencv_labels(peer, frame)).mean())
        ious = " ".join(f"{c} {100 * v:.1f}" for c, v in zip(CAMVID.names, matrix.iou(), strict=True))
        print(f"{name}: {len(frames)} frames, mIoU {100 * matrix.miou():.2f}: {ious}")
        if same:
            print(
                f"  OpenCV agrees on {100 * np.mean(same):.4f} % of pixels, in the worst frame {100 * min(same):.4f} %"
            )


if __name__ == "__main__":
    main()
