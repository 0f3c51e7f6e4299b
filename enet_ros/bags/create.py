"""Write frames as a bag with the topics of a camera driver, and the ground truth beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from enet_ros.bags.cameras import CLASSES_KEY
from enet_ros.bags.messages import CAMERA_INFO, COMPRESSED, IMAGE, camera_info_cdr, compressed_cdr, image_cdr
from enet_ros.bags.writer import BagWriter
from enet_ros.camera import CameraIntrinsics
from enet_ros.codec import compress
from enet_ros.errors import BagError
from enet_ros.frames import Frame, Load, Source
from enet_ros.messages import Header
from enet_ros.ordered import ordered

_PASSED_ON = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png"}


@dataclass(frozen=True)
class BagLayout:
    """How frames become topics: PREFIX/image_raw[/compressed], PREFIX/camera_info, PREFIX/ground_truth.

    compression  none (sensor_msgs/Image rgb8), jpeg or png (CompressedImage); quality 1..100 for jpeg
    camera       what camera_info says; the source's own, if any, by default
    """

    prefix: str = "/camera"
    frame_id: str = "camera_optical_frame"
    compression: str = "none"
    quality: int = 90
    camera: CameraIntrinsics | None = None


def create(
    out: Path,
    source: Source,
    layout: BagLayout,
    *,
    storage: str = "mcap",
    overwrite: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> int:
    """Write a bag, with the stamps of the frames as log times. Returns the number of frames.

    advance  called after each frame
    Raises BagError where a file of the source or the disk fails or the calibration has another size; what was
    written before stays readable, and the error says where.
    """
    camera = layout.camera or source.calibration
    raw = layout.compression == "none"
    image_topic = f"{layout.prefix}/image_raw" + ("" if raw else "/compressed")
    camera_info_topic, truth_topic = f"{layout.prefix}/camera_info", f"{layout.prefix}/ground_truth"

    def encode(load: Load) -> tuple[int, list[tuple[str, memoryview]]]:
        frame = load()
        header = Header(frame.stamp_ns, layout.frame_id)
        messages = [(image_topic, _image(header, frame, layout))]
        if camera is not None:
            height, width = frame.rgb.shape[:2]
            if (camera.width, camera.height) != (width, height):
                raise BagError(
                    f"the calibration is for {camera.width}x{camera.height} pixels, the images have"
                    f" {width}x{height}: calibrate at that size, or give --fov"
                )
            messages.append((camera_info_topic, camera_info_cdr(header, camera)))
        if frame.truth is not None:
            messages.append((truth_topic, image_cdr(header, frame.truth, "mono8")))
        return frame.stamp_ns, messages

    frames = 0
    with BagWriter(out, storage=storage, overwrite=overwrite) as bag, ThreadPoolExecutor(2) as pool:
        bag.add_topic(image_topic, IMAGE if raw else COMPRESSED)
        if camera is not None:
            bag.add_topic(camera_info_topic, CAMERA_INFO)
        if source.table is not None:
            bag.add_topic(truth_topic, IMAGE)
            bag.set_custom_data(CLASSES_KEY, json.dumps(source.table.names))
        for stamp_ns, messages in ordered(encode, source.loads(), pool, ahead=4):
            for topic, cdr in messages:
                bag.write(topic, stamp_ns, cdr)
            frames += 1
            advance()
    return frames


def _image(header: Header, frame: Frame, layout: BagLayout) -> memoryview:
    if layout.compression == "none":
        return image_cdr(header, frame.rgb, "rgb8")
    if frame.file is not None and _PASSED_ON.get(frame.file.suffix.lower()) == layout.compression:
        data = frame.file.read_bytes()  # as it is: encoding a JPEG again would lose some more
    else:
        data = compress(frame.rgb, layout.compression, layout.quality)
    return compressed_cdr(header, data, layout.compression)
