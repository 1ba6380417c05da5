"""A sentence with its annotation drawn: words, a tag beneath each, arcs to their heads above.

Plain HTML, so that words can be selected, searched and read aloud; everything that comes from a file is escaped. Streamlit
passes HTML but no SVG: an arc is a box with three borders.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from unicodedata import east_asian_width

from core.charts.look import OKABE_ITO, Look

Span = tuple[int, int]
Marked = tuple[Span, Span | None, str]
"""A run of words [start, end), the other one of a pair, and their label."""

_UPOS_GROUPS = (
    ("NOUN", "PROPN", "PRON"),
    ("VERB", "AUX"),
    ("ADJ", "ADV"),
    ("ADP", "PART", "CCONJ", "SCONJ"),
    ("DET", "NUM"),
)
"""Classes that do a like job share a colour; the rest is grey. The tag itself is always written."""
_OUTSIDE = ("O", "_", "")
"""Tags that say "nothing here"."""


def tag_colour(tag: str, tags: Sequence[str], look: Look) -> str:
    """Colour of a tag: by group for universal word classes, else by its place among all tags of the data set."""
    palette = tuple(OKABE_ITO[:5])
    if tag in _OUTSIDE:
        return look.grid
    for colour, group in zip(palette, _UPOS_GROUPS, strict=True):
        if tag in group:
            return colour
    if any(tag in group for group in _UPOS_GROUPS) or {"NOUN", "VERB"} <= set(tags):
        return look.quiet
    # B-PER and I-PER are one colour.
    stem = tag.partition("-")[2] if tag[:2] in ("B-", "I-", "E-", "S-") else tag
    stems = sorted({t.partition("-")[2] if t[:2] in ("B-", "I-", "E-", "S-") else t for t in tags} - set(_OUTSIDE))
    return OKABE_ITO[stems.index(stem) % 6] if stem in stems else look.quiet


def tagged(words: Sequence[str], tags: Sequence[str], look: Look, *, all_tags: Sequence[str] = ()) -> str:
    """Words with their tag beneath, wrapped like text."""
    cells = "".join(
        f'<span style="display:inline-block;text-align:center;margin:0 .35em .6em 0;vertical-align:top">'
        f'<span style="display:block;font-size:{look.size + 4}px;line-height:1.5">{_shown(word)}</span>'
        f"{_chip(tag, all_tags or tags, look)}</span>"
        for word, tag in zip(words, tags, strict=True)
    )
    return _frame(cells, look, scroll="y")


def marked(words: Sequence[str], marks: Sequence[Marked], look: Look, *, all_labels: Sequence[str] = ()) -> str:
    """Words in one row, under them a bar for each marked run with its label, short ones nearest; wider than the page it scrolls.

    The two runs of a pair stand on one line: the first named after the label, the second outlined.

    Args:
        words: of one text.
        marks: of these words, counted from its first.
        look: colours and sizes.
        all_labels: every label of the data set, so that colours stay from sentence to sentence.
    """
    known = all_labels or sorted({label for _, _, label in marks})
    cells = [
        f'<span style="grid-column:{at};grid-row:1;text-align:center;padding:0 .3em;white-space:nowrap;'
        f'font-size:{look.size + 4}px;line-height:1.6">{_shown(word)}</span>'
        for at, word in enumerate(words, start=1)
    ]
    for (first, second, label), lane in _lanes(marks):
        colour = tag_colour(label, known, look)
        cells.append(_bar(first, lane, label, f"background:{colour}26;border-bottom:3px solid {colour}", look))
        if second is not None:
            cells.append(_bar(second, lane, "", f"border:2px solid {colour}", look))
    said = "; ".join(
        " and ".join(" ".join(words[slice(*span)]) for span in (first, second) if span) + f": {label}"
        for first, second, label in marks
    )
    grid = f'<div style="display:grid;grid-template-columns:repeat({len(words)},max-content);row-gap:3px">{"".join(cells)}</div>'
    return _frame(grid, look, scroll="x", label=said)


def _lanes(marks: Sequence[Marked]) -> Iterator[tuple[Marked, int]]:
    """Each mark and the line it stands on, 0 nearest to the words: the first on which it touches no other."""
    taken: list[list[Span]] = []
    reach = [(min(a[0], (b or a)[0]), max(a[1], (b or a)[1])) for a, b, _ in marks]
    for at in sorted(range(len(marks)), key=lambda i: (reach[i][1] - reach[i][0], reach[i])):
        start, end = reach[at]
        lane = next((i for i, held in enumerate(taken) if all(end <= a or b <= start for a, b in held)), len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append((start, end))
        yield marks[at], lane


def _bar(span: Span, lane: int, label: str, style: str, look: Look) -> str:
    return (
        f'<span style="grid-column:{span[0] + 1}/{span[1] + 1};grid-row:{lane + 2};margin:0 2px;border-radius:4px;'
        f"box-sizing:border-box;min-height:{round(1.35 * look.size)}px;text-align:center;white-space:nowrap;"
        f'font-size:{look.size}px;line-height:1.35;padding:0 4px;{style}">{_shown(label) or "&nbsp;"}</span>'
    )


def plain(text: str, look: Look) -> str:
    """Running text."""
    body = f'<div style="font-size:{look.size + 5}px;line-height:1.6;white-space:pre-wrap">{_shown(text)}</div>'
    return _frame(body, look, scroll="y")


def badges(labels: Mapping[str, str], look: Look) -> str:
    """Labels of a whole sentence, "name: value" each."""
    parts = "".join(
        f'<span style="display:inline-block;border:1px solid {look.quiet};border-radius:1em;padding:.1em .8em;'
        f'margin:0 .5em .3em 0;font-size:{look.size + 1}px"><span style="color:{look.quiet}">{_shown(name)}</span> '
        f"<b>{_shown(value)}</b></span>"
        for name, value in labels.items()
    )
    return f'<div style="color:{look.ink}">{parts}</div>'


@dataclass(frozen=True)
class Arcs:
    """One tree over a sentence's words."""

    heads: Sequence[int]
    """1-based head of each word, 0 = root, negative = none is drawn."""
    relations: Sequence[str] = ()
    """Name of the arc that reaches each word; empty = none has one."""
    doubted: Collection[int] = ()
    """Words whose arc is drawn dashed."""
    title: str = ""


def tree(words: Sequence[str], tags: Sequence[str], arcs: Arcs, look: Look, *, all_tags: Sequence[str] = ()) -> str:
    """Words in one row, tags beneath, an arc from each head to its dependent above; wider than the page it scrolls.

    Args:
        words: of one sentence.
        tags: one a word.
        arcs: its tree.
        look: colours and sizes.
        all_tags: every tag of the data set, so that colours stay from sentence to sentence.
    """
    return trees(words, tags, [arcs], look, all_tags=all_tags)


def trees(
    words: Sequence[str], tags: Sequence[str], stacked: Sequence[Arcs], look: Look, *, all_tags: Sequence[str] = ()
) -> str:
    """Several trees over the same words, one above the other, that scroll together; tags stand under the first."""
    named = stacked[0].relations or [""] * len(words)
    centres, width = _columns(words, tags, stacked[0].heads, named, look.size)
    parts, said = [], []
    for place, arcs in enumerate(stacked):
        if arcs.title:
            parts.append(
                f'<div style="position:sticky;left:0;width:max-content;font-weight:600;font-size:{look.size + 2}px;'
                f'padding-top:{0 if place == 0 else 14}px">{_shown(arcs.title)}</div>'
            )
        chips = [_chip(tag, all_tags or tags, look) for tag in tags] if place == 0 else [""] * len(words)
        parts.append(_tree(words, chips, arcs, centres, width, look))
        said.append((f"{arcs.title}: " if arcs.title else "") + _said(words, arcs))
    return _frame("".join(parts), look, scroll="x", label=". ".join(said))


def _tree(
    words: Sequence[str], chips: Sequence[str], tree: Arcs, centres: Sequence[float], width: float, look: Look
) -> str:
    """One tree, as wide as its words need."""
    heads, relations = tree.heads, tree.relations or [""] * len(words)
    arcs = [(min(i, h - 1), max(i, h - 1), i) for i, h in enumerate(heads) if h > 0 and h - 1 != i]
    levels = _levels(arcs)
    step = look.size + 11
    ground = (max(levels.values(), default=0) + 1) * step + 8
    parts = []
    for left, right, dependent in arcs:
        start = centres[heads[dependent] - 1] + _leave(right if dependent == left else left, dependent, arcs, centres)
        end = centres[dependent]
        x, y = min(start, end), ground - levels[left, right, dependent] * step
        parts.append(
            f'<div style="position:absolute;left:{x:.0f}px;top:{y}px;width:{abs(end - start):.0f}px;height:{ground - y}px;'
            f"box-sizing:border-box;border:{_line(dependent in tree.doubted, look)};border-bottom:none;"
            f'border-radius:9px 9px 0 0"></div>'
        )
        parts.append(_arrow(end, ground, look))
        parts.append(_name(relations[dependent], (start + end) / 2, y, look))
    for place, head in enumerate(heads):
        if head == 0:
            x, y = centres[place], step // 2
            style = "dashed" if place in tree.doubted else "solid"
            parts.append(
                f'<div style="position:absolute;left:{x - 1:.0f}px;top:{y}px;width:0;height:{ground - y}px;'
                f'border-left:2px {style} {look.ink}"></div>'
            )
            parts.append(_arrow(x, ground, look))
            parts.append(_name(relations[place] or "root", x, y, look, strong=True))
    for centre, word, chip in zip(centres, words, chips, strict=True):
        parts.append(
            f'<div style="position:absolute;left:{centre:.0f}px;top:{ground + 8}px;transform:translateX(-50%);'
            f'text-align:center;white-space:nowrap"><div style="font-size:{look.size + 4}px;line-height:1.5">{_shown(word)}'
            f"</div>{chip}</div>"
        )
    height = ground + 8 + round(1.5 * (look.size + 4)) + (round(1.9 * look.size) + 14 if any(chips) else 6)
    return f'<div style="position:relative;width:{width:.0f}px;height:{height}px;margin:0 auto">{"".join(parts)}</div>'


def _line(is_doubted: bool, look: Look) -> str:
    """Border of an arc."""
    return f"2px dashed {look.quiet}" if is_doubted else f"1.5px solid {look.quiet}"


def _said(words: Sequence[str], arcs: Arcs) -> str:
    """The tree in words, for a screen reader."""
    triples = zip(words, arcs.heads, arcs.relations or [""] * len(words), strict=True)
    return "; ".join(
        f"{word}: {name or 'depends'} of {words[head - 1] if head else 'root'}"
        for word, head, name in triples
        if head >= 0
    )


def _columns(
    words: Sequence[str], tags: Sequence[str], heads: Sequence[int], relations: Sequence[str], size: int
) -> tuple[list[float], float]:
    """Centre of each word and the whole width: no word, tag or name of a short arc touches its neighbour."""
    halves = [max(_width(w, size + 4), _width(t, size) + 14) / 2 + 7 for w, t in zip(words, tags, strict=True)]
    needed = [0.0] * len(words)
    for place, (head, name) in enumerate(zip(heads, relations, strict=True)):
        if head > 0 and abs(head - 1 - place) == 1:
            needed[max(place, head - 1)] = _width(name, size) + 22
    centres: list[float] = []
    for place, half in enumerate(halves):
        beside = centres[-1] + halves[place - 1] + half if centres else half + 8
        centres.append(max(beside, centres[-1] + needed[place]) if centres else beside)
    return centres, (centres[-1] + halves[-1] + 8 if centres else 0.0)


def _levels(arcs: Sequence[tuple[int, int, int]]) -> dict[tuple[int, int, int], int]:
    """Height of each arc: above all that lie under it or cross it."""
    levels: dict[tuple[int, int, int], int] = {}
    for arc in sorted(arcs, key=lambda arc: (arc[1] - arc[0], arc)):
        under = [level for other, level in levels.items() if other[0] < arc[1] and arc[0] < other[1]]
        levels[arc] = 1 + max(under, default=0)
    return levels


def _leave(head: int, dependent: int, arcs: Sequence[tuple[int, int, int]], centres: Sequence[float]) -> float:
    """Where an arc leaves its head, beside the middle: the longest nearest to it, so that none cross."""
    side = 1 if dependent > head else -1
    lengths = sorted(
        (
            abs(place - head)
            for left, right, place in arcs
            if head in (left, right) and place != head and (place > head) == (side > 0)
        ),
        reverse=True,
    )
    return side * min(6 + 4 * lengths.index(abs(dependent - head)), 18)


def _arrow(x: float, ground: int, look: Look) -> str:
    return (
        f'<div style="position:absolute;left:{x - 4.25:.1f}px;top:{ground - 1}px;width:0;height:0;'
        f'border:4.5px solid transparent;border-top:7px solid {look.quiet}"></div>'
    )


def _name(text: str, x: float, y: float, look: Look, *, strong: bool = False) -> str:
    colour, weight = (look.ink, "bold") if strong else (look.quiet, "normal")
    return (
        f'<div style="position:absolute;left:{x:.0f}px;top:{y:.0f}px;transform:translate(-50%,-52%);font-size:{look.size}px;'
        f"line-height:1.15;padding:0 3px;background:{look.paper};color:{colour};font-weight:{weight};"
        f'white-space:nowrap">{_shown(text)}</div>'
        if text
        else ""
    )


def _chip(tag: str, tags: Sequence[str], look: Look) -> str:
    colour = tag_colour(tag, tags, look)
    ink = look.quiet if tag in _OUTSIDE else look.ink
    return (
        f'<span style="display:inline-block;font-size:{look.size}px;line-height:1.35;padding:0 6px;border-radius:4px 4px 0 0;'
        f'background:{colour}26;border-bottom:3px solid {colour};color:{ink};white-space:nowrap">{_shown(tag) or "&nbsp;"}</span>'
    )


def _frame(body: str, look: Look, *, scroll: str, label: str = "") -> str:
    limits = "overflow-x:auto;overflow-y:hidden" if scroll == "x" else "overflow-y:auto;max-height:420px"
    # Reachable by keyboard, since it scrolls.
    said = f' role="img" aria-label="{escape(label)}"' if label else ""
    return f'<div tabindex="0" style="{limits};padding:4px 0;color:{look.ink}"><div{said}>{body}</div></div>'


def _shown(text: str) -> str:
    """Escaped; what cannot be seen is shown as its code point, so that a person can find it."""
    if text and not text.strip("\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f"):
        return " ".join(f"<i>U+{ord(character):04X}</i>" for character in text)
    return escape(text)


def _width(text: str, size: float) -> float:
    """Width in pixels of text in a sans-serif font, rather too wide than too narrow."""
    if text and not text.strip("\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f"):
        return 4.2 * size * len(text)
    units = 0.0
    for character in text:
        if east_asian_width(character) in "WF":
            units += 1.05
        elif character in "iljI.,:;'|!()[]tfr ":
            units += 0.36
        elif character in "mwMW@%—" or character.isupper():
            units += 0.8
        else:
            units += 0.59
    return units * size
