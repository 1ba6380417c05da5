"""Maps of many points as bytes, for the canvas that draws them: positions, strings and colours, each sent once."""

import base64
import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.charts.labels import Key, key_of, numbers
from core.charts.look import Look
from core.maths.quantising import bits_of, marked_in, quantised, square_frame

NO_NUMBER = 255
"""Code of a point without a number, where colours stand for numbers: it is drawn grey."""
NAME = 16
"""Characters of a message's name."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One of the pictures side by side."""

    title: str
    colour: str
    """Of the title."""
    positions: NDArray[np.float32]
    """[n, 2], x and y; the same point in each row of every panel."""


@dataclass(frozen=True, kw_only=True)
class Colouring:
    """What colours stand for: names, or numbers on a scale (names empty; low and high given)."""

    title: str
    codes: NDArray[np.uint8]
    """[n]: the place in names; on a scale 0 = low to 254 = high, and NO_NUMBER."""
    colours: tuple[str, ...]
    """#rrggbb: one a name, or those of the scale from low to high."""
    names: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    """One a name, of core.charts.labels.SHAPES; on a scale all are circles."""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Picked:
    """What the viewer chose on the map."""

    point: int | None
    """The point that was clicked; it stays until another one is, or Escape."""
    selected: NDArray[np.int64]
    """Points inside the lasso, ascending; empty = none drawn."""


@dataclass(frozen=True)
class Message:
    """Bytes under the name of their content: what did not change has the name it had."""

    name: str
    content: bytes

    @property
    def data(self) -> bytes:
        """Name and content, as they are sent."""
        return self.name.encode("ascii") + self.content


@dataclass(frozen=True)
class Drawn:
    """A map in the three messages that change at different times."""

    positions: Message
    """With the layer."""
    words: Message
    """With the points; its name says which points a choice is of."""
    view: Message
    """With colours, marks and the look; it names the others."""
    n: int
    neighbours: Message | None = None
    """With the layer, where they are known."""

    @property
    def held(self) -> dict[str, Message]:
        """What is sent apart from the view, by what it is."""
        known = {"positions": self.positions, "words": self.words, "neighbours": self.neighbours}
        return {name: message for name, message in known.items() if message is not None}


def colouring_of(labels: pd.Series, look: Look, *, title: str) -> Colouring:
    """Colours for a label of every point: the same names, colours and shapes as the Altair figures have."""
    key = key_of(labels, look)
    if key is None:
        return _scale(numbers(labels).to_numpy(np.float64), look, title)
    return Colouring(
        title=title,
        codes=_codes(labels, key),
        colours=key.colours,
        names=key.names,
        shapes=key.shapes,
    )


def _codes(labels: pd.Series, key: Key) -> NDArray[np.uint8]:
    places = pd.Index(key.names).get_indexer(pd.Index(labels.astype(str)))
    # Rare names have no place of their own: they are gathered in the last one.
    return np.where(places < 0, len(key.names) - 1, places).astype(np.uint8)


def _scale(values: NDArray[np.float64], look: Look, title: str) -> Colouring:
    known = np.isfinite(values)
    low, high = float(values[known].min()), float(values[known].max())
    codes = np.full(len(values), NO_NUMBER, np.uint8)
    codes[known] = np.rint((values[known] - low) / ((high - low) or 1.0) * (NO_NUMBER - 1)).astype(np.uint8)
    return Colouring(title=title, codes=codes, colours=look.ramp, low=low, high=high)


def draw(
    panels: Sequence[Panel],
    colouring: Colouring,
    *,
    texts: Sequence[str],
    look: Look,
    alt_text: str,
    key: str,
    axes: tuple[str, str],
    height: int,
    details: Mapping[str, Sequence[str]] | None = None,
    limits: tuple[float, float, float, float] | None = None,
    highlight: NDArray[np.bool_] | None = None,
    faint: NDArray[np.bool_] | None = None,
    neighbours: Sequence[NDArray[np.integer]] | None = None,
) -> Drawn:
    """A map as messages, for the canvas that draws the same points in every panel.

    Positions are sent as uint16 steps of one square frame around all panels: 65,536 steps are far below a pixel, and
    float32 would double the message. Strings are sent as distinct strings and their codes.

    Args:
        panels: 1 to 4, the same points in the same order.
        colouring: what colours stand for, one code a point.
        texts: one a point: the word or sentence, first on its card.
        look: how to draw.
        alt_text: what a screen reader says of the whole.
        key: of the map on its page; a map that comes back is known by it.
        axes: titles of x and y; both have one unit, so that distances are true.
        height: of a panel, in CSS pixels.
        details: further short strings of each point, shown under their titles on its card; one under the colouring's
            title is what the card gives as the value. A choice is lost where texts or details change.
        limits: left, right, bottom, top of what is seen first, in the units of the positions; without them, all points.
        highlight: the points that keep their colour [n]; the others turn grey.
        faint: the points not to be trusted [n]: drawn hollow and paler.
        neighbours: for each panel the rows nearest to each point in the space that is drawn [n, k], of at most 65,536 points:
            lines lead to them from the point that is looked at.
    Raises:
        ShapeError, SpecInvalid: as square_frame.
        ValueError: no panel or more than four, or columns that are not n long, or neighbours of other panels or points.
    Cost:
        8 bytes a panel and 3 to 6 a point, and each distinct string once; 2 bytes a neighbour.
    """
    n = len(texts)
    if not 1 <= len(panels) <= 4:
        raise ValueError(f"{len(panels)} panels; a map has 1 to 4")
    columns: dict[str, Sequence[str] | NDArray | None] = {"texts": texts, "codes": colouring.codes, **(details or {})}
    columns |= {"highlight": highlight, "faint": faint}
    columns |= {f"positions of {panel.title}": panel.positions for panel in panels}
    for name, column in columns.items():
        if column is not None and len(column) != n:
            raise ValueError(f"{name}: {len(column)} rows for {n} points")
    positions = _positions(panels, limits)
    words = _words({"": texts, **(details or {})})
    near = None if neighbours is None else _neighbours(neighbours, n_panels=len(panels), n=n)
    head = {
        "alt": alt_text,
        "axes": axes,
        "height": height,
        "key": key,
        "look": {
            "size": look.size,
            "projector": look.projector,
            **{name: getattr(look, name) for name in ("paper", "ink", "quiet", "grid", "dark")},
        },
        "colouring": {
            name: getattr(colouring, name) for name in ("title", "names", "colours", "shapes", "low", "high")
        },
        "n": n,
        "panels": [{"title": panel.title, "colour": panel.colour} for panel in panels],
        "positions": positions.name,
        "words": words.name,
        "neighbours": near and near.name,
    }
    blocks = {"codes": np.asarray(colouring.codes, np.uint8)}
    for name, marked in (("highlight", highlight), ("faint", faint)):
        if marked is not None:
            blocks[name] = np.frombuffer(bits_of(marked), np.uint8)
    return Drawn(positions, words, _message(head, blocks), n, near)


def _positions(panels: Sequence[Panel], limits: tuple[float, float, float, float] | None) -> Message:
    frame = square_frame([panel.positions for panel in panels], limits)
    steps = np.stack([quantised(panel.positions, frame) for panel in panels])
    if limits is not None:
        left, right, bottom, top = limits
        box = quantised(np.array([[left, bottom], [right, top]]), frame).ravel().tolist()
    elif steps.size:
        box = [*steps.min((0, 1)).tolist(), *steps.max((0, 1)).tolist()]
    else:
        box = [0, 0, 1, 1]
    # A map in the same frame and box as the one before keeps the viewer's zoom: a step is the same place in both.
    return _message({"box": box, "frame": frame}, {"positions": steps})


def _neighbours(neighbours: Sequence[NDArray[np.integer]], *, n_panels: int, n: int) -> Message:
    k = neighbours[0].shape[1] if neighbours else 0
    shapes = [rows.shape for rows in neighbours]
    if shapes != [(n, k)] * n_panels or n > np.iinfo(np.uint16).max + 1:
        raise ValueError(f"neighbours of shape {shapes} for {n_panels} panels of {n} points")
    if any(rows.size and (rows.min() < 0 or rows.max() >= n) for rows in neighbours):
        raise ValueError(f"neighbours that are none of the {n} points")
    return _message({"k": k}, {str(at): rows.ravel().astype(np.uint16) for at, rows in enumerate(neighbours)})


def _words(columns: Mapping[str, Sequence[str]]) -> Message:
    """Strings of each point by column, as distinct strings in the order they come and the smallest codes that hold."""
    head, blocks = [], {}
    for at, (title, strings) in enumerate(columns.items()):
        codes, distinct = pd.factorize(np.asarray([str(string) for string in strings], dtype=object))
        fits = next(kind for kind in (np.uint8, np.uint16, np.uint32) if len(distinct) <= np.iinfo(kind).max + 1)
        head.append({"title": title, "strings": list(distinct)})
        blocks[str(at)] = codes.astype(fits)
    return _message({"columns": head}, blocks)


def _message(head: Mapping[str, Any], blocks: Mapping[str, NDArray]) -> Message:
    """Length of the head (uint32), the head as JSON, then each block at a multiple of 8 bytes, little-endian.

    The head says of each block its first byte after the head, its items and their type.
    """
    body, places = bytearray(), {}
    for name, block in blocks.items():
        places[name] = [len(body), int(block.size), block.dtype.name]
        body += block.astype(block.dtype.newbyteorder("<"), copy=False).tobytes()
        body += bytes(-len(body) % 8)
    text = json.dumps({**head, "blocks": places}, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 4) % 8)
    content = struct.pack("<I", len(text)) + text + bytes(body)
    return Message(hashlib.blake2b(content, digest_size=NAME // 2).hexdigest(), content)


def picked_in(state: Any, drawn: Drawn) -> Picked:
    """What a browser sent as chosen; nothing where it is of other points, or was not written by our own script.

    Args:
        state: `of`, the name of the points' words; `point`, a row or None; `selected`, base64 of bits, row 0 the lowest
            bit of the first byte, or empty.
        drawn: the map that is on screen now.
    """
    nothing = Picked(None, np.empty(0, np.int64))
    if not isinstance(state, Mapping) or state.get("of") != drawn.words.name:
        return nothing
    point, selected = state.get("point"), state.get("selected") or ""
    try:
        rows = marked_in(base64.b64decode(selected, validate=True), drawn.n) if selected else nothing.selected
    except (ValueError, TypeError):
        rows = None
    if rows is None:
        return nothing
    return Picked(point if type(point) is int and 0 <= point < drawn.n else None, rows)
