"""The frame of a report: title, headline figures, sections, facts."""

from __future__ import annotations

from dataclasses import dataclass

from enet_ros.report.markup import Markup, element, join
from enet_ros.report.style import STYLE


@dataclass(frozen=True)
class Stat:
    """A headline figure: `value` already written out, `unit` set smaller behind it."""

    label: str
    value: str
    unit: str = ""


@dataclass(frozen=True)
class Section:
    """A titled part. `note` says how to read it, `body` is finished HTML."""

    title: str
    body: Markup
    note: str = ""


@dataclass(frozen=True)
class Page:
    """A report. `kind` stands above the title; the first stat is set off; facts are (name, value) rows."""

    kind: str
    title: str
    lede: str
    stats: tuple[Stat, ...]
    sections: tuple[Section, ...]
    facts: tuple[tuple[str, str], ...]


def render(page: Page) -> str:
    """The page as one HTML document."""
    stats = [_stat(stat, lead=index == 0) for index, stat in enumerate(page.stats)]
    body = element(
        "main",
        element("p", page.kind, class_="kicker"),
        element("h1", page.title),
        element("p", page.lede, class_="lede") if page.lede else Markup(""),
        element("div", *stats, class_="stats") if stats else Markup(""),
        *(_section(section) for section in page.sections),
        _section(Section("What was run", facts_list(page.facts))),
        element("footer", "Written by enet_ros. Fractions of pixels unless a unit is given; n/a: undefined."),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{page.title} · {page.kind}"),
        element("style", Markup(STYLE)),
    )
    return f"<!doctype html>\n{element('html', head, element('body', body), lang='en')}\n"


def facts_list(facts: tuple[tuple[str, str], ...]) -> Markup:
    """Names and values; those without a value are left out."""
    rows = (join(element("dt", name), element("dd", value)) for name, value in facts if value)
    return element("dl", *rows)


def figure(name: str, *children: str, caption: str = "") -> Markup:
    """A figure that scripts and tests find by `data-figure`."""
    parts = [*children, element("figcaption", caption)] if caption else list(children)
    return element("figure", *parts, data_figure=name)


def percent(value: float, digits: int = 1) -> str:
    """0.6123 as "61.2"; "n/a" for NaN."""
    return "n/a" if value != value else f"{100 * value:.{digits}f}"


def _stat(stat: Stat, *, lead: bool) -> Markup:
    unit = element("small", stat.unit) if stat.unit and stat.value != "n/a" else Markup("")
    inner = (element("b", stat.value, unit), element("span", stat.label))
    return element("div", *inner, class_="stat lead" if lead else "stat")


def _section(section: Section) -> Markup:
    note = element("p", section.note, class_="note") if section.note else Markup("")
    return element("section", element("h2", section.title), note, section.body)
