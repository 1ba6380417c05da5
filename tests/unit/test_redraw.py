"""A figure in another look is the one that would have been drawn in it; what cannot be drawn again is nothing, and said so."""

from base64 import b64encode
from typing import Any

import pytest

from core.analyses.crowding import CrowdingCurves
from core.charts.counts import counts_bars, counts_table
from core.charts.keeping import MOST_LETTERS_DRAWN, Figure, report_of
from core.charts.look import Look
from core.charts.strip import crowding_panel, crowding_table
from core.keys import Spec
from core.origins import origin_of
from core.redraw import in_look
from tests.unit.test_origins import SPEC, curves


def stored(held: CrowdingCurves) -> Any:
    """A store that holds one result."""
    return lambda spec: held if spec == SPEC else None


def nothing(spec: Spec) -> None:
    """A store that holds nothing."""


@pytest.mark.parametrize("seen", [Look(), Look(dark=True), Look(projector=True), Look(dark=True, projector=True)])
def test_a_figure_is_drawn_as_it_would_have_been_in_the_other_look(seen: Look) -> None:
    result = curves()
    assert seen.opposite == Look(dark=not seen.dark, projector=seen.projector)
    here, there = (crowding_panel(result, look, 2, unit="word").to_dict() for look in (seen, seen.opposite))
    assert here != there
    again = in_look(origin_of(crowding_panel(result, seen, 2, unit="word")), seen.opposite, stored(result))
    assert again.to_dict() == there


def test_a_figure_of_plain_numbers_needs_no_store() -> None:
    table = counts_table(["a", "b"], [3, 2], [0.6, 0.4])
    dark = in_look(origin_of(counts_bars(table, Look(), what="x", unit="word")), Look(dark=True), nothing)
    assert dark.to_dict() == counts_bars(table, Look(dark=True), what="x", unit="word").to_dict()


def test_what_is_gone_or_was_not_noted_is_not_drawn() -> None:
    chart = crowding_panel(curves(), Look(), 2, unit="word")
    assert in_look(origin_of(chart), Look(dark=True), nothing) is None
    changed = crowding_table(curves()).assign(layer=0)  # by nobody who notes it
    assert in_look(origin_of(changed), Look(dark=True), stored(curves())) is None


def figure(**changes: Any) -> Figure:
    """One that was drawn in one look."""
    return Figure(
        **{
            "name": "one", "title": "One", "about": "", "svg": "<svg>seen</svg>", "method": "", "origin": "", "cites": (),
            "table": "a\n1\n", "specs": (), "link": "/", **changes,
        }
    )  # fmt: skip


def test_whichever_look_was_seen_when_it_was_pinned_the_figure_is_the_same() -> None:
    by_day = figure(svg="<svg>light</svg>").in_both_looks(Look(), "<svg>dark</svg>")
    by_night = figure(svg="<svg>dark</svg>").in_both_looks(Look(dark=True), "<svg>light</svg>")
    assert by_day == by_night
    assert by_day.drawn_in(Look()) == "<svg>light</svg>"
    assert by_day.drawn_in(Look(dark=True)) == "<svg>dark</svg>"


def test_a_figure_of_one_look_is_shown_in_that() -> None:
    alone = figure().in_both_looks(Look(dark=True), "")
    assert alone == figure()
    assert alone.drawn_in(Look()) == alone.drawn_in(Look(dark=True)) == "<svg>seen</svg>"
    for large in ({"svg": "x" * MOST_LETTERS_DRAWN}, {"table": "x" * MOST_LETTERS_DRAWN}):
        assert figure(**large).in_both_looks(Look(), "<svg>dark</svg>").dark == ""


def test_a_report_shows_every_figure_in_the_look_of_its_page() -> None:
    both = figure(svg="<svg>light</svg>", dark="<svg>dark</svg>")
    (light, dark) = (report_of("Report", [both], look) for look in (Look(), Look(dark=True)))
    assert light != dark
    for page, shown, hidden in ((light, b"light", b"dark"), (dark, b"dark", b"light")):
        assert b64encode(b"<svg>%s</svg>" % shown).decode() in page
        assert b64encode(b"<svg>%s</svg>" % hidden).decode() not in page
