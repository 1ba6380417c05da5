"""Claims in words: what is claimed, how it is tested, what became of it, and what would change that."""

import math
from collections.abc import Mapping

from core.analyses.ablation import Ablation
from core.analyses.claim import ALL, MEAN, SOME, Claim, Claimed, Foreseen, times_more
from core.analyses.quantities import Quantity
from core.charts.headline import MINUS, named
from core.maths import verdicts
from core.maths.verdicts import CANNOT_TELL, LEVEL, OFTEN, SUPPORTED


def said(claim: Claim, sides: tuple[str, str] = ("one", "the other")) -> str:
    """The claim as a sentence; plain text.

    Args:
        claim: what is claimed.
        sides: what its two sides are called, where it compares texts or tunings.
    """
    quantity = claim.quantity
    subject = quantity.subject(claim.of[0])
    before = "after tuning, " if quantity.is_after_tuning else ""
    where = _where(claim, claim.layers)
    if not claim.against:
        own = dict(zip(("more", "less", "same"), quantity.alone, strict=True))[claim.way]
        verb = own or (f"{quantity.same} as before" if claim.way == "same" else getattr(quantity, claim.way))
        sentence = f"{before}{subject} {verb}{where}"
    else:
        verb, than = getattr(quantity, claim.way), "as" if claim.way == "same" else "than"
        if claim.is_of_layers:
            sentence = f"{before}{subject} {verb}{where} {than}{_where(claim, claim.against_layers)}"
        else:
            there = "" if claim.layers == claim.against_layers else _where(claim, claim.against_layers)
            sentence = f"{before}{subject} {verb}{where} with {sides[0]} {than}{there} with {sides[1]}"
    size = written(claim.least, quantity)
    by = f", to within {size}" if claim.way == "same" else f", by more than {size}" if claim.least else ""
    return f"{sentence[:1].upper()}{sentence[1:]}{by}."


def _where(claim: Claim, layers: tuple[int, ...]) -> str:
    if not layers:
        return ""
    first = claim.of[0]
    if isinstance(first, Ablation):
        places = list(first.asked.places(first.n_blocks))
        names = ", ".join(f"“{places[at]}”" if at < len(places) else f"place {at}" for at in layers)
        return f" at {names} ({first.asked.axis})"
    if len(layers) == 1 or claim.over == MEAN:
        return f" at {named(sorted(layers))}"
    return f" at {'every one' if claim.over == ALL else 'one at least'} of {named(sorted(layers))}"


def tested(claim: Claim) -> str:
    """How a claim is tested, stated beforehand; Markdown."""
    quantity, least = claim.quantity, written(claim.least, claim.quantity)
    limit = {
        "more": f"above {least}",
        "less": f"below {MINUS}{least}" if claim.least else "below 0",
        "same": f"between {MINUS}{least} and {least}",
    }[claim.way]
    level = verdicts.together(claim.n_claims)
    sentences = [
        f"The effect is the {_axis(quantity)}; its interval: {quantity.method}.",
        f"*Supported* if the whole {_share(level)} interval lies {limit}, *contradicted* if the whole of it lies outside; "
        "otherwise *cannot tell*.",
    ]
    if claim.against:
        how = (
            "the two texts share nothing: errors add in squares (Welch)"
            if claim.is_of_texts
            else "how both sides hang together is not known: their errors are added, the most they can be"
        )
        sentences.append(f"The difference of two such effects is judged; {how}.")
    if len(claim.layers) > 1:
        sentences.append(
            {
                MEAN: "Of several layers the mean is judged; its error is the mean of theirs, the most it can be.",
                ALL: "Each layer must hold by itself; one that surely does not, among all of them (Bonferroni), contradicts.",
                SOME: "One layer that holds among all of them (Bonferroni) is enough; to contradict, each must surely not hold.",
            }[claim.over]
        )
    if len(claim.of) > 1:
        sentences.append(
            f"Over {len(claim.of)} runs: their spread, and the noise of the sentences that they share, both count."
        )
    if claim.n_claims > 1:
        sentences.append(
            f"{claim.n_claims} claims are judged together, so that each interval is wider (Bonferroni): all verdicts hold "
            f"at once in {_often(LEVEL)} of samples."
        )
    return " ".join(sentences)


def _axis(quantity: Quantity) -> str:
    return quantity.axis.split(",")[0]


def _share(level: float) -> str:
    """95 % · 99.58 %."""
    return f"{level * 100:.4g} %"


def written(value: float, quantity: Quantity, error: float = 0.0) -> str:
    """A size with its unit, in as many digits as its error deserves."""
    number = _number(value * quantity.scale, error * quantity.scale)
    return f"{number}{quantity.unit.removesuffix('s') if number == '1' else quantity.unit}"


def signed(found: Claimed, quantity: Quantity) -> str:
    """The effect and its interval: −4.4 points [−7.4, −1.3]."""
    half = (found.high - found.low) / 2
    value, low, high = (_number(end * quantity.scale, half * quantity.scale, sign=True) for end in (
        found.value, found.low, found.high
    ))  # fmt: skip
    return f"{value}{quantity.unit} [{low}, {high}]"


def _number(value: float, error: float = 0.0, *, sign: bool = False) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if error > 0 and math.isfinite(error):
        digits = min(4, max(0, 1 - math.floor(math.log10(error))))
        text = f"{value:{'+' if sign else ''}.{digits}f}"
    else:
        text = f"{value:{'+' if sign else ''}.3g}"
    return text.replace("-", MINUS)


def would_change(claim: Claim, found: Claimed) -> str:
    """What would change the verdict, as something to do; Markdown."""
    quantity, parts = claim.quantity, []
    if found.verdict == CANNOT_TELL:
        parts.append(_more_data(claim, found))
    elif (edge := _edge(claim, found)) > 0:
        way = "above" if (claim.way == "same") != (found.verdict == SUPPORTED) else "below"
        size = written(edge, quantity, 0.0 if found.is_correlation else found.standard_error)
        parts.append(f"With a smallest effect {way} {size} it could not be told.")
    if claim.n_claims > 1 and found.verdict == CANNOT_TELL:
        alone = verdicts.judge(found.effect, claim.way, claim.least)
        if alone != CANNOT_TELL and (claim.over == MEAN or len(claim.layers) < 2):
            parts.append(f"Had it been the only claim, it would be *{alone}*.")
    if len(claim.of) == 1 and quantity.is_after_tuning:
        parts.append("Another seed of the same tuning may say otherwise: noise of seeds is not in this interval.")
    return " ".join(parts)


def _more_data(claim: Claim, found: Claimed) -> str:
    if math.isinf(found.standard_error):
        return "The measurement has no interval here: take more labels or sentences."
    times = times_more(claim, found)
    more_of = "runs with other seeds" if len(claim.of) > 1 else claim.quantity.more_of
    if times is None:
        return f"The effect lies as good as at the limit: more {more_of} would not tell. Another limit would."
    if more_of == "blocks":
        return "Only a network of more blocks would tell: a block is a point here."
    return f"About {_times(times)} as many {more_of} would tell in {_often(OFTEN)} of samples, were the effect what it looks like."


def _edge(claim: Claim, found: Claimed) -> float:
    """The smallest effect that matters at which a verdict turns to "cannot tell"; below 0 where there is none."""
    if claim.way == "same":
        return (max if found.verdict == SUPPORTED else min)(abs(found.low), abs(found.high))
    low, high = (found.low, found.high) if claim.way == "more" else (-found.high, -found.low)
    return low if found.verdict == SUPPORTED else high


def _times(times: float) -> str:
    return f"{times:.1f} times" if times < 10 else f"{times:.0f} times"


def power_said(claim: Claim, expected: Foreseen, source: str) -> str:
    """What the sample can be expected to tell; Markdown.

    Args:
        claim: as it is made.
        expected: from core.analyses.claim.foreseen.
        source: where its noise was taken from, in words.
    """
    quantity = claim.quantity
    rest = f"{_often(expected.power)} of samples would say so. Noise: {source}."
    if claim.way == "same":
        bound = written(expected.detectable, quantity, expected.standard_error)
        return f"If nothing changed at all, {rest} The narrowest bound that would be shown in {_often(OFTEN)} of samples: {bound}."
    least = written(expected.detectable, quantity, expected.standard_error)
    return (
        f"If the true effect were {written(expected.truth, quantity)}, {rest} The smallest that would be found in "
        f"{_often(OFTEN)} of samples: {least}."
    )


def _often(power: float) -> str:
    return "over 99 %" if power > 0.99 else "under 1 %" if power < 0.01 else f"{power:.0%}".replace("%", " %")


def multiverse_said(
    verdict: str, agree: int, n: int, turned: dict[str, dict[str, tuple[int, int]]], own: Mapping[str, str]
) -> str:
    """How many worlds agree, and the choice that turns the verdict most; Markdown.

    Args:
        verdict: of the claim itself.
        agree: worlds that say the same.
        n: all.
        turned: of core.analyses.multiverse.flips.
        own: what the claim itself chose, by dimension: that is never what turns it.
    """
    if n < 2:
        return "Only the claim itself has been computed."
    text = f"**{agree} of {n} ways of asking say *{verdict}*, as the claim itself does.**"
    if agree == n:
        return f"{text} No choice that was looked at turns it."
    gaps = {
        (name, pick): _agreement(picks[own[name]]) - _agreement(counted)
        for name, picks in turned.items()
        for pick, counted in picks.items()
        if pick != own[name] and own[name] in picks
    }
    (name, pick), gap = max(gaps.items(), key=lambda one: one[1], default=(("", ""), 0.0))
    if gap < 0.25:
        return f"{text} No single choice decides it."
    agreed, many = turned[name][pick]
    return f"{text} It turns most with {name} “{pick}”: there {agreed} of {many} agree."


def _agreement(counted: tuple[int, int]) -> float:
    return counted[0] / counted[1]
