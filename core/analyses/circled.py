"""Circled points as a few letters of a link, with what they are points of: read back, they are the same or a message."""

import base64
import binascii
import hashlib
import zlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.places import places_of
from core.errors import SpecInvalid

MOST_LETTERS = 1_500
"""Of what stands in a link: longer ones are cut off by some programs."""
_NAMED = 8
_ASKED = "Showing the points circled in a link."


def written(rows: NDArray[np.integer], points: pd.DataFrame) -> str:
    """Letters for a link; empty where they would be too many.

    Args:
        rows: numbers of the circled points.
        points: all of the map: text, sentence, place.
    """
    bits = np.packbits(np.isin(np.arange(len(points)), rows))
    packed = base64.urlsafe_b64encode(zlib.compress(bits.tobytes(), 9)).decode("ascii").rstrip("=")
    text = f"{_name(points)}.{packed}"
    return text if len(text) <= MOST_LETTERS else ""


def read(text: str, points: pd.DataFrame) -> NDArray[np.bool_]:
    """Which points of a map a link has circled, bool [n]. Raises SpecInvalid where they are of other points, or no such letters."""
    name, _, packed = text.partition(".")
    if not packed or len(text) > MOST_LETTERS:
        raise SpecInvalid(_ASKED, "The link does not say which they are.", "Ask for it again, or circle them anew.")
    if name != _name(points):
        raise SpecInvalid(
            _ASKED,
            "They are of another text, or of a map of another number of points.",
            "Choose what was compared when they were circled.",
        )
    n_bytes = -(-len(points) // 8)
    try:
        padded = packed + "=" * (-len(packed) % 4)
        # No more is unpacked than so many points take.
        data = zlib.decompressobj().decompress(base64.b64decode(padded, altchars=b"-_", validate=True), n_bytes + 1)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise SpecInvalid(_ASKED, "Their letters are damaged.", "Copy the whole link.") from error
    found = np.unpackbits(np.frombuffer(data, np.uint8)).astype(bool)
    if len(data) != n_bytes or not found.any() or found[len(points) :].any():
        raise SpecInvalid(_ASKED, "Their letters are damaged.", "Copy the whole link.")
    return found[: len(points)]


def _name(points: pd.DataFrame) -> str:
    """Of the same points in the same order, whatever layer or projection they are drawn in."""
    lines = "\n".join("\t".join(map(str, place)) for place in places_of(points))
    return hashlib.sha256(lines.encode()).hexdigest()[:_NAMED]
