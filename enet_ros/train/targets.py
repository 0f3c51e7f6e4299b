"""Targets: the label values of a run, of which some stand for one class of the model and some for a set of classes."""

from __future__ import annotations

import numpy as np

from enet_ros.arrays import U8, Bool
from enet_ros.classes import VOID, ClassTable
from enet_ros.classes.coarse import members
from enet_ros.errors import ConfigError

MOST = 62
"""Classes of a model at most: a set is held as bits of an integer."""


class Targets:
    """The meaning of the values in a run's labels.

    Values 0..C-1 are the model's classes, the following ones sets that datasets brought along, 255 is void.

    sets  (256, C) bool: which classes a pixel of a value may have; of void and unused values all of them
    """

    def __init__(self, table: ClassTable) -> None:
        """ConfigError where the table has too many classes."""
        if table.num_classes > MOST:
            raise ConfigError(f"class table {table.name!r} has {table.num_classes} classes; training takes {MOST}")
        self.table = table
        self._sets = [tuple(row) for row in np.eye(table.num_classes, dtype=bool).tolist()]

    def __str__(self) -> str:
        """The sets, for a checkpoint to be told from another run's."""
        brought = ("".join("01"[flag] for flag in row) for row in self._sets[self.table.num_classes :])
        return f"classes of {self.table.name}, sets {' '.join(brought) or 'none'}"

    @property
    def sets(self) -> Bool:
        """See the class."""
        sets = np.ones((256, self.table.num_classes), bool)
        sets[: len(self._sets)] = self._sets
        return sets

    def values_of(self, coarse: ClassTable) -> U8:
        """(256,) uint8: from the label values of a dataset to those of the run. ConfigError as `members`."""
        values = np.full(256, VOID, np.uint8)
        for value, row in enumerate(members(coarse, self.table).tolist()):
            if any(row):
                if tuple(row) not in self._sets:
                    self._sets.append(tuple(row))
                values[value] = self._sets.index(tuple(row))
        if len(self._sets) > VOID:
            raise ConfigError(f"these datasets have more than {VOID} classes and sets of classes together")
        return values
