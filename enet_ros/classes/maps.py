"""From the ids of one class table to those of another: a data set's, a coarser one, or Autoware's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from enet_ros.arrays import U8, Bool
from enet_ros.classes.builtin import AUTOWARE
from enet_ros.classes.table import VOID, ClassTable
from enet_ros.errors import ConfigError

_UNLABELLED = frozenset({"unlabelled", "unlabeled", "void"})


def label_map(own: ClassTable | Sequence[str], wanted: ClassTable | Sequence[str]) -> U8:
    """(256,) uint8: the wanted id of each of a model's own ids, by the classes' names; VOID for any other id.

    A table's void output is no class. Bare names, as a message states them, do not tell which that is: there a name for
    unlabelled pixels may be missing on the other side. Raises ConfigError where the classes differ otherwise.
    """
    tables = isinstance(own, ClassTable), isinstance(wanted, ClassTable)
    ids, wanted_ids = _ids(own), _ids(wanted)
    ignored = frozenset() if all(tables) else _UNLABELLED
    alone, missing = set(ids) - set(wanted_ids) - ignored, set(wanted_ids) - set(ids) - ignored
    if alone or missing:
        raise ConfigError(
            f"the model's classes{_called(own)} are not those of the labels{_called(wanted)}: it alone has"
            f" {_some(alone)}; they alone have {_some(missing)}; use a model of the labels' classes"
        )
    table = np.full(256, VOID, np.uint8)
    for name in ids.keys() & wanted_ids.keys():
        table[ids[name]] = wanted_ids[name]
    return table


def _ids(classes: ClassTable | Sequence[str]) -> dict[str, int]:
    if not isinstance(classes, ClassTable):
        return {name: index for index, name in enumerate(classes)}
    return {name: index for index, name in enumerate(classes.names) if index != classes.void}


def _called(classes: ClassTable | Sequence[str]) -> str:
    return f" ({classes.name})" if isinstance(classes, ClassTable) else ""


def _some(names: set[str]) -> str:
    return (", ".join(sorted(names)[:4]) or "none") + (", ..." if len(names) > 4 else "")


def members(coarse: ClassTable, fine: ClassTable) -> Bool:
    """(V, C) bool: whether a pixel labelled with class v of `coarse` may be class c of `fine`.

    A table without `means` is matched by name, so that of a table with itself it is the identity. No set holds the
    void output of `fine`. Raises ConfigError where a class of `coarse` is unknown to `fine`.
    """
    real = [name for index, name in enumerate(fine.names) if index != fine.void]
    table = np.zeros((coarse.num_classes, fine.num_classes), bool)
    columns = [fine.index(name) for name in real]
    for row, name in enumerate(coarse.names):
        if row == coarse.void:
            continue
        if coarse.means:
            table[row, columns] = coarse.means[row].flags(real)
        elif name in real:
            table[row, fine.index(name)] = True
        else:
            raise ConfigError(
                f"class {name!r} of table {coarse.name!r} is not among those of {fine.name!r} ({', '.join(real)}); "
                f"say in an entry `means` which of them it may be"
            )
    return table


def judged(coarse: ClassTable, fine: ClassTable) -> U8:
    """(256, 256) uint8 [truth, prediction]: as which class of `coarse` a predicted class of `fine` counts.

    Sets may overlap (a rider is a living thing, his bicycle a vehicle). So a prediction is right where the set of the
    true class holds it; where it does not, it counts as the first class of `coarse` whose set holds it. A class that no
    set holds, void and unused ids count as 255.
    """
    table = members(coarse, fine)  # (V, C)
    first = np.where(table.any(0), table.argmax(0), VOID).astype(np.uint8)  # (C,)
    counted = np.full((256, 256), VOID, np.uint8)
    counted[:, : fine.num_classes] = first
    truth, predicted = np.nonzero(table)
    counted[truth, predicted] = truth
    return counted


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


def autoware_ids(table: ClassTable) -> U8:
    """(256,) uint8 table from the ids of `table` to those of AUTOWARE, by the classes' names.

    The names of CamVid and Cityscapes are known; any other class, void and unused ids become UNKNOWN (0).
    A table with Autoware's own names maps to itself.
    """
    ids = np.zeros(256, np.uint8)
    for index, name in enumerate(table.names):
        ids[index] = AUTOWARE.index(name if name in AUTOWARE.names else _AUTOWARE_NAMES.get(name, "UNKNOWN"))
    return ids
