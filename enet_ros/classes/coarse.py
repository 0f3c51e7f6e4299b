"""Coarse tables, whose classes are sets of the classes of another table: which may be which, and how they compare."""

from __future__ import annotations

import numpy as np

from enet_ros.arrays import U8, Bool
from enet_ros.classes.table import VOID, ClassTable
from enet_ros.errors import ConfigError


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
