"""python -m core as a person types it: 0 and an answer, or 1 and one clear line."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.analyses.embed import Embed
from core.analyses.weight_change import WeightChange
from core.jobs.records import JobRecord, Records
from core.keys import Spec, key_of, to_json
from core.lab import Lab
from core.refs import Folder, Packaged, Sample, Suite
from core.settings import Settings
from core.store.artifacts import MANIFEST, Store
from tests.faults import DEPTH, WIDTH, python, tiny

SPEC = WeightChange(base=Packaged(), tuned=Packaged())


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """The cache folder of every command here."""
    return tmp_path / "cache"


def core(cache: Path, *words: str, text: str | None = None) -> tuple[int, str, str]:
    """(exit status, what it printed, what it complained of)."""
    done = python("-m", "core", *words, cache=cache, text=text)
    return done.returncode, done.stdout, done.stderr


def written(tmp_path: Path, spec: Spec) -> str:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(to_json(spec)))
    return str(path)


def strictly(text: str) -> Any:
    """JSON as every other program reads it: no NaN."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_run_when_asked_twice_plans_computes_once_and_lists(tmp_path: Path, cache: Path) -> None:
    spec = written(tmp_path, SPEC)
    status, out, err = core(cache, "plan", spec)
    assert (status, err) == (0, "")
    assert "weight_change" in out
    assert key_of(SPEC)[:12] in out
    assert out.splitlines()[-1] == "1 to compute"

    status, out, err = core(cache, "run", spec, "--json")
    assert (status, err) == (0, "")
    result = strictly(out)
    assert result["layers"] == [0.0] * 7
    assert result["n_parameters"] > 20_000_000
    assert set(result["tensors"]) == {"layer", "tensor", "relative_change", "norm"}
    manifest = cache / "artifacts" / "weight_change" / key_of(SPEC) / MANIFEST
    created = json.loads(manifest.read_text())["created"]

    status, out, err = core(cache, "run", "-", text=json.dumps(to_json(SPEC)))
    assert (status, err) == (0, "")
    assert out.splitlines() == [f"weight_change {key_of(SPEC)}", str(manifest.parent)]
    assert json.loads(manifest.read_text())["created"] == created

    status, out, err = core(cache, "cache")
    assert (status, err) == (0, "")
    assert out.startswith(f"{key_of(SPEC)[:12]}  weight_change")
    assert len(out.splitlines()) == 1
    assert core(cache, "plan", spec) == (0, "everything is stored\n", "")


def test_run_of_a_small_embedding_with_what_it_needs_prints_json(tmp_path: Path, cache: Path) -> None:
    tiny("bert", tmp_path / "tiny")
    spec = Embed(
        checkpoint=Folder.at(tmp_path / "tiny"), sample=Sample(of=Suite(), n=20), unit="sentence", pooling="mean"
    )
    status, out, err = core(cache, "run", written(tmp_path, spec), "--json")
    assert (status, err) == (0, "")
    result = strictly(out)
    assert result["sentence"] == list(range(20))
    assert [len(layer) for layer in result["layers"]] == [20] * (DEPTH + 1)
    assert {len(row) for layer in result["layers"] for row in layer} == {WIDTH}
    assert result["n_cut_sentences"] == 0
    held = Lab(Store(Settings(cache=cache)), engine="none").peek(spec)
    assert held is not None
    assert held.layers[-1].tolist() == result["layers"][-1]


def test_empty_cache_has_no_artifacts_and_no_jobs(cache: Path) -> None:
    assert core(cache, "cache") == (0, "", "")
    assert core(cache, "status") == (0, "", "")


def assert_one_clear_line(answer: tuple[int, str, str], error: str, *words: str) -> None:
    status, out, err = answer
    assert status == 1
    assert out == ""
    assert len(err.splitlines()) == 1, err
    assert err.startswith(f"{error}: ")
    for word in words:
        assert word in err


BROKEN: dict[str, tuple[str, tuple[str, ...]]] = {
    "unknown kind": ('{"kind": "no_such"}', ("no_such", "Known: ", "embed")),
    "broken JSON": ('{"kind": ', ("spec.json", "line 1 column", "Give a JSON file")),
    "empty file": ("", ("spec.json", "Give a JSON file")),
    "list": ("[1, 2]", ("names no kind", "JSON object")),
    "not UTF-8": ("\udcff", ("spec.json", "Give a JSON file")),
    "a ref": (json.dumps(to_json(Packaged())), ("checkpoint.packaged", "computes nothing", "analysis")),
    "a missing field": ('{"kind": "weight_change", "base": {"kind": "checkpoint.packaged"}}', ("Missing: tuned",)),
    "an unknown field": (json.dumps(to_json(SPEC) | {"speed": 3}), ("Unknown: speed", "Fields: base, tuned")),
    "another version": (json.dumps(to_json(SPEC) | {"version": 7}), ("version 7", "version 1")),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_spec_when_wrong_is_one_clear_line(fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from core.__main__ import main

    content, words = BROKEN[fault]
    path = tmp_path / "spec.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    for command in ("run", "plan"):
        status = main([command, str(path)])
        printed = capsys.readouterr()
        assert_one_clear_line((status, printed.out, printed.err), "SpecInvalid", *words)


@pytest.mark.parametrize("fault", ["unknown kind", "broken JSON"])
def test_process_when_the_spec_is_wrong_exits_1(fault: str, tmp_path: Path, cache: Path) -> None:
    content, words = BROKEN[fault]
    (tmp_path / "spec.json").write_text(content)
    assert_one_clear_line(core(cache, "run", str(tmp_path / "spec.json")), "SpecInvalid", *words)


def test_spec_file_when_not_there_is_named(tmp_path: Path, cache: Path) -> None:
    answer = core(cache, "run", str(tmp_path / "nowhere.json"))
    assert_one_clear_line(answer, "SpecInvalid", "nowhere.json", "No such file", "Give a JSON file")


def test_checkpoint_when_gone_is_named(tmp_path: Path, cache: Path) -> None:
    gone = Embed(checkpoint=Folder(digest="0" * 64, path=str(tmp_path / "gone")), sample=Sample(of=Suite(), n=10))
    spec = written(tmp_path, gone)
    for command in ("run", "plan"):
        answer = core(cache, command, spec)
        assert_one_clear_line(answer, "CheckpointNotFound", str(tmp_path / "gone"), "no such folder")


def test_cache_folder_when_a_file_is_in_its_place_is_one_clear_line(cache: Path) -> None:
    cache.write_text("in the way")
    assert_one_clear_line(core(cache, "status"), "StoreUnusable", str(cache), "TUNESCOPE_CACHE")


def test_cancel_when_no_such_job_exits_1(cache: Path) -> None:
    assert_one_clear_line(core(cache, "cancel", "abcdef"), "SpecInvalid", "'abcdef'", "0 jobs", "python -m core status")


def test_job_by_the_start_of_its_key_is_listed_and_cancelled(cache: Path, tmp_path: Path) -> None:
    lab = Lab(Store(Settings(cache=cache)), engine="none")
    job = lab.submit(SPEC)
    status, out, err = core(cache, "status")
    assert (status, err) == (0, "")
    assert job.key[:12] in out
    assert "queued" in out
    assert "Weight change" in out
    assert core(cache, "cancel", job.key[:12]) == (0, "", "")
    assert lab.status(job.key).state == "cancelled"


def test_cancel_when_two_jobs_begin_so_cancels_neither(cache: Path) -> None:
    records = Records(Store(Settings(cache=cache)).root)
    for key in ("aa11", "aa22"):
        records.put(JobRecord(key=key, spec=to_json(SPEC), title="One", asked=4e9))
    assert_one_clear_line(core(cache, "cancel", "aa"), "SpecInvalid", "'aa'", "2 jobs")
    assert not list((cache / "jobs").glob("*.cancel"))


@pytest.mark.parametrize("words", [[], ["fly"], ["run"], ["cancel"]])
def test_command_when_unknown_or_short_exits_with_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from core.__main__ import main

    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "usage: python -m core" in capsys.readouterr().err
