"""Lessons: what there is to teach with, and a teacher's own."""

from pages.parts.frame import enter

enter()

import streamlit as st  # noqa: E402

from core.lab import MOST_LESSON_BYTES, Lesson, OnShelf  # noqa: E402
from pages.parts import lesson, show  # noqa: E402
from pages.parts.lab import get_lab, is_viewer  # noqa: E402


def main() -> None:
    """The page."""
    show.heading(
        "Lessons",
        "Step by step through what a paper asks: a guess first, then the figure, then why.",
        "Every step is a link and a view of this app; you can look around at any moment.",
    )
    held = lesson.known()
    shipped = [one for one in held if one.is_shipped]
    places = [*st.columns(2, gap="medium"), *st.columns(2, gap="medium")] if len(shipped) > 2 else st.columns(2)
    for at, one in enumerate(shipped):
        with places[at % len(places)]:
            card(one)
    theirs = [one for one in held if not one.is_shipped]
    if not is_viewer():
        own(theirs)
    elif theirs:
        for one in theirs:
            card(one)


def card(one: OnShelf) -> None:
    """One lesson, and the way into it, or what is wrong with it."""
    with st.container(border=True, key=f"lesson-card-{one.name}"):
        if one.lesson is None:
            broken(one)
            return
        st.subheader(show.escaped(one.lesson.title), anchor=False)
        st.caption(facts(one.lesson))
        st.markdown(one.lesson.about)
        row = st.container(horizontal=True, vertical_alignment="center")
        pack = lesson.missing_pack(one.lesson)
        row.button(
            "Begin", icon=":material/play_arrow:", type="primary", key=f"lesson-begin-{one.name}", disabled=bool(pack),
            on_click=lesson.begin, args=(one.name,),
        )  # fmt: skip
        row.download_button(
            "Download", one.written, file_name=f"{one.name}.yaml", mime="application/yaml", on_click="ignore",
            icon=":material/download:", key=f"lesson-file-{one.name}", help="As a starting point for a lesson of your own.",
        )  # fmt: skip
        right, answered = lesson.score_of(one.name, one.lesson)
        if answered:
            row.caption(f"You guessed {answered}, {right} of them right.")
        if pack:
            st.warning(
                f"It shows results of the pack “{show.escaped(pack)}”, which is not here. Import the pack on the page Storage.",
                icon=":material/inventory_2:",
            )


def facts(one: Lesson) -> str:
    """Paper, minutes and length."""
    parts = [show.escaped(one.paper)] if one.paper else []
    return " · ".join([*parts, f"about {one.minutes} min", show.in_steps(len(one.steps))])


def broken(one: OnShelf) -> None:
    """What is wrong with a lesson, line by line."""
    assert one.problem is not None
    lines = "\n".join(f"- {show.escaped(line)}" for line in one.problem.found.splitlines())
    st.error(
        f"**{show.escaped(one.problem.asked)}**\n\n{lines}\n\n{show.escaped(one.problem.do)}", icon=":material/error:"
    )


def own(held: list[OnShelf]) -> None:
    """A teacher's own lessons: from the folder and by upload."""
    st.subheader("Your own", anchor=False)
    where = f"`{get_lab().lessons_folder}`" if show.is_local() else "the folder `lessons` of the cache"
    st.markdown(
        f"A lesson is one text file. Download one above, change it, and bring it here; the README's section *Write a lesson* "
        f"has every key. Files in {where} are found by themselves."
    )
    brought = st.file_uploader(
        "Bring a lesson", type=["yaml", "yml"], max_upload_size=1, key="lesson_upload",
        help=f"At most {MOST_LESSON_BYTES // 1000} kB. It is kept for this visit alone and read as text: nothing in it is run.",
    )  # fmt: skip
    if brought is not None and st.session_state.get("_lesson_file") != brought.file_id:
        st.session_state["_lesson_file"] = brought.file_id
        lesson.take_upload(brought.getvalue(), brought.name)
        st.rerun()
    for one in held:
        card(one)


with show.messages():
    main()
