"""A class: who presents, who looks on, where the presenter stands, and what everybody guessed."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit import runtime

from core.errors import TunescopeError
from core.lab import Place
from pages.parts import lab
from pages.parts.show import messages

FOLLOWING = "class_following"
"""Key of the widget that says whether a visit follows."""
PRESENTERS = frozenset({"checkpoints", "data", "lab", "jobs", "storage", "report", "self_test"})
"""Pages on which one computes, brings, deletes or writes: nobody who looks on is offered them."""
_AT = "_class_place"
_LOOK_SECONDS, _TALLY_SECONDS = 2.0, 1.5


def is_class() -> bool:
    """Whether this server serves a class."""
    return lab.roles() is not None


def is_presenter() -> bool:
    """Whether this visit leads the class; False where there is none."""
    return is_class() and not lab.is_viewer()


def is_following() -> bool:
    """Whether this visit looks on and goes where the presenter goes."""
    return lab.is_viewer() and bool(st.session_state.get(FOLLOWING, True))


def offered(sections: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """The pages of the navigation that this visit may open, by section."""
    if not lab.is_viewer():
        return {name: list(pages) for name, pages in sections.items()}
    left = {name: [page for page in pages if page.url_path not in PRESENTERS] for name, pages in sections.items()}
    return {name: pages for name, pages in left.items() if pages}


def seated() -> bool:
    """Take a seat, if there is one; presenters need none. Called in every run, so that a seat is known to be taken."""
    held = lab.roles()
    if held is None or not lab.is_viewer() or not runtime.exists():
        return True
    own, person, others = lab.session(), lab.person(), runtime.get_instance()
    for one in [one for one in held.seen if one != own and not others.is_active_session(one)]:
        held.seen.pop(one, None)
    if person not in held.seen.values() and held.n_seated >= held.seats:
        return False
    held.seen[own] = person
    return True


def full() -> None:
    """What a visitor sees who finds no seat."""
    st.title("The room is full", anchor=False)
    st.info("All seats of this class are taken. Reload this page when somebody has left.", icon=":material/event_seat:")


def draw() -> None:
    """In the sidebar: whether one follows, and where the presenter's key is given; for the presenter, how many are there."""
    held = lab.roles()
    if held is None:
        return
    st.session_state[_AT] = place()
    if not lab.is_viewer():
        st.fragment(_counted, run_every=_LOOK_SECONDS)()
        return
    st.toggle(
        "Follow the presenter",
        value=True,
        key=FOLLOWING,
        help="You can look around on your own at any moment: the address of your view is your own.",
    )
    st.fragment(_watch, run_every=_LOOK_SECONDS)()
    with st.popover("Presenter", icon=":material/key:"), st.form("presenter-form", border=False, clear_on_submit=True):
        key = st.text_input("Key", type="password", max_chars=60, help="It was shown where the class was begun.")
        if st.form_submit_button("Present"):
            with messages():
                _present(key)


def _present(key: str) -> None:
    held = lab.roles()
    assert held is not None
    if held.classroom.is_key(key, lab.session()):
        held.presenters[lab.person()] = held.classroom.version
        held.seen.pop(lab.session(), None)
        st.rerun(scope="app")
    st.error(
        "**This is not the presenter's key.** It was shown where the class was begun. If it is lost, make another one on that "
        "machine: `python -m core class --new-key`.",
        icon=":material/key_off:",
    )


def _watch() -> None:
    """Look where the presenter stands; a new place is a new run of all of the page."""
    seated()
    if is_following() and place() != st.session_state.get(_AT):
        st.rerun(scope="app")


def _counted() -> None:
    held = lab.roles()
    assert held is not None
    st.caption(f":material/groups: You present. {held.n_seated} of {held.seats} seats are taken.")


def place() -> Place | None:
    """Where the presenter stands; None = in no lesson, or there is no class."""
    held = lab.roles()
    return held.classroom.place() if held else None


def lead(asked: tuple[str, int] | None, *, is_revealed: bool = False) -> None:
    """Bring all who follow to a step, or out of the lesson; does nothing unless this visit presents."""
    held = lab.roles()
    if held is None or not is_presenter():
        return
    to = Place(lesson=asked[0], step=asked[1], is_revealed=is_revealed) if asked else None
    if to != held.classroom.place():
        held.classroom.lead(to)


def look_around() -> None:
    """Follow no longer; only inside a widget's callback."""
    st.session_state[FOLLOWING] = False


def is_at(asked: tuple[str, int]) -> bool:
    """Whether the class stands at a step."""
    at = place()
    return at is not None and (at.lesson, at.step) == asked


def is_revealed(asked: tuple[str, int]) -> bool:
    """Whether the class stands at a step and its figure is shown."""
    at = place()
    return at is not None and at == Place(lesson=asked[0], step=asked[1], is_revealed=True)


def guess(asked: tuple[str, int], choice: int) -> bool:
    """Give this visit's guess to the class; returns whether it was taken. What refuses it is said on the page."""
    held = lab.roles()
    assert held is not None
    try:
        held.classroom.guess(*asked, lab.person(), choice, most=2 * held.seats)
        return True
    except TunescopeError as problem:
        st.toast(f"{problem.found} {problem.do}", icon=":material/block:")
        return False


def guess_of(asked: tuple[str, int]) -> int | None:
    """What this visit gave to the class."""
    held = lab.roles()
    return held.classroom.guess_of(*asked, lab.person()) if held else None


def tally(asked: tuple[str, int], choices: list[str], *, hidden: bool) -> None:
    """How the class guessed, live: how many did, and, unless `hidden`, how many what.

    Args:
        asked: the step.
        choices: their letters.
        hidden: True while people still guess, so that nobody follows the others.
    """
    st.fragment(_tally, run_every=_TALLY_SECONDS if hidden else None)(asked, choices, hidden)


def _tally(asked: tuple[str, int], choices: list[str], hidden: bool) -> None:
    held = lab.roles()
    assert held is not None
    counted = held.classroom.tally(*asked, len(choices))
    n = sum(counted)
    if hidden:
        st.markdown(f":material/how_to_vote: **{n}** of {max(n, held.n_seated)} have guessed.")
        return
    # Side by side: the room below is the figure's.
    for column, choice, count in zip(st.columns(len(choices)), choices, counted, strict=True):
        column.progress(count / n if n else 0.0, text=f"**{choice}** · {count} of {n} guesses")
