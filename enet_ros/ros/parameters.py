"""Every parameter of the node, declared once: default, unit, range, meaning, and when it may change.

Free of ROS: `enet_ros.ros.declare` makes the descriptors from it, and docs/node.md has a table made from it.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, get_type_hints

from enet_ros.engines import ENGINES
from enet_ros.engines.base import PRECISIONS
from enet_ros.errors import ConfigError, unknown_name
from enet_ros.model_file import DEFAULT

RELIABILITIES = ("best_effort", "reliable")
DURABILITIES = ("volatile", "transient_local")
EXECUTORS = ("auto", "events", "single")
TRANSPORTS = ("raw", "compressed")


class Change(Enum):
    """When a parameter may change."""

    ANY_TIME = "at any time"
    LOADS = "at any time; loads a network"
    UNCONFIGURED = "while unconfigured"
    START = "at start only"


class Spec(NamedTuple):
    """What is known of a parameter besides its value.

    unit: '' for none. low, high: closed range of numbers. choices: the words allowed.
    """

    text: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    change: Change = Change.UNCONFIGURED

    def covers(self, value: Any) -> bool:
        """Whether the value is in the range, if there is one; NaN is in none."""
        return self.low is None or self.high is None or bool(self.low <= value <= self.high)


def _p(default: Any, text: str, unit: str = "", low: Any = None, high: Any = None, **more: Any) -> Any:
    return dataclasses.field(default=default, metadata={"spec": Spec(text, unit, low, high, **more)})


_live = functools.partial(_p, change=Change.ANY_TIME)
_loads = functools.partial(_p, change=Change.LOADS)
_at_start = functools.partial(_p, change=Change.START)


@dataclass(frozen=True)
class Parameters:
    """The values of one configuration. An instance is always valid: making one raises ConfigError otherwise."""

    # The network
    model: str = _loads(DEFAULT, "name of a shipped model, or path of a .safetensors or .onnx file")
    engine: str = _loads("auto", "inference runtime; `auto` is the fastest that works here", choices=("auto", *ENGINES))
    precision: str = _loads("auto", "precision; `auto` is the fastest that keeps the labels", choices=PRECISIONS)
    device: str = _loads("auto", "device, as the runtime names it (cpu, cuda, OpenVINO's GPU)")
    threads: int = _loads(0, "CPU threads of the runtime; 0 leaves the choice to it", "", 0, 256)
    input_height: int = _loads(0, "height of the network's input; 0 is the model's own", "px", 0, 4096)
    input_width: int = _loads(0, "width of the network's input; 0 is the model's own", "px", 0, 4096)
    warmup: int = _live(2, "images run through a network before it is used", "", 0, 100)

    # The camera
    image_transport: str = _p(
        "raw", "`compressed` subscribes to image_raw/compressed instead of image_raw", choices=TRANSPORTS
    )
    reliability: str = _p(
        "best_effort",
        "reliability of the image subscription; `match` adopts the publisher's",
        choices=(*RELIABILITIES, "match"),
    )
    durability: str = _p(
        "volatile",
        "durability of the image subscription; `match` adopts the publisher's",
        choices=(*DURABILITIES, "match"),
    )
    depth: int = _p(1, "images kept by the middleware; the node itself keeps only the newest", "", 1, 100)
    deadline: float = _p(
        0.0, "longest time between images that the camera must promise (QoS deadline); 0: none", "s", 0.0, 3600.0
    )
    rectified: bool = _live(False, "the images are rectified (image_rect): use P of camera_info instead of K and D")
    max_rate: float = _live(
        0.0, "images answered per second, evenly chosen; 0 answers as many as it can", "Hz", 0.0, 1000.0
    )
    priority: float = _live(
        1.0,
        "turns of this camera relative to others of the same process, while they wait for one model",
        "",
        0.01,
        100.0,
    )
    max_pixels: int = _live(50_000_000, "largest image accepted, width times height", "px", 1, 1_000_000_000)
    max_age: float = _live(5.0, "image stamps older than this are reported as stale", "s", 0.001, 1e6)
    max_ahead: float = _live(
        0.005, "image stamps up to this far ahead of the node's clock count as now", "s", 0.0, 10.0
    )
    min_rate: float = _live(0.0, "a rate of images below this is reported; 0 disables this", "Hz", 0.0, 1000.0)
    silence: float = _live(2.0, "a camera that sends no image for this long is reported", "s", 0.1, 3600.0)
    lazy: bool = _live(True, "unsubscribe from the camera while no output has a subscriber")

    # The outputs
    mask_size: str = _live(
        "camera", "resolution of the masks: the camera's or the network's", choices=("camera", "network")
    )
    mask_groups: tuple[str, ...] = _live(
        ("drivable",), "masks to publish under ~/masks: `drivable`, the name of a class, or NAME=CLASS,CLASS"
    )
    overlay_opacity: float = _live(0.5, "opacity of the class colours in ~/overlay", "", 0.0, 1.0)
    jpeg_quality: int = _live(80, "quality of ~/overlay/compressed", "", 1, 100)
    min_confidence: float = _live(
        0.0, "pixels less confident than this count as unknown in group masks, free space and grid", "", 0.0, 1.0
    )
    caution: float = _live(0.0, "drivable pixels less probable than this become void, in every output", "", 0.0, 1.0)
    output_reliability: str = _p("reliable", "reliability of the outputs of each frame", choices=RELIABILITIES)
    output_depth: int = _p(1, "messages kept by the middleware for each output", "", 1, 100)

    # The camera's pose, for outputs in metres (REP-103: x forward, y left, z up)
    base_frame: str = _live("base_link", "frame of free space, obstacle points and occupancy grid")
    use_tf: bool = _live(False, "take the camera's pose from TF instead of the camera_* parameters")
    camera_height: float = _live(0.0, "camera height above ground; 0 disables the outputs in metres", "m", 0.0, 1000.0)
    camera_pitch: float = _live(0.0, "pitch of the camera; positive looks down", "rad", -math.pi / 2, math.pi / 2)
    camera_roll: float = _live(0.0, "roll of the camera; positive lowers its right side", "rad", -math.pi, math.pi)
    camera_yaw: float = _live(0.0, "yaw of the camera; positive looks to the left", "rad", -math.pi, math.pi)
    camera_x: float = _live(0.0, "camera position ahead of the base frame", "m", -1000.0, 1000.0)
    camera_y: float = _live(0.0, "camera position to the left of the base frame", "m", -1000.0, 1000.0)

    # Free space and grid
    min_run: int = _live(5, "shorter runs of non-drivable pixels in a column are ignored as specks", "px", 1, 1000)
    max_range: float = _live(40.0, "obstacle points and grid cells farther away are left out", "m", 0.1, 1000.0)
    grid_resolution: float = _live(0.1, "side length of a cell of ~/occupancy_grid", "m", 0.01, 10.0)
    grid_length: float = _live(20.0, "length of the grid, ahead of the base frame", "m", 0.1, 1000.0)
    grid_width: float = _live(10.0, "width of the grid, half of it to each side", "m", 0.1, 1000.0)

    # The lifecycle manager
    bond: bool = _p(True, "form a bond with Nav2's lifecycle manager while active, where the package bond is installed")

    # The process (used by the executables, not by the node itself)
    autostart: bool = _at_start(True, "configure and activate the node when its process starts")
    executor: str = _at_start("auto", "executor of the process; `auto` is `events` if there is one", choices=EXECUTORS)
    keep_pages: bool = _at_start(True, "have glibc keep freed image buffers instead of returning them to the kernel")

    def __post_init__(self) -> None:
        """Raise ConfigError naming the first unusable value."""
        for name in SPECS:
            object.__setattr__(self, name, check(name, getattr(self, name)))
        if (self.input_height == 0) != (self.input_width == 0):
            raise ConfigError(
                f"input_height is {self.input_height} and input_width {self.input_width}: give both, or 0 for both"
            )
        parse_groups(self.mask_groups)

    def changed(self, values: Mapping[str, Any]) -> Parameters:
        """A copy with some values replaced. Raises ConfigError for an unusable value or an unknown name."""
        unknown = sorted(set(values) - set(SPECS))
        if unknown:
            raise ConfigError(unknown_name("parameter", unknown[0], SPECS))
        return dataclasses.replace(self, **dict(values))

    @property
    def network(self) -> tuple[Any, ...]:
        """What names a network: its file, the engine that runs it, and how."""
        return tuple(getattr(self, name) for name in NETWORK)

    @property
    def input_size(self) -> tuple[int, int] | None:
        """(height, width) of the network's input, or None for the model's own."""
        return (self.input_height, self.input_width) if self.input_height else None


SPECS: Mapping[str, Spec] = {field.name: field.metadata["spec"] for field in dataclasses.fields(Parameters)}
"""Every parameter's specification, in the order of the table."""

NETWORK = tuple(name for name, spec in SPECS.items() if spec.change is Change.LOADS)
"""The parameters whose change loads a network."""

_HINTS = get_type_hints(Parameters)
TYPES: Mapping[str, type] = {name: list if "tuple" in str(_HINTS[name]) else _HINTS[name] for name in SPECS}
"""bool, int, float, str, or list (of str)."""


def check(name: str, value: Any) -> Any:
    """The value in the parameter's own type. Raises ConfigError with the reason where it is not allowed."""
    spec, kind = SPECS[name], TYPES[name]
    if kind is list:
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
            raise ConfigError(f"{name} is {value!r}: give a list of strings")
        return tuple(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"{name} is {value!r}: give a value of type {kind.__name__}")
    if spec.choices and value not in spec.choices:
        raise ConfigError(f"{name} is {value!r}: use one of {', '.join(spec.choices)}")
    if not spec.covers(value):
        unit = f" {spec.unit}" if spec.unit else ""
        raise ConfigError(f"{name} is {value}: use {spec.low:g} to {spec.high:g}{unit}")
    return value


def parse_groups(entries: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """{topic name: class names} of `mask_groups`; without class names, the name itself is a class or 'drivable'.

    'drivable' -> the model's drivable set; 'car' -> that class; 'vehicles=car,bicyclist'. Raises ConfigError for
    a name that cannot be the end of a topic name or comes twice.
    """
    groups: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        name, equals, names = (part.strip() for part in entry.partition("="))
        classes = tuple(item.strip() for item in names.split(",") if item.strip())
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*", name):
            raise ConfigError(f"mask group {entry!r}: {name!r} cannot be a topic name; use letters, digits, single _")
        if equals and not classes:
            raise ConfigError(f"mask group {entry!r} lists no class; write NAME=CLASS,CLASS")
        if name in groups:
            raise ConfigError(f"mask group {name!r} comes twice; rename one")
        groups[name] = classes
    return groups


DEFAULTS = Parameters()
