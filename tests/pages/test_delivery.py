"""A page comes whole though the server's loop is late and a part of it is asked for anew at its very end."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.classmate import Classmate

ROOT = Path(__file__).parents[2]
N = 12
PART = b"the part"
PAGE = """
import sys, time
import streamlit as st
from streamlit import runtime
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx

if sys.argv[1] == "mended":
    from pages.parts import delivery
    delivery.mend()

def part():
    st.write("the part")

st.fragment(part)()
context, held = get_script_run_ctx(), runtime.get_instance()
session = held._session_mgr.get_active_session_info(context.session_id).session
(name,) = context.fragment_storage._fragments

def late():
    # The loop is at other things while the script comes to its end, and then reads that the part is asked for.
    time.sleep(1.0)
    asked = BackMsg()
    asked.rerun_script.fragment_id, asked.rerun_script.is_auto_rerun = name, True
    session.handle_backmsg(asked)

session._event_loop.call_soon_threadsafe(late)
time.sleep(0.3)
for place in range(12):
    st.write(f"line {place} of the page")
"""
"""Draws a part, and then lines while the server's loop is held up."""


def received(folder: Path, how: str) -> Classmate:
    """What a visitor of such a page gets: until the part has come as often as it has to, and for some seconds more."""
    script = folder / "page.py"
    script.write_text(PAGE, encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [
        "--server.address=127.0.0.1",
        f"--server.port={port}",
        "--server.headless=true",
        "--global.developmentMode=false",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), *options, "--", how],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        url, end = f"http://127.0.0.1:{port}", time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
                break
            except OSError:
                assert time.monotonic() < end, "the page is not served"
                time.sleep(0.1)
        visitor = Classmate(url)
        asked = BackMsg()
        asked.rerun_script.query_string = ""
        visitor.send(asked)
        end = time.monotonic() + 40
        while visitor.received.count(PART) < (2 if how == "mended" else 1) and time.monotonic() < end:
            visitor.listen(0.5)
        visitor.listen(4.0)
        visitor.close()
        return visitor
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("how", ["mended", "as it comes"])
def test_a_page_comes_whole_though_a_part_is_asked_for_at_its_end(how: str, tmp_path: Path) -> None:
    visitor = received(tmp_path, how)
    came = [place for place in range(N) if f"line {place} of the page".encode() in visitor.received]
    if how == "mended":
        assert visitor.received.count(PART) >= 2  # as drawn first, and when asked for anew
        assert came == list(range(N))
    else:  # when this fails Streamlit loses nothing any more: then delete pages/parts/delivery.py
        assert PART in visitor.received
        assert len(came) < N
