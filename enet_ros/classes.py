"""Class tables: what the numbers in a mask mean, in which colour they are shown, and which of them one can drive on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from enet_ros.errors import ConfigError

VOID = 255
"""The value of a mask's pixel that belongs to no class (unlabelled, unsure, unseen)."""


@dataclass(frozen=True)
class ClassTable:
    """Names, colours, drivable and flat sets of the classes 0..N-1.

    names     one a class, unique
    colors    (r, g, b) 0..255, one a class
    drivable  names of the classes a ground vehicle may drive on
    void      index of the network's own 'unlabelled' output, or None; masks carry 255 in its place
    flat      names of the classes that lie in the ground plane and hide nothing; the drivable ones always do
    """

    name: str
    names: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...]
    drivable: frozenset[str]
    void: int | None = None
    flat: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Raise ConfigError where the parts do not fit together."""
        if not 1 <= len(self.names) <= 254:
            raise ConfigError(f"class table {self.name!r} has {len(self.names)} classes; use 1..254 (255 is void)")
        if len(set(self.names)) != len(self.names):
            twice = sorted({n for n in self.names if self.names.count(n) > 1})
            raise ConfigError(f"class table {self.name!r} names {twice} more than once; rename one")
        if len(self.colors) != len(self.names):
            raise ConfigError(
                f"class table {self.name!r} has {len(self.names)} names and {len(self.colors)} colours; give one each"
            )
        for color in self.colors:
            if len(color) != 3 or not all(isinstance(v, int) and 0 <= v <= 255 for v in color):
                raise ConfigError(f"class table {self.name!r} has colour {color!r}; use three integers 0..255")
        if strangers := sorted(self.drivable - set(self.names)):
            raise ConfigError(f"class table {self.name!r} calls {strangers} drivable, which it does not list")
        if strangers := sorted(self.flat - set(self.names)):
            raise ConfigError(f"class table {self.name!r} calls {strangers} flat, which it does not list")
        object.__setattr__(self, "flat", self.flat | self.drivable)
        if self.void is not None and not 0 <= self.void < len(self.names):
            raise ConfigError(f"class table {self.name!r} has void index {self.void}; use 0..{len(self.names) - 1}")

    @property
    def num_classes(self) -> int:
        """How many outputs the network has."""
        return len(self.names)

    def index(self, name: str) -> int:
        """The id of a class; ConfigError where the table has no such name."""
        try:
            return self.names.index(name)
        except ValueError:
            raise ConfigError(f"class {name!r} is not in table {self.name!r}; it has {', '.join(self.names)}") from None

    def indices(self, names: Iterable[str]) -> tuple[int, ...]:
        """The ids of several classes, ascending; ConfigError as in `index`."""
        return tuple(sorted(self.index(name) for name in names))

    def membership(self, names: Iterable[str]) -> npt.NDArray[np.uint8]:
        """(256,) uint8 table: 255 at the ids of `names`, 0 elsewhere (void included)."""
        table = np.zeros(256, np.uint8)
        table[list(self.indices(names))] = 255
        return table

    def lut(self) -> npt.NDArray[np.uint8]:
        """(256, 3) uint8 RGB colours by id; void and unused ids are black."""
        table = np.zeros((256, 3), np.uint8)
        table[: self.num_classes] = self.colors
        if self.void is not None:
            table[self.void] = 0
        return table

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a card's JSON or a YAML file."""
        return {
            "name": self.name,
            "names": list(self.names),
            "colors": [list(color) for color in self.colors],
            "drivable": sorted(self.drivable),
            "void": self.void,
            "flat": sorted(self.flat),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClassTable:
        """The inverse of `to_dict`; ConfigError names a missing or unusable entry."""
        try:
            return cls(
                name=str(values["name"]),
                names=tuple(str(name) for name in values["names"]),
                colors=tuple((int(r), int(g), int(b)) for r, g, b in values["colors"]),
                drivable=frozenset(str(name) for name in values.get("drivable", ())),
                void=None if values.get("void") is None else int(values["void"]),
                flat=frozenset(str(name) for name in values.get("flat", ())),
            )
        except KeyError as error:
            raise ConfigError(f"the class table has no entry {error}; it needs name, names, colors") from None
        except (TypeError, ValueError) as error:
            raise ConfigError(f"the class table is malformed ({error}); colours are [r, g, b] triples") from None


def _table(name: str, rows: str, drivable: Iterable[str], flat: Iterable[str] = ()) -> ClassTable:
    """A table from lines of `name r g b`."""
    cells = [line.rsplit(maxsplit=3) for line in rows.strip().splitlines()]
    return ClassTable(
        name=name,
        names=tuple(cell[0].strip() for cell in cells),
        colors=tuple((int(r), int(g), int(b)) for _, r, g, b in cells),
        drivable=frozenset(drivable),
        flat=frozenset(flat),
    )


CAMVID = _table(
    "camvid",
    """
    sky 128 128 128
    building 128 0 0
    pole 192 192 128
    road 128 64 128
    pavement 60 40 222
    tree 128 128 0
    sign 192 128 128
    fence 64 64 128
    car 64 0 128
    pedestrian 64 64 0
    bicyclist 0 128 192
    """,
    drivable=("road",),
    flat=("pavement",),
)
"""CamVid's eleven classes in the order of the SegNet tutorial's labels."""

CAMVID12 = ClassTable(
    name="camvid12",
    names=(*CAMVID.names, "unlabelled"),
    colors=(*CAMVID.colors, (0, 0, 0)),
    drivable=CAMVID.drivable,
    flat=CAMVID.flat,
    void=11,
)
"""CamVid's classes before an output for 'unlabelled', as PyTorch-ENet's models have them."""

CITYSCAPES = _table(
    "cityscapes",
    """
    road 128 64 128
    sidewalk 244 35 232
    building 70 70 70
    wall 102 102 156
    fence 190 153 153
    pole 153 153 153
    traffic light 250 170 30
    traffic sign 220 220 0
    vegetation 107 142 35
    terrain 152 251 152
    sky 70 130 180
    person 220 20 60
    rider 255 0 0
    car 0 0 142
    truck 0 0 70
    bus 0 60 100
    train 0 80 100
    motorcycle 0 0 230
    bicycle 119 11 32
    """,
    drivable=("road",),
    flat=("sidewalk", "terrain"),
)
"""Cityscapes' nineteen train ids."""

CITYSCAPES20 = ClassTable(
    name="cityscapes20",
    names=("unlabelled", *CITYSCAPES.names),
    colors=((0, 0, 0), *CITYSCAPES.colors),
    drivable=CITYSCAPES.drivable,
    void=0,
    flat=CITYSCAPES.flat,
)
"""Cityscapes' train ids behind an output for 'unlabelled', as the ENet authors' model has them."""

_SUNRGBD_NAMES = (
    "wall floor cabinet bed chair sofa table door window bookshelf picture counter blinds desk shelves curtain "
    "dresser pillow mirror floor_mat clothes ceiling books fridge tv paper towel shower_curtain box whiteboard "
    "person night_stand toilet sink lamp bathtub bag"
)


def _distinct_color(index: int) -> tuple[int, int, int]:
    """The PASCAL VOC colour map: bits of the id spread over the three channels."""
    r = g = b = 0
    for bit in range(8):
        r |= ((index >> 0) & 1) << (7 - bit)
        g |= ((index >> 1) & 1) << (7 - bit)
        b |= ((index >> 2) & 1) << (7 - bit)
        index >>= 3
    return r, g, b


SUNRGBD = ClassTable(
    name="sunrgbd",
    names=tuple(name.replace("_", " ") for name in _SUNRGBD_NAMES.split()),
    colors=tuple(_distinct_color(index + 1) for index in range(37)),
    drivable=frozenset({"floor", "floor mat"}),
)
"""SUN RGB-D's 37 indoor classes (Song et al. 2015)."""

AUTOWARE = _table(
    "autoware",
    """
    UNKNOWN 0 0 0
    BUILDING 70 70 70
    WALL 102 102 156
    OBSTACLE 153 153 153
    TRAFFIC_LIGHT 250 170 30
    TRAFFIC_SIGN 220 220 0
    PERSON 220 20 60
    VEHICLE 0 0 142
    BIKE 119 11 32
    ROAD 128 64 128
    SIDEWALK 244 35 232
    ROAD_PAINT 255 255 255
    CURBSTONE 196 196 196
    CROSSWALK 140 140 200
    VEGETATION 107 142 35
    SKY 70 130 180
    """,
    drivable=("ROAD", "ROAD_PAINT", "CROSSWALK"),
    flat=("SIDEWALK", "CURBSTONE"),
)
"""The sixteen ids Autoware's perception stack gives a mask.

Source: autoware_universe, perception/autoware_image_projection_based_fusion, the list
`filter_semantic_label_target_list_` of segmentation_pointcloud_fusion, whose position is the id; the same ids
leave autoware_tensorrt_yolox. Autoware defines no colours; these are Cityscapes' where there is a counterpart.
"""

_AUTOWARE_NAMES: Mapping[str, str] = {
    "building": "BUILDING",
    "wall": "WALL",
    # Not WALL: the fusion node's usual setting removes the points on walls, and one can run into a fence.
    **dict.fromkeys(("fence", "pole"), "OBSTACLE"),
    "traffic light": "TRAFFIC_LIGHT",
    **dict.fromkeys(("traffic sign", "sign"), "TRAFFIC_SIGN"),
    **dict.fromkeys(("person", "pedestrian", "rider"), "PERSON"),
    **dict.fromkeys(("car", "truck", "bus", "train"), "VEHICLE"),
    **dict.fromkeys(("bicycle", "bicyclist", "motorcycle"), "BIKE"),
    "road": "ROAD",
    **dict.fromkeys(("sidewalk", "pavement"), "SIDEWALK"),
    **dict.fromkeys(("vegetation", "tree", "terrain"), "VEGETATION"),
    "sky": "SKY",
}


def autoware_ids(table: ClassTable) -> npt.NDArray[np.uint8]:
    """(256,) uint8 table from the ids of `table` to those of AUTOWARE, by the classes' names.

    The names of CamVid and Cityscapes are known; any other class, void and unused ids become UNKNOWN (0).
    A table with Autoware's own names maps to itself.
    """
    ids = np.zeros(256, np.uint8)
    for index, name in enumerate(table.names):
        ids[index] = AUTOWARE.index(name if name in AUTOWARE.names else _AUTOWARE_NAMES.get(name, "UNKNOWN"))
    return ids


TABLES: Mapping[str, ClassTable] = {t.name: t for t in (CAMVID, CAMVID12, CITYSCAPES, CITYSCAPES20, SUNRGBD, AUTOWARE)}


def get_table(name: str) -> ClassTable:
    """A built-in table by name; ConfigError lists the names there are."""
    try:
        return TABLES[name]
    except KeyError:
        raise ConfigError(f"there is no class table {name!r}; use one of {', '.join(TABLES)}") from None
