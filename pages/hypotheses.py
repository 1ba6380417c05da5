"""Hypotheses: claims made beforehand, the verdict on each, and whether another way of asking would have turned it."""

from pages.parts.frame import enter

enter()

import json  # noqa: E402
import time  # noqa: E402
from collections import Counter  # noqa: E402
from collections.abc import Sequence  # noqa: E402

import streamlit as st  # noqa: E402

from core.analyses.claim import CANNOT_TELL, CONTRADICTED, SUPPORTED, Claim, Claimed, foreseen  # noqa: E402
from core.analyses.multiverse import MOST_WORLDS, World, choices, flips, worlds  # noqa: E402
from core.analyses.ready_claims import PAPERS, Ready, ready  # noqa: E402
from core.charts import claim_words, claims  # noqa: E402
from core.errors import StoreUnusable, TunescopeError  # noqa: E402
from core.keys import Spec, from_json, key_of, to_json  # noqa: E402
from core.lab import MOST_NOTE, Made  # noqa: E402
from pages.parts import claiming, figures, picker, show  # noqa: E402
from pages.parts.lab import get_lab, is_viewer  # noqa: E402
from pages.parts.selection import Selection  # noqa: E402

PARAMETER = "claim"
BADGES = {
    SUPPORTED: ":green-badge[:material/check_circle: supported]",
    CONTRADICTED: ":violet-badge[:material/cancel: contradicted]",
    CANNOT_TELL: ":gray-badge[:material/help: cannot tell]",
    None: ":gray-badge[:material/hourglass_empty: not measured]",
}
_MOST_LISTED = 50
_WAYS_AT_FIRST = 2
"""Choices that are varied at first; all together they are many computations."""
_HELP_VERDICT = (
    "Supported: the whole interval lies where the claim says. Contradicted: the whole of it lies elsewhere. Of an effect that is "
    "exactly at the limit either is said in at most 5 % of samples."
)
_HELP_WAYS = (
    "The same claim under other choices that one might as well have made (a multiverse analysis: Steegen et al. 2016; drawn as a "
    "specification curve: Simonsohn et al. 2020). Each row is one way of asking, the ring the claim itself. Another measure has "
    "other units: of it only the direction is asked. Draws of sentences share many of them. Many ways of asking the same data are "
    "no further evidence."
)


def main() -> None:
    """The page."""
    asked = st.query_params.get(PARAMETER, "")
    if asked:
        one_claim(asked)
        return
    show.heading(
        "Hypotheses",
        "A claim, a test that is stated before its result, and a verdict: supported, contradicted, or cannot tell.",
        "Verdicts come from intervals and a smallest effect that matters.",
    )
    chosen = picker.compared()
    if chosen is None:
        return
    show.views(
        {"Four papers": papers, "Your own claim": own, "Kept claims": kept},
        chosen,
        key="hypotheses",
    )


def papers(chosen: Selection) -> None:
    """What of the papers' findings holds for the chosen pair."""
    found = ready(claiming.compared(chosen))
    if not found:
        st.info("None of the papers' findings can be asked of this comparison.", icon=":material/info:")
        return
    verdicts = [judged(one.claim) for one in found]
    counted = Counter(one.verdict if one else None for one in verdicts)
    said = [
        f"**{counted[name]}** {words}"
        for name, words in (
            (SUPPORTED, "supported"), (CONTRADICTED, "contradicted"), (CANNOT_TELL, "cannot be told"), (None, "not measured yet"),
        )
        if counted[name]
    ]  # fmt: skip
    st.markdown(
        f"**What of four papers holds after {chosen.tuning}?** {' · '.join(said)}",
        help=f"{_HELP_VERDICT} {len(found)} claims are judged together, so that each interval is wider (Bonferroni). The papers "
        "had larger networks and other tasks: a finding that does not hold here is not refuted there.",
    )
    before = ""
    for one, verdict in zip(found, verdicts, strict=True):
        if one.paper != before:
            st.markdown(f"###### {PAPERS[one.paper]}")
            before = one.paper
        row(one, verdict, chosen)
    missing = [one.claim for one, verdict in zip(found, verdicts, strict=True) if verdict is None]
    if missing:
        show.results(missing, what="the claims that are not measured")


def row(one: Ready, found: Claimed | None, chosen: Selection) -> None:
    """A finding with its claim, its verdict and the way to it."""
    line(
        key_of(one.claim), one.claim, found,
        f"{one.finding}  \n:gray[{show.escaped(claim_words.said(one.claim, sides(one.claim, chosen)))}]",
    )  # fmt: skip


def line(key: str, claim: Claim, found: Claimed | None, text: str) -> None:
    """Verdict and effect, what is claimed, and the way to it."""
    left, middle, right = st.columns([0.24, 0.64, 0.12], vertical_alignment="center")
    effect = f"  \n{show.escaped(claim_words.signed(found, claim.quantity))}" if found else ""
    left.markdown(f"{BADGES[found.verdict if found else None]}{effect}")
    middle.markdown(text)
    right.button(
        "Look", icon=":material/arrow_forward:", key=f"look-{key[:12]}", on_click=look_at, args=(key,), type="tertiary"
    )


def own(chosen: Selection) -> None:
    """A claim made of parts, tested only after it was made."""
    made = claiming.composed(chosen)
    if made is None:
        return
    claim, said = made
    with st.container(border=True):
        st.markdown(f"##### {show.escaped(said)}")
        st.markdown(claim_words.tested(claim))
        beforehand(claim)
        if not is_viewer() and st.button(
            "Make this claim", type="primary", icon=":material/gavel:", key="make-claim",
            help="It is kept with the time, and then tested. Whoever changes it afterwards makes another one.",
        ):  # fmt: skip
            get_lab().make_claim(claim, said)
            st.query_params[PARAMETER] = key_of(claim)
            st.rerun()


def beforehand(claim: Claim) -> None:
    """What the sample can be expected to tell, from noise alone: the effect is not shown. What it will cost."""
    lab = get_lab()
    known = judged(claim)
    if known is not None:
        st.caption("Its measurements are stored already: their noise is used here, their effect is not shown.")
        st.markdown(claim_words.power_said(claim, foreseen(claim, known), "of these sentences"))
        return
    plan = lab.plan(claim)
    st.markdown(
        f"**Cost:** {show.in_steps(len(plan))}, about {show.duration(sum(step.seconds for step in plan))}, "
        f"{show.size(sum(step.n_bytes for step in plan))} kept on disk."
    )
    pilot = claim.pilot
    if pilot is None:
        st.caption("How much it can tell is not known before it is measured.")
        return
    few = judged(pilot)
    if few is None:
        show.results([pilot], what=f"a pilot on {pilot.n_sentences} sentences, for the noise alone")
        return
    source = f"of a pilot on {few.n_sentences} sentences"
    st.markdown(claim_words.power_said(claim, foreseen(claim, few, times=claim.n_sentences / few.n_sentences), source))


def kept(_: Selection) -> None:
    """The claims that were made on this machine, the last made or annotated first."""
    lab = get_lab()
    keys = lab.claims.keys()
    if not keys:
        st.info("No claim was made yet: make one under *Your own claim*.", icon=":material/info:")
    if len(keys) > _MOST_LISTED:
        st.caption(f"The last {_MOST_LISTED} of {len(keys):,}, by when they were made or annotated.")
    for key in keys[:_MOST_LISTED]:
        try:
            made = lab.claims.read(key)
            claim = claim_of(made.claim)
        except TunescopeError as problem:
            st.warning(show.said(problem))
            continue
        found = judged(claim)
        line(key, claim, found, f"{show.escaped(made.said)}  \n:gray[{dated(made)} · {show.escaped(made.about)}]")


def one_claim(key: str) -> None:
    """A claim, its verdict, its test, and other ways of asking."""
    st.button("All claims", icon=":material/arrow_back:", type="tertiary", on_click=look_at, args=("",))
    made, claim, said = opened(key)
    st.title(show.escaped(said), anchor=False)
    when = f" · {dated(made)}" if made else ""
    st.caption(f"{show.escaped(get_lab().compared_in([claim]))}{when}")
    found = judged(claim)
    if found is None:
        st.markdown(claim_words.tested(claim))
        beforehand(claim)
        show.results([claim], what="this claim")
    else:
        verdict(claim, found)
    actions(made, claim, said)


def opened(key: str) -> tuple[Made | None, Claim, str]:
    """A claim that was made, or one of the papers' about what the sidebar compares. Raises StoreUnusable where it is neither."""
    lab = get_lab()
    try:
        made = lab.claims.read(key)
        return made, claim_of(made.claim), made.said
    except StoreUnusable:
        chosen = picker.selected()
        for one in ready(claiming.compared(chosen)) if chosen and chosen.tuned and not chosen.misfit else []:
            if key_of(one.claim) == key:
                return None, one.claim, claim_words.said(one.claim, sides(one.claim, chosen))
        raise


def verdict(claim: Claim, found: Claimed) -> None:
    """What became of it, the figure, the test, and other ways of asking."""
    st.markdown(
        f"## {BADGES[found.verdict]} {show.escaped(claim_words.signed(found, claim.quantity))}", help=_HELP_VERDICT
    )
    st.markdown(f"**What would change it?** {claim_words.would_change(claim, found)}")
    measured = list(dict.fromkeys(claim.dependencies().values()))
    n = f"n = {found.n:,}" + (f" rows of {found.n_sentences:,} sentences" if found.n_sentences else "")
    figures.figure(
        claims.claim_chart(claim, found, show.look()),
        claims.layers_table(claim, found),
        name="claim",
        alt_text=f"{claim.quantity.name}: {found.verdict}, {claim_words.signed(found, claim.quantity)}",
        specs=measured,
        note=f"{n}; {claim.quantity.method}; single layers with their own 95 % intervals, what is judged with that of the test",
    )
    with st.expander("The test, as it was stated", icon=":material/rule:", key="claim-test", on_change="rerun") as test:
        if test.open:
            st.markdown(claim_words.tested(claim))
            st.markdown(claim_words.power_said(claim, foreseen(claim, found), "of these sentences"))
            figures.figure(
                claims.power_chart(claim, found, show.look()),
                claims.power_table(claim, found),
                name="claim-power",
                alt_text="Share of samples in which the claim would be supported, against the true size of the effect",
                specs=measured,
                note="By the noise of what was measured, the size unknown",
            )
    other_ways(claim, found)


def other_ways(claim: Claim, found: Claimed) -> None:
    """The claim under other choices: what is stored of it, and the offer to compute the rest."""
    known = choices(claim)
    if not known:
        return
    st.markdown("#### Would another way of asking have turned it?", help=_HELP_WAYS)
    show.link_holds_all("ways", known, "Choices")
    varied = st.pills(
        "Choices that are varied", list(known), selection_mode="multi", default=list(known)[:_WAYS_AT_FIRST], key="ways",
        bind="query-params",
    )  # fmt: skip
    if not varied:
        st.info("Choose what is varied.", icon=":material/info:")
        return
    asked = worlds(claim, varied)
    if len(asked) == MOST_WORLDS:
        st.caption(f"Of all combinations the first {MOST_WORLDS} are looked at. Vary fewer choices to see all of them.")
    told = [judged(world.claim) for world in asked]
    there = [(world, one) for world, one in zip(asked, told, strict=True) if one is not None]
    if there:
        drawn(claim, found, varied, there)
    missing = [world.claim for world, one in zip(asked, told, strict=True) if one is None]
    if missing:
        show.results(missing, what=f"{len(missing)} of {len(asked)} ways of asking")


def drawn(claim: Claim, found: Claimed, varied: Sequence[str], there: Sequence[tuple[World, Claimed]]) -> None:
    """The ways of asking that are stored, as a curve, and which choice turns the verdict."""
    picked = [world.picks for world, _ in there]
    table = claims.multiverse_table(
        claim, varied, picked, [one for _, one in there], [world.claim for world, _ in there]
    )
    names = [one.verdict for _, one in there]
    turned = flips(varied, picked, names, found.verdict)
    own = dict(zip(varied, worlds(claim, varied)[0].picks, strict=True))
    st.markdown(claim_words.multiverse_said(found.verdict, names.count(found.verdict), len(names), turned, own))
    if len(there) < 2:
        return
    turning = claims.turning_table(turned)
    alt_text = f"{len(names)} ways of asking, {names.count(found.verdict)} of which say {found.verdict}"
    shares = figures.draw_chart(
        claims.turning_chart(turning, show.look()), name="claim-turning", alt_text=f"{alt_text}, by choice"
    )
    figures.figure(
        claims.multiverse_chart(table, varied, show.look()),
        table,
        name="claim-ways",
        alt_text=alt_text,
        specs=list(dict.fromkeys(spec for world, _ in there for spec in world.claim.dependencies().values())),
        note=f"{len(names)} ways of asking the same claim, each judged as the claim itself is; ring: the claim itself",
        also=[shares],
    )


def actions(made: Made | None, claim: Claim, said: str) -> None:
    """Keep it, note something, take it away, ask other sentences, forget it."""
    lab, may_write = get_lab(), not is_viewer()
    if made is not None and made.note and not may_write:
        st.markdown(show.escaped(made.note))
    if made is not None and may_write:
        note = st.text_area(
            "Note",
            made.note,
            max_chars=MOST_NOTE,
            key=f"note-{made.key}",
            height=68,
            placeholder="Why do you claim it?",
        )
        if note != made.note:
            lab.claims.annotate(made.key, note)
    place = st.container(horizontal=True)
    if (
        made is None
        and may_write
        and place.button(
            "Keep", icon=":material/bookmark_add:", key="keep-claim", help="With the time, among the kept claims."
        )
    ):
        lab.make_claim(claim, said)
        st.rerun()
    place.download_button(
        "Claim (JSON)", json.dumps(to_json(claim, places=False), indent=1), file_name="claim.json", mime="application/json",
        on_click="ignore", icon=":material/download:", key="claim-json", help="python -m core run claim.json computes it again.",
    )  # fmt: skip
    other = claim.of_others if may_write else None
    if other is not None and place.button(
        f"Claim the same of {other.n_sentences:,} other sentences", icon=":material/replay:", key="claim-again",
        help="None of those that this claim read: a claim of its own, and a test that its first result cannot have shaped.",
    ):  # fmt: skip
        lab.make_claim(other, said)
        st.query_params[PARAMETER] = key_of(other)
        st.rerun()
    if made is not None and may_write:
        with place.popover("Forget", icon=":material/delete:"):
            st.markdown("What was measured for it stays.")
            st.button("Forget this claim", key="forget-claim", on_click=forget, args=(made.key,))


def judged(claim: Claim) -> Claimed | None:
    """The verdict, where all measurements are stored; what cannot be judged is said in words and left out."""
    try:
        return get_lab().judged(claim)
    except TunescopeError as problem:
        st.warning(show.said(problem), icon=":material/warning:")
        return None


def claim_of(written: object) -> Claim:
    """A claim as it was written down. Raises SpecInvalid for anything else, StoreUnusable for another kind of computation."""
    found: Spec = from_json(written)
    if not isinstance(found, Claim):
        raise StoreUnusable("Reading a claim.", f"Found a {found.kind}.", "Make the claim again.")
    return found


def sides(claim: Claim, chosen: Selection) -> tuple[str, str]:
    """What the sides of one of the papers' claims are called: two texts."""
    return ("the text from elsewhere", chosen.data.name) if claim.is_of_texts else ("one", "the other")


def dated(made: Made) -> str:
    """When it was made, and whether its result could have been seen before."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(made.made))
    return f"made {when}, {'after' if made.was_known else 'before'} it was measured"


def look_at(key: str) -> None:
    """Open a claim, or all of them."""
    if key:
        st.query_params[PARAMETER] = key
    elif PARAMETER in st.query_params:
        del st.query_params[PARAMETER]


def forget(key: str) -> None:
    """Delete it, and go back."""
    get_lab().claims.delete(key)
    look_at("")


with show.messages():
    main()
