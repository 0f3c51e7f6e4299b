"""HTML elements as values: text is escaped unless it is Markup already, so that forgetting is harmless."""

from __future__ import annotations

from html import escape


class Markup(str):
    """A piece of HTML that is safe to write as it is."""

    __slots__ = ()


VOID_ELEMENTS = frozenset({"img", "br", "hr", "meta"})


def element(tag: str, /, *children: str, **attributes: str) -> Markup:
    """`<tag attributes>children</tag>`; `class_` stands for class, `data_x` for data-x; an empty value is left out."""
    parts = [tag]
    for key, value in attributes.items():
        if value:
            parts.append(f'{key.rstrip("_").replace("_", "-")}="{escape(value, quote=True)}"')
    opening = f"<{' '.join(parts)}>"
    if tag in VOID_ELEMENTS:
        return Markup(opening)
    return Markup(f"{opening}{join(*children)}</{tag}>")


def join(*children: str) -> Markup:
    """The children one after the other, plain text escaped."""
    return Markup("".join(c if isinstance(c, Markup) else escape(c, quote=False) for c in children))
