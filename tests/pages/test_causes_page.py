"""The pages Ablations (its causal half) and Dynamics: every view over a real run, the step in the sidebar, and what is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.analyses.fine_tune import FineTune, Snapshot
from core.analyses.graft import Graft
from core.keys import Spec, key_of
from core.lab import Lab, Named
from core.refs import Folder, Sample, Suite
from core.settings import Settings
from core.store.artifacts import Store
from pages.parts.lab import get_lab
from tests.faults import tiny
from tests.pages.test_pages import _app, opened, said

CAUSES = ("Grafts", "Patched states", "Patched sentence")
STEPPED = ("Layers", "Labels", "Paths", "Read from layers", "Score", "Across tasks")


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    yield from _app(tmp_path / "cache", monkeypatch)


@pytest.fixture
def run(tmp_path: Path) -> FineTune:
    """A tiny checkpoint tuned on sentiment, four steps, two of them kept."""
    tiny("bert", tmp_path / "tiny")
    return FineTune(
        checkpoint=Folder.at(tmp_path / "tiny"), train=Sample(of=Suite(split="train"), n=64),
        dev=Sample(of=Suite(split="dev"), n=30), label="sentiment", epochs=2, snapshots=(1, 2),
    )  # fmt: skip


@pytest.fixture
def lab(tmp_path: Path, run: FineTune) -> Lab:
    """With that run."""
    held = Lab(Store(Settings(cache=tmp_path / "cache", device="cpu")), engine="none")
    held.add_checkpoint(str(tmp_path / "tiny"))
    held.run(run)
    return held


def compared(app: AppTest, lab: Lab, page: str, tuned: str) -> AppTest:
    """A page over the tiny checkpoint beside a tuned one."""
    shown = opened(app, page)
    base = next(one.id for one in lab.checkpoints() if isinstance(one.ref, Folder))
    for key, value in (("base", base), ("tuned", tuned)):
        shown = shown.selectbox(key=key).set_value(value).run()
    assert not shown.exception
    return shown


def at(page: AppTest, key: str, view: str) -> AppTest:
    page.session_state[key] = view
    page = page.run()
    assert not page.exception, view
    assert not page.error, view
    return page


def asked_for(monkeypatch: pytest.MonkeyPatch) -> list[Spec]:
    """What views ask for, as they are drawn."""
    from pages.parts import show

    asked: list[Spec] = []
    original = show.results

    def noting(specs, *, what):  # type: ignore[no-untyped-def]
        asked.extend(specs)
        return original(specs, what=what)

    monkeypatch.setattr(show, "results", noting)
    return asked


@pytest.mark.parametrize(("name", "views"), [("ablations", CAUSES), ("dynamics", STEPPED)])
def test_every_view_offers_what_is_missing_and_shows_what_is_there(
    app: AppTest, lab: Lab, run: FineTune, name: str, views: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = compared(app, lab, name, key_of(run)[:10])
    page = page.selectbox(key="sentences").set_value("250").run()
    asked = asked_for(monkeypatch)
    for view in views:
        asked.clear()
        first = said(at(page, name, view))
        # Two views of one result: the second finds what the first asked for.
        assert ("Not computed yet" in first) == (view != "Paths"), view
        for spec in list(asked):
            get_lab().run(spec)
        shown = at(page, name, view)
        assert "Not computed yet" not in said(shown), view
        assert len(shown.main.get("vega_lite_chart")) == 1, view


def test_the_step_in_the_sidebar_moves_every_page(app: AppTest, lab: Lab, run: FineTune) -> None:
    page = compared(app, lab, "layers", key_of(run)[:10])
    assert list(page.select_slider(key="step").options) == ["1", "2", "4"]
    assert page.select_slider(key="step").value == "4"
    assert page.session_state["selection"].tuned.ref == run
    page = page.select_slider(key="step").set_value("2").run()
    for name in ("layers", "maps", "probes", "dynamics"):
        page.switch_page(f"pages/{name}.py").run()
        assert page.session_state["selection"].tuned.ref == Snapshot(run=run, step=2), name
        assert "step 2" in page.session_state["selection"].tuned.name
        assert not page.exception
    # Steps stand in the slider and not among the checkpoints, or a run of ten would fill the list.
    assert not [one for one in page.selectbox(key="tuned").options if "step" in one]


def test_a_run_without_steps_has_no_slider_and_another_is_offered_to_follow(
    app: AppTest, lab: Lab, run: FineTune
) -> None:
    plain = run.replace(snapshots=(), seed=1)
    lab.run(plain)
    page = compared(app, lab, "dynamics", key_of(plain)[:10])
    assert not [one for one in page.select_slider if one.key == "step"]
    assert page.selectbox(key="followed").value == key_of(run)[:10]
    assert lab.stepped_runs() == [Named(id=key_of(run)[:10], name=lab.name_of(run), ref=run)]


def test_without_any_steps_the_page_says_how_to_get_some(app: AppTest, lab: Lab, run: FineTune) -> None:
    plain = run.replace(snapshots=())
    lab.run(plain)
    lab.discard(run)
    page = compared(app, lab, "dynamics", key_of(plain)[:10])
    assert "Steps to keep" in said(page)


def test_a_checkpoint_without_a_head_of_ours_says_so(app: AppTest, lab: Lab, tmp_path: Path) -> None:
    tiny("bert", tmp_path / "second", seed=1)
    other = lab.add_checkpoint(str(tmp_path / "second"))
    page = compared(app, lab, "ablations", other)
    for view in CAUSES:
        assert "no head that was tuned here" in said(at(page, "ablations", view))


def test_a_graft_is_looked_into_by_every_page_but_not_grafted_again(app: AppTest, lab: Lab, run: FineTune) -> None:
    graft = Graft(of=run, shares=(0.0, 1.0, 1.0, 1.0))
    lab.run(graft)
    page = compared(app, lab, "ablations", key_of(graft)[:10])
    assert "a graft of base and tuned" in said(page) + "\n".join(one.value for one in page.sidebar.caption)
    assert "a graft itself" in said(at(page, "ablations", "Grafts"))
    page.switch_page("pages/layers.py").run()
    assert not page.exception
    assert not page.error


def test_a_head_that_gives_no_labels_is_told_from_one_that_does(app: AppTest, lab: Lab, run: FineTune) -> None:
    trees = run.replace(label="relation", goal="tree", unit="word", snapshots=())
    lab.run(trees)
    page = compared(app, lab, "ablations", key_of(trees)[:10])
    assert "tuned to give a tree" in said(at(page, "ablations", "Patched states"))
    assert "Not computed yet" in said(at(page, "ablations", "Grafts"))  # which ask for any score


def test_a_link_that_asks_for_nonsense_is_told(app: AppTest, lab: Lab, run: FineTune) -> None:
    page = compared(app, lab, "ablations", key_of(run)[:10])
    page.query_params["graft"] = "Sideways"
    assert "Way of grafting: “Sideways”" in said(at(page, "ablations", "Grafts"))


def test_an_added_change_needs_another_tuning_of_the_same_base(app: AppTest, lab: Lab, run: FineTune) -> None:
    page = compared(app, lab, "ablations", key_of(run)[:10])
    page.session_state["graft"] = "Add another change"
    assert "Nothing else was tuned from this base" in said(at(page, "ablations", "Grafts"))


def test_what_is_asked_of_a_sentence_fits_the_text_that_is_shown(app: AppTest, lab: Lab, run: FineTune) -> None:
    words = run.replace(label="upos", unit="word", snapshots=())
    lab.run(words)
    page = compared(app, lab, "ablations", key_of(words)[:10])
    page = at(page, "ablations", "Patched sentence")
    page = page.number_input(key="patch_row").set_value(400).run()
    assert not page.exception
    last = len(page.selectbox(key="patch_word").options) - 2
    page = page.selectbox(key="patch_word").set_value(last).run()
    assert not page.exception
    # A smaller sample, whose four hundredth sentence is not there, and a sentence with fewer words.
    page = page.selectbox(key="sentences").set_value("250").run()
    assert not page.exception
    assert not page.error
    assert page.number_input(key="patch_row").value <= 250
    page = page.text_input(key="patch_text").set_value("Yes .").run()
    assert not page.exception
    assert not page.error
    assert page.selectbox(key="patch_word").value <= 1
    page = page.text_input(key="patch_text").set_value("   ").run()  # nothing is no sentence: the text's own again
    assert not page.exception
    assert page.number_input(key="patch_row")
