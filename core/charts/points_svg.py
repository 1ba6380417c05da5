"""A map of points as SVG: what the canvas shows at first, as a file for papers and slides."""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from core.charts.look import Look
from core.charts.points import NO_NUMBER, Colouring, Panel

WIDTH, HEIGHT, GAP = 405, 330, 24
"""Of a panel, and between two, in units of the picture."""
_OUTLINES = {
    "circle": "M3 0A3 3 0 1 1-3 0A3 3 0 1 1 3 0Z",
    "square": "M-2.7-2.7H2.7V2.7H-2.7Z",
    "diamond": "M0-3.9L3.9 0L0 3.9L-3.9 0Z",
    "cross": "M-1.2-3.6H1.2V-1.2H3.6V1.2H1.2V3.6H-1.2V1.2H-3.6V-1.2H-1.2Z",
    "triangle-up": "M0-4.2L3.75 2.55H-3.75Z",
    "triangle-down": "M0 4.2L3.75-2.55H-3.75Z",
}


def svg_of(
    panels: Sequence[Panel],
    colouring: Colouring,
    *,
    look: Look,
    axes: tuple[str, str],
    limits: tuple[float, float, float, float] | None = None,
    faint: NDArray[np.bool_] | None = None,
) -> str:
    """All points of all panels side by side, one unit on both axes and in all panels, under the key.

    Args:
        panels: at least one, the same points in each; positions float [n, 2].
        colouring: one code a point.
        look: how to draw.
        axes: titles of x and y.
        limits: left, right, bottom, top of what is seen; without them, all points.
        faint: the points not to be trusted [n]: drawn hollow.
    Returns:
        The text of an SVG file; about 40 bytes a point and panel.
    """
    rows = np.concatenate([panel.positions for panel in panels]).astype(float)
    (left, bottom), (right, top) = rows.min(0), rows.max(0)
    if limits is not None:
        left, right, bottom, top = limits
    scale = 0.92 * min(WIDTH / ((right - left) or 1.0), HEIGHT / ((top - bottom) or 1.0))
    middle = np.array([left + right, bottom + top]) / 2
    hollow = np.zeros(len(colouring.codes), bool) if faint is None else np.asarray(faint, bool)
    names = [f"{code}{'h' if is_hollow else ''}" for code, is_hollow in zip(colouring.codes, hollow, strict=True)]
    key, above = _key(colouring, look)
    wide, high = len(panels) * (WIDTH + GAP) + GAP, above + HEIGHT + 3 * look.size + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" '
        f'font-family="sans-serif" font-size="{look.size}" fill="{look.ink}">',
        f'<rect width="{wide}" height="{high}" fill="{look.paper}"/>',
        f"<defs>{_marks(colouring, sorted(set(names)), look)}</defs>",
        key,
    ]
    for at, panel in enumerate(panels):
        places = (panel.positions - middle) * (scale, -scale) + (WIDTH / 2, HEIGHT / 2)
        points = "".join(
            f'<use href="#m{name}" x="{x:.2f}" y="{y:.2f}"/>' for name, (x, y) in zip(names, places, strict=True)
        )
        parts.append(
            f'<g transform="translate({GAP + at * (WIDTH + GAP)} {above + look.size + 12})">'
            f'<text y="-6" font-weight="bold" fill="{panel.colour}">{_text(panel.title)}</text>'
            f'<svg width="{WIDTH}" height="{HEIGHT}"><rect width="{WIDTH}" height="{HEIGHT}" fill="none" '
            f'stroke="{look.grid}" stroke-width="2"/>{points}</svg>'
            f'<text x="{WIDTH / 2}" y="{HEIGHT + look.size + 4}" text-anchor="middle" fill="{look.quiet}">{_text(axes[0])}</text>'
            f'<text transform="translate(-6 {HEIGHT / 2}) rotate(-90)" text-anchor="middle" fill="{look.quiet}">'
            f"{_text(axes[1])}</text></g>"
        )
    return "".join([*parts, "</svg>\n"])


def _text(text: str) -> str:
    """Text within SVG, without the control characters that no XML may hold."""
    return escape("".join(letter for letter in text if letter.isprintable()))


def _colour(colouring: Colouring, code: int, quiet: str) -> str:
    if colouring.names:
        return colouring.colours[code]
    if code == NO_NUMBER:
        return quiet
    ends = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colouring.colours])
    place = code / (NO_NUMBER - 1) * (len(ends) - 1)
    parts = [np.interp(place, np.arange(len(ends)), part) for part in ends.T]
    return "#" + "".join(f"{round(float(part)):02x}" for part in parts)


def _marks(colouring: Colouring, names: Sequence[str], look: Look) -> str:
    """A mark for each code that is drawn, filled or hollow."""
    marks = []
    for name in names:
        code = int(name.removesuffix("h"))
        outline = _OUTLINES[colouring.shapes[code] if colouring.names else "circle"]
        colour = _colour(colouring, code, look.quiet)
        paint = f'fill="none" stroke="{colour}"' if name.endswith("h") else f'fill="{colour}" fill-opacity="0.75"'
        marks.append(f'<path id="m{name}" d="{outline}" {paint}/>')
    return "".join(marks)


def _key(colouring: Colouring, look: Look) -> tuple[str, float]:
    """What colours and shapes stand for, in rows as wide as a panel, and where it ends."""
    step, y = look.size + 10, float(look.size + 10)
    parts = [f'<text x="{GAP}" y="{y}" fill="{look.quiet}">{_text(colouring.title)}</text>']
    if not colouring.names:
        stops = "".join(
            f'<stop offset="{at / (len(colouring.colours) - 1):.3f}" stop-color="{colour}"/>'
            for at, colour in enumerate(colouring.colours)
        )
        y += step
        parts.append(
            f'<linearGradient id="scale">{stops}</linearGradient>'
            f'<text x="{GAP}" y="{y}">{colouring.low:.3g}</text>'
            f'<rect x="{GAP + 70}" y="{y - 11}" width="200" height="12" fill="url(#scale)"/>'
            f'<text x="{GAP + 280}" y="{y}">{colouring.high:.3g}</text>'
        )
        return "".join(parts), y + 10
    x, y = float(GAP), y + step
    for name, colour, shape in zip(colouring.names, colouring.colours, colouring.shapes, strict=True):
        long = 34 + 0.62 * look.size * len(name)
        if x > GAP and x + long > WIDTH + GAP:
            x, y = float(GAP), y + step
        parts.append(
            f'<path transform="translate({x + 6:.1f} {y - 0.35 * look.size:.1f}) scale(1.4)" d="{_OUTLINES[shape]}" '
            f'fill="{colour}"/><text x="{x + 16:.1f}" y="{y}">{_text(name)}</text>'
        )
        x += long
    return "".join(parts), y + 10
