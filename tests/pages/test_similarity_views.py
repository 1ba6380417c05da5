"""The similarity views of Layers: every measure has its card, words of one kind, noise beside the curve, two texts."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.analyses.similarity import equal_limits
from core.lab import Named
from core.maths.cards import CARDS
from core.refs import TableFile
from pages.parts.lab import get_lab
from pages.parts.selection import Selection
from pages.parts.show import escaped
from tests.faults import tiny
from tests.pages.test_pages import empty, opened, said

__all__ = ["empty"]  # a fixture


@pytest.fixture
def compared(empty: AppTest, tmp_path: Path) -> AppTest:
    """The app over two tiny checkpoints and 250 sentences, on Layers."""
    app = opened(empty, "home")
    for seed, side in enumerate(("base", "tuned")):
        tiny("bert", tmp_path / side, seed=seed)
        short = get_lab().add_checkpoint(str(tmp_path / side))
        app.run()
        app.selectbox(key=side).set_value(short).run()
    app.selectbox(key="sentences").set_value("250").run()
    app.switch_page("pages/layers.py").run()
    return app


def chosen_in(app: AppTest) -> Selection:
    found: Selection = app.session_state["selection"]
    return found


def n_charts(app: AppTest) -> int:
    return len(app.main.get("vega_lite_chart"))


@pytest.mark.parametrize("measure", ["cka", "procrustes", "knn"])
def test_a_measure_is_offered_then_drawn_with_its_card(compared: AppTest, measure: str) -> None:
    app, card = compared, CARDS[measure]
    app.session_state["measure"] = measure
    app.run()
    assert f"Not computed yet: similarity ({card.short})" in said(app)
    get_lab().run(chosen_in(app).similarity_by(measure))
    app.run()
    assert not app.exception
    assert not app.error
    assert n_charts(app) == 1
    assert card.direction in said(app)
    helps = [text.help for text in app.markdown if "How much of each layer" in text.value]
    assert card.beware[1:] in helps[0]
    assert ("rows shuffled" in said(app)) == (measure not in ("cka", "rsa"))


def test_words_of_one_kind_are_chosen_by_their_label(compared: AppTest) -> None:
    app = compared
    app.selectbox(key="kind_upos").set_value("NOUN").run()
    get_lab().run(chosen_in(app).similarity_by("cka", ("upos", "NOUN")))
    app.run()
    assert not app.error
    assert "words (NOUN only)" in said(app)


def test_other_sentences_stand_beside_the_curve_and_a_missing_seed_is_told(compared: AppTest) -> None:
    app, lab = compared, get_lab()
    lab.run(chosen_in(app).similarity)
    app.run()
    assert app.toggle(key="floor_seed").disabled
    assert "another seed on the page Lab" in app.toggle(key="floor_seed").help
    app.toggle(key="floor_sentences").set_value(True).run()
    assert "Not computed yet: other sentences" in said(app)
    assert n_charts(app) == 1  # the curve stays
    others = chosen_in(app).resampled
    assert others is not None
    lab.run(others.similarity)
    app.run()
    assert not app.error
    assert "in grey, with intervals of their own" in said(app)
    same, n = lab.shared_sentences(chosen_in(app).sample, others.sample)
    assert f"{same / n:.0%} of them are the curve's own" in said(app)


def test_two_texts_of_one_name_are_told_apart_and_read_in_equally_many_rows(compared: AppTest) -> None:
    app, lab = compared, get_lab()
    reading = TableFile(digest="", format="tsv", header=True, text="text", word_labels=("kind",))
    long, short = (
        lab.add_file(
            "\n".join(
                ["text\tkind", *(f"{'a ship ' * n}number {i}\t{'a b ' * n}{'ab'[i % 2]} b" for i in range(260))]
            ).encode(),
            reading,
            "mail.tsv",
        )
        for n in (2, 1)
    )
    app.run()
    app.selectbox(key="data").set_value(long).run()
    app.session_state["view"], app.session_state["measure"] = "Two texts", "knn"
    app.run()
    assert f"mail.tsv ({short})" in app.selectbox(key="second_text").options
    chosen, second = chosen_in(app), next(one for one in lab.datasets() if one.id == short)
    assert (chosen.data.id, chosen.embedded) == (long, "word")
    app.selectbox(key="second_text").set_value(second).run()
    views = [chosen, chosen.on_text(second, lab.size_of(second.ref))]
    limits = equal_limits("knn", [lab.rows_of(view.sample, view.embedded) for view in views])
    assert limits[0] > limits[1] == 0
    found = [lab.run(view.similarity_by("knn", max_rows=limit)) for view, limit in zip(views, limits, strict=True)]
    assert found[0].n_rows == found[1].n_rows
    app.run()
    assert not app.exception
    assert not app.error
    assert n_charts(app) == 2
    assert "equally many" in said(app)
    assert escaped(f"mail.tsv ({short})") + f": n = {found[1].n_rows:,}" in said(app)


def test_two_texts_are_compared_with_their_difference(compared: AppTest) -> None:
    app, lab = compared, get_lab()
    app.session_state["view"] = "Two texts"
    app.run()
    assert app.selectbox(key="second_text").value.name == "Harbour · dev"
    assert "on two texts" in said(app)
    chosen, second = chosen_in(app), app.selectbox(key="second_text").value
    for view in (chosen, chosen.on_text(second, lab.size_of(second.ref))):
        lab.run(view.similarity)
    app.run()
    assert not app.exception
    assert not app.error
    assert n_charts(app) == 2
    assert "Welch" in said(app)
    assert "no sentence stands in both" in said(app)
    assert "Harbour · dev: n = " in said(app)


def test_a_text_with_fewer_sentences_is_read_whole() -> None:
    from core.refs import Packaged, Sample, Suite

    base = Named(id="a", name="a", ref=Packaged())
    text, other = (Named(id=part, name=part, ref=Suite(split="dev", part=part)) for part in ("reviews", "harbour"))
    chosen = Selection(
        base=base, tuned=base, data=text, sample=Sample(of=text.ref, n=500), label="upos", unit="word", pooling="average", layer=0
    )  # fmt: skip
    assert chosen.on_text(other, 1000).sample == Sample(of=other.ref, n=500)
    assert chosen.on_text(other, 400).sample == Sample(of=other.ref)
    resampled = chosen.resampled
    assert resampled is not None
    assert resampled.sample == Sample(of=text.ref, n=500, seed=1)
    assert chosen.on_text(other, 400).resampled is None
