"""One file an analysis: its spec, its result, and `compute(spec, inputs, run)`.

Importing this package imports every file in it, so that each kind of spec is known; none of them imports torch,
transformers or scikit-learn before it computes.
"""

import importlib
import pkgutil
import sys
from collections.abc import Callable
from typing import Any, get_type_hints

from core.keys import Result, Spec

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def compute_of(spec: Spec) -> Callable[[Any, dict[str, Any], Any], Result]:
    """The function that computes a spec: `compute` in the spec's own file."""
    return sys.modules[type(spec).__module__].compute


def result_class(spec: Spec) -> type[Result]:
    """The class of a spec's result, as its `compute` declares."""
    return get_type_hints(compute_of(spec))["return"]
