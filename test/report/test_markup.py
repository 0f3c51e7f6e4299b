from __future__ import annotations

from enet_ros.report.markup import Markup, element, join


def test_text_is_escaped_and_markup_is_not() -> None:
    assert element("p", "a < b & c", class_='x"y') == '<p class="x&quot;y">a &lt; b &amp; c</p>'
    assert element("p", element("b", "<"), " > ") == "<p><b>&lt;</b> &gt; </p>"
    assert join("<", Markup("<br>")) == "&lt;<br>"
    assert isinstance(join("a"), Markup)


def test_attributes() -> None:
    assert element("img", src="x", alt="") == '<img src="x">'
    assert element("td", data_figure="a", style="") == '<td data-figure="a"></td>'
