"""A result's fields to files and back: arrays as .npy, tables as parquet, plain values in the manifest. Never pickle.

The dataclass's own type hints say how to read, so that a manifest cannot name a type of its own.
"""

import dataclasses
import types
import typing
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pandas as pd

from core.keys import Result


def write_result(result: Result, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Write the arrays and tables of a result into a folder.

    An array that already is a file of that folder (large ones are written as they come) is not written again.

    Returns:
        (plain values by field for the manifest, names of all files that belong to the result).
    """
    plain: dict[str, Any] = {}
    files: list[str] = []
    for item in dataclasses.fields(result):
        value = getattr(result, item.name)
        if isinstance(value, np.ndarray):
            files.append(_write_array(value, folder / f"{item.name}.npy", folder))
        elif isinstance(value, pd.DataFrame):
            value.to_parquet(folder / f"{item.name}.parquet", index=False)
            files.append(f"{item.name}.parquet")
        elif isinstance(value, tuple) and value and isinstance(value[0], np.ndarray):
            names = [f"{item.name}.{i:02d}.npy" for i in range(len(value))]
            files += [_write_array(part, folder / name, folder) for part, name in zip(value, names, strict=True)]
            plain[item.name] = len(value)
        elif isinstance(value, Path):
            plain[item.name] = str(value.relative_to(folder))
            inside = sorted(value.rglob("*")) if value.is_dir() else [value]
            files += [str(path.relative_to(folder)) for path in inside if path.is_file()]
        else:
            plain[item.name] = _to_plain(value)
    return plain, files


def read_result(cls: type[Result], plain: dict[str, Any], folder: Path) -> Result:
    """The result that `write_result` wrote; arrays are memory-mapped read-only."""
    hints = get_type_hints(cls)
    values: dict[str, Any] = {}
    for item in dataclasses.fields(cls):
        hint = hints[item.name]
        if _is_array(hint):
            values[item.name] = _read_array(folder / f"{item.name}.npy")
        elif hint is pd.DataFrame:
            values[item.name] = pd.read_parquet(folder / f"{item.name}.parquet")
        elif get_origin(hint) is tuple and _is_array(get_args(hint)[0]):
            count = plain[item.name]
            values[item.name] = tuple(_read_array(folder / f"{item.name}.{i:02d}.npy") for i in range(count))
        elif hint is Path:
            values[item.name] = _inside(folder, plain[item.name])
        elif item.name not in plain and item.default is not dataclasses.MISSING:
            continue  # a field that came after this result was written
        else:
            values[item.name] = _from_plain(plain[item.name], hint)
    return cls(**values)


def _is_array(hint: Any) -> bool:
    return hint is np.ndarray or get_origin(hint) is np.ndarray


def _write_array(array: np.ndarray, path: Path, folder: Path) -> str:
    lies_here = isinstance(array, np.memmap) and array.filename is not None and Path(array.filename) == path
    if not lies_here:
        np.save(path, array, allow_pickle=False)
    return str(path.relative_to(folder))


def _read_array(path: Path) -> np.ndarray:
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _inside(folder: Path, name: str) -> Path:
    """A path that a manifest names; it never leads out of the artifact."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{name!r} leads out of its folder")
    return path


def _to_plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: _to_plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_to_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(name): _to_plain(part) for name, part in value.items()}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"a result may not hold a {type(value).__name__}")


def _from_plain(value: Any, hint: Any) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return _from_plain(value, next(arg for arg in args if arg is not type(None)))
    if origin is tuple:
        inner = [args[0]] * len(value) if len(args) == 2 and args[1] is Ellipsis else list(args)
        return tuple(_from_plain(part, kind) for part, kind in zip(value, inner, strict=True))
    if origin is dict:
        return {args[0](name): _from_plain(part, args[1]) for name, part in value.items()}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        return hint(**{item.name: _from_plain(value[item.name], hints[item.name]) for item in dataclasses.fields(hint)})
    return float(value) if hint is float else value
