"""A claim that is made beforehand, the test that it implies, and the verdict.

What is claimed is an effect that some analysis measures (core.analyses.quantities): at layers of one comparison, or of one
against another. Its artifact is named by what is claimed, so that whoever changes a claim makes another one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pandas as pd

from core.analyses.ablation import Ablation
from core.analyses.base import Run
from core.analyses.prediction import Prediction
from core.analyses.quantities import QUANTITIES, Measured, Quantity, embeds_of, quantity_of, rewritten
from core.analyses.similarity import LayerSimilarity, refuse_unequal_rows
from core.data.load import sample_size
from core.errors import IncompatibleRefs, NotEnoughData, SpecInvalid
from core.keys import Result, Spec
from core.maths import verdicts
from core.maths.verdicts import CANNOT_TELL as CANNOT_TELL
from core.maths.verdicts import CONTRADICTED as CONTRADICTED
from core.maths.verdicts import SUPPORTED as SUPPORTED
from core.maths.verdicts import Effect, Way
from core.refs import Sample

Over = Literal["mean", "all", "some"]
MEAN: Over = "mean"
ALL: Over = "all"
SOME: Over = "some"
"""How a claim speaks of several layers: of their mean, of every one, of at least one."""
PILOT_SENTENCES = 100
_PILOT_SEED = 97
"""Added to the sample's. Its sentences may be among the claim's own: of a pilot nothing but its noise is looked at."""
LEAST_OTHERS = 50
"""Sentences that were not read yet, below which a claim is not made again of others."""
_ASKED = "Making a claim."


@dataclass(frozen=True, kw_only=True)
class Claim(Spec, kind="claim"):
    """Hold a claim about an effect against its measurement: supported, contradicted, or cannot tell."""

    title: ClassVar[str] = "Claim"
    sources: ClassVar[tuple[str, ...]] = (
        "Schuirmann 1987 (two one-sided tests)",
        "Cohen 1988 on power",
        "Dunn 1961 (Bonferroni intervals)",
    )
    seconds_per_unit: ClassVar[float] = 0.05

    of: tuple[Measured, ...]
    """What measures the effect; several where runs differ by their seeds alone."""
    against: tuple[Measured, ...] = ()
    """What it is compared with: another tuning, another text, or the same at other layers; empty = with no effect."""
    layers: tuple[int, ...] = ()
    """Of the base, or places of an experiment counted from 0; empty where the effect has none."""
    against_layers: tuple[int, ...] = ()
    """Of what it is compared with."""
    over: Over = "mean"
    """How several layers are spoken of. Comparisons are of means."""
    way: Way = "more"
    least: float = 0.0
    """Smallest effect that matters, in the units of the analysis."""
    n_claims: int = 1
    """Claims that are judged together: each gets a wider interval (Bonferroni)."""

    def cites(self) -> tuple[str, ...]:
        """Whose procedure measures it, and the test's."""
        return tuple(dict.fromkeys((*self.of[0].cites(), *self.sources)))

    def validate(self) -> None:
        if not self.of:
            raise SpecInvalid(_ASKED, "It is about nothing.", "Choose what is measured.")
        if len({type(one) for one in (*self.of, *self.against)}) > 1:
            raise IncompatibleRefs(_ASKED, "It compares different kinds of measurement.", "Use one kind.")
        if self.of[0].kind == "similarity" and len({one.measure for one in (*self.of, *self.against)}) > 1:  # type: ignore[union-attr]
            raise IncompatibleRefs(_ASKED, "It compares different measures of similarity.", "Use one measure.")
        if not 1 <= self.n_claims <= 1000:
            raise SpecInvalid(_ASKED, f"{self.n_claims} claims judged together.", "Use 1 to 1,000.")
        verdicts.judge(Effect(0.0, 0.0, 1.0), self.way, self.least)
        self._validate_layers()
        self._validate_size()
        if self.against and (self.of, self.layers) == (self.against, self.against_layers):
            raise SpecInvalid(_ASKED, "It compares a thing with itself.", "Choose other layers, texts or tunings.")

    def _validate_size(self) -> None:
        quantity = self.quantity
        if quantity.is_never_less and not self.against and (self.way == "less" or not self.least):
            raise SpecInvalid(
                _ASKED, "The effect is a size, which is never below 0.", "Say from what size on it matters, above 0."
            )
        if self.least >= quantity.most:
            raise SpecInvalid(_ASKED, f"No effect is as large as {self.least:g}.", f"Use less than {quantity.most:g}.")

    def _validate_layers(self) -> None:
        has_layers = self.quantity.has_layers
        if has_layers != bool(self.layers):
            what = "has layers, and none is chosen" if has_layers else "has no layers, and some are chosen"
            raise SpecInvalid(_ASKED, f"The effect {what}.", "Choose layers where there are some.")
        if bool(self.against_layers) != bool(self.against and has_layers):
            raise SpecInvalid(_ASKED, "Of what it is compared with, layers are missing, or too many.", "Choose both.")
        for chosen in (self.layers, self.against_layers):
            if any(layer < 0 for layer in chosen) or len(set(chosen)) != len(chosen):
                raise SpecInvalid(_ASKED, f"The layers {chosen} are below 0 or twice there.", "Name each once.")
        if self.against and self.over != MEAN:
            raise SpecInvalid(_ASKED, "A comparison of every layer with others.", "Comparisons are of means.")

    @property
    def quantity(self) -> Quantity:
        """What is measured, in words."""
        return quantity_of(self.of[0])

    @property
    def is_of_layers(self) -> bool:
        """Whether both sides of a comparison are one measurement, at other layers."""
        return self.against == self.of

    @property
    def is_of_texts(self) -> bool:
        """Whether the two sides of a comparison read texts that share nothing."""
        sides = [{embed.sample.of for one in side for embed in embeds_of(one)} for side in (self.of, self.against)]
        return bool(self.against) and all(sides) and sides[0].isdisjoint(sides[1])

    def dependencies(self) -> dict[str, Spec]:
        """of.0, of.1 …, against.0 …"""
        found: dict[str, Spec] = {f"of.{at}": one for at, one in enumerate(self.of)}
        return found | {f"against.{at}": one for at, one in enumerate(self.against)}

    @property
    def pilot(self) -> "Claim | None":
        """The same claim on few sentences, for its noise; None where noise is not one of sentences, or there are no more."""
        if isinstance(self.of[0], Ablation | Prediction) or self.n_sentences <= PILOT_SENTENCES:
            return None
        return self._drawn(
            lambda sample: sample.replace(n=PILOT_SENTENCES, seed=sample.seed + _PILOT_SEED, apart_n=0, apart_seed=0)
        )

    @property
    def n_sentences(self) -> int:
        """That are read; 0 where none are. Raises DatasetNotFound, as reading them does."""
        return min((sample_size(one.sample) for spec in self.of for one in embeds_of(spec)), default=0)

    @property
    def of_others(self) -> "Claim | None":
        """The same claim on as many sentences none of which it read, or on those that are left; None where too few are."""
        samples = [one.sample for spec in (*self.of, *self.against) for one in embeds_of(spec)]
        if not samples or any(not one.n or one.apart_n for one in samples):
            return None
        left = min(sample_size(one.replace(n=0, strata="")) - one.n for one in samples)
        if left < LEAST_OTHERS:
            return None
        return self._drawn(
            lambda sample: sample.replace(
                n=min(sample.n, left), seed=sample.seed + 1, apart_n=sample.n, apart_seed=sample.seed
            )
        )

    def _drawn(self, change: Callable[[Sample], Sample]) -> "Claim":
        """The same claim with every sample changed."""

        def drawn(spec: Any) -> Any:
            return rewritten(spec, lambda one: one.replace(sample=change(one.sample)))

        return self.replace(of=tuple(map(drawn, self.of)), against=tuple(map(drawn, self.against)))


@dataclass(frozen=True, kw_only=True)
class Claimed(Result):
    """What became of a claim. Effects are in the units of the analysis, positive = more."""

    verdict: str
    """supported, contradicted or cannot tell (core.maths.verdicts)."""
    value: float
    """The effect; of several layers judged each, that of the one on which the verdict hangs."""
    low: float
    """Lower end of its interval, at the level that `claim.n_claims` asks for."""
    high: float
    """Upper end."""
    standard_error: float
    """Of the effect; of Fisher's z where is_correlation. May be infinite, where there is no interval."""
    freedom: float
    """Degrees of freedom of the standard error; infinite = the normal distribution."""
    is_correlation: bool
    layers: pd.DataFrame
    """layer (-1 where there are none), side (of or against), value, low, high, verdict, a row each, by itself; 95 % intervals."""
    seeds: pd.DataFrame
    """run (0, 1 …), value: the effect of each run, where there are several."""
    n: int
    """Rows behind it."""
    n_sentences: int
    """0 where no sentences were read."""

    @property
    def effect(self) -> Effect:
        """Value and noise."""
        return Effect(self.value, self.standard_error, self.freedom, self.n, self.is_correlation)


def compute(spec: Claim, inputs: dict[str, Any], run: Run) -> Claimed:
    """Judge.

    Raises:
        NotEnoughData: a layer has no such number.
        IncompatibleRefs: texts of unequal length, and a measure for which that matters.
    """
    run.step(0, 1, "claims")
    sides = [
        [_effects(one, inputs[f"{name}.{at}"]) for at, one in enumerate(specs)]
        for name, specs in (("of", spec.of), ("against", spec.against))
    ]
    _refuse_unequal(spec, inputs)
    chosen = [
        [_at(found, layers) for found in side]
        for side, layers in zip(sides, (spec.layers, spec.against_layers), strict=True)
    ]
    level = verdicts.together(spec.n_claims)
    by_run: list[Effect] = []
    if spec.against:
        by_run = _compared(spec, chosen)
        effect = verdicts.over_seeds(by_run)
        verdict = verdicts.judge(effect, spec.way, spec.least, level=level)
    elif spec.over == MEAN or len(spec.layers) < 2:
        by_run = [verdicts.mean_of(found) for found in chosen[0]]
        effect = verdicts.over_seeds(by_run)
        verdict = verdicts.judge(effect, spec.way, spec.least, level=level)
    else:
        effect, verdict = _of_each(spec, [verdicts.over_seeds(found) for found in zip(*chosen[0], strict=True)], level)
    low, high = effect.interval(level)
    return Claimed(
        verdict=verdict,
        value=effect.value,
        low=low,
        high=high,
        standard_error=effect.standard_error,
        freedom=float(effect.freedom),
        is_correlation=effect.is_correlation,
        layers=_table(spec, sides),
        seeds=pd.DataFrame(
            [(at, one.value) for at, one in enumerate(by_run) if len(by_run) > 1], columns=["run", "value"]
        ),
        n=effect.n,
        n_sentences=spec.n_sentences,
    )


def _effects(spec: Spec, found: Any) -> tuple[Effect | None, ...]:
    return QUANTITIES[type(spec)].effects(spec, found)


def _at(found: tuple[Effect | None, ...], layers: tuple[int, ...]) -> list[Effect]:
    """The effects at these layers, or the only one."""
    held = []
    for layer in layers or (0,):
        one = found[layer] if layer < len(found) else None
        if one is None:
            what = f"layer {layer}" if layers else "it"
            raise NotEnoughData(
                "Judging a claim.",
                f"There is no such number at {what}: nothing varies there, or there is no such layer.",
                "Choose other layers, or more sentences.",
            )
        held.append(one)
    return held


def _refuse_unequal(spec: Claim, inputs: dict[str, Any]) -> None:
    """Some measures give another value for more rows of the same spaces: only equally many are compared."""
    first = inputs["of.0"]
    if spec.against and isinstance(first, LayerSimilarity):
        for at in range(len(spec.against)):
            refuse_unequal_rows(first, inputs[f"against.{at}"])


def _compared(spec: Claim, chosen: Sequence[Sequence[Sequence[Effect]]]) -> list[Effect]:
    """The difference of both sides, run by run where they are equally many."""
    one, other = ([verdicts.mean_of(found) for found in side] for side in chosen)
    apart = verdicts.difference_apart if spec.is_of_texts else verdicts.difference_at_worst
    if len(one) == len(other):
        return [apart(first, second) for first, second in zip(one, other, strict=True)]
    return [apart(verdicts.over_seeds(one), verdicts.over_seeds(other))]


def _of_each(spec: Claim, effects: Sequence[Effect], level: float) -> tuple[Effect, str]:
    """The verdict on every layer or on some, and the effect on which it hangs."""
    wide = verdicts.together(len(effects), level)
    single, joint = (
        [verdicts.judge(one, spec.way, spec.least, level=each) for one in effects] for each in (level, wide)
    )
    verdict = (verdicts.judge_all if spec.over == ALL else verdicts.judge_some)(single, joint)
    margins = [_margin(one, spec.way, spec.least) for one in effects]
    choose = min if spec.over == ALL else max
    return effects[margins.index(choose(margins))], verdict


def _margin(effect: Effect, way: Way, least: float) -> float:
    """How many standard errors an effect lies inside what is claimed."""
    inside = {"more": effect.value - least, "less": -least - effect.value, "same": least - abs(effect.value)}[way]
    return inside / effect.standard_error if effect.standard_error else float("inf") * inside if inside else 0.0


def _table(spec: Claim, sides: Sequence[Sequence[tuple[Effect | None, ...]]]) -> pd.DataFrame:
    """Every layer that the claim names, by itself, over all runs."""
    rows = []
    for name, side, layers in zip(("of", "against"), sides, (spec.layers, spec.against_layers), strict=True):
        if not side:
            continue
        held = [verdicts.over_seeds(found) for found in zip(*(_at(one, layers) for one in side), strict=True)]
        for layer, one in zip(layers or (-1,), held, strict=True):
            low, high = one.interval()
            verdict = verdicts.judge(one, spec.way, spec.least) if name == "of" and not spec.against else ""
            rows.append((layer, name, one.value, low, high, verdict))
    return pd.DataFrame(rows, columns=["layer", "side", "value", "low", "high", "verdict"])


@dataclass(frozen=True)
class Foreseen:
    """What a sample can be expected to tell of a claim."""

    truth: float
    """The effect that is supposed, without a sign: twice the smallest that matters, or the usual smallest; 0 for "same"."""
    power: float
    """Chance that the claim is supported, were it so, 0 to 1."""
    detectable: float
    """The smallest true effect that is found in 80 % of samples; of "same" the smallest bound within which no change would be
    shown."""
    standard_error: float
    """As it is expected."""


def foreseen(claim: Claim, found: Claimed, *, times: float = 1.0) -> Foreseen:
    """What noise like that of a result lets one expect, whatever its effect was.

    Args:
        claim: that is to be judged.
        found: of the claim itself or of its pilot. Where several layers are judged each, the noise is that of the layer on which
            its verdict hung.
        times: so many times as many sentences has the claim's own sample.
    """
    noise, level = verdicts.with_more(found.effect, times), verdicts.together(claim.n_claims)
    truth = supposed(claim)
    signed = -truth if claim.way == "less" else truth
    return Foreseen(
        truth,
        verdicts.power(noise, claim.way, claim.least, signed, level=level),
        verdicts.detectable(noise, claim.way, claim.least, level=level),
        noise.standard_error,
    )


def supposed(claim: Claim) -> float:
    """The effect for which power is stated, without a sign."""
    if claim.way == "same":
        return 0.0
    most = claim.quantity.most
    wanted = 2 * claim.least if claim.least else claim.quantity.least
    return wanted if wanted < most else (claim.least + most) / 2


def times_more(claim: Claim, found: Claimed) -> float | None:
    """So many times as many sentences would tell, were the effect what was measured; None where they would not."""
    return verdicts.times_more(found.effect, claim.way, claim.least, level=verdicts.together(claim.n_claims))
