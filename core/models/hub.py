"""Checkpoints on the Hugging Face Hub: what a name stands for today, and what of it is taken.

A name is looked up once: its branch or tag becomes a commit, and all that would be refused later (no safetensors, code of
its own, an unknown family) is refused before anything large is fetched.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import CheckpointNotFound
from core.hub import (
    Fetched,
    Listed,
    OnBytes,
    commit_here,
    fetch_files,
    fetch_small,
    fetched,
    is_offline,
    is_whole,
    listing,
)
from core.models.checkpoints import Shape, has_vocabulary, shape
from core.refs import CHECKPOINT_FILES, POOLING_FILES, Hub

_WEIGHTS = {"model": "model.safetensors", "adapter": "adapter_model.safetensors", "pickled": "pytorch_model.bin"}
_MOST_BESIDE = 100_000_000
"""Bytes of configuration and vocabulary together."""


@dataclass(frozen=True, kw_only=True)
class Repository:
    """What a name on the Hub stands for."""

    ref: Hub
    shape: Shape | None
    """Of a checkpoint; None for an adapter."""
    access: str
    """"open", "gated" or "private"; "" where the Hub was not asked."""
    licence: str
    """As its card says; may be empty."""
    adapts: str
    """What an adapter says it was trained on; may be empty."""


def look_up(repo: str, revision: str = "main", *, offline: bool = False) -> Repository:
    """What a name stands for now; only its configuration is fetched.

    Args:
        repo: organisation/name.
        revision: a branch, a tag or a commit.
        offline: look only among what was downloaded to this machine.
    Raises:
        CheckpointNotFound: a wrong name or revision, no access, no answer, or nothing in it that can be read here.
        SpecInvalid: what can be no name.
    Cost:
        A few questions to the Hub, at most 15 s each.
    """
    # Refuses what is no name, before any address or path is made of it.
    ref = Hub(repo=repo, revision=revision, commit="0" * 40)
    asked = f"Looking up {repo} at {revision!r} on the Hub."
    if offline or is_offline():
        return _look_up_here(ref, asked)
    found = listing(ref, revision, asked)
    ref = ref.replace(repo=found.repo, commit=found.commit)
    holds, files = _taken(ref, found.files, asked)
    ref = ref.replace(holds=holds, n_bytes=sum(one.n_bytes for one in files))
    (listed,) = (one for one in files if one.name == _configuration(ref))
    configuration = fetch_small(ref, listed, asked)
    return _described(ref, configuration, asked, access=found.access, licence=found.licence)


def fetch(ref: Hub, on_bytes: OnBytes) -> list[Fetched]:
    """Bring a checkpoint's files to this machine. Raises as core.hub.fetch_files.

    Where all of them are here, whoever brought them, nobody is asked and nothing is written.
    """
    asked = f"Downloading {ref.repo} at {ref.commit[:7]}."
    if (here := _all_here(ref)) is not None:
        on_bytes(1, 1)
        return here
    if is_offline():
        return fetch_files(ref, [], on_bytes, asked)  # says so
    holds, files = _taken(ref, listing(ref, ref.commit, asked).files, asked)
    if holds != ref.holds:
        raise CheckpointNotFound(asked, f"It holds {holds} weights, not {ref.holds}.", "Look it up again.")
    return fetch_files(ref, files, on_bytes, asked)


def _all_here(ref: Hub) -> list[Fetched] | None:
    """The files of a checkpoint that is whole on this machine, each what its name says; else None."""
    if not ref.is_at_hand() or (ref.holds != "adapter" and not has_vocabulary(ref.folder)):
        return None
    named = {
        path: Path(os.readlink(path)).name if path.is_symlink() else ""
        for path in sorted(ref.folder.iterdir())
        if path.is_file()
    }
    if not all(is_whole(path, etag) for path, etag in named.items()):
        return None
    return [fetched(path.name, path.stat().st_size, etag) for path, etag in named.items()]


def _configuration(ref: Hub) -> str:
    return "adapter_config.json" if ref.holds == "adapter" else "config.json"


def _described(ref: Hub, configuration: Path, asked: str, *, access: str, licence: str) -> Repository:
    is_adapter = ref.holds == "adapter"
    return Repository(
        ref=ref,
        shape=None if is_adapter else _readable(configuration, asked),
        access=access,
        licence=licence,
        adapts=_adapts(configuration) if is_adapter else "",
    )


def _taken(ref: Hub, listed: Sequence[Listed], asked: str) -> tuple[Any, list[Listed]]:
    """(what it holds, the files to take): one form of the weights, and what makes a checkpoint beside them."""
    top = {one.name: one for one in listed if "/" not in one.name}
    holds = next((kind for kind, name in _WEIGHTS.items() if name in top or f"{name}.index.json" in top), None)
    if "adapter_config.json" in top and "config.json" not in top:
        if holds != "adapter":
            raise CheckpointNotFound(asked, "It is an adapter without safetensors.", "Ask its owners for safetensors.")
    elif holds in (None, "adapter") or "config.json" not in top:
        some = ", ".join(sorted(name for name in top if not name.startswith("."))[:6]) or "folders only"
        found = f"It holds no checkpoint of transformers that can be read (found: {some})."
        raise CheckpointNotFound(asked, found, "Choose another repository.")
    weights = _WEIGHTS[holds]
    names = [weights] if weights in top else _parts(ref, f"{weights}.index.json", top, asked)
    start = ("adapter_config.json",) if holds == "adapter" else CHECKPOINT_FILES
    beside = [one for one in top.values() if one.name.startswith(start)]
    beside += [one for one in listed if one.name in POOLING_FILES]
    if (size := sum(one.n_bytes for one in beside)) > _MOST_BESIDE:
        raise CheckpointNotFound(asked, f"Its configuration and vocabulary are {size:,} bytes.", "Choose another.")
    return holds, [*beside, *(top[name] for name in names)]


def _parts(ref: Hub, index: str, top: Mapping[str, Listed], asked: str) -> list[str]:
    """The index of weights in parts, and the parts it names."""
    try:
        if top[index].n_bytes > _MOST_BESIDE:
            raise ValueError("it is too large")
        held = json.loads(fetch_small(ref, top[index], asked).read_text(encoding="utf-8"))
        parts = sorted(set(held["weight_map"].values()))
        if missing := [name for name in parts if name not in top]:
            raise ValueError(f"it names {missing[0]!r}, which is not beside it")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointNotFound(
            asked, f"Its {index} cannot be used: {str(error)[:200]}.", "Choose another."
        ) from error
    return [index, *parts]


def _readable(configuration: Path, asked: str) -> Shape:
    """The shape of a checkpoint that can be read here, by its configuration alone."""
    found = shape(configuration.parent)
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    said = json.loads(configuration.read_text(encoding="utf-8"))
    if found.family not in CONFIG_MAPPING_NAMES:
        why = (
            "It runs only with code of its own (auto_map), which is never run here."
            if said.get("auto_map")
            else f"Its family, {found.family[:60]!r}, is not known to this installation."
        )
        raise CheckpointNotFound(asked, why, "Choose a checkpoint of a family that transformers has.")
    if quantised := said.get("quantization_config"):
        how = str(quantised.get("quant_method", "") if isinstance(quantised, dict) else quantised)[:40]
        raise CheckpointNotFound(asked, f"Its weights are quantised ({how}).", "Choose the unquantised checkpoint.")
    return found


def _adapts(configuration: Path) -> str:
    try:
        return str(json.loads(configuration.read_text(encoding="utf-8")).get("base_model_name_or_path") or "")[:200]
    except (ValueError, AttributeError):
        return ""  # adding it will say what is wrong with it


def _look_up_here(ref: Hub, asked: str) -> Repository:
    """The same from what was downloaded; the Hub is not asked."""
    commit = commit_here(ref, ref.revision)
    for holds in _WEIGHTS if commit else ():
        here = ref.replace(commit=commit, holds=holds)
        if here.is_at_hand():
            n_bytes = sum(path.stat().st_size for path in here.folder.iterdir() if path.is_file())
            configuration = here.folder / _configuration(here)
            return _described(here.replace(n_bytes=n_bytes), configuration, asked, access="", licence="")
    raise CheckpointNotFound(
        asked, "Offline: it was not downloaded to this machine.", "Go online once and download it, or choose another."
    )
