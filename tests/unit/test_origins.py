"""How a figure was made is noted by what made it, held by nobody, and written down as Python that means the same."""

import gc
import threading
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest

from core import origins
from core.analyses.crowding import Crowding, CrowdingCurves
from core.analyses.embed import Embed
from core.analyses.fine_tune import FineTune
from core.analyses.probe import Probe
from core.analyses.probe_change import ProbeChange
from core.charts.counts import counts_bars, counts_table
from core.charts.look import Look
from core.charts.rows import only
from core.charts.strip import crowding_panel, crowding_table, probe_panel
from core.demo import contents
from core.keys import Spec, key_of
from core.maths.statistics import Estimate
from core.origins import MOST_PARTS, Call, Group, Part, Plain, Stored, Untold, note_stored, origin_of, traced, untold_in
from core.refs import Packaged, Sample, Suite, TableFile
from core.scripts import Redrawn, cannot, redrawing, script_name

BASE = Embed(checkpoint=Packaged(), sample=Sample(of=Suite(), n=50))
TUNE = FineTune(checkpoint=Packaged(), train=Sample(of=Suite()), dev=Sample(of=Suite()), label="tense")
SPEC = Crowding(base=BASE, tuned=BASE.replace(checkpoint=TUNE))


def curves() -> CrowdingCurves:
    """A result, as if it had been read."""
    held = tuple(Estimate(value, value - 0.1, value + 0.1, 0.05, 9, 3) for value in (0.1, 0.2, 0.3))
    result = CrowdingCurves(base=held, tuned=held, difference=held, n_pairs=9)
    note_stored(result, SPEC)
    return result


def written(chart: Any, title: str = "A title", name: str = "name") -> str:
    """The script of a figure."""
    return redrawing([Redrawn(chart=origin_of(chart), name=name, title=title)], Look(), name=name)


def read_by(script: str) -> dict[str, Spec]:
    """What a script asks the store for, by the variable that it goes to; its last part, which draws, is left out."""
    imports, _, body = script.partition("lab = Lab()")
    held: dict[str, Any] = {"stored": lambda spec: spec}
    exec(imports, held)
    exec(body.partition("\nchart = ")[0].replace("lab.stored(", "stored("), held)
    return {name: value for name, value in held.items() if isinstance(value, Spec)}


def test_a_figure_knows_what_it_was_drawn_from() -> None:
    result, look = curves(), Look(dark=True)
    chart = crowding_panel(result, look, 2, unit="word")
    origin = origin_of(chart)
    assert isinstance(origin, Call)
    first, second, third = origin.args
    assert isinstance(first, Stored)
    assert first.spec == SPEC
    assert isinstance(second, Group)
    assert (second.made_of, second.names) == (Look, ("dark",))
    assert isinstance(third, Plain)
    assert third.value == 2
    assert isinstance(origin.kwargs["unit"], Plain)
    assert untold_in(origin) == []
    assert cannot(origin) == ""


def test_what_is_inside_a_result_is_found_there_and_what_a_function_calls_is_not_noted() -> None:
    result = curves()
    inside = origin_of(result.base[1])
    assert isinstance(inside, Part)
    assert (inside.name, inside.is_item) == (1, True)
    assert isinstance(inside.of, Part)
    assert inside.of.name == "base"
    table = crowding_table(result)
    part = only(table, "side", "base")
    origin = origin_of(part)
    assert isinstance(origin, Call)
    assert origin.args[0] is origin_of(table)


def test_what_a_page_puts_together_by_itself_is_said_and_never_written_out() -> None:
    result = curves()
    table = crowding_table(result)
    changed = table[table["layer"] > 0]  # a step that no function noted
    assert isinstance(origin_of(changed), Untold)
    chart = only(changed, "side", "base")
    assert "DataFrame that was put together on the page" in cannot(origin_of(chart))
    assert cannot(origin_of(alt.Chart(table))) != ""
    assert isinstance(origin_of(replace(result, n_pairs=8)), Untold)
    # A number of a result is not passed off as one that somebody typed.
    assert isinstance(origin_of(Estimate(0.5, 0.4, 0.6, 0.05, 9, 3)), Untold)
    assert isinstance(origin_of(np.arange(3)), Untold)
    assert isinstance(origin_of(list(range(origins.MOST_PARTS + 1))), Untold)


def test_nothing_is_kept_alive_and_what_is_gone_is_forgotten() -> None:
    gc.collect()
    before = len(origins._known)
    result = curves()
    table = crowding_table(result)
    chart = crowding_panel(result, Look(), 2, unit="word")
    assert len(origins._known) == before + 3
    gone = [weakref.ref(one) for one in (result, table, chart)]
    del result, table, chart
    gc.collect()
    assert [one() for one in gone] == [None] * 3
    assert len(origins._known) == before
    for _ in range(300):
        curves()
    assert len(origins._holders()) <= 200  # of a page's run, and nothing lives by them
    assert all(watched() is None for watched, _ in origins._holders())


def test_threads_that_draw_at_once_do_not_mix_up_their_figures() -> None:
    found: dict[int, list[Any]] = {}

    def draw(layer: int) -> None:
        result = curves()
        found[layer] = [
            (chart, origin_of(chart))
            for chart in (crowding_panel(result, Look(), layer, unit="word") for _ in range(5))
        ]

    threads = [threading.Thread(target=draw, args=(layer,)) for layer in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    for layer, held in found.items():
        assert [origin.args[2].value for _, origin in held] == [layer] * 5


@pytest.mark.parametrize(
    "text",
    [
        'He said "no"',
        "it's",
        "two\nlines",
        "both ' and \"",
        "a \\ b",
        "{x!r}",
        '"""',
        "\u2028 – ü",
        "'; import os; os.abort() #",
        "",
    ],
)
def test_any_text_is_written_as_that_text(text: str) -> None:
    table = counts_table([text, "b"], [3, 2], [0.6, 0.4])
    chart = counts_bars(table, Look(), what=text, unit="word")
    script = written(chart, title=text, name=f"a/{text}")
    compile(script, "figure.py", "exec")
    imports, _, body = script.partition("lab = Lab()")
    held: dict[str, Any] = {}
    exec(imports, held)
    said: list[str] = []
    held["save"] = lambda chart, look, file, title: said.extend([file, title]) or file
    exec(body, held)
    assert held["chart"].to_dict() == chart.to_dict()
    assert said[1] == text
    assert "/" not in said[0]
    assert "\n" not in said[0]


def test_descriptions_that_recur_have_a_name_and_all_mean_what_they_did() -> None:
    demo = contents()[:MOST_PARTS]

    @traced
    def listed(results: list[Any]) -> pd.DataFrame:
        return pd.DataFrame({"n": [len(results)]})

    class Held:
        """Anything that a weak reference can be made to."""

    results = [Held() for _ in demo]
    for result, spec in zip(results, demo, strict=True):
        note_stored(result, spec)
    listed.__wrapped__.__qualname__ = "listed"  # type: ignore[attr-defined]
    script = written(listed(results))
    assert script.count("FineTune(") < sum(str(spec).count("FineTune(") for spec in demo) / 10
    asked = read_by(script.replace(f"from {__name__} import listed\n", ""))
    assert {key_of(spec) for spec in demo} <= {key_of(spec) for spec in asked.values()}


def test_sides_are_called_base_and_tuned() -> None:
    base, tuned = Probe(embed=BASE, label="upos"), Probe(embed=SPEC.tuned, label="upos")

    class Held:
        """Anything that a weak reference can be made to."""

    held = [Held() for _ in range(3)]
    for result, spec in zip(held, (base, tuned, ProbeChange(base=base, tuned=tuned)), strict=True):
        note_stored(result, spec)
    origin = Call(probe_panel, tuple(map(origin_of, held)), {})
    script = redrawing([Redrawn(chart=origin, name="one", title="One")], Look(), name="one")
    assert "base_probe = Probe(embed=" in script
    assert "tuned_probe = Probe(embed=" in script
    assert "lab.stored(ProbeChange(base=base_probe, tuned=tuned_probe))" in script


def test_where_a_file_lies_is_left_out_for_others(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("text,kind\nA word,a\n")
    sample = Sample(of=TableFile.at(tmp_path / "mine.csv", text="text", labels=("kind",)))
    result = curves()
    note_stored(result, SPEC.replace(base=BASE.replace(sample=sample), tuned=SPEC.tuned.replace(sample=sample)))
    figure = Redrawn(chart=origin_of(crowding_panel(result, Look(), 1, unit="word")), name="one", title="One")
    assert str(tmp_path) in redrawing([figure], Look(), name="one")
    for_others = redrawing([figure], Look(), name="one", places=False)
    assert str(tmp_path) not in for_others
    assert "mine.csv" in for_others


def test_what_others_note_meanwhile_does_not_push_out_what_a_run_of_a_page_holds() -> None:
    mine = curves()
    held: list[CrowdingCurves] = []

    def others() -> None:
        held.extend(curves() for _ in range(500))

    beside = threading.Thread(target=others)
    beside.start()
    beside.join()
    assert isinstance(origin_of(mine.base), Part)


@pytest.mark.parametrize("name", ["umap", "tsne", "json", "numpy", "a name with blanks"])
def test_a_script_is_never_imported_in_a_packages_place(name: str) -> None:
    stem, ending = script_name(name).rsplit(".", 1)
    assert (stem.isidentifier(), ending) == (False, "py")
    assert f"python {script_name(name)}" in written(crowding_panel(curves(), Look(), 2, unit="word"), name=name)
