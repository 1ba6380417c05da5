"""Every page, from app.py, over stored results and without: no error, the right words, nothing heavy loaded."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from core.keys import key_of
from core.lab import Lab
from core.refs import ConlluFile, TableFile
from pages.parts.lab import get_lab
from pages.parts.notes import NO_WEIGHTS
from pages.parts.selection import Fitting
from tests.faults import tiny
from tests.hub import Repo, checkpoint_files, serving
from tests.small import BASE, TUNE

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "home",
    "layers",
    "maps",
    "tasks",
    "probes",
    "structure",
    "geometry",
    "weights",
    "neurons",
    "lab",
    "checkpoints",
    "data",
    "jobs",
    "ablations",
    "dynamics",
    "report",
    "self_test",
    "hypotheses",
    "lessons",
)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app over an empty cache."""
    yield from _app(tmp_path / "cache", monkeypatch)


@pytest.fixture
def full(made: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app over the small comparison."""
    yield from _app(made.store.root, monkeypatch)


def _app(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    monkeypatch.setenv("TUNESCOPE_CACHE", str(cache))
    monkeypatch.chdir(ROOT)
    _as_after_a_first_visit(monkeypatch)
    st.cache_resource.clear()
    yield AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    st.cache_resource.clear()


def _as_after_a_first_visit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep AppTest from forgetting, before every run, that app.py has run: a server remembers it until it ends.

    Otherwise each run would begin inside a page script, whose guard sends it back, and a click would be lost on the way.
    """
    original = PagesManager.__init__

    def remembering(self: PagesManager, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", remembering)


def opened(app: AppTest, page: str) -> AppTest:
    """The app on a page."""
    app.run()
    if page != "home":
        app.switch_page(f"pages/{page}.py").run()
    return app


def with_table(app: AppTest, name: str) -> AppTest:
    """The page with what lies below a figure opened: its table and files."""
    app.session_state[f"{name}-table"] = True
    return app.run()


def said(app: AppTest) -> str:
    """All text of a page."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.info, app.warning)
    return "\n".join(element.value for kind in kinds for element in kind)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_over_an_empty_cache_says_what_to_do(empty: AppTest, page: str) -> None:
    app = opened(empty, page)
    assert not app.exception
    assert not app.error
    assert app.title
    assert app.selectbox(key="tuned").value == "none"
    if page in ("layers", "maps", "tasks", "probes", "structure", "geometry", "weights", "neurons", "dynamics"):
        assert "Choose a tuned checkpoint" in said(app)
    if page == "home":
        assert "Not computed yet: a checkpoint tuned on sentiment" in said(app)
        assert [button.label for button in app.button] == ["Compute"]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_over_results_shows_no_error(full: AppTest, page: str) -> None:
    app = opened(full, page)
    assert not app.exception
    assert not app.error
    assert app.selectbox(key="tuned").value == key_of(TUNE)[:10]


def test_home_offers_with_cost_what_is_not_there(full: AppTest) -> None:
    # The picker's samples are other ones than the small comparison's: only the weights are there already.
    app = opened(full, "home")
    assert "Not computed yet: the layer strip" in said(app)
    assert "kept on disk" in said(app)
    assert len(app.main.get("vega_lite_chart")) == 1


def test_the_layer_comes_from_the_link_and_survives_changing_pages(full: AppTest) -> None:
    full.query_params["layer"] = "3"
    app = opened(full, "maps")
    assert app.radio(key="layer").value == 3
    app.switch_page("pages/layers.py").run()
    assert app.radio(key="layer").value == 3


@pytest.mark.parametrize("layer", [0, 3, 6])
def test_a_link_written_by_hand_gives_the_number_of_the_layer(full: AppTest, layer: int) -> None:
    full.query_params["layer"] = str(layer)
    app = opened(full, "maps")
    assert app.radio(key="layer").value == layer
    assert not app.warning


def test_umap_is_set_in_a_form_and_leaves_the_pca_on_screen(full: AppTest) -> None:
    full.query_params["projection"] = "UMAP"
    app = opened(full, "maps")
    assert not app.exception
    assert not app.error
    assert app.selectbox(key="umap_points").value == 1500
    assert "Not computed yet: the UMAP of layer 6" in said(app)
    assert "Until then the PCA" in said(app)
    app.number_input(key="umap_neighbours").set_value(30).run()
    assert "Not computed yet: the UMAP" in said(app)
    assert not app.exception


def test_maps_of_all_layers_are_offered_and_walked_through_with_the_layer(full: AppTest) -> None:
    full.query_params["projection"] = "UMAP, all layers"
    app = opened(full, "maps")
    assert "Not computed yet: maps of all layers" in said(app)
    assert "Until then the PCA" in said(app)
    assert app.selectbox(key="chain_points").value == 1000
    assert not app.exception


def test_movers_are_offered(full: AppTest) -> None:
    full.query_params["maps"] = "Movers"
    app = opened(full, "maps")
    assert "Not computed yet: which rows moved" in said(app)
    assert not app.exception


@pytest.mark.parametrize(
    ("view", "offered"),
    [
        ("One pair, several tasks", "Not computed yet: probes"),
        ("Several checkpoints, one task", "Not computed yet: similarity"),
        ("Tuned on, probed for", "Not computed yet: probes"),
        ("Several sizes", "Not computed yet: probes"),
        ("The heads", "always the commonest label"),
    ],
)
def test_the_board_offers_what_is_missing_and_shows_the_heads(full: AppTest, view: str, offered: str) -> None:
    full.query_params["board"] = view
    app = opened(full, "tasks")
    assert not app.exception
    assert not app.error
    assert offered in said(app)
    if view == "The heads":
        assert "Matthews correlation" in said(app)
        assert len(app.main.get("vega_lite_chart")) == 2  # the run and its compressed form


def test_a_cell_of_the_board_is_opened_by_its_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNESCOPE_PACKS", str(ROOT / "cache" / "packs"))
    for app in _app(tmp_path / "cache", monkeypatch):
        app.query_params["board"] = "Tuned on, probed for"
        opened(app, "tasks")
        cells = app.selectbox(key="tasks_cell")
        assert cells.value is None
        cells.select_index(0).run()
        assert not app.exception
        name = cells.options[0]
        tuned, task = name.split(" → ")
        assert f"{tuned}, read for {task}" in said(app).replace("\\", "")
        held = said(app)
    for app in _app(tmp_path / "cache", monkeypatch):
        app.query_params["board"] = "Tuned on, probed for"
        app.query_params["tasks_cell"] = name
        assert said(opened(app, "tasks")) == held
    for app in _app(tmp_path / "cache", monkeypatch):
        app.query_params["board"] = "Tuned on, probed for"
        app.query_params["tasks_cell"] = "no such → cell"
        opened(app, "tasks")
        assert not app.exception
        assert "The link asks for Examples: “no such → cell”" in said(app)


def test_the_board_without_a_task_says_so(full: AppTest) -> None:
    app = opened(full, "tasks")
    app.multiselect(key="tasks").set_value([]).run()
    assert not app.exception
    assert "Choose at least one task" in said(app)


def test_layers_switch_to_rsa(full: AppTest) -> None:
    full.query_params["measure"] = "RSA"
    app = opened(full, "layers")
    assert not app.exception
    assert "Not computed yet: similarity (RSA)" in said(app)


def test_checkpoints_of_unequal_depth_are_compared_and_every_page_says_how(empty: AppTest, tmp_path: Path) -> None:
    for name, depth in (("deep", 3), ("shallow", 2)):
        tiny("bert", tmp_path / name)
        config = tmp_path / name / "config.json"
        config.write_text(config.read_text().replace('"num_hidden_layers": 3', f'"num_hidden_layers": {depth}'))
    app = opened(empty, "home")
    lab = get_lab()
    for side, name in (("base", "deep"), ("tuned", "shallow")):
        short = lab.add_checkpoint(str(tmp_path / name))
        app.run()
        app.selectbox(key=side).set_value(short).run()
    app.selectbox(key="sentences").set_value("250").run()
    chosen = app.session_state["selection"]
    for spec in (chosen.similarity, chosen.crowding, chosen.probe_change, chosen.map):
        lab.run(spec)
    for page in ("home", "layers", "maps", "tasks"):
        app.switch_page(f"pages/{page}.py").run()
        assert not app.exception
        assert not app.error
        assert "Base has 3 blocks, tuned 2" in said(app), page
        assert app.main.get("bidi_component" if page == "maps" else "vega_lite_chart"), page
        if page == "home":
            assert len(app.main.get("vega_lite_chart")) == 3
            assert NO_WEIGHTS in said(app)
            assert "deep and shallow" in app.title[0].value


@pytest.fixture
def two_tiny(empty: AppTest, tmp_path: Path) -> AppTest:
    """The app over two tiny checkpoints of unequal depth and a treebank of thirty sentences, chosen."""
    rows = "\n".join(
        f"{at}\t{word}\t_\t{tag}\t_\t_\t{head}\t{relation}\t_\t_"
        for at, (word, tag, head, relation) in enumerate(
            [
                ("The", "DET", 2, "det"),
                ("dogs", "NOUN", 3, "nsubj"),
                ("see", "VERB", 0, "root"),
                ("N", "NUM", 5, "nummod"),
                ("cats", "NOUN", 3, "obj"),
            ],
            start=1,
        )
    )
    (tmp_path / "small.conllu").write_text("\n\n".join(rows.replace("N\t_", f"{n}\t_") for n in range(30)) + "\n")
    app = opened(empty, "home")
    lab = get_lab()
    shorts = []
    for seed, name in enumerate(("one", "other")):
        tiny("bert", tmp_path / name, seed=seed)
        shorts.append(lab.add_checkpoint(str(tmp_path / name)))
    data = lab.add_file(tmp_path / "small.conllu", ConlluFile(digest=""), "small")
    app.run()
    for key, value in (("base", shorts[0]), ("tuned", shorts[1]), ("data", data)):
        app.selectbox(key=key).set_value(value).run()
    return app


@pytest.mark.parametrize("read", ["word classes (word)", "dependencies (word pair)", "phrase roles (span)"])
def test_probes_show_bits_transfer_and_rows_of_every_unit(two_tiny: AppTest, read: str) -> None:
    app = two_tiny
    app.selectbox(key="read").set_value(read).run()
    chosen = app.session_state["selection"]
    for spec in (chosen.codelength_change, chosen.slices, chosen.probe_kinds(search=False)):
        get_lab().run(spec)
    app.switch_page("pages/probes.py").run()
    for view, n_charts, words in (
        ("Bits", 2, "How many examples does layer"),
        ("Carried over", 1, "carry over"),
        ("Parts", None, "read rightly at layer"),
        ("Other kinds", 1, "better than a straight cut"),
        ("Gained and lost", 0, "became easier to read"),
    ):
        app.query_params["probing"] = view
        app.segmented_control(key="probing").set_value(view).run()
        assert not app.exception, view
        assert not app.error, view
        # Labels too rare for a share have no chart of their own.
        assert n_charts is None or len(app.main.get("vega_lite_chart")) == n_charts, view
        assert words in said(app)
    rows = app.main.dataframe[0].value
    assert {"text", "label", "base", "tuned", "change", "sentence"} <= set(rows.columns)
    app.text_input(key="probing_search").set_value("no such words").run()
    assert "No row holds these words" in said(app)


def test_mixed_layers_show_where_a_label_is_found(two_tiny: AppTest) -> None:
    app = two_tiny
    chosen = app.session_state["selection"]
    get_lab().run(chosen.edge_probe_change("upos", equal_norms=False))
    app.query_params["probing"] = "Mixed layers"
    app.switch_page("pages/probes.py").run()
    assert not app.exception
    assert not app.error
    assert len(app.main.get("vega_lite_chart")) == 2
    assert "How many layers does reading word classes take" in said(app)
    assert "Centre of gravity of the weights" in said(app)
    app.toggle(key="edge_equal").set_value(True).run()
    assert "Not computed yet: edge probes" in said(app)


def test_structure_shows_scores_trees_and_relations(two_tiny: AppTest) -> None:
    app = two_tiny
    chosen = app.session_state["selection"]
    assert chosen.structural_probes[0].rank < 64  # no more than these tiny vectors have
    for spec in (chosen.structural_change, chosen.random_structure):
        get_lab().run(spec)
    app.switch_page("pages/structure.py").run()
    for view, n_charts, words in (
        ("By layer", 1, "Which words belong together"),
        ("By relation", 1, "Which relations does layer"),
        ("One sentence", 0, "Which tree does layer"),
    ):
        app.query_params["structure"] = view
        app.segmented_control(key="structure").set_value(view).run()
        assert not app.exception, view
        assert not app.error, view
        assert len(app.main.get("vega_lite_chart")) == n_charts, view
        assert words in said(app)
    drawn = app.main.get("html")[0].proto.body
    assert drawn.count(">Gold · root: see<") == 1  # and once for screen readers
    assert "edges" in drawn
    app.text_input(key="structure_search").set_value("no such words").run()
    assert "No sentence that was held out holds these words" in said(app)


def test_a_text_without_trees_says_so_on_structure(two_tiny: AppTest, tmp_path: Path) -> None:
    app = two_tiny
    (tmp_path / "plain.tsv").write_text("text\tmood\n" + "".join(f"row {n} says\t{n % 2}\n" for n in range(30)))
    lab = get_lab()
    reading = TableFile(digest="", format="tsv", header=True, text="text", labels=("mood",))
    data = lab.add_file(tmp_path / "plain.tsv", reading, "plain")
    app.run()
    app.selectbox(key="data").set_value(data).run()
    app.switch_page("pages/structure.py").run()
    assert not app.exception
    assert "This text has no dependency trees" in said(app)


def test_networks_of_several_sizes_stand_on_one_axis(two_tiny: AppTest) -> None:
    app = two_tiny
    chosen = app.session_state["selection"]
    for side in (chosen.base, chosen.tuned):
        get_lab().run(chosen.probe_of(side))
    app.query_params["board"] = "Several sizes"
    app.switch_page("pages/tasks.py").run()
    assert not app.exception
    assert not app.error
    assert "At what depth can word classes be read" in said(app)
    assert len(app.main.get("vega_lite_chart")) == 1


@pytest.mark.parametrize("view", ["Bits", "Other kinds", "Mixed layers"])
def test_every_kind_of_probe_is_read_on_random_weights_too(two_tiny: AppTest, view: str) -> None:
    app, chosen = two_tiny, two_tiny.session_state["selection"]
    sides, control = {
        "Bits": ((chosen.codelength_change, *chosen.codelengths), chosen.random_codelength),
        "Other kinds": ((chosen.probe_kinds(search=False),), chosen.random_kinds(search=False)),
        "Mixed layers": (
            (chosen.edge_probe_change("upos", equal_norms=False), *chosen.edge_probes("upos", equal_norms=False)),
            chosen.random_edge_probe("upos", equal_norms=False),
        ),
    }[view]
    for spec in sides:
        get_lab().run(spec)
    app.query_params["probing"] = view
    app.switch_page("pages/probes.py").run()
    assert not app.exception
    assert "Not computed yet" in said(app)
    assert "on random weights" in said(app)
    assert not any("random weights" in chart.proto.spec for chart in app.main.get("vega_lite_chart"))
    get_lab().run(control)
    app.run()
    assert not app.exception
    assert "Not computed yet" not in said(app)
    assert any("random weights" in chart.proto.spec for chart in app.main.get("vega_lite_chart"))


def test_a_probe_may_be_fitted_in_another_way_and_says_so(two_tiny: AppTest) -> None:
    app, lab = two_tiny, get_lab()
    chosen = app.session_state["selection"]
    for spec in (chosen.probe_change, *chosen.probes, chosen.random_probe):
        lab.run(spec)
    app.query_params["view"] = "What can be read"
    app.switch_page("pages/layers.py").run()
    assert "Not computed yet" not in said(app)
    assert "logistic regression, L2, C = 0.01" in said(app)
    app.segmented_control(key="probe_penalty").set_value("L1").run()
    app.toggle(key="probe_balanced").set_value(True).run()
    assert "Not computed yet" in said(app)
    asked = Fitting(penalty="L1", balanced=True)
    for spec in chosen.probes_by(asked):
        lab.run(spec)
    lab.run(asked.of(chosen.random_probe))
    app.run()
    assert not app.exception
    assert "Not computed yet" not in said(app)
    assert re.search(
        r"logistic regression, L1 \(\d+% to \d+% of the features have a weight\), all classes count the same", said(app)
    )
    (chart,) = app.main.get("vega_lite_chart")
    assert "balanced accuracy on held-out sentences" in chart.proto.spec
    assert "random weights" in chart.proto.spec


def test_another_base_brings_its_own_pooling_unless_another_was_chosen(two_tiny: AppTest, tmp_path: Path) -> None:
    app, lab = two_tiny, get_lab()
    shutil.copytree(tmp_path / "one", tmp_path / "cls")
    (tmp_path / "cls" / "1_Pooling").mkdir()
    (tmp_path / "cls" / "1_Pooling" / "config.json").write_text('{"pooling_mode": "cls"}')
    (tmp_path / "cls" / "modules.json").write_text('[{"type": "sentence_transformers.models.Pooling"}]')
    # The same weights are the same checkpoint: another number makes them others.
    config = tmp_path / "cls" / "config.json"
    config.write_text(config.read_text().replace('"num_hidden_layers": 3', '"num_hidden_layers": 2'))
    trained = lab.add_checkpoint(str(tmp_path / "cls"))
    plain = app.selectbox(key="base").value
    app.selectbox(key="data").set_value("suite-dev").run()
    app.selectbox(key="read").set_value("sentiment (sentence)").run()
    assert app.session_state["selection"].pooling == "mean"
    app.selectbox(key="base").set_value(trained).run()
    assert app.session_state["selection"].pooling == "cls"
    app.selectbox(key="base").set_value(plain).run()
    assert app.session_state["selection"].pooling == "mean"
    app.selectbox(key="sentence_pooling").set_value("cls").run()
    app.selectbox(key="base").set_value(trained).run()
    app.selectbox(key="base").set_value(plain).run()
    assert app.session_state["selection"].pooling in ("cls", "mean")
    assert not app.exception


def test_a_page_settles_while_a_part_of_what_it_needs_is_under_way(
    empty: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny("bert", tmp_path / "tiny")
    repos = {"org/tiny": Repo(commits=[checkpoint_files(tmp_path / "tiny")])}
    with serving(repos, monkeypatch, tmp_path / "huggingface"):
        app = opened(empty, "layers")
        lab = get_lab()
        found = lab.look_up("org/tiny")
        short = lab.add_repository(found)
        Lab(lab.store, engine="none").submit(found.ref)  # asked for, and nobody works on it yet
        app.run()
        app.selectbox(key="tuned").set_value(short).run()
        assert not app.exception
        assert "Downloading" in said(app)
        assert any(button.label == "Compute" for button in app.main.button)


def test_the_longest_text_a_checkpoint_takes_does_not_make_it_another_shape(empty: AppTest, tmp_path: Path) -> None:
    for name, positions in (("short", 66), ("long", 80)):
        tiny("bert", tmp_path / name)
        config = tmp_path / name / "config.json"
        config.write_text(
            config.read_text().replace('"max_position_embeddings": 66', f'"max_position_embeddings": {positions}')
        )
    app = opened(empty, "home")
    for side, name in (("base", "short"), ("tuned", "long")):
        short = get_lab().add_checkpoint(str(tmp_path / name))
        app.run()
        app.selectbox(key=side).set_value(short).run()
    assert app.session_state["selection"].is_one_shape


def test_a_map_of_two_widths_is_not_offered(empty: AppTest, tmp_path: Path) -> None:
    tiny("bert", tmp_path / "narrow")
    app = opened(empty, "maps")
    short = get_lab().add_checkpoint(str(tmp_path / "narrow"))
    app.run()
    app.selectbox(key="tuned").set_value(short).run()
    assert "share no axes" in said(app)
    assert not [button for button in app.main.button if button.label == "Compute"]


@pytest.mark.parametrize("view", ["Carried over", "Gained and lost", "Parts"])
def test_probes_of_two_widths_are_not_carried_over(empty: AppTest, tmp_path: Path, view: str) -> None:
    tiny("bert", tmp_path / "narrow")
    empty.query_params["probing"] = view
    app = opened(empty, "probes")
    short = get_lab().add_checkpoint(str(tmp_path / "narrow"))
    app.run()
    app.selectbox(key="tuned").set_value(short).run()
    assert app.segmented_control(key="probing").value == view
    assert "differ in width" in said(app)
    assert not [button for button in app.main.button if button.label == "Compute"]


def test_a_wrong_value_in_the_link_falls_back_to_the_default(full: AppTest) -> None:
    full.query_params["layer"] = "99"
    app = opened(full, "layers")
    assert not app.exception
    assert app.radio(key="layer").value == 6


def test_the_unit_follows_the_label(full: AppTest) -> None:
    app = opened(full, "home")
    assert app.selectbox(key="word_pooling").value == "average"
    app.selectbox(key="read").set_value(app.selectbox(key="read").options[2]).run()
    assert app.selectbox(key="sentence_pooling").value == "mean"
    assert not app.exception


def test_a_broken_file_is_a_message_on_the_page(empty: AppTest, tmp_path: Path) -> None:
    file = tmp_path / "junk.conllu"
    file.write_text("1\tonly\tthree\n")
    app = opened(empty, "data")
    app.text_input(key="file_path").set_value(str(file)).run()
    next(box for box in app.selectbox if box.label == "Format").set_value("conllu").run()
    assert "No line has the ten tab" in app.error[0].value


def test_a_cache_that_cannot_be_used_is_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file in the folder's place")
    for app in _app(blocked, monkeypatch):
        app.run()
        assert not app.exception
        assert any("TUNESCOPE_CACHE" in error.value.replace("\\", "") for error in app.error)


def test_a_damaged_result_is_named_and_not_shown(made: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(made.store.root, copy)
    (weights,) = (copy / "artifacts" / "weight_change").glob("*/layers.npy")
    data = bytearray(weights.read_bytes())
    data[-3] ^= 0xFF
    weights.write_bytes(bytes(data))
    for app in _app(copy, monkeypatch):
        opened(app, "home")
        assert any("layers.npy is not as it was written" in warning.value for warning in app.warning)
        assert not app.main.get("vega_lite_chart")


def test_the_small_comparison_is_what_the_fixture_says(made: Lab) -> None:
    assert made.peek(BASE) is not None
