"""Templates of one kind of sentence, kept with their weights in a table that a decorator fills."""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from core.data.suite.drawing import Draw

R = TypeVar("R")


class Template(NamedTuple, Generic[R]):
    """A construction, with its share of the sentences."""

    name: str
    weight: float
    build: Callable[[Draw], R]


class Templates(Generic[R]):
    """The constructions of a part; an instance decorates the functions that build them."""

    def __init__(self) -> None:
        self.all: dict[str, Template[R]] = {}

    def __call__(self, weight: float) -> Callable[[Callable[[Draw], R]], Callable[[Draw], R]]:
        """Register a function as the template of its name."""

        def register(build: Callable[[Draw], R]) -> Callable[[Draw], R]:
            name = build.__name__.strip("_")
            self.all[name] = Template(name, weight, build)
            return build

        return register

    def pick(self, draw: Draw) -> Template[R]:
        """One of them, by weight."""
        return draw.weighted([(template.weight, template) for template in self.all.values()])
