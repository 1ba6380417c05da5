"""What a tuned checkpoint's head says of each sentence or word of a text, and how sure it is."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from core.analyses.base import Run
from core.analyses.checkpoint import origin, run_of, source_of
from core.analyses.compress import Compress
from core.analyses.fine_tune import FineTune, Snapshot, TunedCheckpoint
from core.analyses.graft import Graft
from core.analyses.places import PLACE, whole_texts
from core.data.examples import Examples
from core.data.load import load_sample, sample_size
from core.errors import SpecInvalid
from core.keys import Result, Spec
from core.models.checkpoints import locate
from core.refs import Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

    from core.models.tuning import Answers

Head = FineTune | Snapshot | Compress | Graft


@dataclass(frozen=True, kw_only=True)
class HeadAnswers(Spec, kind="head_answers"):
    """The head reads a sample."""

    title: ClassVar[str] = "What the head says"
    sources: ClassVar[tuple[str, ...]] = ("Devlin et al. 2019 on heads",)
    seconds_per_unit: ClassVar[float] = 8e-3

    checkpoint: Head
    sample: Sample

    def validate(self) -> None:
        refuse_others(self.checkpoint)

    def cost(self) -> tuple[float, float]:
        """Work in sentences; a row for each, or for each word."""
        return float(sample_size(self.sample)), 100.0 * sample_size(self.sample)


@dataclass(frozen=True, kw_only=True)
class HeadSaid(Result):
    """The head's answers, in reading order."""

    labels: tuple[str, ...]
    """That it can give."""
    rows: pd.DataFrame
    """sentence (the whole example, as places.whole_texts), place (of the word in it, from 1; 0 where the head answers for all of
    it), guess (a label), confidence (softmax of its score, 0 to 1)."""


def compute(spec: HeadAnswers, inputs: dict[str, Any], run: Run) -> HeadSaid:
    """Let the head answer."""
    examples = load_sample(spec.sample)
    labels = head_labels(spec.checkpoint, inputs, "checkpoint")
    run.step(0, 1, "answers")
    said = answers_of(spec.checkpoint, inputs, "checkpoint", examples, run)
    run.step(1, 1, "answers")
    whole = whole_texts(examples)
    rows = pd.DataFrame(
        {
            "sentence": [whole[i] for i in said.example.tolist()],
            PLACE: said.word.astype(np.int32) + 1,
            "guess": [labels[i] for i in said.guess.tolist()],
            "confidence": said.confidence.astype(np.float32),
        }
    )
    return HeadSaid(labels=labels, rows=rows)


def head_labels(ref: Head, inputs: dict[str, Any], name: str) -> tuple[str, ...]:
    """Label names in a head's order. Args: what computed inputs hold of the checkpoint under the field's name."""
    found: TunedCheckpoint = inputs[f"{name}.run" if isinstance(ref, Snapshot) else name]
    return found.labels


def answers_of(ref: Head, inputs: dict[str, Any], name: str, examples: Examples, run: Run) -> "Answers":
    """What a head says of examples; run is asked after each batch whether to stop."""
    _, says = speaker(ref, inputs, name, run)
    return says(examples)


def speaker(
    ref: Head, inputs: dict[str, Any], name: str, run: Run
) -> "tuple[PreTrainedModel, Callable[[Examples], Answers]]":
    """A model with its head, loaded once, and how it is asked; run is asked after each batch whether to stop."""
    from core.models.heads import LabelHead
    from core.models.tuning import answer, longest_input, tuned_model

    tuning = run_of(ref)
    assert tuning is not None
    head = LabelHead(tuning.unit, head_labels(ref, inputs, name))
    model, tokenizer = tuned_model(source_of(ref, inputs, name), head, run.device)
    longest = longest_input(locate(origin(ref)), tuning.max_pieces)
    return model, lambda examples: answer(model, tokenizer, examples, head=head, longest=longest, on_batch=run.check)


def refuse_others(ref: Head) -> None:
    """Raise SpecInvalid for a head that gives no labels."""
    tuning = run_of(ref)
    if tuning is not None and tuning.goal != "label":
        raise SpecInvalid(
            "Asking a head for labels.", f"It was tuned to give a {tuning.goal}.", "Choose a run tuned on labels."
        )
