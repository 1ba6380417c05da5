"""Weight spectra and task vectors from spec to page: what is stored is what the matrices say, and misfits get a message."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file

from core.analyses.similarity import LayerSimilarity, Similarity
from core.analyses.task_vectors import TaskVectors
from core.analyses.weight_change import WeightChange, WeightChanges
from core.analyses.weight_spectra import EMBEDDINGS, NORMS, PARTS, WeightSpectra, part_of
from core.charts import isotropy, spectra, tunings, weights
from core.charts.cursor import HOVER, PICK
from core.charts.look import Look, cosine_scale
from core.errors import IncompatibleRefs, SpecInvalid
from core.lab import Lab
from core.maths.spectra import decompose, singular_values
from core.maths.statistics import Estimate
from core.models.checkpoints import locate
from core.refs import Folder, Packaged, RandomWeights
from core.settings import Settings
from core.store.artifacts import Store
from tests.small import BASE, TUNE, TUNED, comparison

WIDTH, HEIGHT, DEPTH = 12, 20, 2
LAYER = "encoder.layer.{}"
QUERY = f"{LAYER}.attention.self.query.weight"
UP = f"{LAYER}.intermediate.dense.weight"
SHAPES = {
    f"{LAYER}.attention.self.query.weight": (WIDTH, WIDTH),
    f"{LAYER}.attention.self.key.weight": (WIDTH, WIDTH),
    f"{LAYER}.attention.output.LayerNorm.weight": (WIDTH,),
    f"{LAYER}.intermediate.dense.weight": (HEIGHT, WIDTH),
    f"{LAYER}.intermediate.dense.bias": (HEIGHT,),
    f"{LAYER}.output.dense.weight": (WIDTH, HEIGHT),
}


@pytest.fixture
def own(tmp_path: Path) -> Lab:
    """A lab of the test's own: what it computes is no part of the small comparison."""
    return Lab(Store(Settings(cache=tmp_path / "cache", device="cpu")), engine="none")


def drawn(seed: int = 0) -> dict[str, np.ndarray]:
    """Weights of a tiny encoder."""
    rng = np.random.default_rng(seed)
    held = {"embeddings.word_embeddings.weight": rng.normal(size=(30, WIDTH))}
    for layer in range(DEPTH):
        held |= {name.format(layer): rng.normal(size=shape) for name, shape in SHAPES.items()}
    return {name: value.astype(np.float32) for name, value in held.items()}


def written(folder: Path, tensors: dict[str, np.ndarray], **config: object) -> Folder:
    """A checkpoint folder with these weights."""
    folder.mkdir()
    known = {"model_type": "bert", "num_hidden_layers": DEPTH, "hidden_size": WIDTH, "num_attention_heads": 2} | config
    (folder / "config.json").write_text(json.dumps(known), encoding="utf-8")
    save_file(tensors, folder / "model.safetensors")
    return Folder.at(folder)


def changed(tensors: dict[str, np.ndarray], name: str, change: np.ndarray) -> dict[str, np.ndarray]:
    """The same weights with one tensor changed."""
    return tensors | {name: (tensors[name] + change).astype(np.float32)}


def test_every_number_is_that_of_the_matrix(own: Lab, tmp_path: Path) -> None:
    base = drawn()
    rng = np.random.default_rng(1)
    change = (rng.normal(size=(HEIGHT, 2)) @ rng.normal(size=(2, WIDTH))).astype(np.float32)
    tuned = changed(base, UP.format(1), change)
    found = own.run(
        WeightSpectra(base=written(tmp_path / "base", base), tuned=written(tmp_path / "tuned", tuned), n_top=3)
    )
    row = found.row(2, "feed-forward up")
    before, after = (held[UP.format(1)].astype(np.float64) for held in (base, tuned))
    one = found.matrices.iloc[row]
    assert (one["n_out"], one["n_in"]) == (HEIGHT, WIDTH)
    assert one["relative_change"] == pytest.approx(np.linalg.norm(after - before) / np.linalg.norm(before))
    assert one["spectral_ratio"] == pytest.approx(np.linalg.norm(after, 2) / np.linalg.norm(before, 2))
    assert one["rank_90"] <= 2
    assert one["entropy_rank"] <= 2.01
    assert one["rank_90_control"] > 5  # a random change needs most of twelve
    assert found.base_values[row, :WIDTH] == pytest.approx(singular_values(before))
    assert found.tuned_values[row, :WIDTH] == pytest.approx(singular_values(after))
    assert np.isnan(found.base_values[row, WIDTH:]).all()
    closest = np.abs(decompose(before).left.T @ decompose(after).left).max(axis=0)
    assert found.closest[row, :WIDTH] == pytest.approx(closest, abs=1e-6)
    assert found.energy[row, 1] == pytest.approx(1, abs=1e-5)


def test_what_tuning_left_alone_is_unchanged_and_so_is_its_control(own: Lab, tmp_path: Path) -> None:
    base = drawn()
    tuned = changed(base, QUERY.format(0), np.eye(WIDTH))
    found = own.run(WeightSpectra(base=written(tmp_path / "base", base), tuned=written(tmp_path / "tuned", tuned)))
    assert len(found.matrices) == 4 * DEPTH  # neither norms nor biases nor embeddings
    same = found.matrices[found.matrices["relative_change"] == 0]
    assert len(same) == 4 * DEPTH - 1
    assert (same["spectral_ratio"] == 1).all()
    assert same[
        ["turned_out", "turned_in", "stable_rank", "entropy_rank", "rank_90", "rank_90_control"]
    ].to_numpy() == (pytest.approx(0, abs=1e-5))
    assert same[["scaling_share", "energy_inside"]].isna().all().all()
    (moved,) = found.matrices[found.matrices["relative_change"] > 0].itertuples()
    assert (moved.layer, moved.part, moved.rank_90) == (1, "query", 11)  # eleven of twelve equal ones hold 90 %


def test_the_random_change_is_as_large_and_its_seed_decides_it(own: Lab, tmp_path: Path) -> None:
    base = written(tmp_path / "base", drawn())
    tuned = written(tmp_path / "tuned", changed(drawn(), QUERY.format(0), np.ones((WIDTH, WIDTH))))
    first, again = (own.run(WeightSpectra(base=base, tuned=tuned, seed=seed)) for seed in (0, 1))
    row = first.row(1, "query")
    assert not np.array_equal(first.control_values[row], again.control_values[row])
    assert np.array_equal(first.tuned_values[row], again.tuned_values[row], equal_nan=True)
    own.discard(WeightSpectra(base=base, tuned=tuned))
    twice = own.run(WeightSpectra(base=base, tuned=tuned))
    assert np.array_equal(first.control_values, twice.control_values, equal_nan=True)


def test_matrices_of_gpt2_are_turned_so_that_left_is_what_they_write(own: Lab, tmp_path: Path) -> None:
    name = "h.0.mlp.c_fc.weight"
    rng = np.random.default_rng(0)
    stored = {name: rng.normal(size=(WIDTH, HEIGHT)).astype(np.float32), "wte.weight": np.ones((3, WIDTH), np.float32)}
    fresh = np.zeros(HEIGHT)
    fresh[0] = 1
    tuned = changed(stored, name, 40 * np.outer(np.ones(WIDTH) / WIDTH**0.5, fresh))
    config = {"model_type": "gpt2", "n_layer": 1, "n_embd": WIDTH, "n_head": 2}
    base, other = (written(tmp_path / at, held, **config) for at, held in (("base", stored), ("tuned", tuned)))
    found = own.run(WeightSpectra(base=base, tuned=other))
    (one,) = found.matrices.itertuples()
    assert (one.n_out, one.n_in, one.part) == (HEIGHT, WIDTH, "feed-forward up")
    expected = np.abs(decompose(stored[name].T).left.T @ decompose(tuned[name].T).left).max(axis=0)
    assert found.closest[0, :WIDTH] == pytest.approx(expected, abs=1e-6)


def test_matrices_that_xlnet_stores_by_heads_are_whole_again(own: Lab, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    shapes = {
        "layer.0.rel_attn.q": (WIDTH, 2, 10),
        "layer.0.rel_attn.o": (WIDTH, 2, 10),
        "layer.0.rel_attn.r_w_bias": (2, 10),
    }
    stored = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    tuned = {
        name: held + np.float32(0.1) * rng.normal(size=held.shape).astype(np.float32) for name, held in stored.items()
    }
    config = {"model_type": "xlnet", "n_layer": 1, "d_model": WIDTH, "n_head": 2}
    base, other = (written(tmp_path / at, held, **config) for at, held in (("base", stored), ("tuned", tuned)))
    found = own.run(WeightSpectra(base=base, tuned=other))
    assert dict(zip(found.matrices["part"], found.matrices["n_out"], strict=True)) == {
        "query": 20,
        "attention output": WIDTH,
    }
    expected = singular_values(stored["layer.0.rel_attn.q"].reshape(WIDTH, 20))
    assert found.base_values[found.row(1, "query"), :WIDTH] == pytest.approx(expected)


def test_layers_that_share_a_block_share_its_rows(own: Lab, tmp_path: Path) -> None:
    name = "encoder.albert_layer_groups.0.albert_layers.0.attention.query.weight"
    base = {name: drawn()[QUERY.format(0)]}
    config = {"model_type": "albert", "num_hidden_layers": 3, "num_hidden_groups": 1, "embedding_size": 4}
    sides = [
        written(tmp_path / at, held, **config)
        for at, held in (("one", base), ("two", changed(base, name, np.eye(WIDTH))))
    ]
    found = own.run(WeightSpectra(base=sides[0], tuned=sides[1]))
    assert [found.row(layer, "query") for layer in range(4)] == [None, 0, 0, 0]
    assert spectra.spectra_table(found, 0.5)["layer"].tolist() == [1, 2, 3]
    table = weights.parts_table(own.run(WeightChange(base=sides[0], tuned=sides[1])))
    assert table["layer"].tolist() == [1, 2, 3]
    assert table["relative_change"].nunique() == 1
    third = {name: 2 * base[name]}
    tuned = own.run(TaskVectors(base=sides[0], tuned=(sides[1], written(tmp_path / "three", third, **config))))
    assert tuned.layers.shape == (4, 2, 2)
    assert np.array_equal(tuned.layers[1], tuned.layers[3])


@pytest.mark.parametrize(
    ("tensor", "part"),
    [
        ("attention.self.query.weight", "query"),
        ("attention.output.dense.weight", "attention output"),
        ("attention.output.LayerNorm.weight", NORMS),
        ("intermediate.dense.bias", "feed-forward up"),
        ("output.dense.weight", "feed-forward down"),
        ("attn.c_attn.weight", "query, key, value"),
        ("attn.c_proj.weight", "attention output"),
        ("mlp.c_proj.weight", "feed-forward down"),
        ("ln_1.weight", NORMS),
        ("self_attn.o_proj.weight", "attention output"),
        ("mlp.gate_proj.weight", "feed-forward gate"),
        ("mlp.down_proj.weight", "feed-forward down"),
        ("attention.q_lin.weight", "query"),
        ("ffn.lin2.weight", "feed-forward down"),
        ("rel_attn.o", "attention output"),
        ("ff.layer_1.weight", "feed-forward up"),
        ("attn.Wqkv.weight", "query, key, value"),
        ("attn.Wo.weight", "attention output"),
        ("mlp.Wo.weight", "feed-forward down"),
        ("albert_layers.0.ffn_output.weight", "feed-forward down"),
        ("albert_layers.0.attention.dense.weight", "attention output"),
        ("layer.0.SelfAttention.k.weight", "key"),
        ("layer.1.DenseReluDense.wi_0.weight", "feed-forward gate"),
        ("mixer.A.weight", "mixer.A"),
    ],
)
def test_parts_of_blocks_go_by_one_name_in_every_family(tensor: str, part: str) -> None:
    assert part_of(tensor) == part


def test_the_packaged_checkpoint_has_every_part_at_every_layer(made: Lab) -> None:
    found = made.peek(WeightSpectra(base=Packaged(), tuned=TUNE))
    expected = {part for part in PARTS if part not in ("query, key, value", "feed-forward gate")}
    for layer in range(1, 7):
        assert set(found.matrices.loc[found.matrices["layer"] == layer, "part"]) == expected
        assert found.row(layer, "query") is not None
    assert found.row(0, "query") is None
    assert found.n_left_out == 0
    stored = load_file(locate(Packaged()) / "model.safetensors")
    name = next(one for one in stored if one.endswith(UP.format(3)))
    assert found.base_values[found.row(4, "feed-forward up")] == pytest.approx(singular_values(stored[name])[:64])


def test_parts_add_up_to_the_layer(made: Lab) -> None:
    changes = made.peek(WeightChange(base=Packaged(), tuned=TUNE))
    table = weights.parts_table(changes)
    assert set(table.loc[table["layer"] == 0, "part"]) == {EMBEDDINGS}
    tensors = changes.tensors[changes.tensors["layer"] == 6].dropna()
    energy = pd.Series((tensors["norm"] ** 2).to_numpy(), index=[part_of(name) for name in tensors["tensor"]])
    own = table[table["layer"] == 6].set_index("part")["relative_change"]
    moved = sum(own[part] ** 2 * held for part, held in energy.groupby(level=0).sum().items())
    assert np.sqrt(moved / energy.sum()) == pytest.approx(changes.layers[6])


def test_cosines_of_tunings_are_those_of_all_their_weights_in_one_row(own: Lab, tmp_path: Path) -> None:
    base = drawn()
    sides = [
        base | {n: v + np.float32(0.1) * drawn(seed)[n] for n, v in base.items() if "embed" not in n} for seed in (1, 2)
    ]
    folders = [written(tmp_path / f"tuned{at}", one) for at, one in enumerate(sides)]
    found = own.run(TaskVectors(base=written(tmp_path / "base", base), tuned=tuple(folders)))
    flat = [np.concatenate([(one[n] - base[n]).ravel() for n in base]).astype(np.float64) for one in sides]
    expected = flat[0] @ flat[1] / np.linalg.norm(flat[0]) / np.linalg.norm(flat[1])
    assert found.overall[0, 1] == pytest.approx(expected)
    assert np.isnan(found.layers[0]).all()  # embeddings as they were
    assert found.n_weights.sum() == len(flat[0])
    table = tunings.cosines_table(["a", "b"], found)
    assert table.loc[(table["one"] == "a") & (table["other"] == "b"), "cosine"].item() == pytest.approx(expected)
    moved = [one[one != 0] for one in flat]  # of the embeddings, nobody moved a row: they are no evidence
    by_chance = np.linalg.norm(moved[0] * moved[1]) / np.linalg.norm(moved[0]) / np.linalg.norm(moved[1])
    assert found.overall_chance[0, 1] == pytest.approx(by_chance)
    assert table.loc[1, "chance"] == pytest.approx(2 * by_chance)
    assert tunings.reach(found) == pytest.approx(2 * by_chance)
    assert tunings.reach(found, 0) is None
    against = tunings.against_table(["a", "b"], found)
    assert against["layer"].tolist() == [1, 2]
    assert (against["is_noise"] == (against["cosine"].abs() <= against["chance"])).all()


def test_what_few_weights_of_many_say_by_chance_is_noise(own: Lab, tmp_path: Path) -> None:
    base = drawn()
    name = "embeddings.word_embeddings.weight"
    base[name] = np.random.default_rng(9).normal(size=(5000, WIDTH)).astype(np.float32)
    folders = []
    for seed in range(8):  # each moves the same three words, at random
        change = np.zeros((5000, WIDTH))
        change[:3] = np.random.default_rng(seed).normal(size=(3, WIDTH))
        folders.append(written(tmp_path / f"tuned{seed}", changed(base, name, change)))
    found = own.run(TaskVectors(base=written(tmp_path / "base", base), tuned=tuple(folders)))
    for layer in (0, None):
        table = tunings.cosines_table([str(at) for at in range(8)], found, layer)
        apart = table[table["one"] < table["other"]]
        assert apart["is_noise"].mean() > 0.85
        assert (apart["chance"] > 0.1).all()  # 2 / sqrt(60,000) would be 0.008
    against = tunings.against_table([str(at) for at in range(8)], found)
    assert against["is_noise"].mean() > 0.5
    assert against["layer"].unique().tolist() == [0]


def test_cosines_have_one_scale_of_colours() -> None:
    look, names = Look(), ["a", "b"]
    table = pd.DataFrame({
        "one": names, "other": names, "cosine": [0.5, -0.5], "chance": [0.1, 0.1], "is_noise": [False, False],
        "first": names, "second": names, "low": [0.4, -0.6], "high": [0.6, -0.4],
    })  # fmt: skip
    figures = (
        tunings.cosines_heat(table, names, look),
        isotropy.cosines_heat(table, look, names=names, what="place"),
    )
    scales = [one.to_dict()["layer"][0]["encoding"]["color"]["scale"] for one in figures]
    assert scales == [cosine_scale().to_dict()] * 2


def test_a_tuning_and_its_opposite_point_apart(own: Lab, tmp_path: Path) -> None:
    base = drawn()
    step = np.random.default_rng(3).normal(size=(WIDTH, WIDTH))
    folders = [written(tmp_path / f"{c}", changed(base, QUERY.format(0), c * step)) for c in (1, -2)]
    found = own.run(TaskVectors(base=written(tmp_path / "base", base), tuned=tuple(folders)))
    assert found.layers[1, 0, 1] == pytest.approx(-1, abs=1e-6)
    assert found.change[1, 1] == pytest.approx(2 * found.change[1, 0], rel=1e-5)


def test_tunings_need_what_each_of_them_needs() -> None:
    (spec,) = (one for one in comparison() if isinstance(one, TaskVectors))
    needed = spec.dependencies()
    assert needed["tuned.0"] == TUNE
    assert needed["tuned.1"] == spec.tuned[1]
    assert set(needed) >= {"tuned.0", "tuned.1"}


def test_what_cannot_be_compared_gets_a_message(own: Lab, tmp_path: Path) -> None:
    base = written(tmp_path / "base", drawn())
    with pytest.raises(SpecInvalid, match="directions"):
        WeightSpectra(base=base, tuned=base, n_top=65)
    with pytest.raises(SpecInvalid, match="tunings"):
        TaskVectors(base=base, tuned=(base,))
    with pytest.raises(SpecInvalid, match="twice"):
        TaskVectors(base=base, tuned=(base, base))
    with pytest.raises(SpecInvalid, match="freshly drawn"):
        own.run(WeightSpectra(base=base, tuned=RandomWeights(of=base, seed=0)))
    with pytest.raises(IncompatibleRefs, match="depth"):
        own.run(WeightSpectra(base=base, tuned=written(tmp_path / "deep", drawn(), num_hidden_layers=3)))
    wider = drawn() | {QUERY.format(0): np.zeros((WIDTH, WIDTH + 1), np.float32)}
    with pytest.raises(IncompatibleRefs, match="Shapes"):
        own.run(WeightSpectra(base=base, tuned=written(tmp_path / "wide", wider)))
    bare = written(tmp_path / "bare", {"embeddings.word_embeddings.weight": np.ones((30, WIDTH), np.float32)})
    with pytest.raises(IncompatibleRefs, match="no matrix"):
        own.run(WeightSpectra(base=bare, tuned=bare))


def test_change_of_the_space_is_divided_only_by_a_step_that_is_one(made: Lab) -> None:
    similarity = made.peek(Similarity(base=BASE, tuned=TUNED))
    changes = made.peek(WeightChange(base=Packaged(), tuned=TUNE))
    table = weights.beside_table(similarity, changes)
    assert (table["ratio"] * table["accumulated"]).to_numpy() ** 2 == pytest.approx(
        table["lost"].clip(lower=0).where(~table["is_tiny"]).to_numpy(), nan_ok=True
    )
    assert (table["low"] <= table["lost"]).all()
    assert (table["lost"] <= table["high"]).all()
    still = changes.__class__(layers=np.zeros_like(changes.layers), tensors=changes.tensors, n_parameters=1)
    flagged = weights.beside_table(similarity, still)
    assert flagged["is_tiny"].all()
    assert flagged["ratio"].isna().all()


def test_a_layer_that_only_took_a_larger_step_does_not_rise() -> None:
    steps = np.array([0.0, 0.01, 0.02, 0.04])
    moved = np.sqrt(np.cumsum(steps**2))
    kept = [
        Estimate(1 - at**2, low=1 - 1.21 * at**2, high=1 - 0.81 * at**2, standard_error=0.1 * at**2, n=50, n_groups=20)
        for at in moved
    ]
    similarity = LayerSimilarity(
        same_layer=tuple(kept), matrix=np.eye(4), n_rows=50, n_sentences=50, estimator="linear CKA, debiased"
    )
    held = WeightChanges(layers=steps, tensors=pd.DataFrame(), n_parameters=1)
    table = weights.beside_table(similarity, held)
    assert table["is_tiny"].tolist() == [True, False, False, False]
    assert [one.name for one in weights.ratio_panel(table, Look(), 1).params] == [PICK, HOVER]
    assert table["ratio"][1:].to_numpy() == pytest.approx(np.ones(3))
    assert table["ratio_low"][1:].to_numpy() == pytest.approx(np.full(3, 0.9))
    assert table["ratio_high"][1:].to_numpy() == pytest.approx(np.full(3, 1.1))


def test_a_click_on_a_part_of_a_layer_chooses_the_layer() -> None:
    table = pd.DataFrame(
        {"layer": [0, 1, 1], "part": ["embeddings", "query", "key"], "relative_change": [0.1, 0.2, 0.3]}
    )
    drawn_parts = weights.parts_heat(table, Look(), 1)
    (picked,) = (one for one in drawn_parts.to_dict()["params"] if one["name"] == PICK)
    assert picked["select"]["fields"] == ["layer"]
    assert [one.name for one in drawn_parts.params] == [PICK, HOVER]  # where pages look for it


def test_tables_for_drawing_count_what_is_stored(made: Lab) -> None:
    found = made.peek(WeightSpectra(base=Packaged(), tuned=TUNE))
    row = found.row(6, "value")
    counted = spectra.intruders_table(found, row)
    table = spectra.spectra_table(found, 0.5)
    at_half = counted.loc[counted["threshold"] == 0.5, "intruders"].item()
    assert table[(table["layer"] == 6) & (table["part"] == "value")]["intruders"].item() == at_half
    ranks = spectra.ranks_table(found, row)
    assert len(ranks) == 64
    assert ranks["tuned_ratio"].to_numpy() == pytest.approx((ranks["tuned"] / ranks["base"]).to_numpy())
    assert spectra.parts(found)[0] == "query"
