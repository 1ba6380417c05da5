"""The Python below a figure: run from the store it draws the same figure, and says clearly what is missing."""

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.charts.look import Look
from core.charts.strip import kept_panel
from core.demo import checkpoints
from core.errors import NotStored
from core.keys import Spec, from_json, key_of
from core.lab import Lab
from core.origins import origin_of
from core.scripts import Redrawn, redrawing
from core.settings import Settings
from core.store.artifacts import Store
from pages.parts.tower import BINDING
from tests.pages.test_pages import ROOT, _app, opened, said

DRAWS = "# Draws a figure"


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app as it comes: an empty cache and the shipped pack."""
    monkeypatch.setenv("TUNESCOPE_PACKS", str(ROOT / "cache" / "packs"))
    yield from _app(tmp_path / "cache", monkeypatch)


def scripts(app: AppTest) -> list[str]:
    """Those of the page."""
    return [code.value for code in app.code if code.value.startswith(DRAWS)]


def specs_of(app: AppTest) -> list[str]:
    """The figures of the page as they are sent: names that Altair makes up are told apart by their order, data by their hash.

    Left out is what the page alone adds: that its figures agree on the layer under the mouse.
    """
    found = [json.loads(chart.proto.spec) for chart in app.get("vega_lite_chart")]
    for spec in found:
        for param in spec.get("params", ()):
            if param.get("bind") == BINDING:
                del param["bind"]
    return [json.dumps(spec) for spec in found]


def drawn(charts: list[Any]) -> list[str]:
    """The same of charts."""

    def page(charts: list) -> None:

        import streamlit as st

        for at, chart in enumerate(charts):
            st.altair_chart(chart, theme=None, width="stretch", key=f"chart-{at}")

    sent = specs_of(AppTest.from_function(page, args=(charts,)).run())
    assert len(sent) == len(charts)
    return sent


def charts_of(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a script draws, run in a folder of its own."""
    monkeypatch.chdir(folder)
    (folder / "figure.py").write_text(script, encoding="utf-8")
    held = runpy.run_path(str(folder / "figure.py"))
    return [value for name, value in held.items() if name == "chart" or name.startswith("chart_")]


def look_into(app: AppTest, page: str, state: dict[str, Any]) -> AppTest:
    """A page with what lies below its figures opened."""
    opened(app, page)
    for name, value in state.items():
        app.session_state[name] = value
    app.run()
    assert not app.exception
    assert not app.error
    return app


OPENED = key_of(checkpoints()[0])[:10]
"""As the app calls the checkpoint that the demo opens with."""
VIEWS: dict[str, tuple[str, dict[str, Any], tuple[str, ...], int]] = {
    "the strip": ("home", {}, ("strip-tables",), 4),
    "the strip, larger and with more panels": ("home", {"projector": True, "more_panels": True}, ("strip-tables",), 8),
    "similarity": ("layers", {"view": "Kept space"}, ("similarity-table",), 1),
    "two texts": ("layers", {"view": "Two texts"}, ("two-texts-difference-table",), 2),
    "a map": ("maps", {}, ("map-kept",), 1),
    "a map coloured by what the head says": ("maps", {"colour": "what the head says"}, ("map-kept",), 1),
    "movers": ("maps", {"maps": "Movers"}, ("movers-by-layer-table", "mover-card-table", "movers-by-label-table"), 3),
    "several tasks": ("tasks", {}, ("tasks-change-table", "tasks-probes-table"), 5),
    "heads": ("tasks", {"board": "The heads"}, (f"confusion-{OPENED}-table",), 1),
    "bits": ("probes", {"probing": "Bits"}, ("compression-table", "learning-table"), 2),
    "parts of the rows": ("probes", {"probing": "Parts"}, ("parts-label-table", "confusion-base-table"), 2),
    "relations": ("structure", {"structure": "By relation"}, ("structure-relations-table",), 1),
    "isotropy": ("geometry", {"geometry": "Isotropy"}, ("isotropy-isoscore-table",), 1),
    "mean shift": ("geometry", {"geometry": "Mean shift"}, ("shift-share-table", "shift-positions-table"), 2),
    "spectra": ("weights", {"weights_view": "In which directions"}, ("spectra-table",), 4),
    "neurons": ("neurons", {"neurons": "How few do"}, ("few-base-table", "few-tuned-table"), 2),
    "paths of labels": ("dynamics", {"dynamics": "Paths"}, ("label-paths-table",), 1),
    "several tunings": ("dynamics", {"dynamics": "Across tasks"}, ("across-tasks-table",), 1),
    "an experiment": ("ablations", {}, ("ablation-table",), 1),
    "grafts": ("ablations", {"ablations": "Grafts"}, ("grafts-table",), 1),
    "a run": ("lab", {}, (f"loss-{OPENED}-table", "runs-table"), 2),
}  # fmt: skip


@pytest.mark.parametrize("view", VIEWS)
def test_a_script_draws_the_figure_that_stands_on_the_page(
    demo: AppTest, view: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, state, panels, n_charts = VIEWS[view]
    app = look_into(demo, page, state | dict.fromkeys(panels, True))
    for panel in panels:
        app.session_state[panel] = True  # a panel that came with a view
    app.run()
    on_page, told = specs_of(app), scripts(app)
    assert "No script" not in said(app)
    again = [spec for script in told for spec in drawn(charts_of(script, tmp_path, monkeypatch))]
    assert len(again) == n_charts
    assert [spec for spec in again if spec not in on_page] == []


def test_the_figures_of_a_claim_are_drawn_again(demo: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(demo, "hypotheses")
    next(button for button in app.main.button if (button.key or "").startswith("look-")).click()
    app.run()
    for panel in ("claim-table", "claim-test", "claim-power-table", "claim-ways-table"):
        app.session_state[panel] = True
        app.run()
    assert not app.exception
    assert "No script" not in said(app)
    on_page = specs_of(app)
    again = [spec for script in scripts(app) for spec in drawn(charts_of(script, tmp_path, monkeypatch))]
    assert len(again) >= 3
    assert [spec for spec in again if spec not in on_page] == []


def test_a_script_runs_by_itself_reads_and_loads_nothing_that_computes(demo: AppTest, tmp_path: Path) -> None:
    app = look_into(demo, "home", {"strip-tables": True})
    (script,) = [one for one in scripts(app) if "strip-kept" in one]
    before = sorted(place for place in (tmp_path / "cache").rglob("artifact.json"))
    (tmp_path / "strip-kept.py").write_text(
        f"{script}\nimport sys\nprint([n for n in ('torch', 'transformers', 'streamlit') if n in sys.modules])",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "strip-kept.py"], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    path, loaded = done.stdout.splitlines()
    assert loaded == "[]"
    written = Path(path).read_text(encoding="utf-8")
    assert "vegaEmbed" in written
    assert '<script src="' not in written
    assert sorted(place for place in (tmp_path / "cache").rglob("artifact.json")) == before


def test_a_script_without_its_result_says_what_was_asked_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = Lab(Store(Settings(cache=tmp_path / "empty", packs=ROOT / "cache" / "packs")), engine="none")
    key, spec = next((key, spec) for key, spec in specs_in(shipped) if getattr(spec, "measure", "") == "cka")
    shipped.export_pack([key], tmp_path / "one.tunescope", title="one")
    lab = Lab(Store(Settings(cache=tmp_path / "cache")), engine="none")
    lab.import_pack(tmp_path / "one.tunescope")
    chart = kept_panel(lab.peek(spec), Look(), 1)
    script = redrawing([Redrawn(chart=origin_of(chart), name="kept", title="Kept")], Look(), name="kept")
    (again,) = charts_of(script, tmp_path, monkeypatch)
    assert drawn([again]) == drawn([chart])
    (tmp_path / "kept.html").unlink()
    lab.discard(spec)
    with pytest.raises(NotStored, match="Compute it on the page") as told:
        charts_of(script, tmp_path, monkeypatch)
    assert key[:10] in told.value.asked
    assert str(lab.store.root) in told.value.found
    assert not (tmp_path / "kept.html").exists()
    assert lab.peek(spec) is None


def specs_in(lab: Lab) -> list[tuple[str, Spec]]:
    """What a lab holds, by key."""
    return [(key, from_json(held["spec"])) for key, held in lab.store.listing().items()]
