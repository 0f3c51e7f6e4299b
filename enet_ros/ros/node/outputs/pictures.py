"""Outputs that are images of the camera's frame, raw and compressed: masks, confidence, colours; their calibration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from enet_ros import messages
from enet_ros.arrays import U8
from enet_ros.classes import ClassTable
from enet_ros.products import images
from enet_ros.ros.messages import to_image, to_message
from enet_ros.ros.node.outputs.output import Frame, Output, OutputSilent, Setup, if_gated
from enet_ros.ros.parameters import Parameters, parse_groups


@dataclass(frozen=True)
class Picture:
    """An image in two rows: `topic` and, as image_transport names it, `topic`/compressed.

    encoding: of the raw image. pixels: (H, W) uint8 for mono8, (H, W, 3) for rgb8; raises OutputSilent. format: of the
    compressed one, png or jpeg; a JPEG changes values.
    """

    topic: str
    encoding: str
    pixels: Callable[[Frame], U8]
    format: str = "png"
    needs_confidence: Callable[[Parameters], bool] = Output.needs_confidence

    def raw(self) -> Output:
        """The row of the Image."""
        return Output(self.topic, Image, self._image, needs_confidence=self.needs_confidence)

    def compressed(self) -> Output:
        """The row of the CompressedImage."""
        topic = f"{self.topic}/compressed"
        return Output(topic, CompressedImage, self._compressed_image, needs_confidence=self.needs_confidence)

    def _image(self, frame: Frame) -> Image:
        return to_image(frame.once(self.pixels), self.encoding, frame.header)

    def _compressed_image(self, frame: Frame) -> CompressedImage:
        value = messages.compressed(frame.once(self.pixels), self.format, frame.parameters.jpeg_quality)
        message: CompressedImage = to_message(value, frame.header)
        return message


def outputs(setup: Setup) -> list[Output]:
    """The rows, the mask first: consumers wait for it. Raises ConfigError for a class that the model does not have."""
    lut = setup.classes.lut()

    def color(frame: Frame) -> U8:
        return images.color(frame.segmentation.labels, lut)

    def overlay(frame: Frame) -> U8:
        opacity = frame.parameters.overlay_opacity
        return images.overlay(frame.picture, frame.segmentation.labels, lut, opacity)

    first, *others = (
        Picture("~/mask", "mono8", mask),
        Picture("~/confidence", "mono8", confidence, needs_confidence=lambda parameters: True),
        *(group(name, names, setup.classes) for name, names in parse_groups(setup.parameters.mask_groups).items()),
        Picture("~/color", "rgb8", color),
        Picture("~/overlay", "rgb8", overlay, "jpeg"),
    )
    raw = [first.raw(), Output("~/camera_info", CameraInfo, camera_info), *(picture.raw() for picture in others)]
    return raw + [picture.compressed() for picture in (first, *others)]


def mask(frame: Frame) -> U8:
    """Class ids, 255 for void."""
    return frame.segmentation.labels


def confidence(frame: Frame) -> U8:
    """255 times the probability of the class."""
    sureness = frame.segmentation.confidence
    if sureness is None:
        raise OutputSilent("the engine gave no confidence for this frame")
    return sureness


def camera_info(frame: Frame) -> CameraInfo:
    """The camera's calibration, scaled to the mask."""
    if frame.calibration is None:
        raise OutputSilent("no camera_info has arrived")
    height, width = frame.segmentation.labels.shape
    scaled = messages.scaled_camera_info(frame.calibration, width, height)
    if scaled is None:
        raise OutputSilent("the camera_info states no size: calibrate the camera")
    message: CameraInfo = to_message(scaled, frame.header)
    return message


def group(name: str, classes: tuple[str, ...], table: ClassTable) -> Picture:
    """A mask of several classes. Raises ConfigError for a class that the model does not have."""
    if not classes:
        classes = tuple(table.drivable) if name == "drivable" else (name,)
    membership = table.membership(classes)

    def pixels(frame: Frame) -> U8:
        limit = frame.parameters.min_confidence
        return images.group_mask(frame.segmentation.labels, membership, frame.segmentation.confidence, limit)

    return Picture(f"~/masks/{name}", "mono8", pixels, needs_confidence=if_gated)
