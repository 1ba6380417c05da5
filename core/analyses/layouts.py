"""Settings that maps laid out point by point share, whichever way they are laid out."""

from core.errors import SpecInvalid
from core.keys import Spec

_RANGES: dict[str, tuple[float, float, str]] = {
    "layer": (0, float("inf"), "0 or above"),
    "n_points": (50, 5000, "50 to 5,000"),
    "n_neighbors": (2, 200, "2 to 200"),
    "min_dist": (0, 1, "0 to 1"),
    "perplexity": (2, 100, "2 to 100"),
    "seed": (0, 2**32 - 1, "0 or above"),
}


def refuse_odd_layout(spec: Spec, asked: str) -> None:
    """Raise SpecInvalid where a setting of a layout that the spec has is out of range. Args: asked: what is made, in words."""
    for name, (least, most, use) in _RANGES.items():
        value = getattr(spec, name, least)
        if not least <= value <= most:
            raise SpecInvalid(f"{asked} with {name} = {value}.", "Out of range.", f"Use {use}.")
