"""What a lesson is: steps, each a view of the app, most with a question that is answered before the view is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field

PAGES = (
    "home",
    "checkpoints",
    "data",
    "layers",
    "maps",
    "tasks",
    "probes",
    "structure",
    "geometry",
    "neurons",
    "weights",
    "lab",
    "ablations",
    "dynamics",
    "hypotheses",
    "self_test",
)
"""Pages that a step can show, as their addresses name them."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One view, and what is said of it."""

    title: str
    page: str
    """One of PAGES."""
    text: str = ""
    """Markdown without HTML, as are question, reveal and why: read before the view is shown."""
    state: Mapping[str, str] = field(default_factory=dict)
    """What the link to the view asks for, by the name of each query parameter; what is not named is at its usual value."""
    question: str = ""
    choices: tuple[str, ...] = ()
    """Plain text; none where there is no question."""
    right: int | None = None
    """Which of the choices is right; None where none is, as in a question of opinion."""
    reveal: str = ""
    """What is to be seen."""
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """Steps in their order."""

    title: str
    about: str
    minutes: int
    paper: str = ""
    """What it follows, as cited; plain text."""
    pack: str = ""
    """How the title of the pack begins whose results it shows, whatever the case; empty where it needs none."""
    steps: tuple[Step, ...]
