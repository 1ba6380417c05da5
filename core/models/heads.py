"""Heads: what a network is taught to say of a text, and how what it says is read.

A head knows four things: the model to tune (a backbone and itself), what it needs of an example besides the pieces, what
it is taught of it, and what its scores mean. Four are here: a label for a text or each word, a number for a text, a tree over
its words, and the words of it that answer a question.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel, AutoModelForSequenceClassification, AutoModelForTokenClassification
from transformers.modeling_outputs import ModelOutput

from core.models.checkpoints import load_weights
from core.models.opened import opened
from core.models.pieces import NO_WORD

IGNORED = -100
"""Target of a piece or word that is not taught."""
NOWHERE = -1
"""Place of the first piece of a word that a batch does not have."""
LONGEST_ANSWER = 30
"""Words of the longest answer."""
Side = Literal["both", "first", "second"]
"""Texts of a pair."""
Begins = Mapping[int, int]
"""Word of an example -> place of its first piece among the example's pieces; words cut off or without pieces are not there."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a head says of one example; a row for all of it, or one a word."""

    word: NDArray[np.int64]
    """Word of each row [rows]; NO_WORD where a row is for all of the example."""
    confidence: NDArray[np.float64]
    """The probability that the head gives its answer, 0 to 1 [rows]; NaN where it gives none."""
    log_shares: NDArray[np.float64]
    """Natural logarithms of the probabilities of all labels [rows, n_labels]; no column where there are no labels."""
    beside: Mapping[str, NDArray[np.float64] | NDArray[np.int64]] = field(default_factory=dict)
    """"value" [rows] of numbers; "head" [rows] of trees (word from 1, 0 = root); "start" and "end" [rows] of answers (words)."""


class Head(Protocol):
    """What one kind of head does."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names in index order; empty where it gives none."""

    @property
    def side(self) -> Side:
        """Whose words it reads."""

    @property
    def even_loss(self) -> float:
        """The loss of guessing evenly, roughly: what is many times that is no learning."""

    def fresh(self, checkpoint: Path) -> nn.Module:
        """The checkpoint with a head drawn by torch's own random numbers; calling it gives an output with `loss` and `logits`."""

    def asks(self, begins: Begins, n_pieces: int) -> dict[str, Any]:
        """What the model needs of an example besides its pieces: numbers, or lists of whole numbers."""

    def taught(self, begins: Begins, n_pieces: int, target: Any) -> dict[str, Any] | None:
        """What the model is to learn of an example; None where nothing is left of it."""

    def reads(self, model: nn.Module, output: Any, rows: Sequence[Begins]) -> list[Said]:
        """What the scores of a batch mean, example by example."""


@dataclass(frozen=True)
class LabelHead:
    """One of several labels for all of a text, or for each word at its first piece: transformers' own heads."""

    unit: Literal["sentence", "word"]
    labels: tuple[str, ...]
    side: ClassVar[Side] = "both"

    @property
    def even_loss(self) -> float:
        """As in Head."""
        return math.log(len(self.labels))

    def fresh(self, checkpoint: Path) -> nn.Module:
        """As in Head."""
        auto = AutoModelForTokenClassification if self.unit == "word" else AutoModelForSequenceClassification
        return _loaded(
            auto,
            checkpoint,
            num_labels=len(self.labels),
            id2label=dict(enumerate(self.labels)),
            label2id={label: i for i, label in enumerate(self.labels)},
        )

    def asks(self, begins: Begins, n_pieces: int) -> dict[str, Any]:
        """As in Head."""
        return {}

    def taught(self, begins: Begins, n_pieces: int, target: int | Sequence[int]) -> dict[str, Any] | None:
        """As in Head. Args: target: index of the label, or of each word's; IGNORED = none."""
        if isinstance(target, int):
            return {"labels": target}
        labels = [IGNORED] * n_pieces
        for word, place in begins.items():
            labels[place] = target[word]
        # Cut off beyond its annotated words, a sentence has nothing to teach; alone in a batch it would have no loss.
        return {"labels": labels} if set(labels) != {IGNORED} else None

    def reads(self, model: nn.Module, output: Any, rows: Sequence[Begins]) -> list[Said]:
        """As in Head."""
        found = []
        for begins, scores in zip(rows, output.logits.float().cpu(), strict=True):
            own = scores[list(begins.values())] if self.unit == "word" else scores[None]
            word = list(begins) if self.unit == "word" else [NO_WORD]
            shares = own.double().log_softmax(-1).numpy()
            sure = own.softmax(-1).max(-1).values.double().numpy()
            found.append(Said(word=np.array(word, dtype=np.int64), confidence=sure, log_shares=shares))
        return found


@dataclass(frozen=True)
class NumberHead:
    """A real number for all of a text: transformers' head for one label, by its squared error."""

    mean: float
    spread: float
    """Mean and standard deviation of the numbers to learn; the head sees numbers of mean 0 and spread 1."""
    furthest: float = 1.0
    """How far the furthest number lies from the mean, in spreads."""
    labels: tuple[str, ...] = ()
    side: ClassVar[Side] = "both"

    @property
    def even_loss(self) -> float:
        """As in Head: the squared error of always saying the mean, of the hardest batch: a few numbers may lie far out."""
        return max(1.0, self.furthest**2)

    def fresh(self, checkpoint: Path) -> nn.Module:
        """As in Head."""
        return _loaded(AutoModelForSequenceClassification, checkpoint, num_labels=1, problem_type="regression")

    def asks(self, begins: Begins, n_pieces: int) -> dict[str, Any]:
        """As in Head."""
        return {}

    def taught(self, begins: Begins, n_pieces: int, target: float) -> dict[str, Any] | None:
        """As in Head. Args: target: the number."""
        return {"labels": (target - self.mean) / self.spread}

    def reads(self, model: nn.Module, output: Any, rows: Sequence[Begins]) -> list[Said]:
        """As in Head."""
        values = output.logits.double().cpu().numpy().reshape(-1) * self.spread + self.mean
        return [
            Said(
                word=np.array([NO_WORD], dtype=np.int64),
                confidence=np.array([np.nan]),
                log_shares=np.zeros((1, 0)),
                beside={"value": np.array([value])},
            )
            for value in values
        ]


@dataclass(frozen=True)
class TreeHead:
    """A tree over the words and a relation for each: deep biaffine attention (Dozat and Manning 2017) on first pieces."""

    labels: tuple[str, ...]
    """Names of the relations."""
    best: Callable[[NDArray[np.float64]], NDArray[np.int64]]
    """The heads of the best tree, given scores [n, n + 1] of each word hanging on each, root first (core.maths.trees)."""
    side: ClassVar[Side] = "both"

    @property
    def even_loss(self) -> float:
        """As in Head: a head among some twenty words, and a relation."""
        return math.log(20) + math.log(max(2, len(self.labels)))

    def fresh(self, checkpoint: Path) -> nn.Module:
        """As in Head."""
        backbone = _loaded(AutoModel, checkpoint)
        return OverWords(backbone, Biaffine(int(backbone.config.hidden_size), len(self.labels)))

    def asks(self, begins: Begins, n_pieces: int) -> dict[str, Any]:
        """As in Head."""
        return {"begins": list(begins.values())}

    def taught(
        self, begins: Begins, n_pieces: int, target: tuple[Sequence[int], Sequence[int]]
    ) -> dict[str, Any] | None:
        """As in Head. Args: target: head of each word (1-based, 0 = root), index of its relation (IGNORED = none)."""
        heads, relations = target
        place = {word: at for at, word in enumerate(begins, start=1)}
        # A word whose head was cut off, or has no pieces, cannot be taught to hang on it.
        own = [0 if heads[word] == 0 else place.get(heads[word] - 1, IGNORED) for word in begins]
        if set(own) <= {IGNORED}:
            return None
        kinds = [relations[word] if head != IGNORED else IGNORED for word, head in zip(begins, own, strict=True)]
        return {"begins": list(begins.values()), "heads": own, "relations": kinds}

    def reads(self, model: nn.Module, output: Any, rows: Sequence[Begins]) -> list[Said]:
        """As in Head: the best tree, and of each of its edges the best relation."""
        arcs = output.logits.float().log_softmax(-1)
        chosen = torch.zeros(arcs.shape[:2], dtype=torch.long)
        for row, begins in enumerate(rows):
            n = len(begins)
            if n:
                chosen[row, :n] = torch.from_numpy(self.best(arcs[row, :n, : n + 1].double().cpu().numpy()))
        assert isinstance(model.head, Biaffine)
        relations = model.head.relations(output.words, chosen.to(arcs.device)).float().log_softmax(-1).double().cpu()
        on_arc = arcs.double().cpu().gather(-1, chosen[..., None])[..., 0]
        found = []
        for row, begins in enumerate(rows):
            words, n = np.array(list(begins), dtype=np.int64), len(begins)
            heads = chosen[row, :n].numpy()
            shares = relations[row, :n].numpy()
            found.append(
                Said(
                    word=words,
                    confidence=np.exp(on_arc[row, :n].numpy() + shares.max(-1)) if n else np.zeros(0),
                    log_shares=shares,
                    # Back from places among the words that are there to words of the example.
                    beside={"head": np.concatenate([[0], words + 1])[heads].astype(np.int64)},
                )
            )
        return found


@dataclass(frozen=True)
class AnswerHead:
    """The words of a text that answer a question about it: a first and a last one (Rajpurkar et al. 2016; Devlin et al. 2019)."""

    side: Side
    """Which of the two texts holds the answer; the other asks."""
    labels: tuple[str, ...] = ()

    @property
    def even_loss(self) -> float:
        """As in Head: two ends among some twenty words."""
        return math.log(20)

    def fresh(self, checkpoint: Path) -> nn.Module:
        """As in Head."""
        backbone = _loaded(AutoModel, checkpoint)
        return OverWords(backbone, Ends(int(backbone.config.hidden_size)))

    def asks(self, begins: Begins, n_pieces: int) -> dict[str, Any]:
        """As in Head."""
        return {"begins": list(begins.values())}

    def taught(self, begins: Begins, n_pieces: int, target: tuple[int, int] | None) -> dict[str, Any] | None:
        """As in Head. Args: target: words [start, end) of the answer; None = there is none."""
        place = {word: at for at, word in enumerate(begins)}
        if target is None or target[0] not in place or target[1] - 1 not in place:
            return None
        return {"begins": list(begins.values()), "first": place[target[0]], "last": place[target[1] - 1]}

    def reads(self, model: nn.Module, output: Any, rows: Sequence[Begins]) -> list[Said]:
        """As in Head: the best of all runs of up to LONGEST_ANSWER words."""
        ends = output.logits.double().cpu().numpy()
        found = []
        for begins, scores in zip(rows, ends, strict=True):
            words, n = np.array(list(begins), dtype=np.int64), len(begins)
            start = end = 0
            sure = np.nan
            if n:
                both = scores[:n, :1] + scores[:n, 1][None, :]
                length = np.arange(n)[None, :] - np.arange(n)[:, None]
                both[(length < 0) | (length >= LONGEST_ANSWER)] = -np.inf
                first, last = np.unravel_index(both.argmax(), both.shape)
                sure = 1 / np.exp(both - both.max()).sum()
                start, end = int(words[first]), int(words[last]) + 1
            found.append(
                Said(
                    word=np.array([NO_WORD], dtype=np.int64),
                    confidence=np.array([sure]),
                    log_shares=np.zeros((1, 0)),
                    beside={"start": np.array([start]), "end": np.array([end])},
                )
            )
        return found


@dataclass
class WordScores(ModelOutput):
    """What a model over words gives."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    words: Tensor | None = None
    """States of the words, at their first pieces [batch, words, width]."""


class OverWords(nn.Module):
    """A backbone, and a head that reads the states of words at their first pieces."""

    base_model_prefix = "backbone"

    def __init__(self, backbone: Any, head: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    @property
    def base_model(self) -> Any:
        """The backbone."""
        return self.backbone

    @property
    def config(self) -> Any:
        """Of the backbone."""
        return self.backbone.config

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.backbone.device

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        begins: Tensor,
        token_type_ids: Tensor | None = None,
        heads: Tensor | None = None,
        relations: Tensor | None = None,
        first: Tensor | None = None,
        last: Tensor | None = None,
    ) -> WordScores:
        """Scores over words, and with targets a loss. Args: begins: places of first pieces [batch, words], NOWHERE = no word."""
        kinds = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        states = self.backbone(input_ids=input_ids, attention_mask=attention_mask, **kinds).last_hidden_state
        places = begins.clamp(min=0)[..., None].expand(-1, -1, states.shape[-1])
        words = states.gather(1, places)
        scores, loss = self.head(words, begins != NOWHERE, heads=heads, relations=relations, first=first, last=last)
        return WordScores(loss=loss, logits=scores, words=words)


class Biaffine(nn.Module):
    """Scores of every word hanging on every other, and of the relation by which it does."""

    def __init__(self, width: int, n_relations: int, *, of_arcs: int = 256, of_relations: int = 128) -> None:
        super().__init__()
        self.root = nn.Parameter(torch.randn(width) * 0.02)
        self.below, self.above = nn.Linear(width, of_arcs), nn.Linear(width, of_arcs)
        self.kind_below, self.kind_above = nn.Linear(width, of_relations), nn.Linear(width, of_relations)
        # One more row than there are inputs stands for a bias.
        self.arc = nn.Parameter(torch.randn(of_arcs + 1, of_arcs) / of_arcs)
        self.kind = nn.Parameter(torch.randn(n_relations, of_relations + 1, of_relations + 1) / of_relations)
        self.dropout = nn.Dropout(0.33)

    def forward(
        self,
        words: Tensor,
        is_word: Tensor,
        *,
        heads: Tensor | None = None,
        relations: Tensor | None = None,
        **_: Tensor | None,
    ) -> tuple[Tensor, Tensor | None]:
        """Scores [batch, words, 1 + words] of the heads of words, root first, and the loss where heads are given."""
        below = _with_one(self._state(self.below, words))
        above = self._state(self.above, self._rooted(words))
        scores = below @ self.arc @ above.transpose(1, 2)
        scores = scores.masked_fill(~functional.pad(is_word, (1, 0), value=True)[:, None, :], -1e9)
        if heads is None or relations is None:
            return scores, None
        of_arcs = functional.cross_entropy(scores.flatten(0, 1), heads.flatten(), ignore_index=IGNORED)
        kinds = self.relations(words, heads.clamp(min=0)).flatten(0, 1)
        taught = relations.flatten()
        # A batch may have no relation to learn: its mean over nothing would be no number.
        of_kinds = functional.cross_entropy(kinds, taught, ignore_index=IGNORED) if (taught != IGNORED).any() else 0.0
        return scores, of_arcs + of_kinds

    def relations(self, words: Tensor, heads: Tensor) -> Tensor:
        """Scores [batch, words, relations] of each word's relation to its head. Args: heads: [batch, words], 0 = root."""
        rooted = self._rooted(words)
        own = rooted.gather(1, heads[..., None].expand(-1, -1, rooted.shape[-1]))
        below, above = (
            _with_one(self._state(part, states)) for part, states in ((self.kind_below, words), (self.kind_above, own))
        )
        return torch.einsum("bwi,rij,bwj->bwr", below, self.kind, above)

    def _rooted(self, words: Tensor) -> Tensor:
        return torch.cat([self.root.expand(len(words), 1, -1), words], dim=1)

    def _state(self, part: nn.Module, states: Tensor) -> Tensor:
        return self.dropout(functional.leaky_relu(part(states), 0.1))


class Ends(nn.Module):
    """Scores of every word to be the first, or the last, of an answer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ends = nn.Linear(width, 2)
        nn.init.normal_(self.ends.weight, std=0.02)
        nn.init.zeros_(self.ends.bias)

    def forward(
        self,
        words: Tensor,
        is_word: Tensor,
        *,
        first: Tensor | None = None,
        last: Tensor | None = None,
        **_: Tensor | None,
    ) -> tuple[Tensor, Tensor | None]:
        """Scores [batch, words, 2], and the loss where the ends are given."""
        scores = self.ends(words).masked_fill(~is_word[..., None], -1e9)
        if first is None or last is None:
            return scores, None
        both = (functional.cross_entropy(scores[..., at], end) for at, end in ((0, first), (1, last)))
        return scores, sum(both) / 2  # type: ignore[return-value]


def _loaded(auto: Any, checkpoint: Path, **settings: Any) -> Any:
    """As load_weights, from files that are opened once for all runs from this start."""
    return load_weights(auto, checkpoint, tensors=lambda: opened(checkpoint).weights(), **settings)


def _with_one(states: Tensor) -> Tensor:
    return functional.pad(states, (0, 1), value=1.0)
