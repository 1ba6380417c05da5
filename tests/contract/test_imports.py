"""Who may import whom: the house stands only as long as the arrows point one way."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

ALLOWED = {
    "errors": set(),
    "keys": {"errors"},
    "refs": {"keys", "errors"},
    "settings": {"errors"},
    "origins": {"keys"},
    "scripts": {"origins", "keys"},
    "redraw": {"origins", "keys"},
    "hub": {"refs", "errors"},
    "maths": {"errors"},
    "data": {"hub", "refs", "settings", "errors"},
    "models": {"hub", "refs", "data", "settings", "errors"},
    "analyses": {"hub", "maths", "models", "data", "refs", "origins", "keys", "errors"},
    "store": {"keys", "refs", "errors", "settings"},
    "jobs": {"analyses", "models", "store", "keys", "errors", "settings"},
    "lessons": {"errors"},
    "charts": {"analyses", "maths", "origins", "refs"},
    "catalogue": {"store", "analyses", "data", "models", "keys", "refs", "errors"},
    "holdings": {"catalogue", "store", "analyses", "keys", "refs", "errors"},
    "lab": {
        "holdings",
        "catalogue",
        "jobs",
        "lessons",
        "store",
        "analyses",
        "data",
        "models",
        "origins",
        "keys",
        "refs",
        "errors",
        "settings",
    },
    "viewing": {"lab", "errors"},
    "demo": {"lab", "store", "analyses", "refs", "keys", "settings"},
    # The terminal says claims in the words that figures do.
    "__main__": {"demo", "lab", "jobs", "analyses", "charts", "keys", "errors", "settings"},
}
OUTSIDE_MATHS = {"numpy", "scipy", "torch"}
HEAVY = ("torch", "transformers", "umap", "numba", "sklearn", "distributed", "scipy")


def imported(path: Path) -> set[str]:
    """Modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(path: Path) -> str:
    """The part of core a file belongs to."""
    return path.relative_to(ROOT / "core").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sorted((ROOT / "core").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_core_imports_only_along_the_arrows(path: Path) -> None:
    if path == ROOT / "core" / "__init__.py":
        return
    here = room(path)
    names = imported(path)
    assert not {name for name in names if name.split(".")[0] in ("streamlit", "pages", "app", "tests")}
    rooms = {name.split(".")[1] for name in names if name.startswith("core.")} - {here}
    assert rooms <= ALLOWED[here], f"{path.name} reaches into {rooms - ALLOWED[here]}"
    if here == "maths":
        outside = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - {"core"}
        assert outside <= OUTSIDE_MATHS


def test_every_room_is_named_in_the_contract() -> None:
    rooms = {room(path) for path in (ROOT / "core").rglob("*.py")} - {"__init__"}
    assert rooms == set(ALLOWED)


@pytest.mark.parametrize("path", sorted((ROOT / "pages").rglob("*.py")), ids=lambda path: path.name)
def test_pages_ask_the_lab_and_draw(path: Path) -> None:
    names = imported(path)
    assert not {name for name in names if name.split(".")[0] in HEAVY}
    rooms = {name.split(".")[1] for name in names if name.startswith("core.")}
    assert not rooms & {"store", "maths"}
    if path.parent.name == "pages":
        assert "enter()" in path.read_text(encoding="utf-8").split("import streamlit")[0]


def test_opening_the_door_loads_nothing_heavy() -> None:
    script = (
        "import sys, core.lab, core.charts.strip, core.charts.curves, core.charts.heat, core.charts.scatter, core.charts.board;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
