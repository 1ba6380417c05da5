"""The door as those see it who look on in a class: everything that is stored can be read, nothing can be done.

What is allowed is listed; all else is refused, so that what is added to the lab later is refused until somebody decides.
"""

from collections.abc import Callable
from typing import Any

from core.errors import OnlyPresenter
from core.lab import Lab

READ = frozenset(
    {
        "absent_words", "checkpoints", "compared", "compared_in", "counts_of", "datasets", "domains_of", "goals_of", "judged",
        "labels_of", "lessons", "live", "name_of", "name_of_tuned", "needs_conversion", "numbers_of", "packs", "peek", "plan",
        "provenance", "record", "rows_of", "several_labels_of", "shared_sentences", "size_of", "status", "stepped_runs",
        "tunings",
    }
)  # fmt: skip
"""What only reads results, catalogues and texts that the presenter brought."""
ACT = frozenset(
    {
        "about", "add_checkpoint", "add_dataset", "add_file", "add_repository", "add_vectors", "cancel", "check_pack",
        "clear_leftovers", "convert_checkpoint", "delete", "discard", "disk", "eviction", "export_pack", "forget_jobs",
        "guess_file", "import_pack", "jobs", "kept", "leftovers", "lessons_folder", "look_up", "look_up_data",
        "make_claim", "needed", "pin",
        "rebuild_index", "remove_checkpoint", "remove_dataset", "run", "stored", "submit", "try_file", "under_way", "verify",
        "wait", "with_needed",
    }
)  # fmt: skip
"""What computes, writes, deletes, asks the network, or tells what lies where on the machine."""
HOLDS = {
    "claims": frozenset({"read", "keys"}),
    "saved_points": frozenset({"of"}),
    "reports": frozenset({"read", "figure"}),
}
"""What the lab holds, and what of it may be read: of reports those whose link one was given."""


class ViewerLab:
    """A lab that only reads."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def __getattr__(self, name: str) -> Any:
        if name in READ:
            return getattr(self._lab, name)
        if name in HOLDS:
            return _ReadOnly(getattr(self._lab, name), HOLDS[name])
        return _refused(name)


class _ReadOnly:
    """One of the things that a lab holds."""

    def __init__(self, held: Any, allowed: frozenset[str]) -> None:
        self._held, self._allowed = held, allowed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._held, name) if name in self._allowed else _refused(name)


def _refused(name: str) -> Callable[..., Any]:
    if name.startswith("__"):
        raise AttributeError(name)

    def refuse(*_: Any, **__: Any) -> Any:
        raise OnlyPresenter(
            f"Asking the machine to {name.replace('_', ' ')}.",
            "In a class only the presenter computes, writes and deletes.",
            "Look at what is there, or ask the presenter.",
        )

    return refuse
