"""Pages as Jinja2 templates: one HTML document with style sheet, charts and pictures inside, which loads nothing."""

from __future__ import annotations

from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from enet_ros.errors import ConfigError
from enet_ros.figures import percent
from enet_ros.report.pictures import jpeg_uri

if TYPE_CHECKING:
    from jinja2 import Environment

UNDEFINED = "n/a"
"""Stands on a page for a figure that is not defined."""


class Stat(NamedTuple):
    """A headline figure: `value` is its text, `unit` is set smaller behind it."""

    label: str
    value: str
    unit: str = ""


def can_report() -> bool:
    """Whether matplotlib and Jinja2, which only reports need, are installed."""
    return all(find_spec(name) is not None for name in ("matplotlib", "jinja2"))


def require_report() -> None:
    """Raise ConfigError where `can_report` is false: better before a long run than after it."""
    if not can_report():
        raise ConfigError("a report needs matplotlib and Jinja2: pip install matplotlib jinja2")


def render(template: str, **values: Any) -> str:
    """A template of `templates/` as text. Every value is escaped, except the charts, which are SVG of our own."""
    require_report()
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = partial(percent, missing=UNDEFINED)
    environment.filters["jpeg"] = jpeg_uri
    return environment
