"""The built-in class tables: what labelled datasets and Autoware call things."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from enet_ros.classes.table import ClassSet, ClassTable
from enet_ros.errors import ConfigError


def _table(name: str, rows: str, drivable: Iterable[str], flat: Iterable[str] = (), means: str = "") -> ClassTable:
    """A table from lines of `name r g b`, and of the sets of CamVid's classes that they may be (`not` excludes)."""
    cells = [line.rsplit(maxsplit=3) for line in rows.strip().splitlines()]
    sets = [line.split() for line in means.strip().splitlines()]
    return ClassTable(
        name=name,
        names=tuple(cell[0].strip() for cell in cells),
        colors=tuple((int(r), int(g), int(b)) for _, r, g, b in cells),
        drivable=frozenset(drivable),
        flat=frozenset(flat),
        means=tuple(ClassSet(frozenset(words) - {"not"}, words[0] == "not") for words in sets),
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

CAMVID12 = CAMVID.with_unlabelled("camvid12", first=False)
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

CITYSCAPES20 = CITYSCAPES.with_unlabelled("cityscapes20", first=True)
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

IDD_LITE = _table(
    "idd_lite",
    """
    drivable 128 64 128
    non-drivable 244 35 232
    living thing 220 20 60
    vehicle 0 0 142
    roadside object 220 220 0
    far object 107 142 35
    sky 70 130 180
    """,
    drivable=("drivable",),
    flat=("non-drivable",),
    means="""
    road
    pavement tree
    pedestrian bicyclist
    car bicyclist
    building pole pavement sign fence
    building tree pole sign fence
    sky
    """,
)
"""The seven classes of the Indian Driving Dataset Lite (Varma et al. 2019), as sets of CamVid's.

Non-drivable is pavement, and the earth and grass beside the road, which CamVid calls tree ('vegetation'); kerbs and
walls are roadside objects, bridges far ones.
"""

LUMS = _table(
    "lums",
    """
    background 70 70 70
    obstacle 220 20 60
    road 128 64 128
    sidewalk 244 35 232
    speed bump 255 200 0
    """,
    drivable=("road", "speed bump"),
    flat=("sidewalk",),
    means="""
    not road pavement
    pole sign fence car pedestrian bicyclist
    road
    pavement
    road
    """,
)
"""The five classes of the LUMS road dataset, as sets of CamVid's; people and cars are now obstacle, now background."""

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

TABLES: Mapping[str, ClassTable] = {
    t.name: t for t in (CAMVID, CAMVID12, CITYSCAPES, CITYSCAPES20, SUNRGBD, IDD_LITE, LUMS, AUTOWARE)
}


def get_table(name: str) -> ClassTable:
    """A built-in table by name; ConfigError lists the names there are."""
    try:
        return TABLES[name]
    except KeyError:
        raise ConfigError(f"there is no class table {name!r}; use one of {', '.join(TABLES)}") from None


def table_with(names: tuple[str, ...]) -> ClassTable | None:
    """The built-in table that has exactly these classes, in this order; None where there is none."""
    return next((table for table in TABLES.values() if table.names == names), None)
