"""What the README says is so: its analysis runs as it stands, its table of analyses is that of the program."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from core.__main__ import main
from core.keys import to_json
from tests.faults import python
from tests.small import BASE

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_analysis_of_the_readme_is_added_and_runs(tmp_path: Path) -> None:
    (written,) = re.findall(r'```python\n("""How long.*?)```', README, flags=re.DOTALL)
    shutil.copytree(ROOT / "core", tmp_path / "core", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "core" / "analyses" / "lengths.py").write_text(written, encoding="utf-8")
    spec = {"kind": "lengths", "of": to_json(BASE)}
    done = python("-m", "core", "run", "-", "--json", cache=tmp_path / "cache", text=json.dumps(spec), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["mean"]) == BASE.n_layers
    assert np.all(np.array(found["mean"]) > 0)


def test_the_table_of_analyses_is_that_of_the_program(capsys: object) -> None:
    assert main(["analyses"]) == 0
    printed = capsys.readouterr().out.strip()  # type: ignore[attr-defined]
    assert printed in README
    assert printed.count("\n") > 40


def test_the_verdicts_of_the_readme_are_those_of_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNESCOPE_PACKS", str(ROOT / "cache" / "packs"))
    done = python("-m", "core", "claims", cache=tmp_path / "cache", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.strip()
    assert printed in README
    assert printed.count("\n") > 8
    assert "not measured" not in printed
