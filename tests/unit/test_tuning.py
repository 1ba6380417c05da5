"""Fine-tuning: recipes are repeatable, each method changes what it says, snapshots are the run, a killed run goes on."""

import json
import pickle
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from core.analyses.checkpoint import source_of
from core.analyses.compress import Compress
from core.analyses.embed import Embed
from core.analyses.fine_tune import FineTune, Snapshot, TunedCheckpoint
from core.analyses.goals import prepared
from core.analyses.trial import Trial
from core.analyses.weight_change import WeightChange
from core.data.load import load_sample
from core.errors import NotEnoughData, SpecInvalid
from core.jobs import run as running
from core.keys import to_json
from core.lab import Lab
from core.maths.trees import best_tree
from core.models import tuning
from core.models.changes import Changes, changes_file
from core.models.checkpoints import locate
from core.models.heads import AnswerHead, LabelHead, NumberHead, TreeHead
from core.models.sources import Source
from core.models.tuning import answer, tuned_model
from core.models.weights import block_of, read_tensors, stored_tensors
from core.refs import Folder, Packaged, Sample, Suite, Surgery, TableFile
from core.settings import Settings
from core.store.artifacts import Store
from tests.faults import python, says, tiny
from tests.small import SAMPLE, TUNE


def weights(spec: FineTune | Snapshot | Compress, result: TunedCheckpoint) -> dict[str, np.ndarray]:
    """All backbone tensors."""
    inputs = {"here.run": result, "here": result}
    tensors = read_tensors(source_of(spec, inputs, "here"))
    return {name: tensors.get(name) for name in sorted(tensors.names())}


def test_the_same_recipe_gives_the_same_weights_and_another_seed_does_not(made: Lab, lab: Lab) -> None:
    first, again = weights(TUNE, made.run(TUNE)), weights(TUNE, lab.run(TUNE))
    assert first.keys() == again.keys()
    assert all((first[name] == again[name]).all() for name in first)
    other = TUNE.replace(seed=1)
    other_weights = weights(other, lab.run(other))
    assert any((first[name] != other_weights[name]).any() for name in first)


def test_the_learning_rate_rises_and_falls_in_a_line(lab: Lab) -> None:
    spec = TUNE.replace(epochs=2.5, warmup=0.2)  # 4 batches an epoch: 10 steps, 2 of warm-up
    result = lab.run(spec)
    assert result.n_steps == spec.n_steps == 10
    # A row holds the rate of the step it closes: 0, 1/2, 1, then down by eighths.
    expected = [spec.learning_rate * share for share in (0, 0.5, *np.linspace(1, 1 / 8, 8))]
    np.testing.assert_allclose(result.curve["learning_rate"], expected, rtol=1e-6)


def test_it_learns_what_the_labels_say(lab: Lab) -> None:
    spec = TUNE.replace(
        train=Sample(of=Suite(split="train"), n=400), dev=Sample(of=Suite(split="dev"), n=200), epochs=2
    )
    result = lab.run(spec)
    assert result.curve["loss"].iloc[-3:].mean() < result.curve["loss"].iloc[:3].mean()
    assert result.accuracy.low > result.majority
    assert result.labels == ("negative", "positive")
    moved = lab.run(WeightChange(base=Packaged(), tuned=spec))
    assert (np.asarray(moved.layers) > 0).all()
    same = lab.run(WeightChange(base=Packaged(), tuned=Packaged()))
    assert (np.asarray(same.layers) == 0).all()


def test_the_confusion_and_the_accuracy_are_those_of_the_answers(made: Lab) -> None:
    result = made.run(TUNE)
    answers = result.answers
    assert len(answers) == TUNE.dev.n
    assert result.confusion.sum() == len(answers)
    assert result.accuracy.value == pytest.approx((answers["gold"] == answers["guess"]).mean())
    assert np.trace(result.confusion) == (answers["gold"] == answers["guess"]).sum()
    gold = answers["gold"].value_counts()
    assert [gold.get(label, 0) for label in result.labels] == result.confusion.sum(axis=1).tolist()
    assert answers["confidence"].between(1 / len(result.labels), 1).all()


def test_words_are_tuned_one_label_a_word(lab: Lab) -> None:
    spec = TUNE.replace(unit="word", label="upos", learning_rate=3e-4, epochs=6)
    result = lab.run(spec)
    words = lab.run(Embed(checkpoint=Packaged(), sample=spec.dev))
    assert len(result.answers) == len(words.word)  # each word of the dev sentences once
    np.testing.assert_array_equal(result.answers["word"], words.word)
    assert result.accuracy.low > result.majority
    assert result.accuracy.n == len(result.answers)
    assert result.accuracy.n_groups <= spec.dev.n  # the interval is over sentences


def test_head_alone_leaves_the_encoder_and_stores_nothing_of_it(lab: Lab) -> None:
    spec = TUNE.replace(method="head", learning_rate=1e-2, epochs=4)
    result = lab.run(spec)
    start = read_tensors(Source(folder=source_of(Packaged(), {}, "").folder))
    assert all((tensor == start.get(name)).all() for name, tensor in weights(spec, result).items())
    assert {name.partition("/")[0] for name in Changes(changes_file(result.changes, None)).names()} == {"head"}
    assert result.n_bytes < 10_000
    assert result.curve["loss"].iloc[-1] < result.curve["loss"].iloc[0]


def test_adapters_change_queries_and_values_by_the_stated_rank(lab: Lab) -> None:
    spec = TUNE.replace(method="lora", rank=3, learning_rate=1e-3)
    result = lab.run(spec)
    start = read_tensors(Source(folder=source_of(Packaged(), {}, "").folder))
    changed = set()
    for name, tensor in weights(spec, result).items():
        difference = tensor - start.get(name)
        if difference.any():
            changed.add(name.split(".")[-2])
            assert np.linalg.matrix_rank(difference, tol=1e-5) <= 3
    assert changed == {"query", "value"}
    assert result.n_bytes < 300_000


def test_a_tuned_checkpoint_read_back_gives_the_answers_it_was_stored_with(lab: Lab) -> None:
    for spec in (TUNE, TUNE.replace(method="lora", learning_rate=1e-3)):
        result = lab.run(spec)
        head = LabelHead("sentence", result.labels)
        model, tokenizer = tuned_model(source_of(spec, {"x": result}, "x"), head, "cpu")
        again = answer(model, tokenizer, load_sample(spec.dev), head=head, longest=128, on_batch=lambda: None)
        np.testing.assert_allclose(again.confidence, result.answers["confidence"], atol=1e-4)


def test_snapshots_are_the_run_at_those_steps(lab: Lab) -> None:
    spec = TUNE.replace(snapshots=(0, 2, 4))
    result = lab.run(spec)
    assert [path.name for path in sorted(result.changes.iterdir())] == [
        "final.safetensors", "step-00000000.safetensors", "step-00000002.safetensors", "step-00000004.safetensors",
    ]  # fmt: skip
    base = lab.run(Embed(checkpoint=Packaged(), sample=SAMPLE))
    first = lab.run(Embed(checkpoint=Snapshot(run=spec, step=0), sample=SAMPLE))
    for before, after in zip(base.layers, first.layers, strict=True):
        np.testing.assert_array_equal(before, after)
    last = weights(Snapshot(run=spec, step=4), result)
    assert all((tensor == last[name]).all() for name, tensor in weights(spec, result).items())
    moved = [
        lab.run(WeightChange(base=Packaged(), tuned=Snapshot(run=spec, step=step))).layers[-1] for step in (0, 2, 4)
    ]
    assert moved[0] == 0 < moved[1] < moved[2]
    with pytest.raises(SpecInvalid, match="It keeps: 0, 2, 4"):
        Snapshot(run=spec, step=3)


def test_what_did_not_change_is_not_stored(lab: Lab) -> None:
    result = lab.run(TUNE)
    with safe_open(changes_file(result.changes, None), framework="pt") as file:
        rows = file.get_tensor("backbone/embeddings.word_embeddings.weight@rows")
        assert 0 < len(rows) < 5000
        assert len(rows) == len(torch.unique(rows))
    assert result.n_bytes < 0.6 * 90_000_000


def test_nothing_but_safetensors_is_kept_and_no_state_of_the_trainer(made: Lab) -> None:
    result = made.run(TUNE)
    assert {path.suffix for path in result.changes.rglob("*") if path.is_file()} == {".safetensors"}
    assert not (result.changes.parent / "trainer").exists()


def test_a_compressed_checkpoint_is_nearer_the_more_rank_it_keeps(lab: Lab) -> None:
    tuned = lab.run(TUNE)
    target = weights(TUNE, tuned)
    gaps, sizes = [], []
    for rank in (1, 8, 64):
        spec = Compress(of=TUNE, rank=rank)
        result = lab.run(spec)
        matrix = "encoder.layer.5.attention.self.query.weight"
        gaps.append(np.linalg.norm(weights(spec, result)[matrix] - target[matrix]))
        sizes.append(result.n_bytes)
        assert result.accuracy.n == TUNE.dev.n
    assert gaps[0] > gaps[1] > gaps[2]
    assert sizes[0] < sizes[1] < sizes[2] < tuned.n_bytes
    vectors = weights(spec, result)
    name = "encoder.layer.5.output.LayerNorm.weight"
    np.testing.assert_array_equal(vectors[name], target[name])


@pytest.fixture
def tiny_start(tmp_path: Path) -> Folder:
    """A BERT of three narrow blocks: its steps take milliseconds."""
    tiny("bert", tmp_path / "tiny")
    return Folder.at(tmp_path / "tiny")


KILLED = """
import os, signal, sys
from core.models import tuning
tuning._STATE_SECONDS = 0.0
kept = tuning._Watch.on_step_end
def step(self, args, state, control, **rest):
    kept(self, args, state, control, **rest)
    if state.global_step == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
tuning._Watch.on_step_end = step
import json
from core.keys import from_json
from core.lab import Lab
Lab(engine="none").run(from_json(json.loads(sys.argv[1])))
"""


TREE = {"goal": "tree", "unit": "word", "label": "relation", "head_rate": 3.0}


@pytest.mark.parametrize(
    ("method", "goal"), [("full", {}), ("head", {}), ("lora", {}), ("full", TREE), ("lora", TREE)],
    ids=["full", "head", "lora", "parser", "parser by lora"],
)  # fmt: skip
def test_a_killed_run_goes_on_bit_for_bit(
    tiny_start: Folder, tmp_path: Path, lab: Lab, method: str, goal: dict
) -> None:
    spec = TUNE.replace(
        checkpoint=tiny_start, method=method, snapshots=(2, 7), epochs=3, seed=3, learning_rate=1e-3, **goal
    )
    whole = Lab(Store(Settings(cache=tmp_path / "other", device="cpu")), engine="none")
    expected = whole.run(spec)
    for step in ("5", "9"):  # twice, the second time after having gone on
        ended = python("-c", KILLED, json.dumps(to_json(spec)), step)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        assert not lab.store.has(spec)
    left = list((lab.store.folder(spec) / "trainer").glob("checkpoint-*/whole.json"))
    assert [path.parent.name for path in left] == ["checkpoint-8"]
    result = lab.run(spec)
    for name in ("final.safetensors", "step-00000002.safetensors", "step-00000007.safetensors"):
        assert (result.changes / name).read_bytes() == (expected.changes / name).read_bytes(), name
    assert result.curve.equals(expected.curve)
    assert result.answers.equals(expected.answers)


CRAMPED = """
import json, resource, sys
from core.keys import from_json
from core.lab import Lab
from core.models import tuning
trained = tuning._train
def cramped(*arguments, **rest):
    held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + int(sys.argv[2]) * 2**20, resource.RLIM_INFINITY))
    try:
        return trained(*arguments, **rest)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
tuning._train = cramped
found = Lab(engine="none").run(from_json(json.loads(sys.argv[1])))
print(found.parts, found.curve["loss"].iloc[0])
"""


def test_a_batch_that_memory_does_not_do_for_is_cut_in_two_until_it_does(tiny_start: Folder, tmp_path: Path) -> None:
    table = tmp_path / "long.tsv"
    table.write_text("".join(f"{'good bad film ' * 20}{i}\t{i % 2}\n" for i in range(512)))
    long = Sample(of=TableFile.at(table, text="1", labels=("2",), label_names=("sentiment",)))
    spec = TUNE.replace(
        checkpoint=tiny_start, train=long, dev=long.replace(n=20), batch_size=512, max_pieces=64, epochs=2
    )
    ended = python("-c", CRAMPED, json.dumps(to_json(spec)), "300", cache=tmp_path / "cramped")
    assert ended.returncode == 0, ended.stderr
    parts, loss = ended.stdout.split()[-2:]
    assert int(parts) in (2, 4, 8, 16)
    assert float(loss) == pytest.approx(np.log(2), rel=0.2)  # of a whole batch, before the first step
    assert "tuning begins again with 256 examples at a time" in ended.stderr


def test_one_example_that_is_too_much_ends_the_halving_and_other_errors_end_at_once(tmp_path: Path) -> None:
    recipe, tried, state = prepared(TUNE.replace(batch_size=10)).lesson.recipe, [], tmp_path / "trainer"

    def too_much(parts: int) -> None:
        tried.append(parts)
        torch.empty(2**60)  # what no machine has

    with pytest.raises(SpecInvalid, match="Memory does not do for it"):
        tuning._within_memory(too_much, recipe, state)
    assert tried == [1, 2, 5, 10]  # 10, 5, 2 and 1 at a time: a batch stays ten

    def wrong(parts: int) -> None:
        tried.append(parts)
        torch.zeros(2) @ torch.zeros(3)

    with pytest.raises(RuntimeError, match="size"):
        tuning._within_memory(wrong, recipe, tmp_path)
    assert tried == [1, 2, 5, 10, 1]

    # A run that was cut off goes on as it was, and does not try again what memory did not do for.
    def killed(parts: int) -> None:
        tried.append(parts)
        if parts == 1:
            torch.empty(2**60)
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            tuning._within_memory(killed, recipe, tmp_path / "other")
    assert tried[5:] == [1, 2, 2]


def test_a_run_with_twenty_snapshots_of_adapters_takes_little_more_than_its_base(tiny_start: Folder, lab: Lab) -> None:
    spec = TUNE.replace(checkpoint=tiny_start, method="lora", epochs=6, snapshots=tuple(range(20)))
    result = lab.run(spec)
    base = sum(file.stat().st_size for file in Path(tiny_start.path).glob("*.safetensors"))
    kept = list(result.changes.iterdir())
    assert len(kept) == 21
    assert base + sum(file.stat().st_size for file in kept) <= 1.1 * base


def test_a_state_cut_off_while_it_was_saved_is_not_used(tiny_start: Folder, lab: Lab) -> None:
    spec = TUNE.replace(checkpoint=tiny_start)
    torn = lab.store.folder(spec) / "trainer" / "checkpoint-3"
    torn.mkdir(parents=True)
    (torn / "optimizer.pt").write_bytes(b"torn")
    assert lab.run(spec).n_steps == 4


def test_a_planted_pickle_in_a_runs_state_is_not_run(tiny_start: Folder, tmp_path: Path, lab: Lab) -> None:
    spec = TUNE.replace(checkpoint=tiny_start, epochs=3)
    mark = tmp_path / "ran"

    class Bomb:
        def __reduce__(self):
            return (open, (str(mark), "w"))

    def plant() -> Path:
        python("-c", KILLED, json.dumps(to_json(spec)), "5")
        (state,) = (lab.store.folder(spec) / "trainer").glob("checkpoint-*")
        (state / "optimizer.pt").write_bytes(pickle.dumps(Bomb()))
        return state

    state = plant()
    (state / "whole.json").write_text(json.dumps(tuning._sums(state)))  # whoever plants may know the checksum
    with pytest.raises(pickle.UnpicklingError):
        lab.run(spec)
    lab.discard(spec)
    plant()  # without it, the state counts as damaged and the run begins anew
    assert lab.run(spec).n_steps == spec.n_steps
    assert not mark.exists()


FAMILIES = ("bert", "roberta", "gpt2", "distilbert", "albert", "gpt_neox")


def family(name: str, into: Path) -> Folder:
    """A tiny checkpoint of a family, saved bare as AutoModel does; BERT without its pooler, as many are."""
    import transformers
    from transformers import AutoModel, AutoTokenizer

    if name in ("bert", "roberta", "gpt2"):
        tiny(name, into)
    else:
        tokenizer = AutoTokenizer.from_pretrained(locate(Packaged()))
        shape = {
            "distilbert": ("DistilBertConfig", {"dim": 32, "n_layers": 3, "n_heads": 4, "hidden_dim": 64}),
            "albert": (
                "AlbertConfig",
                {"hidden_size": 32, "embedding_size": 16, "num_hidden_layers": 3, "num_attention_heads": 4}
                | {"intermediate_size": 64, "num_hidden_groups": 3},
            ),
            "gpt_neox": (
                "GPTNeoXConfig",
                {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64},
            ),
        }[name]
        config = getattr(transformers, shape[0])(vocab_size=len(tokenizer), pad_token_id=0, **shape[1])
        torch.manual_seed(0)
        AutoModel.from_config(config).save_pretrained(into)
        tokenizer.save_pretrained(into)
    if name == "bert":
        file = into / "model.safetensors"
        save_file({key: tensor for key, tensor in load_file(file).items() if "pooler" not in key}, file)
    return Folder.at(into)


HEADS = {
    "sentence": LabelHead("sentence", ("a", "b")),
    "word": LabelHead("word", ("a", "b")),
    "number": NumberHead(mean=2.0, spread=3.0),
    "tree": TreeHead(("a", "b", "c"), best_tree),
    "answer": AnswerHead("both"),
}


@pytest.mark.parametrize("unit", list(HEADS))
@pytest.mark.parametrize("method", ["full", "head", "lora"])
@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_kept_is_the_model_that_was_tuned_in_every_family(
    tmp_path: Path, name: str, method: str, unit: str
) -> None:
    folder = Path(family(name, tmp_path / "start").path)
    out = tmp_path / "final.safetensors"
    head = HEADS[unit]
    model = head.fresh(folder).eval()
    recipe = tuning.Recipe(
        method=method, rank=2, n_steps=1, learning_rate=1, head_rate=1, batch_size=1, warmup=0, weight_decay=0,
        max_pieces=32, seed=0, snapshots=(),
    )  # fmt: skip
    stored = set(stored_tensors(folder))
    tuning.hold_still(model, recipe, stored)
    keeper = tuning.Keeper(model, recipe, stored)
    model.eval()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    with torch.no_grad():
        for parameter in trained:
            parameter.add_(0.1 * torch.randn_like(parameter))
    keeper.write(out)
    again, tokenizer = tuned_model(Source(folder=folder, changes=out), head, "cpu")
    inputs = tokenizer("the film was unbelievably good", return_tensors="pt", padding=False)
    asked = {"begins": torch.tensor([[0, 1, 3]])} if head.asks({0: 0}, 1) else {}
    with torch.inference_mode():
        expected, got = (
            one(input_ids=inputs["input_ids"], attention_mask=torch.ones_like(inputs["input_ids"]), **asked).logits
            for one in (model, again)
        )
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)
    # And read tensor by tensor, for the weights page, they are the same again.
    start, changed = read_tensors(Source(folder=folder)), read_tensors(Source(folder=folder, changes=out))
    moved = {block_of(key) is not None for key in start.names() if (start.get(key) != changed.get(key)).any()}
    assert moved == {"full": {True, False}, "head": set(), "lora": {True}}[method]


@pytest.mark.parametrize("unit", list(HEADS))
@pytest.mark.parametrize("name", [*FAMILIES, "xlnet", "llama"])
def test_what_a_head_says_of_a_text_does_not_depend_on_what_is_read_beside_it(
    tmp_path: Path, name: str, unit: str
) -> None:
    from tests.golden.test_families import CONFIGS
    from tests.golden.test_families import made as made_of

    if name in FAMILIES:
        folder = Path(family(name, tmp_path / "start").path)
    else:
        assert name in CONFIGS
        made_of(name, tmp_path / "start")
        folder = tmp_path / "start"
    head = HEADS[unit]
    torch.manual_seed(0)
    model, tokenizer = tuned_model(Source(folder=folder), head, "cpu")
    examples = load_sample(Sample(of=Suite(split="dev"), n=12))
    together = answer(model, tokenizer, examples, head=head, longest=64, on_batch=lambda: None)
    for row in (0, 5, 11):
        alone = answer(model, tokenizer, examples.pick([row]), head=head, longest=64, on_batch=lambda: None)
        mine = together.example == row
        np.testing.assert_array_equal(together.word[mine], alone.word)
        np.testing.assert_allclose(together.log_shares[mine], alone.log_shares, atol=2e-4)
        np.testing.assert_allclose(together.confidence[mine], alone.confidence, atol=2e-4)
        for name_, values in alone.beside.items():
            np.testing.assert_allclose(together.beside[name_][mine], values, atol=2e-3)


def test_the_loss_curve_can_be_watched_while_it_grows(
    tiny_start: Folder, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = TUNE.replace(checkpoint=tiny_start, epochs=3)
    seen: list[int] = []

    def watch(done: int, total: int, note: str) -> None:
        curve = lab.live(spec, "curve")
        seen.append(0 if curve is None else len(curve))

    monkeypatch.setattr(running, "_REPORT_SECONDS", 0.0)
    flag = tmp_path / "never"
    running.compute_artifact(spec, lab.store, cancel_flag=flag, report=watch)
    assert seen[0] == 0
    assert max(seen) >= 10
    assert seen == sorted(seen)
    assert lab.live(spec, "curve") is None  # what is done is read from the result


def test_a_run_that_diverges_is_named(lab: Lab) -> None:
    with pytest.raises(SpecInvalid) as problem:
        lab.run(TUNE.replace(learning_rate=0.99, epochs=20, warmup=0.0, batch_size=64))
    assert "diverged" in str(problem.value)
    assert "Lower the learning rate" in str(problem.value)


def test_a_loss_that_is_no_number_from_the_start_is_laid_to_the_checkpoint_and_later_to_the_learning_rate(
    tiny_start: Folder, lab: Lab
) -> None:
    (file,) = Path(tiny_start.path).glob("*.safetensors")
    tensors = load_file(file)
    tensors["encoder.layer.1.attention.self.query.weight"][0, 0] = float("nan")
    save_file(tensors, file, metadata={"format": "pt"})
    broken = TUNE.replace(checkpoint=Folder.at(tiny_start.path))
    with pytest.raises(SpecInvalid) as problem:
        lab.run(broken)
    says(problem, "first loss is no number", "weights of the checkpoint", "Take another checkpoint")
    assert lab.store.listing() == {}
    assert not lab.store.has(broken)


def test_dev_labels_that_training_never_sees_are_named(tiny_start: Folder, tmp_path: Path, lab: Lab) -> None:
    sides = {}
    for side, labels in (("train", ("good", "bad")), ("dev", ("good", "odd"))):
        file = tmp_path / f"{side}.tsv"
        file.write_text("".join(f"sentence number {i} here\t{labels[i % 2]}\n" for i in range(20)))
        sides[side] = Sample(of=TableFile.at(file, labels=("2",)))
    with pytest.raises(NotEnoughData) as problem:
        lab.run(FineTune(checkpoint=tiny_start, label="label", epochs=1, **sides))
    says(problem, "never sees: odd", "Take more training examples, or another dev file")


def test_a_window_beyond_the_network_is_named_before_any_step(tiny_start: Folder, lab: Lab) -> None:
    trial = Trial(of=TUNE.replace(checkpoint=tiny_start), surgery=Surgery(reset=(2, 3)))
    with pytest.raises(SpecInvalid) as problem:
        lab.run(trial)
    says(problem, "It has 3 blocks", "reset (2, 3)", "Name blocks that are there")
    assert lab.store.listing() == {}


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 0}, {"learning_rate": -1}, {"learning_rate": 0}, {"learning_rate": 10}, {"learning_rate": float("nan")},
        {"batch_size": 0}, {"warmup": 1}, {"rank": 0}, {"snapshots": (3, 2)}, {"epochs": float("inf")},
    ],
)  # fmt: skip
def test_a_recipe_out_of_range_is_refused_at_once(change: dict[str, float]) -> None:
    with pytest.raises(SpecInvalid) as problem:
        TUNE.replace(**change)
    assert next(iter(change)) in str(problem.value)
    given = next(iter(change.values()))
    if isinstance(given, float | int):
        asked, found, do = problem.value.asked, problem.value.found, problem.value.do
        assert str(given) in asked
        assert ("no finite number" if not np.isfinite(given) else "Out of range") in found
        assert "usual" in do or "Expected float" in do


def test_an_unknown_label_is_named_with_the_known_ones(lab: Lab) -> None:
    with pytest.raises(SpecInvalid, match="sentiment"):
        lab.run(TUNE.replace(label="weather"))
