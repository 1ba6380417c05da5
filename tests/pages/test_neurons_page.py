"""The page Neurons: every view over real results, one neuron by its link, and what is said where there is nothing to show."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.analyses.fine_tune import FineTune
from core.charts import neurons as charts
from core.errors import SpecInvalid
from core.lab import Lab
from core.refs import Folder, Sample, Suite, Typed
from core.settings import Settings
from core.store.artifacts import Store
from pages.parts.lab import get_lab
from tests.faults import tiny
from tests.golden.test_families import made as made_of
from tests.pages.test_pages import _app, opened, said, with_table

VIEWS = (
    "Where they live",
    "Several checkpoints",
    "How few do",
    "Of each class",
    "Rankings",
    "Without them",
    "Twins",
    "One neuron",
)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    yield from _app(tmp_path / "cache", monkeypatch)


@pytest.fixture
def compared(app: AppTest, tmp_path: Path) -> AppTest:
    """A tiny checkpoint beside itself after tuning on sentiment, read for word classes."""
    tiny("bert", tmp_path / "tiny")
    lab = Lab(Store(Settings(cache=tmp_path / "cache", device="cpu")), engine="none")
    start = lab.add_checkpoint(str(tmp_path / "tiny"))
    run = FineTune(
        checkpoint=Folder.at(tmp_path / "tiny"), train=Sample(of=Suite(split="train"), n=40),
        dev=Sample(of=Suite(split="dev"), n=30), label="sentiment", epochs=1,
    )  # fmt: skip
    lab.run(run)
    page = opened(app, "neurons")
    for key, value in (("base", start), ("tuned", next(one.id for one in lab.checkpoints() if one.ref == run))):
        page = page.selectbox(key=key).set_value(value).run()
    assert not page.exception
    assert "word classes" in str(page.selectbox(key="read").value)
    return page


def at(page: AppTest, view: str) -> AppTest:
    page.session_state["neurons"] = view
    page = page.run()
    assert not page.exception, view
    assert not page.error, view
    return page


def test_every_view_offers_what_is_missing_and_shows_what_is_there(compared: AppTest) -> None:
    for view in VIEWS:
        assert "Not computed yet" in said(at(compared, view)), view
    chosen = compared.session_state["selection"]
    lab = get_lab()
    specs = [*chosen.neurons(), chosen.neuron_twins, chosen.neuron_ablation("linear correlation", "mean")]
    base, tuned, twins, ablation = (lab.run(spec) for spec in specs)
    told = {view: said(at(compared, view)) for view in VIEWS}
    assert not any("Not computed yet" in text for text in told.values())
    assert "Where do the neurons for word classes live?" in told["Where they live"]
    assert f"{min(base.n_minimal)} to {max(base.n_minimal)} of {base.orders.shape[2]:,}" in told["How few do"]
    assert "head for sentiment lose without the neurons for word classes" in told["Without them"]
    assert f"of {twins.fate.size:,} neurons go with themselves" in told["Twins"]
    assert "the sentences on which it is highest" in told["One neuron"]
    assert "Rank: linear correlation" in told["One neuron"]
    page = at(compared, "Of each class")
    (first, second) = [one.value for one in page.dataframe if "weight" in one.value]
    label = page.selectbox(key="neurons_class").value
    for shown, scores in ((first, base), (second, tuned)):
        assert shown["weight"].tolist() == charts.tag_neurons(scores, label)["weight"].tolist()
    page = with_table(at(compared, "Without them"), "without")
    (table,) = [one.value for one in page.dataframe if "gone" in one.value]
    assert table["score"].max() <= 1
    assert len(table) == len(charts.without_table(ablation))


def test_a_label_is_read_by_a_probe_without_its_neurons_on_both_sides(compared: AppTest) -> None:
    compared.session_state["neurons_asked"] = "The label, by a probe"
    assert "Not computed yet" in said(at(compared, "Without them"))
    readings = [
        get_lab().run(spec)
        for spec in compared.session_state["selection"].neuron_readings("linear correlation", "mean")
    ]
    page = with_table(at(compared, "Without them"), "label-without")
    assert "Can word classes still be read from the top layer without its neurons?" in said(page)
    (table,) = [one.value for one in page.dataframe if "gone" in one.value]
    assert len(table) == len(charts.readings_table(*readings, ""))
    assert table["score"].between(0, 1).all()
    label = page.selectbox(key="neurons_rows").options[1]
    page = page.selectbox(key="neurons_rows").set_value(label).run()
    assert not page.exception
    (of_one,) = [one.value for one in page.dataframe if "gone" in one.value]
    assert of_one["score"].tolist() == charts.readings_table(*readings, label)["score"].tolist()
    assert of_one["score"].tolist() != table["score"].tolist()


@pytest.mark.parametrize(("name", "site"), [("MLP units", "mlp"), ("Attention heads", "heads")])
def test_neurons_inside_the_blocks_are_offered_and_shown_by_block(compared: AppTest, name: str, site: str) -> None:
    compared.session_state["neurons_site"] = name
    page = at(compared, "Twins")
    assert "Not computed yet" in said(page)
    twins = get_lab().run(page.session_state["selection"].twins_at(site))
    told = said(at(page, "Twins"))
    assert f"of {twins.fate.size:,} neurons go with themselves" in told
    page = at(page, "One neuron")
    assert (page.number_input(key="neuron_layer").min, page.number_input(key="neuron").max) == (0, None)
    assert ("Head 0 of 4" if site == "heads" else "64 units of the block's MLP") in said(page)
    assert "Neuron 0 of layer 3." in said(page)
    page.number_input(key="neuron_layer").set_value(0)
    page = page.number_input(key="neuron").set_value(twins.fate.shape[1]).run()
    assert "Neuron 0 of layer 1." in said(page)
    assert f"they are 0 to {twins.fate.shape[1] - 1:,}" in said(page)
    assert "shown is the first block" in said(page)
    # What was asked for stays while another place has yet to be read.
    page.number_input(key="neuron").set_value(7)
    page.session_state["neurons_site"] = "MLP units" if site == "heads" else "Attention heads"
    page = at(page, "One neuron")
    assert "Not computed yet" in said(page)
    page.session_state["neurons_site"] = name
    assert "Neuron 7 of layer 1." in said(at(page, "One neuron"))
    assert "Not computed yet" in said(at(page, "Without them"))


def test_a_family_whose_blocks_are_not_known_is_told_before_anything_is_computed(
    compared: AppTest, tmp_path: Path
) -> None:
    made_of("xlnet", tmp_path / "other")
    other = get_lab().add_checkpoint(str(tmp_path / "other"))
    compared.session_state["neurons_site"] = "Attention heads"
    page = compared.run().selectbox(key="tuned").set_value(other).run()
    told = said(page)
    assert "The tuned side: Where the attention heads' outputs of the family xlnet lie is not known." in told
    assert "Compute" not in told


def test_a_link_that_asks_for_a_place_that_is_none_says_so(compared: AppTest) -> None:
    compared.query_params["neurons_site"] = "junk"
    page = at(compared, "Twins")
    assert any("The link asks for Neurons of: “junk”" in one.value for one in page.warning)
    assert page.session_state["neurons_site"] == "States of the layers"


def test_a_link_opens_one_neuron_and_says_so_where_there_is_none(compared: AppTest) -> None:
    chosen = compared.session_state["selection"]
    for side in chosen.sides:
        get_lab().run(side)
    compared.query_params["neuron_layer"] = "2"
    compared.query_params["neuron"] = "100000"
    page = at(compared, "One neuron")
    assert "There is no neuron 100,000 here" in " ".join(one.value for one in page.warning)
    page = page.number_input(key="neuron").set_value(5).run()
    assert not page.warning
    assert (page.number_input(key="neuron_layer").value, page.number_input(key="neuron").value) == (2, 5)
    assert "Neuron 5" not in said(page)  # no twins are known yet
    get_lab().run(chosen.neuron_twins)
    assert "Neuron 5 of layer 2." in said(at(compared, "One neuron"))


def test_sides_without_twins_or_head_are_told(compared: AppTest, tmp_path: Path) -> None:
    tiny("roberta", tmp_path / "other")
    other = get_lab().add_checkpoint(str(tmp_path / "other"))
    page = compared.run().selectbox(key="tuned").set_value(other).run()
    assert "no head for labels" in said(at(page, "Without them"))
    assert "only where both sides are networks of the same shape" in said(at(page, "Twins"))
    for side in page.session_state["selection"].sides:
        get_lab().run(side)
    assert "Shown is the base." in said(at(page, "One neuron"))


def test_a_label_of_two_words_is_not_offered_a_ranking(compared: AppTest) -> None:
    box = compared.selectbox(key="read")
    pair = next(one for one in box.options if "pair" in one)
    page = box.select(pair).run()
    assert not page.exception
    assert "a label of two words at once" in said(page)
    assert "Not computed yet" not in said(page)


def test_specs_of_the_page_are_those_of_the_selection(compared: AppTest) -> None:
    chosen = compared.session_state["selection"]
    base, tuned = chosen.neurons()
    assert (base.embed, tuned.embed) == chosen.sides
    assert replace(tuned, embed=base.embed) == base
    assert chosen.neuron_ablation("Probeless", "zero").of == tuned


def test_a_neuron_is_watched_on_a_typed_sentence_on_both_sides(compared: AppTest) -> None:
    chosen = compared.session_state["selection"]
    for side in chosen.sides:
        get_lab().run(side)
    page = at(compared, "One neuron")
    page = page.text_input(key="neuron_typed").set_value("  The <b>cats</b>   sleep here .").run()
    assert not page.exception
    assert "Not computed yet: vectors of your sentence" in said(page)
    typed = Sample(of=Typed.of("The <b>cats</b> sleep here ."))
    for side in chosen.sides:
        get_lab().run(side.replace(sample=typed))
    page = page.run()
    shown = [one.value for one in page.get("html") if "sleep" in str(one.value)]
    assert len(shown) == 2
    assert not any("<b>cats" in one for one in shown)


@pytest.mark.parametrize("text", ["", "  two  blanks ", "x" * 1001])
def test_a_typed_text_is_short_and_has_one_form(text: str) -> None:
    with pytest.raises(SpecInvalid, match="typed text"):
        Typed(text=text)
    assert Typed.of(" two   blanks").text == "two blanks"
