"""One file an analysis: its spec, its result, and `compute(spec, inputs, run)`.

Importing this package imports every file in it, so that each kind of spec is known; none of them imports torch,
transformers or scikit-learn before it computes.
"""

import importlib
import pkgutil
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, get_type_hints

from core.keys import Result, Spec

_MODULES = [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]


def compute_of(spec: Spec) -> Callable[[Any, dict[str, Any], Any], Result]:
    """The function that computes a spec: the `compute` that says so in its signature."""
    return _computes()[type(spec)]


def compute_together_of(spec: Spec) -> Callable[[list[Any], dict[str, Any], list[Any]], list[Result]]:
    """The function that computes specs which share a pass."""
    together: Callable[[list[Any], dict[str, Any], list[Any]], list[Result]]
    together = sys.modules[type(spec).__module__].compute_together
    return together


@cache
def _computes() -> dict[type[Spec], Callable[[Any, dict[str, Any], Any], Result]]:
    found = [module.compute for module in _MODULES if hasattr(module, "compute")]
    return {get_type_hints(compute)["spec"]: compute for compute in found}


def result_class(spec: Spec) -> type[Result]:
    """The class of a spec's result, as its `compute` declares."""
    return get_type_hints(compute_of(spec))["return"]
