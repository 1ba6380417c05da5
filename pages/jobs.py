"""Jobs: everything that was asked for, how it stands, and what went wrong."""

from pages.parts.frame import enter

enter()

import time  # noqa: E402

import streamlit as st  # noqa: E402

from core.jobs.records import ACTIVE  # noqa: E402
from core.keys import from_json  # noqa: E402
from pages.parts import show  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402

_ICONS = {
    "queued": ":material/schedule:",
    "running": ":material/progress_activity:",
    "done": ":material/check_circle:",
    "failed": ":material/error:",
    "cancelled": ":material/cancel:",
    "interrupted": ":material/warning:",
}


def main() -> None:
    """The page."""
    show.heading(
        "Jobs",
        "What this machine is computing, for every viewer, and what it computed before.",
        "A job outlives this page and a restart of the app; what a stopped one finished is kept.",
    )
    is_busy = any(status.state in ACTIVE for _, status in get_lab().jobs())
    st.fragment(listing, run_every=1.0 if is_busy else 5.0)()
    if not is_busy and get_lab().jobs():
        st.button(
            "Clear the list", on_click=get_lab().forget_jobs, icon=":material/clear_all:", help="Results are kept."
        )


def listing() -> None:
    """Every job, newest first."""
    lab = get_lab()
    jobs = lab.jobs()
    if not jobs:
        st.info("Nothing has been asked for yet. Home offers the first computation.", icon=":material/info:")
    for record, status in jobs[:100]:
        with st.container(border=True):
            what, how, act = st.columns([4, 5, 2], vertical_alignment="center")
            what.markdown(f"{_ICONS[status.state]} **{record.title}** · {status.state}")
            what.caption(
                f"`{record.key[:10]}` · asked {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(record.asked))}"
            )
            if status.state == "running" and status.total:
                how.progress(min(status.done / status.total, 1.0), text=show.counted(status))
                how.caption(show.standing(status))
            elif status.error:
                how.markdown(show.escaped(status.error.message))
            elif status.state == "queued":
                how.markdown(show.standing(status) or "waiting for the engine")
            elif record.ended:
                how.markdown(f"took {show.duration(record.ended - (record.started or record.asked))}")
            if status.state in ACTIVE:
                act.button(
                    "Cancel",
                    key=f"cancel-{record.key}",
                    on_click=lab.cancel,
                    args=(record.key,),
                    icon=":material/close:",
                )
            elif status.state in ("failed", "cancelled", "interrupted"):
                act.button(
                    "Go on",
                    key=f"again-{record.key}",
                    on_click=_again,
                    args=(record.spec,),
                    icon=":material/replay:",
                    help="Starts it again; what it finished is kept.",
                )


def _again(spec: dict) -> None:
    get_lab().submit(from_json(spec))


with show.messages():
    main()
