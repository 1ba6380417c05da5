"""What runs of one process share of their base: opened once, cut once, and no run sees another."""

import gc
import shutil
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForSequenceClassification, AutoModelForTokenClassification

from core.analyses.experiments import BY_NAME, grid
from core.analyses.fine_tune import FineTune
from core.analyses.trial import TrialScores
from core.data.load import load_sample
from core.lab import Lab
from core.models import weights
from core.models.checkpoints import load_tokenizer, load_weights, locate
from core.models.opened import forget, opened
from core.models.pieces import tokenise
from core.refs import Packaged, Sample, Suite
from tests.golden.test_families import CONFIGS
from tests.golden.test_families import made as made_of
from tests.small import TUNE

RUN = TUNE.replace(train=TUNE.train.replace(n=32), dev=TUNE.dev.replace(n=16))
"""Two steps."""


@pytest.fixture(autouse=True)
def _nothing_open() -> Iterator[None]:
    forget()
    yield
    forget()


@dataclass
class Counted:
    """What the libraries were really asked for."""

    openings: int = 0
    """Of files of weights that lie with the base, and not of what a run wrote."""
    texts: int = 0
    """Cut into pieces."""


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Counts, and lets everything through."""
    found, base = Counted(), locate(Packaged())
    really_open, really_cut = safetensors.safe_open, transformers.PreTrainedTokenizerBase.__call__

    def opens(path: Any, *args: Any, **settings: Any) -> Any:
        found.openings += Path(path).parent == base
        return really_open(path, *args, **settings)

    def cuts(self: Any, text: list[str], *args: Any, **settings: Any) -> Any:
        found.texts += len(text)
        return really_cut(self, text, *args, **settings)

    for where in (safetensors, transformers.modeling_utils, weights):
        monkeypatch.setattr(where, "safe_open", opens)
    monkeypatch.setattr(transformers.PreTrainedTokenizerBase, "__call__", cuts)
    return found


def trials(lab: Lab, run: FineTune, *, alone: bool = False) -> list[TrialScores]:
    """Of a small grid, two places by two seeds, one after another as a worker computes them."""
    found = []
    for point in [one for one in grid(BY_NAME["Reinitialise from the top"], run, 6, 2) if one.at in ("4", "6")]:
        if alone:
            forget()
        found.append(lab.run(point.trial))
    return found


def test_a_grid_opens_its_base_once_and_cuts_each_set_of_texts_once(lab: Lab, counted: Counted) -> None:
    scores = trials(lab, RUN)
    assert len(scores) == 4
    assert counted.openings == 2  # once for the names of what is in it, once for that itself
    # Each of two seeds draws its own training examples; the dev examples are those of all.
    assert counted.texts == 2 * 32 + 16


def test_what_counts_sees_every_opening_and_cut_where_nothing_is_shared(lab: Lab, counted: Counted) -> None:
    trials(lab, RUN, alone=True)
    assert counted.openings == 4 * 2
    assert counted.texts == 4 * (32 + 16)


@pytest.mark.parametrize("method", ["full", "head"])
def test_a_trial_that_shares_says_the_same_to_the_bit_as_one_alone(lab: Lab, tmp_path: Path, method: Any) -> None:
    run = RUN.replace(method=method)
    shared = trials(lab, run)
    other = Lab(type(lab.store)(replace(lab.store.settings, cache=tmp_path / "other")), engine="none")
    for one, same in zip(shared, trials(other, run, alone=True), strict=True):
        assert one.answers.equals(same.answers)
        assert one.curve.equals(same.curve)
        assert one.score == same.score


def test_no_run_changes_what_the_next_begins_from(lab: Lab) -> None:
    folder = locate(Packaged())
    held = opened(folder)
    lab.run(RUN)
    lab.run(RUN.replace(method="lora"))
    assert opened(folder) is held
    for name, tensor in load_file(folder / "model.safetensors").items():
        assert torch.equal(held.weights()[name], tensor), name
    mine = held.weights()
    for tensor in mine.values():
        tensor.zero_()
    assert any(tensor.any() for tensor in held.weights().values())


AUTOS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "states": (AutoModel, {}),
    "sentences": (AutoModelForSequenceClassification, {"num_labels": 3, "id2label": {0: "a", 1: "b", 2: "c"}}),
    "numbers": (AutoModelForSequenceClassification, {"num_labels": 1, "problem_type": "regression"}),
    "words": (AutoModelForTokenClassification, {"num_labels": 5}),
}


@pytest.mark.parametrize("stored", [torch.float32, torch.float16], ids=str)
@pytest.mark.parametrize("family", [family for family in CONFIGS if family != "t5"])
def test_every_family_opens_to_the_same_weights_and_the_same_random_numbers(
    family: str, stored: torch.dtype, tmp_path: Path
) -> None:
    folder = tmp_path / "checkpoint"
    made_of(family, folder)
    (file,) = folder.glob("*.safetensors")
    save_file({name: one.to(stored) for name, one in load_file(file).items()}, file, metadata={"format": "pt"})
    for auto, settings in AUTOS.values():
        if type(transformers.AutoConfig.from_pretrained(folder)) not in auto._model_mapping:  # type: ignore[attr-defined]
            continue
        torch.manual_seed(4)
        plain, after = load_weights(auto, folder, **settings), torch.get_rng_state()
        torch.manual_seed(4)
        shared = load_weights(auto, folder, tensors=opened(folder).weights, **settings)
        assert torch.equal(torch.get_rng_state(), after)
        both = plain.state_dict(), shared.state_dict()
        assert list(both[0]) == list(both[1])
        for name, tensor in both[0].items():
            assert tensor.dtype == both[1][name].dtype
            assert torch.equal(tensor, both[1][name]), name
        one, other = (model.config.to_dict() | {"_name_or_path": ""} for model in (plain, shared))
        assert one == other


def test_a_base_that_was_written_over_is_opened_again_and_another_takes_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(locate(Packaged()), folder)
    before = opened(folder)
    name, first = next(iter(before.weights().items()))
    save_file(
        {one: tensor + 1 for one, tensor in before.weights().items() if tensor.is_floating_point()}
        | {one: tensor for one, tensor in before.weights().items() if not tensor.is_floating_point()},
        folder / "new",
        metadata={"format": "pt"},
    )
    (folder / "new").rename(folder / "model.safetensors")
    assert opened(folder) is not before
    assert not torch.equal(opened(folder).weights()[name], first)
    gone = weakref.ref(opened(folder))
    del before
    opened(locate(Packaged()))
    gc.collect()
    assert gone() is None


def test_pieces_are_those_of_the_texts_and_nobody_can_change_them() -> None:
    folder = locate(Packaged())
    examples, held = load_sample(Sample(of=Suite(split="dev"), n=20)), opened(folder)
    tokenizer = load_tokenizer(folder)
    for longest in (128, 8):
        cut, plain = held.pieces(tokenizer, examples, longest), tokenise(tokenizer, examples, max_pieces=longest)
        for name in ("ids", "word", "start", "was_cut"):
            assert np.array_equal(getattr(cut, name), getattr(plain, name))
            with pytest.raises(ValueError, match="read-only"):
                getattr(cut, name)[:] = 0
    # Whatever else is known of them, the same texts are the same pieces; divided into other words they are not.
    again = replace(examples, word_labels={}, sentence_labels={})
    assert held.pieces(tokenizer, again, 128) is held.pieces(tokenizer, examples, 128)
    whole = replace(again, spans=tuple(((0, len(text)),) for text in examples.texts), heads=None)
    assert set(held.pieces(tokenizer, whole, 128).word.tolist()) == {-1, 0}
    assert held.pieces(tokenizer, examples.pick(range(19)), 128).start[-1] < cut.start[-1] + len(cut.ids) * 100


def test_only_a_few_sets_of_texts_are_kept() -> None:
    folder = locate(Packaged())
    tokenizer, held = load_tokenizer(folder), opened(folder)
    sets = [load_sample(Sample(of=Suite(split="dev"), n=10, seed=seed)) for seed in range(6)]
    first = held.pieces(tokenizer, sets[0], 128)
    for one in sets[1:]:
        kept = held.pieces(tokenizer, one, 128)
    assert held.pieces(tokenizer, sets[-1], 128) is kept
    assert held.pieces(tokenizer, sets[0], 128) is not first
