"""What the classes of a street are to a driver, for scores that weigh mistakes by what they cost."""

from __future__ import annotations

from enet_ros.classes.table import ClassTable

_KINDS = {
    "living thing": "living thing, person, pedestrian, rider, bicyclist",
    "vehicle": "vehicle, car, truck, bus, train, motorcycle, bicycle, bike, obstacle",
    "roadside object": "roadside object, pole, sign, traffic sign, traffic light, fence, wall",
    "far object": "far object, building, tree, vegetation, background",
    "sky": "sky",
}
TRAFFIC = frozenset({"living thing", "vehicle"})
"""Kinds that take part in traffic: to miss one is what costs most."""


def kinds(table: ClassTable) -> tuple[str | None, ...]:
    """Of each class the first level of the hierarchy of the Indian Driving Dataset (Varma et al. 2019).

    What a table calls drivable or flat is `drivable` or `non-drivable`; None for a class of no known name.
    """
    by_name = {name: kind for kind, names in _KINDS.items() for name in names.split(", ")}
    ground = {**dict.fromkeys(table.flat, "non-drivable"), **dict.fromkeys(table.drivable, "drivable")}
    return tuple(ground.get(name) or by_name.get(name.lower()) for name in table.names)
