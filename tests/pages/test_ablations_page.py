"""The page Ablations: what it would cost, what is there so far, and every point with its doubt."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.analyses import ablation
from core.analyses.ablation import Ablation, compute
from core.analyses.experiments import EXPERIMENTS, METHODS, Experiment, Manner, grid
from core.analyses.fine_tune import FineTune
from core.analyses.scoring import score_of
from core.analyses.trial import Trial
from core.charts import ablations
from core.charts.ablations import Beside
from core.charts.look import Look
from core.charts.orders import placed, violin
from core.errors import SpecInvalid
from core.keys import to_json
from core.lab import Lab
from core.maths.statistics import Estimate
from core.refs import Packaged, Sample, Suite, Surgery
from core.settings import Settings
from core.store.artifacts import Store
from tests.faults import python
from tests.pages.test_pages import _app, opened, said, with_table
from tests.quiet import Quiet

RUN = FineTune(
    checkpoint=Packaged(),
    train=Sample(of=Suite(split="train"), n=32),
    dev=Sample(of=Suite(split="dev"), n=500),
    label="sentiment",
    epochs=3.0,
    learning_rate=1e-4,
    batch_size=16,
)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    yield from _app(tmp_path / "cache", monkeypatch)


def asked(app: AppTest, *, n: int, seeds: int) -> AppTest:
    """The page with a small recipe."""
    app = opened(app, "ablations")
    app.selectbox(key="tune_label").set_value(("label", "sentence", "sentiment"))
    for key, value in (("ablation_n_", n), ("ablation_seeds_", seeds)):
        next(one for one in app.number_input if str(one.key).startswith(key)).set_value(value)
    return app.run()


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_each_experiment_says_what_it_would_cost(app: AppTest, experiment: object) -> None:
    app.query_params["ablation"] = experiment.name  # type: ignore[attr-defined]
    page = asked(app, n=32, seeds=1)
    assert not page.exception
    assert not page.error
    assert f"Not computed yet: runs of “{experiment.name}”" in said(page)  # type: ignore[attr-defined]
    assert f"{len(grid(experiment, RUN, 6, 1))} steps" in said(page)  # type: ignore[arg-type]


def test_what_has_landed_is_drawn_and_the_rest_is_offered(app: AppTest, tmp_path: Path) -> None:
    lab = Lab(Store(Settings(cache=tmp_path / "cache", device="cpu")), engine="none")
    points = grid(EXPERIMENTS[0], RUN, 6, 1)
    found = {point.at: lab.run(point.trial) for point in points if point.at in ("0", "6")}
    page = asked(app, n=32, seeds=1)
    assert not page.exception
    assert "So far 2 of 7 runs." in said(page)
    assert "Intact" not in said(page)  # a finding needs all places
    page = with_table(page, "ablation")
    (table,) = [one.value for one in page.dataframe if "score" in one.value]
    assert table["at"].tolist() == ["0", "6"]
    assert table["score"].tolist() == [found[at].score.value for at in ("0", "6")]
    assert ((table["low"] < table["score"]) & (table["score"] < table["high"])).all()
    # Any of them can be kept as a checkpoint, for what it costs.
    assert list(page.selectbox(key="ablation_keep").options) == [f"{kept} · seed 0" for kept in range(7)]
    assert "Not computed yet: the checkpoint" not in said(page)
    page = page.selectbox(key="ablation_keep").set_value("0 · seed 0").run()
    assert "Not computed yet: the checkpoint “0 · seed 0”" in said(page)


PUBLISHED = {
    # Learning rate, share of warm-up, batch, epochs; seeds, examples (0 = all), scale.
    "Classroom": ((1e-4, 0.1, 16, 3.0), 2, 400, "bert"),
    "Tamkin et al. 2020": ((2e-5, 0.0, 8, 3.0), 3, 0, "tamkin-code"),
    "Merchant et al. 2020": ((3e-5, 0.1, 32, 3.0), 3, 0, "bert"),
    "Zhang et al. 2021": ((2e-5, 0.1, 32, 3.0), 5, 1000, "bert"),
}
"""Of 3,000 sentences of the suite."""


@pytest.mark.parametrize("preset", PUBLISHED)
def test_a_preset_is_the_recipe_that_it_says(app: AppTest, preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Trial] = []
    plans = Lab.plan

    def looks(self: Lab, wanted: list[Trial]) -> object:
        seen[:] = wanted
        return plans(self, wanted)

    monkeypatch.setattr(Lab, "plan", looks)
    app.query_params["ablation"] = "Reinitialise from the top"
    page = opened(app, "ablations")
    page.selectbox(key="tune_label").set_value(("label", "sentence", "sentiment"))
    page = page.selectbox(key="ablation_preset").set_value(preset).run()
    assert not page.exception
    recipe, n_seeds, n, scale = PUBLISHED[preset]
    assert len(seen) == 7 * n_seeds
    for trial in seen:
        run = trial.of
        assert (run.learning_rate, run.warmup, run.batch_size, run.epochs) == recipe
        assert run.train.n == n
        assert trial.surgery == Surgery() or trial.surgery.scale == scale
    assert preset == "Classroom" or "Cut:" in page.number_input[0].help


def test_drawn_again_the_page_works_no_score_out_again(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: list[str] = []

    def counts(answers: pd.DataFrame, labels: tuple[str, ...], measure: str) -> tuple[float, Estimate | None]:
        asked_for.append(measure)
        return score_of(answers, labels, measure)

    monkeypatch.setattr(ablation, "score_of", counts)
    lab = Lab(Store(Settings(cache=tmp_path / "cache", device="cpu")), engine="none")
    run = RUN.replace(dev=Sample(of=Suite(split="dev"), n=500), train=Sample(of=Suite(split="train"), n=33))
    lab.run(grid(EXPERIMENTS[0], run, 6, 1)[0].trial)
    page = asked(app, n=33, seeds=1)
    assert "So far 1 of 7 runs." in said(page)
    assert asked_for
    for measure in ("accuracy", "macro-F1", "accuracy", "macro-F1"):
        page = page.selectbox(key="ablation_score").set_value(measure).run()
        assert not page.exception
    # The score, and that of always answering the same, of each of the two measures.
    assert sorted(asked_for) == ["accuracy"] * 2 + ["macro-F1"] * 2


def test_the_link_names_the_score(app: AppTest) -> None:
    app.query_params["ablation_score"] = "macro-F1"
    assert opened(app, "ablations").selectbox(key="ablation_score").value == "macro-F1"


def test_what_a_link_asks_in_vain_is_told(app: AppTest) -> None:
    app.query_params["ablation_score"] = "beauty"
    app.query_params["ablation_besides"] = "a third"
    page = opened(app, "ablations")
    assert not page.exception
    assert page.selectbox(key="ablation_score").value == "accuracy"
    warned = " ".join(one.value for one in page.warning)
    assert "beauty" in warned
    assert "a third" in warned


def test_grids_are_whole_curves_seed_by_seed_and_share_the_intact_run() -> None:
    intact = set()
    for experiment in EXPERIMENTS:
        points = grid(experiment, RUN, 6, 3, Manner(scale="tamkin-code"))
        assert len({point.trial for point in points}) == len(points)
        assert [point.seed for point in points] == sorted(point.seed for point in points)
        assert {point.trial.of.seed for point in points} == {0, 1, 2}
        assert all(point.trial.of.train.seed == point.seed for point in points)
        assert all((point.trial.surgery.scale == "tamkin-code") == bool(point.trial.surgery.reset) for point in points)
        intact |= {point.trial for point in points if point.at == experiment.intact(6)}
    assert {trial.surgery for trial in intact} == {Surgery(), Surgery(skips_pooler=True)}
    assert len(intact) == 9  # one a seed, one of the head alone, and one of it past the pooler, whatever is asked


def test_a_manner_of_resetting_touches_what_is_reset_and_nothing_else() -> None:
    manner = Manner(scale="bert", keeps_norms=True, reset_rate=5.0)
    for experiment in EXPERIMENTS:
        for plain, other in zip(grid(experiment, RUN, 6, 1), grid(experiment, RUN, 6, 1, manner), strict=True):
            surgery = other.trial.surgery
            assert (surgery.keeps_norms, surgery.reset_rate) == ((True, 5.0) if surgery.reset else (False, 1.0))
            assert other.trial == plain.trial or surgery.reset


def test_methods_are_what_they_say_and_longer_is_longer() -> None:
    by_name = {one.name: {point.at: point.trial for point in grid(one, RUN, 6, 1)} for one in EXPERIMENTS}
    methods, steady = by_name[METHODS], by_name["Steady on few examples"]
    assert {at: trial.of.method for at, trial in methods.items()} == {
        "all weights": "full", "upper half": "full", "LoRA": "lora", "head only": "head", "from scratch": "full",
    }  # fmt: skip
    assert methods["upper half"].surgery == Surgery(n_frozen=3)
    assert methods["from scratch"].surgery == Surgery(from_scratch=True)
    assert methods["head only"].of.learning_rate == methods["LoRA"].of.learning_rate == 1e-3
    assert steady["3 times as long"].of.epochs == 3 * RUN.epochs
    assert steady["both"].surgery == Surgery(reset=(5,), resets_pooler=True)


def test_a_file_of_an_experiment_is_all_its_trials_and_what_they_scored(tmp_path: Path) -> None:
    run = RUN.replace(train=Sample(of=Suite(split="train"), n=100), dev=Sample(of=Suite(split="dev"), n=40), epochs=0.2)
    spec = Ablation(experiment=METHODS, of=run, n_blocks=6, n_seeds=1)
    file = tmp_path / "experiment.json"
    file.write_text(json.dumps(to_json(spec)))
    done = python("-m", "core", "run", str(file), cache=tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    lab = Lab(Store(Settings(cache=tmp_path / "cache", device="cpu")), engine="none")
    found = lab.peek(spec)
    assert found is not None
    trials = {point.at: lab.peek(point.trial) for point in spec.points}
    assert all(trials.values())
    for (at, measure), rows in found.trials.groupby(["at", "measure"]):
        value, _ = score_of(trials[at].answers, trials[at].labels, measure)
        assert rows["score"].tolist() == [value]
    assert list(spec.besides) == ["a tenth of the examples (10)"]
    with pytest.raises(SpecInvalid, match="none of that name"):
        Ablation(experiment="Guess", of=run, n_blocks=6)
    with pytest.raises(SpecInvalid, match="The checkpoint has 6"):
        compute(spec.replace(n_blocks=5), {}, Quiet())
    wrong = spec.replace(n_blocks=5, n_seeds=2)
    with pytest.raises(SpecInvalid, match="The checkpoint has 6"):
        lab.plan(wrong)
    file.write_text(json.dumps(to_json(wrong)))
    refused = python("-m", "core", "run", str(file), cache=tmp_path / "cache")
    assert refused.returncode != 0
    assert "The checkpoint has 6" in refused.stderr
    assert not any(lab.peek(point.trial) for point in wrong.points if point.seed)  # before any trial is begun
    with pytest.raises(SpecInvalid, match="0 seeds"):
        Ablation(experiment=METHODS, of=run, n_blocks=6, n_seeds=0)


def test_what_may_stand_beside_has_the_same_places() -> None:
    top = Ablation(experiment="Reinitialise from the top", of=RUN.replace(train=RUN.train.replace(n=400)), n_blocks=6)
    assert list(top.besides) == [
        "Leave out from the top", "Leave out from the top, head only", "Leave out from the top, head on [CLS]",
        "a tenth of the examples (40)",
    ]  # fmt: skip
    large = top.replace(of=RUN.replace(train=RUN.train.replace(n=5000)))
    assert list(large.besides)[-2:] == ["a tenth of the examples (500)", "a hundredth of the examples (50)"]
    for other in top.besides.values():
        assert [point.at for point in other.points] == [point.at for point in top.points]


@pytest.mark.parametrize("n_blocks", [2, 3, 6, 12])
def test_windows_and_what_lies_outside_them_are_the_whole_network(n_blocks: int) -> None:
    inside, outside = (
        {
            at: treated.surgery
            for at, treated in next(one for one in EXPERIMENTS if one.name == name).places(n_blocks).items()
        }
        for name in ("Reinitialise a window", "Reinitialise all but a window")
    )
    assert list(inside) == list(outside)
    for name in list(inside)[1:-1]:
        assert sorted((*inside[name].reset, *outside[name].reset)) == list(range(n_blocks))
        first, last = map(int, name.split("–"))
        assert inside[name].reset == tuple(range(first, last + 1))
    assert inside["all"] == outside["all"] == Surgery(reset=tuple(range(n_blocks)))
    if n_blocks == 12:
        assert len(inside) == 12  # ten windows of three, as in the paper, and both ends


@pytest.mark.parametrize("n_blocks", [1, 2, 3, 6, 12])
def test_shuffles_are_other_orders_and_no_two_alike(n_blocks: int) -> None:
    (shuffle,) = [one for one in EXPERIMENTS if one.name == "Shuffle"]
    places = shuffle.places(n_blocks)
    orders = [treated.surgery.order for treated in places.values()]
    assert orders[0] == ()
    assert len(set(orders)) == len(orders) == min(11, math.factorial(n_blocks))
    assert tuple(range(n_blocks)) not in orders
    assert all(sorted(order) == list(range(n_blocks)) for order in orders[1:])
    assert all(" ".join(map(str, order)) == name for name, order in zip(places, orders, strict=True) if order)


def trials(experiment: Experiment, scores: dict[str, list[float]], n_blocks: int = 2) -> pd.DataFrame:
    """A table of trials, one score a seed."""
    return pd.DataFrame(
        [
            {
                "at": at,
                "seed": seed,
                "score": score,
                "low": score - 0.05,
                "high": score + 0.05,
                "guessing": 0.5,
                "n": 100,
            }
            for at in experiment.places(n_blocks)
            for seed, score in enumerate(scores.get(at, []))
        ]
    )


def test_findings_are_held_against_the_intact_run_and_wait_for_it() -> None:
    top, one, *_ = EXPERIMENTS
    shuffle, steady = (next(x for x in EXPERIMENTS if x.name == name) for name in ("Shuffle", "Steady on few examples"))
    ends = {"2": [0.9, 0.91, 0.92], "1": [0.8] * 3, "0": [0.5, 0.52, 0.51]}
    assert ablations.finding(trials(top, ends), top, 2) == "Intact 91.0%; at 0 51.0% (beyond the noise of seeds)."
    assert ablations.finding(trials(top, {**ends, "2": []}), top, 2) == ""
    assert ablations.finding(trials(top, {**ends, "1": []}), top, 2) == ""
    noise = {"2": [0.9, 0.5, 0.7], "1": [0.6] * 3, "0": [0.5, 0.9, 0.6]}
    assert "inside the noise of seeds" in ablations.finding(trials(top, noise), top, 2)
    single = {"none": [0.9], "0": [0.6], "1": [0.8], "all": [0.5]}
    assert ablations.finding(trials(one, single), one, 2) == (
        "Intact 90.0%. Least at 0: 60.0% (1 seed: no interval); most at 1: 80.0% (1 seed: no interval); with all reset 50.0%."
    )
    assert ablations.finding(trials(shuffle, {"0 1": [0.9], "1 0": [0.6]}), shuffle, 2).startswith(
        "Intact 90.0%; in other orders 60.0%"
    )
    wide = {at: [0.5, 0.7, 0.9] for at in steady.places(2)}
    assert "as it is 70.0%, sd 20.0% [10.4%, 125.7%]" in ablations.finding(trials(steady, wide), steady, 2)
    assert "takes 3" in ablations.finding(trials(steady, {at: [0.5, 0.7] for at in wide}), steady, 2)


def test_orders_are_compared_between_tasks_when_there_are_enough_of_them() -> None:
    (shuffle,) = [one for one in EXPERIMENTS if one.name == "Shuffle"]
    places = list(shuffle.places(6))
    draw = np.random.default_rng(0)
    tables = [
        pd.DataFrame({"at": places, "seed": 0, "score": [0.9, *draw.uniform(0.5, 0.8, 10)]}) for _ in ("one", "other")
    ]
    said = ablations.orders_agree(*tables, shuffle.intact(6))
    one, other = (table["score"][1:] for table in tables)
    assert f"by {one.corr(other, method='spearman'):+.2f} in rank" in said
    assert f"{one.corr(other):+.2f} in size" in said
    assert "Over 10 other orders" in said
    assert ablations.orders_agree(tables[0], tables[1].head(4), shuffle.intact(6)) == ""
    assert ablations.orders_agree(tables[0], tables[1].assign(score=0.5), shuffle.intact(6)) == ""


def test_the_same_experiment_on_another_label_of_the_same_examples() -> None:
    top = Ablation(experiment="Shuffle", of=RUN, n_blocks=6)
    goals = [("label", "sentence", "sentiment"), ("label", "sentence", "tense"), ("number", "sentence", "tree depth")]
    (said, other), *more = top.elsewhere(goals).items()
    assert said == "the same on tense (sentences)"
    assert not more  # numbers have scores of another kind
    assert other.of == RUN.replace(label="tense")
    assert top.replace(of=RUN.replace(goal="number", label="tree depth")).elsewhere(goals) == {}


def test_means_have_an_interval_from_three_seeds_on() -> None:
    seeds = {"at": ["0"] * 3 + ["1"] * 2 + ["2"] * 3, "seed": [0, 1, 2, 0, 1, 0, 1, 2]}
    table = pd.DataFrame({**seeds, "score": [0.5, 0.6, 0.7, 0.8, 0.9, 0.4, 0.4, 0.4]})
    means = ablations.means_table(table).set_index("at")
    assert means["mean"].tolist() == pytest.approx([0.6, 0.85, 0.4])
    # Student's t of 2 degrees of freedom: 4.303 standard errors of 0.1 / sqrt(3).
    assert means.loc["0", "high"] == pytest.approx(0.6 + 4.303 * 0.1 / 3**0.5, abs=1e-3)
    assert means.loc["1", ["low", "high"]].isna().all()
    assert means.loc["2", ["low", "high"]].isna().all()  # collapsed alike: no surer for it


def test_other_scores_are_those_of_the_answers_and_a_head_that_never_varies_scores_nothing() -> None:
    from sklearn.metrics import f1_score, matthews_corrcoef

    rng = np.random.default_rng(0)
    gold, guess = rng.choice(["a", "b"], (2, 80))
    table = pd.DataFrame({"example": range(80), "gold": gold, "guess": guess, "word": -1})
    for measure, theirs in (
        ("Matthews correlation", matthews_corrcoef(gold, guess)),
        ("macro-F1", f1_score(gold, guess, average="macro")),
    ):
        value, many = score_of(table, ("a", "b"), measure)
        assert value == pytest.approx(theirs)
        assert many is not None
        assert many.low < value < many.high
    assert score_of(table.assign(guess="a"), ("a", "b"), "Matthews correlation") == (0.0, None)


def test_a_violin_is_as_wide_as_scores_are_dense_and_reaches_no_further_than_they_do() -> None:
    scores = [0.5, 0.51, 0.52, 0.53, 0.9]
    shape = violin(scores, middle=3.0)
    assert (shape["score"].min(), shape["score"].max()) == (0.5, 0.9)
    np.testing.assert_allclose(shape["left"] + shape["right"], 6.0)  # mirrored
    width = shape["right"] - shape["left"]
    assert 0.5 <= shape["score"][width.idxmax()] <= 0.56
    assert violin([0.5, 0.5, 0.5, 0.5], 0.0).empty  # all alike: no density
    assert violin([0.5, 0.6, 0.7], 0.0).empty  # too few


def test_an_order_keeps_its_place_in_the_figure_whatever_has_landed() -> None:
    shuffle = next(one for one in EXPERIMENTS if one.name == "Shuffle")
    table = trials(shuffle, {at: [0.5 + 0.05 * i, 0.6] for i, at in enumerate(shuffle.places(3))}, n_blocks=3)
    at = placed(table, shuffle.intact(3), 2.0)
    assert set(at.loc[at["at"] == shuffle.intact(3), "x"]) == {2.0}
    others = at[at["at"] != shuffle.intact(3)]
    assert (others.groupby("at")["x"].nunique() == 1).all()
    assert others["x"].nunique() == len(shuffle.places(3)) - 1
    assert others["x"].between(2.5, 3.5).all()
    alike = Beside(name="other", trials=table.assign(score=0.7))
    drawn = ablations.ablation_chart(table, shuffle, Look(), 3, besides=[alike]).to_dict()
    assert sum(layer["mark"]["type"] == "area" for layer in drawn["layer"]) == 1  # the second is all alike
