"""From YAML to a lesson, or to all that is wrong with it, each with its line.

The text may come from anybody. Only YAML's events are used, never its constructors: no tag is followed, no alias expanded, and
depth and size are bounded before anything is built. Every scalar is the text that stands there, so that `no` stays a word.
"""

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from core.errors import LessonInvalid
from core.lessons.written import PAGES, Lesson, Step

MOST_BYTES = 200_000
"""Of a lesson."""
MOST_STEPS = 30
MOST_CHOICES = 6
MOST_MINUTES = 240
MOST_PROBLEMS = 20
"""Named at once."""
_DEEPEST = 6
"""A lesson, its steps, a step, its state: anything much deeper is no lesson."""
_TITLE, _TEXT, _VALUE = 160, 4_000, 300
"""Letters of a title or choice, of a text, of a value in a state."""
_HTML = re.compile(r"<[A-Za-z/!?]")
_PICTURE = re.compile(r"!\[")
_FOREIGN_LINK = re.compile(r"\]\(\s*(?!https?://)")
_LINK_ELSEWHERE = re.compile(r"^[ \t]*\[[^\]\n]+\]:", flags=re.MULTILINE)
_STATE_KEY = re.compile(r"[a-z][a-z0-9_]{0,49}")
_OWN_KEYS = ("lesson", "at", "report", "projector", "embed", "embed_options")
"""Query parameters that are no part of a view."""
_LESSON_KEYS = ("title", "about", "minutes", "paper", "pack", "state", "steps")
_STEP_KEYS = ("title", "page", "state", "text", "question", "choices", "right", "reveal", "why")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong on a line, counted from 1."""

    line: int
    said: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.said}"


@dataclass
class _Node:
    """A piece of the text, with the line it begins on."""

    line: int


@dataclass
class _Scalar(_Node):
    text: str
    is_block: bool
    """Written below a “|”: then its lines are those of the file."""


@dataclass
class _List(_Node):
    items: list[_Node]


@dataclass
class _Mapping(_Node):
    items: dict[str, _Node]
    lines: dict[str, int]
    """Of the keys."""


class _Stopped(Exception):
    """What follows cannot be read; the problems say why."""


class _Problems(list[Problem]):
    """All that is wrong, in the order it was found."""

    def add(self, line: int, said: str) -> None:
        """One more; past the most that are named, the rest is not looked for."""
        self.append(Problem(line=line, said=said))
        if len(self) >= MOST_PROBLEMS:
            raise _Stopped


def read_lesson(written: bytes, name: str) -> Lesson:
    """The lesson that a YAML text describes.

    Args:
        written: the text as it came.
        name: of the lesson or its file, for the message.

    Raises:
        LessonInvalid: it is none; `found` has a line for each problem, in the order of the text.
    """
    problems, lesson = _Problems(), None
    with contextlib.suppress(_Stopped):
        lesson = _lesson(_tree(_decoded(written, problems), problems), problems)
    if problems or lesson is None:
        found = sorted(problems, key=lambda one: one.line)
        more = [f"and more: only the first {MOST_PROBLEMS} are named"] if len(found) >= MOST_PROBLEMS else []
        raise LessonInvalid(
            f"Reading the lesson “{name}”.",
            "\n".join([*map(str, found), *more]),
            "Mend these lines; the README's section “Write a lesson” has the format.",
        )
    return lesson


# -- from bytes to a tree


def _decoded(written: bytes, problems: _Problems) -> str:
    if len(written) > MOST_BYTES:
        problems.add(1, f"the text takes {len(written):,} bytes; a lesson may take {MOST_BYTES:,}")
        raise _Stopped
    try:
        return written.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = written[: error.start].count(b"\n") + 1
        problems.add(line, f"byte {written[error.start]:#04x} is not UTF-8; save the file as UTF-8")
        raise _Stopped from error


def _tree(text: str, problems: _Problems) -> _Node:
    """The only document of a text. Anchors, aliases, tags, double keys, and what is too deep are problems."""
    roots: list[_Node] = []
    open_: list[_Mapping | _List] = []
    keys: list[_Scalar | None] = []  # of each open mapping, the key that waits for its value
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line = event.start_mark.line + 1
            if isinstance(event, yaml.events.DocumentStartEvent) and roots:
                problems.add(line, "a second document begins here; a lesson is one")
                raise _Stopped
            if isinstance(event, yaml.events.AliasEvent):
                problems.add(line, f"an alias (*{event.anchor[:40]}) is not taken; write the text out")
                raise _Stopped  # what it would stand for is not known
            if isinstance(event, (yaml.events.SequenceEndEvent, yaml.events.MappingEndEvent)):
                open_.pop()
                keys.pop()
                continue
            if not isinstance(event, yaml.events.NodeEvent):
                continue
            if event.anchor:
                problems.add(
                    line, f"an anchor (&{event.anchor[:40]}) is not taken; write the text out where it is needed"
                )
            if event.tag:
                problems.add(line, f"a tag ({event.tag[:40]}) is not taken; write plain text")
            if isinstance(event, yaml.events.ScalarEvent):
                node: _Node = _Scalar(line, event.value, event.style == "|")
            elif isinstance(event, yaml.events.SequenceStartEvent):
                node = _List(line, [])
            else:
                node = _Mapping(line, {}, {})
            _put(node, roots, open_, keys, problems)
            if isinstance(node, (_List, _Mapping)):
                if len(open_) == _DEEPEST:
                    problems.add(line, f"lists and mappings are nested more than {_DEEPEST} deep")
                    raise _Stopped
                open_.append(node)
                keys.append(None)
    except yaml.YAMLError as error:
        problems.add(*_said_by_yaml(error, text))
        raise _Stopped from error
    if not roots:
        problems.add(1, "there is nothing in it")
        raise _Stopped
    return roots[0]


def _put(
    node: _Node,
    roots: list[_Node],
    open_: list[_Mapping | _List],
    keys: list[_Scalar | None],
    problems: _Problems,
) -> None:
    """Put a node where it belongs: at the root, into the open list, or as key or value into the open mapping."""
    if not open_:
        roots.append(node)
        return
    into = open_[-1]
    if isinstance(into, _List):
        into.items.append(node)
        return
    key = keys[-1]
    if key is None:
        if not isinstance(node, _Scalar):
            problems.add(node.line, "a key has to be a plain word")
            raise _Stopped
        if node.text in into.items:
            problems.add(
                node.line, f"“{_short(node.text)}” stands here a second time, first on line {into.lines[node.text]}"
            )
        keys[-1] = node
        return
    keys[-1] = None
    into.items.setdefault(key.text, node)
    into.lines.setdefault(key.text, key.line)


def _said_by_yaml(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    """Line and words of what YAML's own reader found wrong."""
    if isinstance(error, yaml.reader.ReaderError):
        at = error.position if isinstance(error.position, int) else 0
        return text[:at].count("\n") + 1, "a character stands here that text cannot hold"
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = min(mark.line + 1, text.count("\n") + 1) if mark else 1
    what = getattr(error, "problem", None) or getattr(error, "context", None) or "it cannot be read"
    return line, f"this is not YAML: {what}"


# -- from a tree to a lesson


def _lesson(root: _Node, problems: _Problems) -> Lesson:
    if not isinstance(root, _Mapping):
        problems.add(root.line, "a lesson begins with keys and values, as “title: …”")
        raise _Stopped
    _known(root, _LESSON_KEYS, "a lesson", problems)
    common = _state(root, problems)
    return Lesson(
        title=_plain(root, "title", problems, needed="a lesson"),
        about=_markdown(root, "about", problems, needed="a lesson"),
        minutes=_minutes(root, problems),
        paper=_plain(root, "paper", problems),
        pack=_plain(root, "pack", problems),
        steps=_steps(root, common, problems),
    )


def _steps(root: _Mapping, common: Mapping[str, str], problems: _Problems) -> tuple[Step, ...]:
    held = root.items.get("steps")
    if held is None:
        problems.add(root.line, "a lesson needs “steps”")
        return ()
    if not isinstance(held, _List) or not held.items:
        problems.add(held.line, "“steps” has to be a list with a step in it, each beginning with “- ”")
        return ()
    if len(held.items) > MOST_STEPS:
        problems.add(held.items[MOST_STEPS].line, f"{len(held.items)} steps; a lesson may have {MOST_STEPS}")
        return ()
    return tuple(step for one in held.items if (step := _step(one, common, problems)))


def _step(node: _Node, common: Mapping[str, str], problems: _Problems) -> Step | None:
    if not isinstance(node, _Mapping):
        problems.add(node.line, "a step has to be keys and values, as “title: …”")
        return None
    _known(node, _STEP_KEYS, "a step", problems)
    page = _plain(node, "page", problems, needed="a step")
    if page and page not in PAGES:
        problems.add(
            node.items["page"].line, f"there is no page “{_short(page)}” for lessons; there are {', '.join(PAGES)}"
        )
    is_asked = "question" in node.items
    choices = _choices(node, problems) if is_asked else ()
    for key in ("choices", "right"):
        if not is_asked and key in node.items:
            problems.add(node.lines[key], f"“{key}” without a question")
    return Step(
        title=_plain(node, "title", problems, needed="a step"),
        page=page,
        text=_markdown(node, "text", problems, needed="" if is_asked else "a step without a question"),
        state={**common, **_state(node, problems)},
        question=_markdown(node, "question", problems, needed="a step" if is_asked else ""),
        choices=choices,
        right=_right(node, choices, problems) if is_asked else None,
        reveal=_markdown(node, "reveal", problems, needed="a step with a question" if is_asked else ""),
        why=_markdown(node, "why", problems, needed="a step with a question" if is_asked else ""),
    )


def _choices(node: _Mapping, problems: _Problems) -> tuple[str, ...]:
    held = node.items.get("choices")
    if held is None:
        problems.add(node.lines["question"], "a question needs “choices”")
        return ()
    if not isinstance(held, _List):
        problems.add(held.line, "“choices” has to be a list, each choice beginning with “- ”")
        return ()
    choices = []
    for one in held.items:
        if not isinstance(one, _Scalar) or not one.text.strip():
            problems.add(one.line, "a choice has to be plain text, in quotes where it has a colon")
        elif one.text.strip() in choices:
            problems.add(one.line, f"the choice “{_short(one.text)}” stands here a second time")
        else:
            choices.append(_within(one, _TITLE, "a choice", problems))
    if not 2 <= len(held.items) <= MOST_CHOICES:
        problems.add(held.line, f"{len(held.items)} choices; a question has 2 to {MOST_CHOICES}")
    return tuple(choices)


def _right(node: _Mapping, choices: tuple[str, ...], problems: _Problems) -> int | None:
    """Which of the choices is right, by its words."""
    if "right" not in node.items:
        return None
    right = _plain(node, "right", problems)
    if right in choices:
        return choices.index(right)
    if choices and right:
        problems.add(
            node.items["right"].line, f"“right” has to be one of the choices, word by word; “{_short(right)}” is none"
        )
    return None


def _state(node: _Mapping, problems: _Problems) -> dict[str, str]:
    held = node.items.get("state")
    if held is None:
        return {}
    if not isinstance(held, _Mapping):
        problems.add(held.line, "“state” has to be keys and values, as “layer: 6”")
        return {}
    found = {}
    for key, value in held.items.items():
        if not _STATE_KEY.fullmatch(key) or key in _OWN_KEYS:
            problems.add(
                held.lines[key], f"“{_short(key)}” cannot be set by a lesson; a state has the names that stand in links"
            )
        elif not isinstance(value, _Scalar) or not value.text.strip():
            problems.add(value.line, f"“{key}” has to be plain text or a number, as a link has it")
        elif not value.text.isprintable():
            problems.add(value.line, f"“{key}” has to be one line of plain text")
        else:
            found[key] = _within(value, _VALUE, f"“{key}”", problems)
    return found


def _minutes(root: _Mapping, problems: _Problems) -> int:
    written = _plain(root, "minutes", problems, needed="a lesson")
    if not written:
        return 0
    if not re.fullmatch(r"[0-9]{1,3}", written) or not 1 <= int(written) <= MOST_MINUTES:
        problems.add(root.items["minutes"].line, f"“minutes” has to be a whole number from 1 to {MOST_MINUTES}")
        return 0
    return int(written)


def _known(node: _Mapping, keys: tuple[str, ...], what: str, problems: _Problems) -> None:
    for key in node.items:
        if key not in keys:
            problems.add(node.lines[key], f"“{_short(key)}” is no part of {what}; it has {', '.join(keys)}")


def _plain(node: _Mapping, key: str, problems: _Problems, *, needed: str = "") -> str:
    """A line of plain text, shown as it stands."""
    text = _text(node, key, _TITLE, needed, problems)
    if not text.isprintable():
        problems.add(node.items[key].line, f"“{key}” has to be one line of plain text")
        return ""
    return text


def _markdown(node: _Mapping, key: str, problems: _Problems, *, needed: str = "") -> str:
    """Markdown of words alone: no HTML, no pictures, no links but to the web."""
    text = _text(node, key, _TEXT, needed, problems)
    for pattern, said in (
        (_HTML, "HTML is not taken; write plain Markdown, and “less than” for “<”"),
        (_PICTURE, "pictures are not taken"),
        (_FOREIGN_LINK, "links begin with https:// or http://"),
        (_LINK_ELSEWHERE, "links name their address where they stand"),
    ):
        if found := pattern.search(text):
            held = node.items[key]
            assert isinstance(held, _Scalar)
            at = held.text.find(text) + found.start()
            below = 1 + held.text[:at].count("\n") if held.is_block else 0
            problems.add(held.line + below, f"“{key}”: {said}")
    return text


def _text(node: _Mapping, key: str, most: int, needed: str, problems: _Problems) -> str:
    held = node.items.get(key)
    if held is None:
        if needed:
            problems.add(node.line, f"{needed} needs “{key}”")
        return ""
    if not isinstance(held, _Scalar):
        problems.add(held.line, f"“{key}” has to be text, in quotes where it has a colon")
        return ""
    if not held.text.strip():
        problems.add(held.line, f"“{key}” is empty")
        return ""
    return _within(held, most, f"“{key}”", problems)


def _within(held: _Scalar, most: int, what: str, problems: _Problems) -> str:
    text = held.text.strip()
    if len(text) > most:
        problems.add(held.line, f"{what} has {len(text):,} letters; it may have {most:,}")
    return text


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"
