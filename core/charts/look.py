"""Colours, sizes and the frame that every figure shares, in light, dark and projector form."""

from dataclasses import dataclass, replace
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import ArrayLike, NDArray

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
"""Colour-blind-safe; base and tuned take the first two."""

VIRIDIS = ("#440154", "#482878", "#3E4989", "#31688E", "#26828E", "#1F9E89", "#35B779", "#6ECE58", "#B5DE2B", "#FDE725")
"""Perceptually even, dark to bright."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """How figures are drawn."""

    dark: bool = False
    projector: bool = False

    @property
    def opposite(self) -> "Look":
        """The dark one of a light look, the light one of a dark look."""
        return replace(self, dark=not self.dark)

    @property
    def size(self) -> int:
        """Text of axes and labels, in pixels."""
        return 17 if self.projector else 13

    @property
    def base(self) -> str:
        """Colour of the base side."""
        return "#4FA8E8" if self.dark else "#0072B2"

    @property
    def tuned(self) -> str:
        """Colour of the tuned side."""
        return "#FF8A3D" if self.dark else "#D55E00"

    @property
    def ink(self) -> str:
        """Colour of text and of what compares the two sides."""
        return "#E8EAF0" if self.dark else "#1F2430"

    @property
    def quiet(self) -> str:
        """Colour of second text, controls and noise."""
        return "#A3A9B8" if self.dark else "#5B6273"

    @property
    def grid(self) -> str:
        """Colour of grid lines."""
        return "#2B303C" if self.dark else "#E6E8EE"

    @property
    def cursor(self) -> str:
        """Colour of the band behind the chosen layer."""
        return "#2A3242" if self.dark else "#FFF1CC"

    @property
    def hover(self) -> str:
        """Colour of the band behind the layer under the mouse, quieter than the cursor."""
        return "#1E2634" if self.dark else "#E4E8F0"

    @property
    def bar(self) -> str:
        """Colour of bars that belong to both sides."""
        return "#8D96AB" if self.dark else "#7A8296"

    @property
    def paper(self) -> str:
        """Colour of the page behind, for hollow marks."""
        return "#0E1117" if self.dark else "#FFFFFF"

    @property
    def labels(self) -> tuple[str, ...]:
        """Colours of categories, those of tuned and base last: a label is no side.

        What would be unreadable on the page, or too near to another one for a colour-blind eye, has another hue there.
        """
        _, _, green, pink, orange, sky, yellow = OKABE_ITO
        if self.dark:
            return ("#2FC79A", pink, yellow, orange, "#8C7BFF", self.tuned, self.base)
        return (green, pink, orange, sky, "#3A2E8C", self.tuned, self.base)

    @property
    def ramp(self) -> tuple[str, ...]:
        """Colours of numbers, low to high: what is high stands out from the page."""
        return VIRIDIS if self.dark else VIRIDIS[::-1]


def cosine_scale() -> alt.Scale:
    """Colours of signed cosines, the same in every figure: orange = the same direction, purple = opposite, pale = unrelated."""
    return alt.Scale(scheme="purpleorange", domain=[-1, 1], domainMid=0)


def framed(chart: Any, look: Look, **properties: Any) -> Any:
    """The chart, just built, with the shared frame: no box, quiet grid, text large enough to project.

    Frame and properties (height, title) are set in place: Altair's own methods copy all of a chart at every call, which
    was half of the time that a figure took.
    """
    for name, value in properties.items():
        setattr(chart, name, value)
    chart.config = _frame(look)
    return chart


def _frame(look: Look) -> dict[str, Any]:
    labels = {"labelColor": look.ink, "labelFontSize": look.size, "titleFontSize": look.size}
    return {
        "background": "transparent",
        "font": "sans-serif",
        "padding": {"left": 2, "right": 8, "top": 4, "bottom": 2},
        "view": {"stroke": None},
        "axis": {
            **labels,
            "titleColor": look.quiet,
            "titleFontWeight": "normal",
            "gridColor": look.grid,
            "domainColor": look.grid,
            "tickColor": look.grid,
            "labelPadding": 6,
        },
        "title": {
            "anchor": "start",
            "frame": "group",
            "color": look.ink,
            "fontSize": look.size + 2,
            "subtitleColor": look.quiet,
            "subtitleFontSize": look.size,
            "lineHeight": look.size + 6,
            "subtitleLineHeight": look.size + 4,
            "subtitlePadding": 4,
            "offset": 10,
        },
        "legend": {**labels, "titleColor": look.quiet, "symbolSize": 110},
        "text": {"color": look.ink, "fontSize": look.size},
    }


def two_lines(text: str, width: int) -> list[str]:
    """A title broken into exactly two lines, never at a no-break space, so that panels beside each other begin at one height."""
    words, first = text.split(" "), ""
    while words and len(f"{first} {words[0]}".strip()) <= width:
        first = f"{first} {words.pop(0)}".strip()
    return [first, " ".join(words) or " "]


def moved_apart(values: ArrayLike, gap: float, top: float) -> NDArray[np.float64]:
    """Where names of curves stand beside their ends, so that none overlaps another.

    Args:
        values: at the ends, rising.
        gap: between two names, in the same unit.
        top: none stands higher; all move down together.
    """
    places = np.array(values, dtype=np.float64)
    for at in range(1, len(places)):
        places[at] = max(places[at], places[at - 1] + gap)
    return places - max(0.0, float(places[-1]) - top) if len(places) else places
