"""Figures that leave the app: they open anywhere, fetch nothing, and show what anybody wrote as it was written."""

import base64
import csv
import io
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import altair as alt
import pandas as pd
import pytest

from core.charts.keeping import MOST_ROWS, Figure, drawing_of, page_of_drawing, png_of, report_of, svg_of_drawing
from core.charts.look import Look, framed

HOSTILE = '</script><script>alert("1")</script><img src=x onerror=alert(2)>'
LOOK = Look()


def chart(text: str = "word") -> alt.Chart:
    rows = pd.DataFrame({"layer": [0, 1, 2], "value": [1.0, 0.9, 0.2], "text": [text] * 3})
    return framed(
        alt.Chart(rows).mark_text().encode(x="layer:O", y=alt.Y("value:Q", title="CKA (1 = unchanged)"), text="text:N"),
        LOOK,
        height=200,
    )


def figure(**changes: object) -> Figure:
    made = Figure(
        name="similarity", title="CKA by layer", about="base → tuned", svg=svg_of_drawing(drawing_of(chart(), LOOK)),
        method="debiased", origin="similarity abc · cpu", cites=("Kornblith et al. 2019",), table="layer,cka\n0,1.0\n",
        specs=('{"kind": "similarity"}',), link="/layers?measure=CKA",
    )  # fmt: skip
    return replace(made, **changes)


class Elements(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.mark.parametrize("look", [Look(), Look(dark=True), Look(projector=True)])
def test_an_svg_is_a_picture_on_its_own_paper_with_its_words(look: Look) -> None:
    svg = svg_of_drawing(drawing_of(chart("Käse & <Brot>"), look))
    root = ElementTree.fromstring(svg)
    assert float(root.attrib["width"]) > 800
    texts = ["".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("Käse & <Brot>") == 3
    assert "CKA (1 = unchanged)" in texts
    assert look.paper.lower() in svg.lower()


def test_a_png_is_twice_as_large_as_its_svg() -> None:
    svg = svg_of_drawing(drawing_of(chart(), LOOK))
    png = png_of(svg)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    root = ElementTree.fromstring(svg)
    assert (width, height) == tuple(pytest.approx(2 * float(root.attrib[side]), abs=2) for side in ("width", "height"))


def test_a_drawing_fetches_nothing() -> None:
    drawing = drawing_of(chart(), LOOK)
    drawing["data"] = {"url": "http://127.0.0.1:9/rows.json"}
    with pytest.raises(ValueError, match=r"(?i)url|access|deny|not allowed"):
        svg_of_drawing(drawing)


def test_a_page_holds_all_it_needs_and_shows_what_was_written_as_written() -> None:
    drawing = drawing_of(chart(HOSTILE), LOOK)
    page = page_of_drawing(drawing, figure(title=HOSTILE, method=HOSTILE, about=HOSTILE, table=f"a\n{HOSTILE}\n"), LOOK)
    elements = Elements(page)
    assert len(elements.named("script")) == 2  # the libraries and the drawing
    assert all(not attributes for attributes in elements.named("script"))
    assert not elements.named("link")
    assert not elements.named("img")
    fetched = [value for _, attributes in elements.found for name in ("src", "href") if (value := attributes.get(name))]
    assert fetched  # the table's CSV
    assert all(value.startswith("data:") for value in fetched)
    assert elements.said.count("onerror=alert(2)") >= 4  # as text


def test_a_report_needs_no_script_and_holds_its_figures_notes_and_tables() -> None:
    rows = "layer,word\n" + "".join(f"{i},w{i}\n" for i in range(MOST_ROWS + 50))
    figures = [
        figure(note=f"Look at layer 2.\nAnd {HOSTILE}", table=rows),
        figure(name="other", title="Another", specs=(HOSTILE,)),
    ]
    elements = Elements(report_of(f"Seminar {HOSTILE}", figures, LOOK))
    assert not elements.named("script")
    pictures = elements.named("img")
    assert [one["alt"] for one in pictures] == ["CKA by layer", "Another"]
    for one, held in zip(pictures, figures, strict=True):
        start = "data:image/svg+xml;base64,"
        assert one["src"].startswith(start)
        assert base64.b64decode(one["src"][len(start) :]).decode() == held.svg
    assert "Look at layer 2." in elements.said
    assert elements.said.count("onerror=alert(2)") == 4  # title twice, note, spec
    assert len(elements.named("tr")) == 1 + MOST_ROWS + 2
    (download, _) = (one for one in elements.named("a") if "download" in one)
    whole = base64.b64decode(download["href"].split(",")[1]).decode()
    assert len(list(csv.reader(io.StringIO(whole)))) == MOST_ROWS + 51
    assert f"The first {MOST_ROWS} of {MOST_ROWS + 50:,} rows." in elements.said
    assert "Kornblith et al. 2019" in elements.said
