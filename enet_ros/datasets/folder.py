"""Any pair of folders, with a class table in YAML that also says how its label files are to be read.

name: yard
names: [floor, wall, rack]
colors: [[128, 64, 128], [70, 70, 70], [220, 20, 60]]
drivable: [floor]
means:                     # optional: what each class may be in a model's table (`enet_ros.classes`)
  floor: [road]
  wall: [building, fence]
  rack: {not: [road, building, fence]}
labels:                    # all of it optional
  first: 0                 # pixel value of the first class, the others follow
  values: {3: floor}       # further pixel values, by class
  void: [255]              # pixel values (or colours) that belong to no class
  colored: false           # true: label files are painted in `colors`
  image_suffix: _rgb       # a_rgb.jpg ...
  label_suffix: _mask      # ... belongs to a_mask.png
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from enet_ros.classes import TABLES, VOID, ClassTable, get_table
from enet_ros.datasets.base import PairDataset, Sample
from enet_ros.datasets.files import find_images, find_label
from enet_ros.datasets.labels import Color, ColorLabels, IdLabels, LabelDecoder, ids_of
from enet_ros.errors import ConfigError, DatasetError

_TABLE_KEYS = {"name", "names", "colors", "drivable", "flat", "means", "void", "labels"}
_LABEL_KEYS = {"first", "values", "void", "colored", "image_suffix", "label_suffix"}


@dataclass(frozen=True)
class FolderFormat:
    """A class table and how label files are named and decoded."""

    table: ClassTable
    decoder: LabelDecoder
    image_suffix: str = ""
    label_suffix: str = ""

    def pairs(self, images: Path, labels: Path) -> PairDataset:
        """The images below one folder, each with its label in the same subfolder of the other.

        Subfolders count as sequences. DatasetError names the first image without a label.
        """
        samples = []
        for path in find_images(images):
            stem = path.stem
            if self.image_suffix:
                if not stem.endswith(self.image_suffix):
                    continue
                stem = stem.removesuffix(self.image_suffix)
            label = find_label(path, images, labels, (stem + self.label_suffix,))
            where = path.parent.relative_to(images).as_posix()
            sequence = "" if where == "." else where
            samples.append(Sample(f"{sequence}/{stem}".lstrip("/"), path, label, sequence))
        return PairDataset(self.table, tuple(samples), self.decoder)


def format_of(classes: str | Path) -> FolderFormat:
    """The format of a class table FILE.yaml, or of a built-in table's name: grey files of its ids, void 255.

    Raises ConfigError for other names, and as `load_format`.
    """
    if str(classes) in TABLES:
        table = get_table(str(classes))
        return FolderFormat(table, IdLabels(ids_of(table.num_classes)))
    path = Path(classes).expanduser()
    if path.suffix not in (".yaml", ".yml"):
        raise ConfigError(f"there are no classes {str(classes)!r}; use {', '.join(TABLES)}, or FILE.yaml")
    return load_format(path)


def load_format(path: Path) -> FolderFormat:
    """Read a class table file. Raises DatasetError or ConfigError naming the file and the entry."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(f"cannot read class table {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DatasetError(f"class table {path} is not YAML: {error}") from None
    if not isinstance(values, dict):
        raise DatasetError(f"class table {path} holds no mapping; it needs name, names, colors")
    try:
        _only_known(values, _TABLE_KEYS)
        table = ClassTable.from_dict({"name": path.stem, **values})
        labels = values.get("labels") or {}
        if not isinstance(labels, dict):
            raise ConfigError(f"entry labels is {labels!r}; use a mapping")
        _only_known(labels, _LABEL_KEYS)
        decoder = _colored(table, labels) if labels.get("colored") else _valued(table, labels)
        suffixes = (str(labels.get(key) or "") for key in ("image_suffix", "label_suffix"))
        return FolderFormat(table, decoder, *suffixes)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _only_known(values: Mapping[str, Any], known: set[str]) -> None:
    if strangers := sorted(str(key) for key in values if key not in known):
        raise ConfigError(f"unknown entry {', '.join(strangers)}; use {', '.join(sorted(known))}")


def _valued(table: ClassTable, labels: Mapping[str, Any]) -> IdLabels:
    first, void = labels.get("first", 0), labels.get("void", [VOID])
    extra = labels.get("values") or {}
    if not isinstance(extra, dict):
        raise ConfigError(f"labels: values is {extra!r}; use {{value: class name}}")
    numbers = [first, *(void if isinstance(void, list) else [void]), *extra]
    for number in numbers:
        if not isinstance(number, int) or not 0 <= number <= 255:
            raise ConfigError(f"labels: {number!r} is not a pixel value 0..255")
    if first + table.num_classes > 256:
        raise ConfigError(f"labels: {table.num_classes} classes from value {first} on do not fit into 0..255")
    ids = ids_of(table.num_classes, void=tuple(numbers[1 : len(numbers) - len(extra)]), first=first)
    return IdLabels({**ids, **{value: table.index(str(name)) for value, name in extra.items()}})


def _colored(table: ClassTable, labels: Mapping[str, Any]) -> ColorLabels:
    if needless := sorted({"first", "values"} & set(labels)):
        raise ConfigError(f"labels: {', '.join(needless)} does not go with colored: true")
    colors: dict[Color, int] = {color: index for index, color in enumerate(table.colors)}
    if len(colors) != table.num_classes:
        raise ConfigError("labels: colored: true needs a colour of its own for each class")
    void = labels.get("void", [[0, 0, 0]])
    for color in void if isinstance(void, list) else [void]:
        match color:
            case [int(r), int(g), int(b)] if all(0 <= v <= 255 for v in (r, g, b)):
                colors.setdefault((r, g, b), VOID)
            case _:
                raise ConfigError(f"labels: void colour {color!r} is not [r, g, b] of 0..255")
    return ColorLabels(colors)
