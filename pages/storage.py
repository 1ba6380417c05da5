"""Storage: what is kept and what it cost, making room, checking, and packs to hand on."""

from pages.parts.frame import enter

enter()

import io  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from datetime import datetime  # noqa: E402
from pathlib import Path  # noqa: E402

import pandas as pd  # noqa: E402
import streamlit as st  # noqa: E402

from core.charts.kept import kept_bars, kept_table  # noqa: E402
from core.lab import Kept, Lab  # noqa: E402
from pages.parts import figures, picker, show  # noqa: E402
from pages.parts.lab import get_lab  # noqa: E402

_NOTICE = "storage_notice"
_DAMAGE = "storage_damage"
_MOST_UPLOAD_MB = 200
_MOST_DOWNLOAD = 500e6  # it is held in the server's memory; more goes to a file on this machine


def main() -> None:
    """The page."""
    show.heading(
        "Storage",
        "Every result on this machine: what it is, what computing it took, and the room it takes.",
        "Whatever is deleted can be computed again from its page.",
    )
    lab = get_lab()
    if notice := st.session_state.pop(_NOTICE, None):
        st.success(notice, icon=":material/check:")
    for problem in lab.store.shelf.problems:
        st.warning(
            f"A pack that comes with the program was left out. {show.escaped(str(problem))}", icon=":material/warning:"
        )
    rows = lab.kept()
    totals(lab, rows)
    kept, room, check, packs = st.tabs(["What is kept", "Make room", "Check and mend", "Packs"])
    with kept, show.messages():
        chosen = listing(lab, rows)
    with room, show.messages():
        make_room(lab, rows)
    with check, show.messages():
        mend(lab, rows)
    with packs, show.messages():
        left, right = st.columns(2, gap="large")
        with left, show.messages():
            export(lab, rows, chosen)
        with right, show.messages():
            take_over(lab)


def totals(lab: Lab, rows: Sequence[Kept]) -> None:
    """How much, how much is left, and where."""
    disk = lab.disk()
    one, two, three, four = st.columns(4)
    one.metric("Computed or imported here", show.size(disk.own))
    two.metric("Came with the program", show.size(disk.shipped), help="Never deleted.")
    three.metric("Free on this disk", show.size(disk.free))
    four.metric("Results", f"{len(rows):,}")
    reports = len(lab.reports.all())
    kept = (
        f" · {reports} reports with their figures, {show.size(lab.reports.n_bytes())}: see the page Report"
        if reports
        else ""
    )
    st.caption(f"In {show.escaped(str(disk.folder))}{kept}")


def listing(lab: Lab, rows: Sequence[Kept]) -> list[str]:
    """All results; returns the keys of the selected ones."""
    if not rows:
        st.info("Nothing is stored yet. Home offers the first computation.", icon=":material/info:")
        return []
    table = _table(rows)
    # Selected places mean other rows once results come or go: then the table begins anew.
    name = f"kept-{hash(tuple(row.key for row in rows))}"
    event = st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        height=min(38 + 35 * len(rows), 290),
        on_select="rerun",
        selection_mode="multi-row",
        key=name,
        column_config=_COLUMNS,
    )
    chosen = act_on(lab, [rows[place] for place in event["selection"]["rows"] if place < len(rows)])
    totals = kept_table(table)
    figures.figure(
        kept_bars(totals, show.look()),
        totals,
        name="kept-bars",
        alt_text=f"Megabytes on disk by analysis, {len(totals)} bars, the largest {totals['what'].iloc[0]}",
        specs=[],
        again=lambda look: kept_bars(totals, look),
        note="files of each result, all added up",
        origin=f"read from the cache folder of this machine, {_results(len(rows))}",
    )
    return chosen


def act_on(lab: Lab, chosen: Sequence[Kept]) -> list[str]:
    """What can be done with selected results; returns their keys."""
    own = [row for row in chosen if not row.is_shipped]
    if not chosen:
        st.caption("Select rows to delete them, to keep them from being deleted when room is made, or to pack them.")
        return []
    keys = [row.key for row in own]
    with st.container(horizontal=True):
        with st.popover(f"Delete {_results(len(own))}", icon=":material/delete:", disabled=not own):
            st.markdown(_what_goes(own))
            st.button("Yes, delete", type="primary", key="delete-yes", on_click=_delete, args=(keys,))
        st.button(
            "Pin", icon=":material/keep:", on_click=lab.pin, args=(keys,), disabled=not own, help="Never evicted."
        )
        st.button("Unpin", icon=":material/keep_off:", on_click=_unpin, args=(keys,), disabled=not own)
    if len(own) < len(chosen):
        st.caption("What came with the program stays.")
    return [row.key for row in chosen]


def make_room(lab: Lab, rows: Sequence[Kept]) -> None:
    """Eviction by size, shown before it is done."""
    st.markdown("Delete what was **longest unused** until the rest fits. Pinned results and those a job needs stay.")
    one, two, three = st.columns([1, 1, 2], vertical_alignment="bottom")
    most = one.number_input("Keep at most", 0.0, 1e6, 10.0, step=1.0, key="evict_size", persist_state="session")
    unit = two.selectbox("Unit", ["GB", "MB"], key="evict_unit", persist_state="session")
    runs = three.toggle(
        "Tuned checkpoints may go too",
        key="evict_runs",
        persist_state="session",
        help="Last of all. Tuning again takes longest, and another machine does not give the same weights to the bit.",
    )
    bound = most * {"GB": 1e9, "MB": 1e6}[unit]
    going = set(lab.eviction(bound, runs=runs))
    gone = [row for row in rows if row.key in going]
    if not gone:
        st.info(f"Nothing has to go to stay within {most:g} {unit}.", icon=":material/check:")
    else:
        st.markdown(f"This would go: {_what_goes(gone)}")
        st.dataframe(
            _table(gone), hide_index=True, width="stretch", height=min(38 + 35 * len(gone), 280), column_config=_COLUMNS
        )
        st.button(
            f"Delete {_results(len(gone))}",
            type="primary",
            key="evict-yes",
            icon=":material/delete:",
            on_click=_delete,
            args=([row.key for row in gone],),
        )
    stays = sum(row.n_bytes for row in rows if row.key not in going and not row.is_shipped)
    if stays > bound:
        why = (
            "Pinned results and those a job needs"
            if runs
            else "Pinned results, those a job needs and tuned checkpoints"
        )
        st.caption(f"{why} take {show.size(stays)} and stay.")
    st.subheader("Left over", anchor=False)
    left = lab.leftovers()
    if not left:
        st.caption("Nothing: no cut-off work, no stale locks, no temporary files.")
        return
    table = pd.DataFrame([{"what": item.what, "size": item.n_bytes} for item in left])
    table = table.groupby("what", as_index=False).agg(count=("size", "size"), size=("size", "sum"))
    st.dataframe(table, hide_index=True, width="content", column_config={"size": _COLUMNS["size"]})
    st.button(
        "Clear",
        key="clear-leftovers",
        on_click=_clear,
        icon=":material/cleaning_services:",
        help="Cut-off work could still be continued; without it, that computation begins again.",
    )


def mend(lab: Lab, rows: Sequence[Kept]) -> None:
    """Checksums of everything, and the index."""
    one, two = st.columns(2, gap="large")
    with one, show.messages():
        st.subheader("Check every file", anchor=False)
        st.markdown("Compares each file with the checksum written down when it was made. About a second per GB.")
        if st.button("Check", icon=":material/fact_check:", key="verify"):
            st.session_state[_DAMAGE] = lab.verify(_progress("Checking"))
        found = st.session_state.get(_DAMAGE)
        if found == ():
            st.success("Every file is as it was written.", icon=":material/check:")
        elif found:
            for damage in found:
                where = f", of the pack {damage.pack}" if damage.pack else ""
                st.warning(
                    f"**{damage.kind}** `{damage.key[:12]}`{show.escaped(where)}: {show.escaped(damage.found)}",
                    icon=":material/warning:",
                )
            st.button(
                f"Delete the {len(found)} damaged",
                key="delete-damaged",
                icon=":material/delete:",
                on_click=_delete,
                args=([damage.key for damage in found],),
                help="They are never shown. Those of a pack of the program are unpacked again.",
            )
    with two:
        st.subheader("Rebuild the index", anchor=False)
        st.markdown("The index makes lists quick. It is made anew from the results themselves; nothing is lost.")
        st.button("Rebuild", icon=":material/refresh:", key="rebuild", on_click=_rebuild)


def export(lab: Lab, rows: Sequence[Kept], chosen: Sequence[str]) -> None:
    """Results into one file."""
    st.subheader("Export", anchor=False)
    selection = picker.selected()
    options = ["the selected rows"]
    if selection is not None and selection.tuned is not None:
        options.append(f"all about {selection.tuned.name}")
    what = st.radio(
        "Pack",
        options,
        format_func=show.escaped,
        index=0 if chosen else len(options) - 1,
        key=f"export-{len(options)}-{bool(chosen)}",
    )
    if what == options[0]:
        with_needed = st.toggle("With what they were computed from", value=True, key="export_needed")
        keys = lab.with_needed(chosen) if with_needed else list(chosen)
    else:
        assert selection is not None
        assert selection.tuned is not None
        keys = lab.about(selection.tuned.ref)
    if not keys:
        st.caption("Select rows under **What is kept** first." if what == options[0] else "Nothing is stored about it.")
        return
    n_bytes = sum(row.n_bytes for row in rows if row.key in set(keys))
    title = st.text_input("Title", "Tunescope pack", max_chars=80, key="export_title")
    st.markdown(f"**{_results(len(keys))}, {show.size(n_bytes)}** before packing. Paths on this machine are left out.")
    name = "".join(sign if sign.isalnum() else "-" for sign in title.lower()).strip("-") or "pack"
    if n_bytes <= _MOST_DOWNLOAD:
        st.download_button(
            "Download",
            data=_packed(lab, keys, title),
            file_name=f"{name}.tunescope",
            mime="application/octet-stream",
            icon=":material/download:",
            on_click="ignore",
            key="export-download",
        )
    with st.form("export-file", border=False):
        path = show.local_path("Or into a file on this machine", placeholder=f"/path/to/{name}.tunescope")
        if st.form_submit_button("Write", icon=":material/save:") and path:
            target = Path(path).expanduser().absolute()
            contents = lab.export_pack(keys, target, title=title, on_step=_progress("Packing"))
            st.success(
                f"Written: {_results(len(contents.artifacts))} in {show.escaped(str(target))}", icon=":material/check:"
            )


def take_over(lab: Lab) -> None:
    """Results from a file."""
    st.subheader("Import", anchor=False)
    st.markdown(
        "A pack is checked through and through before anything of it is kept. What is here already stays as it is. "
        "The numbers in it are its maker's: the column *from* names the pack."
    )
    with st.form("import", border=False, clear_on_submit=True):
        upload = st.file_uploader(
            f"Pack, up to {_MOST_UPLOAD_MB} MB", type=["tunescope", "zip"], max_upload_size=_MOST_UPLOAD_MB
        )
        path = show.local_path("Or a file on this machine", placeholder="/path/to/pack.tunescope", key="import_path")
        if st.form_submit_button("Import", icon=":material/upload_file:") and (upload is not None or path):
            source = upload if upload is not None else Path(path).expanduser().absolute()
            done = lab.import_pack(source, _progress("Importing"))
            st.session_state[_NOTICE] = (
                f"Imported: {_results(len(done.new))} new, {len(done.kept)} were here already. "
                "Tuned checkpoints in it can be chosen in the sidebar."
            )
            st.rerun()


_COLUMNS = {
    "what": st.column_config.TextColumn("what", width=140),
    "checkpoints": st.column_config.TextColumn("checkpoints", width=230),
    "text": st.column_config.TextColumn("text", width=150),
    "settings": st.column_config.TextColumn("settings", width=110),
    "size": st.column_config.NumberColumn("size", format="bytes"),
    "took": st.column_config.NumberColumn("took", format="%.1f s", help="Seconds it took to compute."),
    "created": st.column_config.DatetimeColumn("created", format="YYYY-MM-DD HH:mm"),
    "last used": st.column_config.DatetimeColumn("last used", format="YYYY-MM-DD HH:mm"),
    "from": st.column_config.TextColumn("from", help="Computed here, or the pack it came in."),
}


def _table(rows: Sequence[Kept]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "what": row.what,
                "checkpoints": row.checkpoints,
                "text": row.text,
                "settings": row.settings,
                "size": row.n_bytes,
                "took": row.seconds,
                "last used": datetime.fromtimestamp(row.used),
                "created": datetime.fromtimestamp(row.created),
                "from": row.pack or "here",
                "note": ", ".join(_notes(row)),
            }
            for row in rows
        ]
    )


def _notes(row: Kept) -> list[str]:
    notes = {"with the program": row.is_shipped, "pinned": row.is_pinned, "a job needs it": row.is_needed}
    return [note for note, holds in notes.items() if holds]


def _what_goes(rows: Sequence[Kept]) -> str:
    """How much, and what getting it back would take."""
    n_bytes, seconds = sum(row.n_bytes for row in rows), sum(row.seconds for row in rows)
    return f"**{_results(len(rows))}, {show.size(n_bytes)}**, which took {show.duration(seconds)} to compute."


def _results(n: int) -> str:
    return f"{n:,} result" + ("s" if n != 1 else "")


def _progress(what: str) -> Callable[[int, int, str], None]:
    bar = st.progress(0.0, text=what)

    def step(done: int, total: int, note: str) -> None:
        bar.progress(min(done / max(total, 1), 1.0), text=f"{what}: {show.size(done)} of {show.size(total)}")

    return step


def _packed(lab: Lab, keys: Sequence[str], title: str) -> Callable[[], io.BytesIO]:
    """The pack, made when somebody presses the button."""

    def make() -> io.BytesIO:
        stream = io.BytesIO()
        lab.export_pack(keys, stream, title=title)
        stream.seek(0)
        return stream

    return make


def _delete(keys: Sequence[str]) -> None:
    done = get_lab().delete(keys)
    busy = f" {_results(len(done.busy))} stayed: a job needs them." if done.busy else ""
    st.session_state[_NOTICE] = f"Deleted: {_results(len(done.keys))}, {show.size(done.n_bytes)}.{busy}"
    st.session_state.pop(_DAMAGE, None)


def _unpin(keys: Sequence[str]) -> None:
    get_lab().pin(keys, pinned=False)


def _clear() -> None:
    st.session_state[_NOTICE] = f"Cleared: {show.size(get_lab().clear_leftovers())}."


def _rebuild() -> None:
    st.session_state[_NOTICE] = f"The index holds {_results(get_lab().rebuild_index())}."


with show.messages():
    main()
