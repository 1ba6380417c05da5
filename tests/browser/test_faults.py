"""Kill -9 of each process in turn: the page says so, what was finished is kept, and going on ends where it would have."""

import json
import os
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from core.keys import from_json, key_of, to_json
from core.lab import Lab
from core.settings import Settings
from core.store.artifacts import Store
from tests.browser.conftest import Server, start, stop, visit
from tests.browser.test_journeys import MINUTES, drawn, fill
from tests.faults import python
from tests.small import BASE, TUNED

pytestmark = pytest.mark.browser


def running(page: Page, server: Server) -> int:
    """Wait until the run on the page trains and has saved a state; returns the step it was first seen at."""
    shown = page.get_by_text(re.compile(r"Fine-tuning: [1-9]\d* of")).first
    expect(shown).to_be_visible(timeout=2 * MINUTES)
    seen = int(re.findall(r"Fine-tuning: (\d+) of", shown.inner_text())[0])
    end = time.monotonic() + 120
    while not saved(server):
        assert time.monotonic() < end
        time.sleep(0.05)
    return seen


def saved(server: Server) -> int:
    """The step of the state that a killed run would go on from; 0 = none."""
    states = (server.cache / "artifacts").glob("fine_tune/*/trainer/checkpoint-*/whole.json")
    return max((int(path.parent.name.rpartition("-")[2]) for path in states), default=0)


def the_job(server: Server) -> dict:
    """The fine-tuning job's record as it lies on disk."""
    records = [json.loads(path.read_text()) for path in (server.cache / "jobs").glob("*.json")]
    return next(record for record in records if record["spec"]["kind"] == "fine_tune")


def test_each_process_when_killed_is_named_and_the_work_goes_on(
    server: Server, visitor: BrowserContext, tmp_path: Path
) -> None:
    page = visit(visitor, f"{server.url}/lab")
    fill(page, "Examples", "500")
    fill(page, "Epochs", "1")
    page.get_by_role("button", name="Compute").click()
    running(page, server)

    os.kill(the_job(server)["worker"], signal.SIGKILL)
    expect(page.get_by_text(re.compile("Fine-tuning: interrupted.*killed"))).to_be_visible(timeout=MINUTES)
    kept = saved(server)
    page.get_by_role("button", name="Compute").click()
    assert running(page, server) > kept > 0

    os.kill(json.loads((server.cache / "engine" / "engine.json").read_text())["pid"], signal.SIGKILL)
    expect(page.get_by_text(re.compile("Fine-tuning: interrupted.*engine ended"))).to_be_visible(timeout=MINUTES)
    kept = saved(server)
    page.get_by_role("button", name="Compute").click()
    assert running(page, server) > kept > 0

    page.close()  # its tries to come back would be errors of ours
    server.process.send_signal(signal.SIGKILL)  # the app: the engine does not notice
    server.process.wait(20)
    again = start(server.cache, tmp_path / "again.log")
    try:
        page = visit(visitor, f"{again.url}/jobs")
        expect(page.get_by_text(re.compile(r"Fine-tuning · (running|done)"))).to_be_visible(timeout=MINUTES)
        expect(page.get_by_text("Fine-tuning · done")).to_be_visible(timeout=4 * MINUTES)
        lab = Lab(Store(Settings(cache=server.cache, device="cpu")), engine="none")
        spec = from_json(the_job(server)["spec"])
        interrupted = lab.peek(spec)
        whole = Lab(Store(Settings(cache=tmp_path / "whole", device="cpu")), engine="none").run(spec)
        assert interrupted.answers.equals(whole.answers)
        assert not (lab.store.folder(spec) / "trainer").exists()
    finally:
        page.close()
        stop(again)


def test_page_command_line_and_notebook_make_one_artifact(server: Server, visitor: BrowserContext) -> None:
    page = visit(visitor, f"{server.url}/lab")
    fill(page, "Examples", "64")
    fill(page, "Epochs", "1")
    page.get_by_role("button", name="Compute").click()
    expect(page.get_by_text("This run is there")).to_be_visible(timeout=4 * MINUTES)
    spec = from_json(the_job(server)["spec"])
    lab = Lab(Store(Settings(cache=server.cache, device="cpu")), engine="none")
    folder = lab.store.folder(spec)
    stamp = (folder / "artifact.json").stat().st_mtime_ns

    # A notebook asks for the same thing, the command line as well: each finds what the page made.
    assert lab.run(spec).n_train == 64
    done = python("-m", "core", "run", "-", cache=server.cache, text=json.dumps(to_json(spec)))
    assert done.returncode == 0, done.stderr
    assert key_of(spec) in done.stdout
    assert (folder / "artifact.json").stat().st_mtime_ns == stamp

    # What the command line computes is there for the page.
    crowding = {
        "kind": "crowding",
        **{
            side: to_json(embed.replace(checkpoint=checkpoint, sample=BASE.sample.replace(n=500)))
            for side, embed, checkpoint in (("base", BASE, BASE.checkpoint), ("tuned", TUNED, spec))
        },
    }
    made = python("-m", "core", "run", "-", "--json", cache=server.cache, text=json.dumps(crowding))
    assert made.returncode == 0, made.stderr
    page = visit(visitor, f"{server.url}/layers?view=Crowding")
    expect(drawn(page)).to_have_count(1)
    expect(page.get_by_text("Not computed yet")).to_have_count(0)
    top = json.loads(made.stdout)["tuned"][-1]["value"]
    page.get_by_text("Table and files").click()
    assert np.isclose(lab.run(from_json(crowding)).tuned[-1].value, top)
    time.sleep(0.5)
    assert len(list((server.cache / "artifacts" / "crowding").iterdir())) == 1
