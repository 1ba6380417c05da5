"""The lesson under way: which step a visit stands at, the panel above the page, and what was guessed.

A step is a link: `lesson` names the lesson and `at` the step, counted from 1. Entering one sets the whole view, whatever was
clicked before; afterwards the person is free to look around, and a button leads back.
"""

from collections.abc import Iterator
from string import ascii_uppercase
from typing import Any, NamedTuple

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.errors import LessonInvalid
from core.lab import Lesson, OnShelf, Step, read_lesson
from pages.parts import classroom, picker, show
from pages.parts.lab import get_lab

UPLOADED = "uploaded"
"""Names an uploaded lesson, which only its own visit knows."""
_AT, _ASKED = "_lesson_at", "_lesson_asked"
"""Where a visit keeps the step it stands at, and the one it is to enter next: (name, step)."""
_GUESSES, _SHOWN, _UPLOAD = "_lesson_guesses", "_lesson_shown", "_lesson_upload"
_BROUGHT = "_lesson_brought"
"""Where a visit that looks on in a class keeps the step to which the presenter brought it last."""
_KEPT = (*picker.KEYS, "projector", classroom.FOLLOWING)
"""Widgets that are not forgotten: the picker is told; how large text is, and whom one follows, is the viewer's matter."""
_STYLE = (
    "<style>.st-key-lesson-panel{margin-top:.8rem;padding:.5rem 1rem .7rem;gap:.5rem}"
    ".st-key-lesson-panel [data-testid='stVerticalBlock']{gap:.4rem}"
    ".st-key-lesson-question p{font-size:1.3rem;font-weight:600}"
    ".st-key-lesson-choices button,.st-key-lesson-choices button *{justify-content:flex-start;text-align:left}"
    ".st-key-lesson-choices p{font-size:1.1rem}</style>"
)
_UNTITLED = (
    "<style>.stMain [data-testid='stElementContainer']:has(h1),.stMain [data-testid='stElementContainer']:has(h1)"
    "+[data-testid='stElementContainer']:has([data-testid='stCaptionContainer']){display:none}</style>"
)
"""The panel says what is to be seen: the room of a page's title is the figure's. Home's title is its finding, and stays."""


class Asked(NamedTuple):
    """A step of a lesson, as a link asks for it."""

    name: str
    step: int
    """From 0."""


# -- what others ask


def keep_guess(lesson: str, step: int, choice: int) -> None:
    """Note what this visit guessed.

    Args:
        lesson: its name.
        step: from 0.
        choice: from 0, in the order of the step.
    """
    if classroom.is_following() and classroom.is_at((lesson, step)) and not classroom.guess((lesson, step), choice):
        return
    st.session_state[_GUESSES] = {**st.session_state.get(_GUESSES, {}), (lesson, step): choice}


def guess_of(lesson: str, step: int) -> int | None:
    """What this visit guessed at a step; None where it did not."""
    guesses: dict[tuple[str, int], int] = st.session_state.get(_GUESSES, {})
    own = guesses.get((lesson, step))
    # In a class the server keeps it too, over a reload of the page.
    return classroom.guess_of((lesson, step)) if own is None and classroom.is_following() else own


def link_to(name: str, step: int) -> dict[str, str]:
    """What a link to a step asks for, on whatever page it begins."""
    return {"lesson": name, "at": str(step + 1)}


def current() -> Asked | None:
    """The step that this visit stands at; None outside a lesson."""
    return st.session_state.get(_AT)


def known() -> list[OnShelf]:
    """All lessons that this visit can open or is told why not: shipped, in the teacher's folder, uploaded."""
    uploaded: OnShelf | None = st.session_state.get(_UPLOAD)
    return [*get_lab().lessons(), *([uploaded] if uploaded else [])]


def begin(name: str) -> None:
    """Enter the first step in the run that comes, nothing guessed yet; only inside a widget's callback."""
    for kept in (_GUESSES, _SHOWN):
        st.session_state[kept] = {key: value for key, value in st.session_state.get(kept, {}).items() if key[0] != name}
    go(name, 0)


def go(name: str, step: int) -> None:
    """Enter a step in the run that comes; only inside a widget's callback."""
    st.session_state[_ASKED] = Asked(name, step)


def leave() -> None:
    """End the lesson; the page stays as it is. Guesses are kept.

    In a class the presenter ends it for all; who follows looks around from here on.
    """
    classroom.lead(None)
    if classroom.is_following():
        classroom.look_around()
    _end()


def _end() -> None:
    for key in (_AT, _ASKED):
        st.session_state.pop(key, None)
    for key in picker.OF_LESSON:
        if key in st.query_params:
            del st.query_params[key]


def take_upload(written: bytes, file_name: str) -> OnShelf:
    """Read an uploaded lesson and keep it for this visit, broken or not."""
    try:
        lesson, problem = read_lesson(written, file_name), None
    except LessonInvalid as error:
        lesson, problem = None, error
    held = OnShelf(name=UPLOADED, lesson=lesson, problem=problem, written=written, is_shipped=False)
    st.session_state[_UPLOAD] = held
    at = current()
    if at and at.name == UPLOADED:
        leave()  # it is another one now
    return held


def missing_pack(lesson: Lesson) -> str:
    """The pack that a lesson needs and that is not here; empty where nothing is missing."""
    wanted = lesson.pack.casefold()
    is_here = not wanted or any(title.casefold().startswith(wanted) for title in get_lab().packs())
    return "" if is_here else lesson.pack


# -- the frame


def follow(page: Any) -> None:
    """Enter the step that a button or the link asks for, unless the visit stands there already.

    A widget on screen keeps its value whatever the address says, and one of another page comes back with what it had: so those of
    pages are forgotten, the step's page is entered from another one, as if for the first time, and the picker is told its values.
    """
    _be_brought()
    asked = _asked()
    if asked is None:
        return
    if asked == current():
        for key, value in link_to(*asked).items():  # the navigation above the page does not carry them
            if st.query_params.get(key) != value:
                st.query_params[key] = value
        return
    step = _step(asked)
    if step is None:
        return
    _forget_widgets()
    if _name(page) != "lessons":
        st.switch_page("pages/lessons.py", query_params=link_to(*asked))
    st.session_state.pop(_ASKED, None)
    st.session_state[_AT] = asked
    classroom.lead(asked, is_revealed=not step.question or _is_open(asked))
    st.session_state[picker.SETTING] = dict(step.state)
    of_page = {key: value for key, value in step.state.items() if key not in picker.KEYS}
    st.switch_page(f"pages/{step.page}.py", query_params={**of_page, **link_to(*asked)})


def draw(page: Any) -> bool:
    """Draw the panel of the lesson under way; returns whether its page is held back until the question is answered."""
    asked = _asked()
    if asked is None:
        return False
    with st.container(border=True, key="lesson-panel"):
        st.html(_STYLE)
        if why_not := _hindrance(asked):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.warning(why_not, icon=":material/school:")
                st.button("Leave the lesson", icon=":material/close:", on_click=leave, key="lesson-leave")
            return False
        lesson = _lesson(asked.name)
        assert lesson is not None
        step = lesson.steps[asked.step]
        is_open = not step.question or _is_open(asked)
        _head(asked, lesson, is_open=is_open)
        if _name(page) != step.page:
            st.caption("You are looking around. The step waits on its own page.")
            st.button(
                "Back to the step", icon=":material/undo:", key="lesson-return", on_click=_enter_again, args=(asked,)
            )
            return False
        if step.page != "home":
            st.html(_UNTITLED)
        if not step.question:
            _told(step)
        elif is_open:
            _revealed(asked, step)
        else:
            _question(asked, step)
        return not is_open


def _be_brought() -> None:
    """In a class, go where the presenter went since the last run."""
    if not classroom.is_following():
        st.session_state.pop(_BROUGHT, None)  # who follows again is brought again
        return
    at, before = classroom.place(), st.session_state.get(_BROUGHT)
    now = Asked(at.lesson, at.step) if at else None
    if now == before:
        return
    st.session_state[_BROUGHT] = now
    if now:
        go(*now)
    elif current():
        _end()


def _asked() -> Asked | None:
    """The step asked for: by a button, else by the link, else the one that the visit stands at."""
    if _ASKED in st.session_state:
        return st.session_state[_ASKED]
    name, at = st.query_params.get("lesson"), st.query_params.get("at", "1")
    if not name:
        return current()
    return Asked(name, int(at) - 1 if at.isascii() and at.isdigit() and len(at) < 4 else -1)


def _lesson(name: str) -> Lesson | None:
    return next((one.lesson for one in known() if one.name == name), None)


def _step(asked: Asked) -> Step | None:
    """The step that can be entered; None where something is missing."""
    lesson = _lesson(asked.name)
    return None if lesson is None or _hindrance(asked) else lesson.steps[asked.step]


def _hindrance(asked: Asked) -> str:
    """Why a step cannot be shown, as Markdown; empty where it can."""
    name = show.escaped(asked.name[:80])
    held = next((one for one in known() if one.name == asked.name), None)
    if held is None:
        own = " An uploaded lesson is known to the visit that brought it alone; bring it again on the page Lessons."
        return f"**The link asks for the lesson “{name}”, which is not here.**" + (
            own if asked.name == UPLOADED else " The page Lessons has those that are."
        )
    if held.lesson is None:
        return f"**The lesson “{name}” cannot be taught as it is written.** The page Lessons names the lines to mend."
    n = len(held.lesson.steps)
    if not 0 <= asked.step < n:
        return f"**The link asks for a step that “{show.escaped(held.lesson.title)}” does not have.** Its steps are 1 to {n}."
    if pack := missing_pack(held.lesson):
        return (
            f"**The lesson “{show.escaped(held.lesson.title)}” shows results of the pack “{show.escaped(pack)}”, which is not "
            "here.** Import the pack on the page Storage, then open the lesson again."
        )
    return ""


def _is_open(asked: Asked) -> bool:
    """Whether the question is answered: in a class, whether the presenter has shown the figure."""
    if classroom.is_following() and classroom.is_at(asked):
        return classroom.is_revealed(asked)
    if classroom.is_presenter():
        return tuple(asked) in st.session_state.get(_SHOWN, {})
    return guess_of(*asked) is not None or tuple(asked) in st.session_state.get(_SHOWN, {})


def _show(asked: Asked) -> None:
    st.session_state[_SHOWN] = {**st.session_state.get(_SHOWN, {}), tuple(asked): True}
    classroom.lead(asked, is_revealed=True)


def _name(page: Any) -> str:
    """A page as lessons name it."""
    return page.url_path or "home"


def _forget_widgets() -> None:
    """Set every widget of a page back, drawn or not, so that the link alone decides.

    Streamlit has no way to ask which keys are those of widgets; the look inside is held by tests/browser/test_lessons.py.
    """
    context = get_script_run_ctx()
    assert context is not None
    held = context.session_state._state
    for key in list(st.session_state):
        if str(key) in _KEPT or (widget := held.get_widget_id_from_key(str(key))) is None:
            continue
        # Its part of the address is set by the step. Where one run follows at another's heels, Streamlit has not let go of it.
        held.query_params.unbind_widget(widget)
        st.session_state.pop(key, None)


# -- the panel


def _head(asked: Asked, lesson: Lesson, *, is_open: bool) -> None:
    """Where one is, and the way on."""
    n, (name, at) = len(lesson.steps), asked
    step = lesson.steps[at]
    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="xsmall")
    row.markdown(
        f":material/school: **{show.escaped(step.title)}** · {at + 1} of {n}",
        width="content",
        help=f"{show.escaped(lesson.title)} {show.escaped(lesson.paper)}",
    )
    ways = row.container(horizontal=True, width="content", gap="xsmall")
    if step.question and step.text and is_open:
        with ways.popover("Text", icon=":material/notes:"):
            st.markdown(step.text)
    if classroom.is_following() and classroom.is_at(asked):
        ways.button(
            "Look around", icon=":material/explore:", key="lesson-leave", on_click=leave,
            help="You follow no longer; the sidebar brings you back.",
        )  # fmt: skip
        return
    ways.button(
        "Back", icon=":material/arrow_back:", key="lesson-back", disabled=at == 0, on_click=go, args=(name, at - 1)
    )
    kind = "primary" if is_open else "secondary"
    if at + 1 < n:
        ways.button(
            "Next", icon=":material/arrow_forward:", key="lesson-next", type=kind, on_click=go, args=(name, at + 1)
        )
    elif ways.button("Finish", icon=":material/check:", key="lesson-finish", type=kind):
        leave()
        st.switch_page("pages/lessons.py", query_params={})
    ways.button(
        "Reset",
        icon=":material/restart_alt:",
        key="lesson-again",
        on_click=_enter_again,
        args=(asked,),
        help="Sets the page as this step has it, whatever was clicked since.",
    )
    ways.button(
        "Leave", icon=":material/close:", key="lesson-leave", on_click=leave, help="Ends the lesson; the page stays."
    )


def _enter_again(asked: Asked) -> None:
    st.session_state.pop(_AT, None)
    go(*asked)


def _told(step: Step) -> None:
    """A step that asks nothing."""
    st.markdown(step.text)
    if step.reveal:
        st.markdown(f"**What is to be seen.** {step.reveal}")
    if step.why:
        st.markdown(f"**Why.** {step.why}")


def _question(asked: Asked, step: Step) -> None:
    """The question, before anything is shown."""
    if step.text:
        st.markdown(step.text)
    st.container(key="lesson-question").markdown(step.question)
    with st.container(key="lesson-choices", gap="xsmall"):
        for at, (letter, choice) in enumerate(_lettered(step)):
            if classroom.is_presenter():
                st.markdown(f"**{letter}**  {show.escaped(choice)}")
                continue
            mine = guess_of(*asked) == at
            st.button(
                f"**{letter}**  {show.escaped(choice)}", key=f"lesson-choice-{at}", width="stretch", on_click=keep_guess,
                args=(*asked, at), type="primary" if mine else "secondary",
            )  # fmt: skip
    if classroom.is_presenter():
        row = st.container(horizontal=True, vertical_alignment="center")
        row.button(
            "Show the figure to all", icon=":material/visibility:", type="primary", key="lesson-show", on_click=_show,
            args=(asked,), help="Guesses end here.",
        )  # fmt: skip
        with row:
            classroom.tally(asked, _letters(step), hidden=True)
    elif classroom.is_following() and classroom.is_at(asked):
        told = guess_of(*asked) is not None
        st.caption(
            "You can change it until the presenter shows the figure."
            if told
            else "The presenter shows the figure to all."
        )
    else:
        st.button(
            "Show without guessing", icon=":material/visibility:", type="tertiary", key="lesson-show", on_click=_show,
            args=(asked,),
        )  # fmt: skip


def _revealed(asked: Asked, step: Step) -> None:
    """The guess beside what is to be seen and why."""
    guess, right = guess_of(*asked), step.right
    left, beside = st.columns([2, 3])
    with left:
        st.markdown(step.question)
        for at, (letter, choice) in enumerate(_lettered(step)):
            whose = [*(["your guess"] if at == guess else []), *(["what is there"] if at == right else [])]
            icon = ":material/check_circle:" if at == right else ":material/radio_button_unchecked:"
            if whose:
                st.markdown(f"{icon} **{letter}** {show.escaped(choice)} · *{', '.join(whose)}*")
    beside.markdown(f"**What is to be seen.** {step.reveal}")
    st.markdown(f"**Why.** {step.why}")
    if classroom.is_at(asked):
        classroom.tally(asked, _letters(step), hidden=False)


def _letters(step: Step) -> list[str]:
    return [letter for letter, _ in _lettered(step)]


def _lettered(step: Step) -> Iterator[tuple[str, str]]:
    return zip(ascii_uppercase, step.choices, strict=False)


def score_of(name: str, lesson: Lesson) -> tuple[int, int]:
    """Of the questions with a right choice that this visit answered: how many right, how many in all."""
    answered = [
        guess == step.right
        for at, step in enumerate(lesson.steps)
        if step.right is not None and (guess := guess_of(name, at)) is not None
    ]
    return sum(answered), len(answered)
