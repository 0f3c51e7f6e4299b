"""Outputs that are images of the camera's frame: masks, confidence, colours, overlay, with their calibration."""

from __future__ import annotations

from sensor_msgs.msg import CameraInfo, Image

from enet_ros.classes import ClassTable
from enet_ros.messages import scaled_camera_info
from enet_ros.products import images
from enet_ros.ros.messages import to_image, to_message
from enet_ros.ros.node.outputs.output import Frame, Output, OutputSilent, Setup, if_gated
from enet_ros.ros.parameters import parse_groups


def outputs(setup: Setup) -> list[Output]:
    """The rows, the mask first: consumers wait for it. Raises ConfigError for a class that the model does not have."""
    lut = setup.classes.lut()

    def color(frame: Frame) -> Image:
        return to_image(images.color(frame.segmentation.labels, lut), "rgb8", frame.header)

    def overlay(frame: Frame) -> Image:
        opacity = frame.parameters.overlay_opacity
        painted = images.overlay(frame.picture, frame.segmentation.labels, lut, opacity)
        return to_image(painted, "rgb8", frame.header)

    return [
        Output("~/mask", Image, mask),
        Output("~/confidence", Image, confidence, needs_confidence=lambda parameters: True),
        Output("~/camera_info", CameraInfo, camera_info),
        *(group(name, names, setup.classes) for name, names in parse_groups(setup.parameters.mask_groups).items()),
        Output("~/color", Image, color),
        Output("~/overlay", Image, overlay),
    ]


def mask(frame: Frame) -> Image:
    """Class ids, 255 for void."""
    return to_image(frame.segmentation.labels, "mono8", frame.header)


def confidence(frame: Frame) -> Image:
    """255 times the probability of the class."""
    sureness = frame.segmentation.confidence
    if sureness is None:
        raise OutputSilent("the engine gave no confidence for this frame")
    return to_image(sureness, "mono8", frame.header)


def camera_info(frame: Frame) -> CameraInfo:
    """The camera's calibration, scaled to the mask."""
    if frame.calibration is None:
        raise OutputSilent("no camera_info has arrived")
    height, width = frame.segmentation.labels.shape
    scaled = scaled_camera_info(frame.calibration, width, height)
    if scaled is None:
        raise OutputSilent("the camera_info states no size: calibrate the camera")
    message: CameraInfo = to_message(scaled, frame.header)
    return message


def group(name: str, classes: tuple[str, ...], table: ClassTable) -> Output:
    """A mask of several classes. Raises ConfigError for a class that the model does not have."""
    if not classes:
        classes = tuple(table.drivable) if name == "drivable" else (name,)
    membership = table.membership(classes)

    def make(frame: Frame) -> Image:
        limit = frame.parameters.min_confidence
        values = images.group_mask(frame.segmentation.labels, membership, frame.segmentation.confidence, limit)
        return to_image(values, "mono8", frame.header)

    return Output(f"~/masks/{name}", Image, make, needs_confidence=if_gated)
