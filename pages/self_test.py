"""Self-test: questions whose answers are known, put to this machine."""

from pages.parts.frame import enter

enter()


import pandas as pd  # noqa: E402
import streamlit as st  # noqa: E402

from core.analyses.self_test import SelfTest  # noqa: E402
from core.lab import Named  # noqa: E402
from core.refs import Vectors  # noqa: E402
from pages.parts import figures, picker, show  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402


def main() -> None:
    """The page."""
    show.heading(
        "Self-test",
        "Does this machine compute what is known beforehand?",
        "A dozen questions whose answers follow from a definition, a drawing or another program. Run it on a machine you have "
        "not used before, and on a checkpoint of a family you have not used before.",
    )
    chosen = picker.selected()
    if chosen is None:
        return
    sides = {"Base": chosen.base, "Tuned": chosen.tuned}
    network = [name for name, side in sides.items() if side is not None and not isinstance(side.ref, Vectors)]
    if not network:
        st.info(
            "Vectors computed elsewhere have no network to test. Choose a checkpoint as base.", icon=":material/info:"
        )
        return
    show.link_holds("tested", network, "Checkpoint")
    side = st.segmented_control("Checkpoint", network, default=network[0], key="tested", bind="query-params")
    tested(sides[side or network[0]])


def tested(side: Named | None) -> None:
    """The answers of one checkpoint, or the offer to ask."""
    assert side is not None
    spec = SelfTest(checkpoint=side.ref)
    (result,) = show.results([spec], what=f"the self-test of {show.escaped(side.name)}")
    if result is None:
        return
    checks = result.checks
    n, n_passed = len(checks), int(checks["passed"].sum())
    if n == n_passed:
        st.success(f"**All {n} answers are right.**", icon=":material/verified:")
    else:
        wrong = ", ".join(dict.fromkeys(checks.loc[~checks["passed"], "of"]))
        st.error(
            f"**{n - n_passed} of {n} answers are wrong: {show.escaped(wrong)}.** Believe no number of that kind from this "
            "machine, or of this family of checkpoints, before you know why. The versions of the libraries stand below.",
            icon=":material/gpp_bad:",
        )
    st.table(rows(checks).set_index(""), border="horizontal")
    st.caption(f"arithmetic of the network: {result.precision} · {figures.provenance([spec])}")
    if st.button("Ask again", icon=":material/refresh:", help="Forget these answers and compute them anew."):
        get_lab().discard(spec)
        get_lab().submit(spec)
        st.rerun()


def rows(checks: pd.DataFrame) -> pd.DataFrame:
    """The table as it is read."""
    return pd.DataFrame(
        {
            "": ["✓" if passed else "✗" for passed in checks["passed"]],
            "of": checks["of"],
            "question": checks["asks"],
            "must be": checks["expected"],
            "is": checks["found"],
        }
    )


with show.messages():
    main()
