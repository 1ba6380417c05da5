"""Figures that leave the app: one drawing as SVG, as PNG or as a page of its own, and all that must go along with it."""

import base64
import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

from core.charts.look import Look

KEY = (
    "● base, ▲ tuned, a hollow ▲ where a change lies inside the noise, × control task, ◆ random weights. Thin lines and pale bands "
    "are 95 % intervals; the row or column of another colour is the layer that was in view."
)
"""What the marks of all figures stand for."""
WIDTH = 900
"""Of a drawing that on screen is as wide as its page, in pixels."""
MOST_LETTERS_DRAWN = 4_000_000
"""Of a figure's table and its SVG in both looks together; a figure that would have more is kept in one look."""
MOST_ROWS = 200
"""Of a table that a page shows; all of them are in the CSV that lies in the page."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure as it is handed on. Plain text throughout: nothing in it is Markdown or HTML."""

    name: str
    """Of its files."""
    title: str
    """What is drawn, in one line; what a screen reader says."""
    about: str
    """What is compared."""
    svg: str
    """For paper; or as it was pinned, where `dark` is empty."""
    method: str
    """Estimator, n and interval in a few words."""
    origin: str
    """Artifacts, day, device."""
    cites: tuple[str, ...]
    """Whose procedures were followed."""
    table: str
    """The numbers behind it, as CSV."""
    specs: tuple[str, ...]
    """The descriptions of its computations, as JSON: each is the same result again on another machine."""
    link: str
    """Of the view, from the address of the app on: /layers?measure=cka."""
    note: str = ""
    """What somebody wrote below it."""
    dark: str = ""
    """The SVG of the same for a dark screen; empty where it was drawn in one look alone."""

    def drawn_in(self, look: Look) -> str:
        """Its SVG in the look of a page, as far as it is known."""
        return self.dark if look.dark and self.dark else self.svg

    def in_both_looks(self, drawn: Look, other: str) -> "Figure":
        """The figure, whose SVG was drawn in one look, with that of the opposite one.

        Without it where there is none (empty) or it would make the figure too large; whichever of the two was seen when it
        was pinned, the figure is the same then.
        """
        if not other or len(self.svg) + len(other) + len(self.table) > MOST_LETTERS_DRAWN:
            return self
        light, dark = (other, self.svg) if drawn.dark else (self.svg, other)
        return replace(self, svg=light, dark=dark)


def drawing_of(chart: Any, look: Look) -> dict[str, Any]:
    """A chart as Vega-Lite JSON that stands alone: its data inside, on the paper of its look, as wide as it needs to be."""
    drawing: dict[str, Any] = chart.to_dict(validate=False)
    drawing["background"] = look.paper
    drawing["padding"] = 12
    if not {"hconcat", "vconcat", "concat", "facet", "spec"} & drawing.keys() and drawing.get("width") in (
        None,
        "container",
    ):
        drawing["width"] = WIDTH
    return drawing


def svg_of_drawing(drawing: dict[str, Any]) -> str:
    """The drawing as SVG. About 0.1 s; the first one of a process takes half a second. Nothing is fetched."""
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(drawing, allowed_base_urls=[])
    return svg


def png_of(svg: str) -> bytes:
    """An SVG as PNG, at twice its size: sharp on a projector. About 0.1 s."""
    import vl_convert

    png: bytes = vl_convert.svg_to_png(svg, scale=2)
    return png


def page_of_drawing(drawing: dict[str, Any], figure: Figure, look: Look) -> str:
    """The figure as one HTML file that answers to the mouse as on screen, with its table; it needs no network.

    Some 0.9 MB, the libraries that draw it; the first one of a process takes two seconds.
    """
    drawn, script = _embedded(drawing, figure.title)
    return _page(figure.title, f"<p>{escape(KEY)}</p>{_below(figure, drawn)}\n{script}", look)


def _embedded(drawing: dict[str, Any], title: str) -> tuple[str, str]:
    """The place of a drawing in a page, and the script that fills it."""
    import vl_convert

    libraries: Any = vl_convert.javascript_bundle  # its stub asks for what it does not need
    written = json.dumps(drawing, ensure_ascii=False).replace("<", "\\u003c")
    script = (
        f"<script>{libraries()}</script>\n"
        f'<script>vegaEmbed(document.getElementById("drawing"), {written}, {{actions: false, renderer: "svg"}});</script>'
    )
    # What embeds a drawing makes its own element as wide as that: the one around it scrolls.
    drawn = f'<div class="wide" tabindex="0"><div id="drawing" role="img" aria-label="{escape(title)}"></div></div>'
    return drawn, script


def save(chart: Any, look: Look, file: str | Path, *, title: str) -> Path:
    """Write a chart as one HTML file that answers to the mouse as on screen and needs no network; its path.

    Args:
        chart: an Altair figure.
        look: as it was drawn.
        file: where to.
        title: what it shows, plain text.
    Raises:
        OSError: the file cannot be written.
    """
    drawn, script = _embedded(drawing_of(chart, look), title)
    path = Path(file).absolute()
    path.write_text(_page(title, f"<p>{escape(KEY)}</p>{drawn}\n{script}", look), encoding="utf-8")
    return path


def report_of(title: str, figures: Sequence[Figure], look: Look) -> str:
    """Figures below each other as one HTML file, with their notes and tables: no script, no network, fit to be printed."""
    drawn = [
        _figure(
            figure,
            f'<img alt="{escape(figure.title)}" src="data:image/svg+xml;base64,{_in_base64(figure.drawn_in(look))}">',
        )
        for figure in figures
    ]
    contents = "".join(f'<li><a href="#{at}">{escape(one.title)}</a></li>' for at, one in enumerate(figures))
    sections = "\n".join(f'<section id="{at}">{one}</section>' for at, one in enumerate(drawn))
    return _page(title, f"<nav><ol>{contents}</ol></nav><p>{escape(KEY)}</p>\n{sections}", look)


def _in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _figure(figure: Figure, drawn: str) -> str:
    """Title, note, drawing and what it stands on."""
    said = "".join(f"<p>{escape(part)}</p>" for part in figure.note.split("\n") if part.strip())
    return f"<h2>{escape(figure.title)}</h2>{said}{_below(figure, drawn)}"


def _below(figure: Figure, drawn: str) -> str:
    """The drawing and what it stands on."""
    cited = f"<p>After {escape('; '.join(figure.cites))}.</p>" if figure.cites else ""
    table = base64.b64encode(figure.table.encode()).decode()
    specs = "\n".join(figure.specs)
    again = (
        f"<details><summary>The same computations again</summary><p>One description a line: save it as spec.json, then "
        f"<code>python -m core run spec.json</code>.</p><pre>{escape(specs)}</pre></details>"
    )
    about = f"<p>{escape(figure.about)}</p>" if figure.about else ""
    return (
        f"<figure>{drawn}<figcaption>"
        f"{about}<p>{escape(figure.method)}</p>{cited}"
        f"<p>{escape(figure.origin)}. Seen at {escape(figure.link)}</p></figcaption></figure>"
        f"<details><summary>Table</summary>{_table(figure.table)}"
        f'<p><a download="{escape(figure.name)}.csv" href="data:text/csv;base64,{table}">CSV</a></p></details>'
        f"{again if figure.specs else ''}"
    )


def _table(written: str) -> str:
    head, *rows = list(csv.reader(io.StringIO(written))) or [[]]
    more = f"<p>The first {MOST_ROWS} of {len(rows):,} rows.</p>" if len(rows) > MOST_ROWS else ""
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(_short(cell))}</td>' for cell in row)}</tr>" for row in rows[:MOST_ROWS]
    )
    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    return f'{more}<div class="wide" tabindex="0"><table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table></div>'


def _short(cell: str) -> str:
    """A number with as many digits as anybody reads; the CSV has all of them."""
    return f"{float(cell):.4g}" if re.fullmatch(r"-?\d+\.\d{4,}(e-?\d+)?", cell) else cell


def _page(title: str, body: str, look: Look) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
body {{ margin: 32px auto; padding: 0 24px; max-width: 1100px; font: 16px/1.5 sans-serif; overflow-wrap: anywhere; }}
body {{ color: {look.ink}; background: {look.paper}; }}
h1 {{ font-size: 30px; }} h2 {{ font-size: 21px; margin-top: 44px; }}
a {{ color: {look.base}; }}
figure {{ margin: 12px 0; }} img {{ max-width: 100%; }}
figcaption, details {{ color: {look.quiet}; font-size: 14px; }} figcaption p {{ margin: 2px 0; }}
.wide {{ overflow-x: auto; }} pre {{ overflow-x: auto; white-space: pre-wrap; word-break: break-all; }}
table {{ border-collapse: collapse; }} th, td {{ border-bottom: 1px solid {look.grid}; padding: 2px 10px; text-align: left; }}
section {{ break-inside: avoid; }}
@media print {{ details {{ display: none; }} }}
</style>
</head>
<body>
<h1>{escape(title)}</h1>
<main>
{body}
</main>
</body>
</html>
"""
