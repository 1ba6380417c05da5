"""Python that a person can run: the description of a computation, or the origin of a figure, written down as calls."""

import builtins
import enum
import inspect
import keyword
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from core.keys import Described, Spec, key_of, without_place
from core.origins import Call, Constant, Group, Origin, Part, Plain, Stored, untold_in

WIDTH = 76
"""Of a line of code: so much stands in a line of the panel below a figure."""
_SHORT = 34
"""Letters of a description that is written again where it recurs, instead of under a name."""
_TAKEN = frozenset({*dir(builtins), *keyword.kwlist, "lab", "Lab", "save"})


@dataclass(frozen=True, kw_only=True)
class Redrawn:
    """A figure that a script draws."""

    chart: Origin
    name: str
    """Of its file, without an ending."""
    title: str
    """What it shows, plain text."""


def cannot(origin: Origin) -> str:
    """Why a figure has no script, in words; empty where it has one."""
    if isinstance(origin, Plain | Stored | Group):
        return "it is not one of core.charts"
    missing = list(dict.fromkeys(untold_in(origin)))
    return f"it was drawn from {' and '.join(missing)}" if missing else ""


def redrawing(figures: Sequence[Redrawn], look: Any, *, name: str, places: bool = True) -> str:
    """The script that draws figures of one panel again from the store, and keeps each as a page that needs no network.

    Args:
        figures: whose origin is known (`cannot`).
        look: a core.charts.look.Look, as they were drawn.
        name: of the script's own file, without an ending.
        places: False where paths on this machine are nobody else's business.
    """
    # Written twice: what is imported is known only then, and no variable may be called like it.
    first = _drawing(figures, look, _Script(places))
    written = _drawing(figures, look, _Script(places, imported=first.imported))
    begin = [
        "# Draws a figure of Tunescope again from stored results; computes none.",
        "# Save it in the folder of the program, and run it there:",
        f"#     python {script_name(name)}",
    ]
    return "\n".join([*begin, *written.imports(), "", "lab = Lab()", written.look, "", *written.lines, ""])


def _drawing(figures: Sequence[Redrawn], look: Any, written: "_Script") -> "_Script":
    written.look = f"look = {written.plain(look)}"
    written.share(spec for one in figures for spec in _stored_in(one.chart))
    ends = []
    for at, one in enumerate(figures, start=1):
        chart = written.assigned(one.chart, "chart" if len(figures) == 1 else f"chart_{at}")
        file = _quoted(f"{file_name(one.name)}.html")
        ends.append(_call("print(save(", [chart, "look", file, f"title={_quoted(one.title)}"], "))", 0))
    written.give("core.charts.keeping", "save")
    written.give("core.lab", "Lab")
    written.lines += ["", *ends]
    return written


def computing(specs: Sequence[Spec], *, places: bool = True) -> str:
    """The script that gets results from the store, or computes them."""
    written = _Script(places)
    written.give("core.lab", "Lab")
    for spec in specs:
        name = written.free(spec.kind.replace(".", "_"))
        written.lines += ["", f"# {key_of(spec)[:10]}", f"{name} = lab.run({written.plain(spec)})"]
    return "\n".join([*written.imports(), "", "lab = Lab()", *written.lines])


def file_name(name: str) -> str:
    """A name as that of a file, on any system."""
    return re.sub(r"[^\w.-]+", "-", name)


def script_name(name: str) -> str:
    """The file of a figure's script. The hyphen keeps it from being imported in a package's place: one of them is called umap."""
    return f"draw-{file_name(name)}.py"


@dataclass
class _Script:
    """What is written so far."""

    places: bool
    imported: frozenset[str] = frozenset()
    """Names that will be imported."""
    lines: list[str] = field(default_factory=list)
    look: str = ""
    _modules: dict[str, set[str]] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    """Of what has been assigned: by its expression the variable."""
    _shared: dict[Described, str] = field(default_factory=dict)
    """Descriptions that recur, and the variable of those that were written already."""
    _used: set[str] = field(default_factory=lambda: {"look", "chart"})

    def imports(self) -> list[str]:
        """The lines that the rest needs."""
        return [
            _call(f"from {module} import ", sorted(held), "", 0, brackets=True)
            for module, held in sorted(self._modules.items())
        ]

    def give(self, module: str, name: str) -> str:
        """A name of a module, imported; of a module's own name where another module gave the same."""
        other = next((one for one, held in self._modules.items() if one != module and name in held), None)
        said = name if other is None else f"{name} as {module.rpartition('.')[2]}_{name}"
        self._modules.setdefault(module, set()).add(said)
        said = said.rpartition(" ")[2]
        self.imported |= {said}
        return said

    def free(self, wanted: str) -> str:
        """A variable's name that nothing else has."""
        stem = re.sub(r"\W", "_", wanted) or "value"
        taken = self._used | self.imported | _TAKEN
        at, name = 1, stem
        while name in taken:
            at, name = at + 1, f"{stem}_{at + 1}"
        self._used.add(name)
        return name

    def share(self, specs: Iterable[Spec]) -> None:
        """Give descriptions that recur in these a variable of their own."""
        counted: Counter[Described] = Counter()
        for spec in dict.fromkeys(specs):
            counted.update(_described_in(spec))
        self._shared = {one: "" for one, n in counted.items() if n > 1}

    # -- expressions

    def plain(self, value: Any, depth: int = 0, wanted: str = "") -> str:
        """A value as it can be typed."""
        if isinstance(value, Described) and value in self._shared:
            return self._under_a_name(value, wanted)
        return self._typed(value, depth, wanted)

    def _under_a_name(self, value: Described, wanted: str) -> str:
        if name := self._shared[value]:
            return name
        text = self._typed(value, 0, wanted)
        if len(text) <= _SHORT:
            return text
        name = self.free(wanted or value.kind.rpartition(".")[2])
        self._shared[value] = name
        self.lines.append(f"{name} = {text}")
        return name

    def _typed(self, value: Any, depth: int, wanted: str) -> str:
        if isinstance(value, Described):
            return self._constructed(value, depth, wanted)
        if isinstance(value, tuple):
            parts = [self.plain(part, depth + 1) for part in value]
            return _call("(", parts, ",)" if len(value) == 1 else ")", depth)
        if isinstance(value, enum.Enum):
            return f"{self.give(type(value).__module__, type(value).__name__)}.{value.name}"
        if isinstance(value, float) and not math.isfinite(value):
            return f'float("{value}")'
        if isinstance(value, str):
            return _quoted(value)
        if hasattr(value, "__dataclass_fields__"):
            return self._constructed(value, depth, wanted)
        return repr(value)

    def _constructed(self, value: Any, depth: int, wanted: str) -> str:
        """The call that makes it; what is at its default is left out."""
        name = self.give(type(value).__module__, type(value).__name__)
        held = [(item, getattr(value, item.name)) for item in fields(value)]
        if not self.places:  # where a file lies on this machine is nobody else's business
            held = [(item, without_place(item, own)) for item, own in held]
        parts = [
            f"{item.name}={self.plain(own, depth + 1, _called(item.name, own, wanted))}"
            for item, own in held
            if own != item.default
        ]
        return _call(f"{name}(", parts, ")", depth)

    def expression(self, origin: Origin, wanted: str = "", depth: int = 0) -> str:
        """How a value is had; what it needs is assigned before."""
        match origin:
            case Plain(value):
                return self.plain(value, depth, wanted)
            case Stored() | Call():
                return self.assigned(origin, wanted)
            case Part(of, name, is_item):
                # A holder is called for what it is, not for the argument that a part of it is given as.
                holder = self.expression(of, "found")
                return f"{holder}[{self.plain(name)}]" if is_item else f"{holder}.{name}"
            case Constant(module, name, key):
                said = self.give(module, name)
                return said if key is None else f"{said}[{self.plain(key)}]"
            case Group():
                return self._group(origin, depth, wanted)
        raise ValueError(f"Nobody noted how this was made: {origin.what}")

    def _group(self, group: Group, depth: int, wanted: str) -> str:
        if group.made_of is dict:
            keys = [self.expression(key, "", depth + 1) for key in group.names]
            parts = [self.expression(part, _stem(key), depth + 1) for key, part in zip(keys, group.parts, strict=True)]
            return _call("{", [f"{key}: {part}" for key, part in zip(keys, parts, strict=True)], "}", depth)
        if group.made_of in (tuple, list, frozenset):
            parts = [self.expression(part, "", depth + 1) for part in group.parts]
            begin, end = {
                tuple: ("(", ",)" if len(parts) == 1 else ")"),
                list: ("[", "]"),
                frozenset: ("frozenset({", "})"),
            }[group.made_of]
            return _call(begin, parts, end, depth)
        parts = [
            f"{name}={self.expression(part, name, depth + 1)}"
            for name, part in zip(group.names, group.parts, strict=True)
        ]
        text = _call(f"{self.give(group.made_of.__module__, group.made_of.__name__)}(", parts, ")", depth)
        return "look" if self.look == f"look = {text}" else text

    def assigned(self, origin: Origin, wanted: str) -> str:
        """The variable that a stored result or what a function returned is given."""
        if isinstance(origin, Stored):
            return self._read(origin.spec, wanted)
        if not isinstance(origin, Call):
            return self.expression(origin, wanted)
        text = self._called(origin)
        if (known := self._names.get(text)) is not None:
            return known
        name = wanted if wanted.startswith("chart") else self.free(wanted or "made")
        self._names[text] = name
        self.lines.append(f"{name} = {text}")
        return name

    def _read(self, spec: Spec, wanted: str) -> str:
        key = key_of(spec)
        if (known := self._names.get(key)) is not None:
            return known
        text = self.plain(spec, 0, f"{wanted}_{_kind(spec)}")
        name = self._names[key] = self.free(wanted or _kind(spec))
        read = f"{name} = lab.stored({text})"
        if "\n" not in text and len(read) > WIDTH:
            read = f"{name} = lab.stored(\n    {text}\n)"
        self.lines.append(f"{read}  # {key[:10]}")
        return name

    def _called(self, call: Call) -> str:
        """A call as it is typed; arguments are called what the function calls them."""
        function = inspect.unwrap(call.function)
        names = _positional(function, len(call.args))
        given = [self.expression(one, name, 1) for one, name in zip(call.args, names, strict=True)]
        given += [f"{name}={self.expression(one, name, 1)}" for name, one in call.kwargs.items()]
        owner, _, name = function.__qualname__.rpartition(".")
        if owner:  # of a method the first is the object
            return _call(f"{given[0]}.{name}(", given[1:], ")", 0)
        return _call(f"{self.give(function.__module__, name)}(", given, ")", 0)


def _positional(function: Callable[..., Any], n: int) -> list[str]:
    """What the first n arguments of a call are called."""
    names: list[str] = []
    owner = function.__qualname__.rpartition(".")[0].lower()
    for name, one in inspect.signature(function).parameters.items():
        if one.kind is one.VAR_POSITIONAL:
            names += [name] * (n - len(names))
        elif one.kind is one.POSITIONAL_OR_KEYWORD:
            names.append(owner if name == "self" else name)
    return names[:n]


def _stored_in(origin: Origin) -> list[Spec]:
    """Specs whose results are read, in the order of reading; each as often as it is."""
    match origin:
        case Stored(spec):
            return [spec]
        case Plain(value):
            return [value] if isinstance(value, Spec) else []
        case Call(_, args, kwargs):
            inside: tuple[Origin, ...] = (*args, *kwargs.values())
        case Group(_, _, parts):
            inside = parts
        case Part(of, _, _):
            inside = (of,)
        case _:
            inside = ()
    return [spec for one in inside for spec in _stored_in(one)]


def _described_in(value: Any) -> list[Described]:
    """All descriptions inside one, itself first."""
    if isinstance(value, tuple):
        return [one for part in value for one in _described_in(part)]
    if not isinstance(value, Described):
        return []
    return [value, *(one for item in fields(value) for one in _described_in(getattr(value, item.name)))]


def _quoted(text: str) -> str:
    """Any text as a literal, in the quotes of this house where they need no marks."""
    written = repr(str(text))  # and not what another library derives from it
    return f'"{written[1:-1]}"' if '"' not in text and written.startswith("'") else written


def _kind(spec: Described) -> str:
    return spec.kind.rpartition(".")[2]


def _called(field_: str, value: Any, wanted: str) -> str:
    """What a description inside another would be called: by the side that it is of, and what it is."""
    if not isinstance(value, Described):
        return ""
    side = (
        field_
        if field_ in ("base", "tuned")
        else next((one for one in ("base", "tuned") if wanted.startswith(one)), "")
    )
    kind = _kind(value)
    return f"{side}_{kind}" if side else kind


def _stem(key: str) -> str:
    """A variable's name for what stands under a key: the key where it is a word."""
    word = key.strip("'\"").lower().replace(" ", "_")
    return word if word.isidentifier() and len(word) <= 20 else ""


def _call(begin: str, parts: Sequence[str], end: str, depth: int, *, brackets: bool = False) -> str:
    """In one line where that is short, else a line a part; brackets: that stand only around several lines."""
    line = begin + ", ".join(parts) + end
    if len(line) + 4 * depth <= WIDTH and "\n" not in line:
        return line
    inner = "".join(f"{'    ' * (depth + 1)}{part},\n" for part in parts)
    open_, close = ("(", ")") if brackets else ("", "")
    return f"{begin}{open_}\n{inner}{'    ' * depth}{close}{end.lstrip(',')}"
