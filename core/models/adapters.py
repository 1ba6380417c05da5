"""LoRA adapters made elsewhere, as changes of their base: read from their own two files, nothing of them is run.

An adapter folder, as peft writes it, holds adapter_config.json and adapter_model.safetensors. Only what is known to be
plain LoRA is taken (Hu et al. 2022; rank-stabilised scaling, patterns of ranks and alphas, trained biases too). A setting
that is not known to be harmless is refused by name: a part left out silently would be another model.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from core.errors import CheckpointDamaged, CheckpointNotFound, IncompatibleRefs
from core.models.checkpoints import backbone_class, backbone_prefix, config_of, weight_headers
from core.models.weights import stored_tensors

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_MOST_CONFIG_BYTES = 1_000_000
_HARMLESS = {
    "alpha_pattern", "auto_mapping", "base_model_name_or_path", "bias", "eva_config", "exclude_modules", "fan_in_fan_out",
    "inference_mode", "init_lora_weights", "layers_pattern", "layers_to_transform", "lora_alpha", "lora_dropout",
    "megatron_core", "modules_to_save", "peft_type", "peft_version", "qalora_group_size", "r", "rank_pattern", "revision",
    "runtime_config", "target_modules", "task_type", "use_rslora",
}  # fmt: skip
"""Settings that are read here, or that the saved factors already show the effect of."""
_STARTS = (None, True, False, "true", "gaussian", "orthogonal", "eva")
"""Ways to draw the first factors that leave the base as it is; others (PiSSA, OLoRA, CorDA …) take part of it away."""
_WRAPPED = "base_model.model."
_FACTOR = re.compile(r"(.+)\.lora_([AB])(?:\.default)?\.weight")


@dataclass(frozen=True, kw_only=True)
class _Settings:
    """How large the change is."""

    alpha: float
    alphas: Mapping[str, float]
    """By the end of a module's name."""
    is_stabilised: bool

    def scale(self, module: str, rank: int) -> float:
        """What the product of the factors is multiplied by; `module` as the trained model calls it."""
        fitting = (alpha for end, alpha in self.alphas.items() if module == end or module.endswith(f".{end}"))
        return next(fitting, self.alpha) / (math.sqrt(rank) if self.is_stabilised else rank)


@dataclass(frozen=True, kw_only=True)
class _Base:
    """What an adapter has to fit."""

    shapes: Mapping[str, list[int]]
    """Of every tensor of the backbone."""
    inputs_first: frozenset[str]
    """Modules that store their matrix [inputs, outputs], as GPT-2 does."""
    prefix: str
    has_decoder: bool


def changes_of_adapter(folder: Path, base: Path) -> bytes:
    """What an adapter changes in its base's backbone, as a file of changes (core.models.changes).

    A head among its weights is left out, since its labels are not known; so is a decoder that is not read here.

    Args:
        folder: the adapter.
        base: folder of the checkpoint it was trained on.
    Returns:
        A safetensors file; the same adapter and base always give the same bytes.
    Raises:
        CheckpointNotFound: no adapter, one of a form that is not read, or one whose weights are pickled.
        CheckpointDamaged: a configuration or weights that cannot be read or do not belong together.
        IncompatibleRefs: it does not fit this base.
    """
    asked = f"Reading the adapter in {folder}."
    settings = _settings(folder, asked)
    if not (folder / WEIGHTS).is_file():
        others = ", ".join(sorted(path.name for path in folder.glob("*.bin"))) or "no weights at all"
        raise CheckpointNotFound(
            asked,
            f"It holds no {WEIGHTS} (found: {others}).",
            "Load it with peft and save it with safe_serialization=True.",
        )
    weight_headers(folder)  # refuses what is truncated
    known = _known(base)
    factors: dict[str, dict[str, Tensor]] = {}
    modules: dict[str, str] = {}
    held: dict[str, Tensor] = {}
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        names = sorted(file.keys())
        for name in _of_backbone(names, known) if any("lora_" in name for name in names) else ():
            module = name.removeprefix(_WRAPPED).replace(".base_layer.", ".")
            found = _FACTOR.fullmatch(module)
            place = (f"{found[1]}.weight" if found else module).removeprefix(f"{known.prefix}.")
            if place not in known.shapes:
                raise _unfitting(place, asked)
            parts = factors.setdefault(place, {}) if found else held
            part = found[2] if found else f"backbone/{place}"
            if part in parts:
                raise CheckpointDamaged(asked, f"It changes {place} twice.", "Save it again.")
            parts[part] = file.get_tensor(name).float()
            if found:
                modules[place] = found[1]
            elif list(parts[part].shape) != known.shapes[place]:
                raise IncompatibleRefs(asked, f"Its {place} has another shape than the base's.", "Choose its base.")
    for place, pair in factors.items():
        if f"backbone/{place}" in held:
            raise CheckpointDamaged(asked, f"It changes {place} twice.", "Save it again.")
        up, down = _product(place, pair, known, asked)
        held[f"backbone/{place}@up"] = up * settings.scale(modules[place], len(down))
        held[f"backbone/{place}@down"] = down
    if not held:
        raise CheckpointNotFound(asked, "It changes nothing in the backbone.", "Choose another adapter.")
    if odd := [name for name, tensor in held.items() if not torch.isfinite(tensor).all()]:
        raise CheckpointDamaged(
            asked, f"Its {odd[0].partition('/')[2]} holds values that are no numbers.", "Train it again."
        )
    return save({name: tensor.contiguous() for name, tensor in sorted(held.items())})


def _settings(folder: Path, asked: str) -> _Settings:
    """What adapter_config.json says of the size of the change, each part of its declared type."""
    path = folder / CONFIG
    if not path.is_file():
        raise CheckpointNotFound(asked, f"It holds no {CONFIG}.", "Give the folder that save_pretrained of peft wrote.")
    try:
        if path.stat().st_size > _MOST_CONFIG_BYTES:
            raise ValueError(f"{path.stat().st_size:,} bytes")
        config = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("no JSON object")
    except (ValueError, RecursionError) as error:
        raise CheckpointDamaged(asked, f"Its {CONFIG} cannot be read: {error}.", "Save it again.") from error
    method = config.get("peft_type")
    if method != "LORA":
        raise CheckpointNotFound(asked, f"Its method is {str(method)[:40]!r}.", "Only LoRA adapters can be read.")
    unread = [name for name, value in config.items() if value and name not in _HARMLESS]
    if config.get("init_lora_weights") not in _STARTS:
        unread.append(f"init_lora_weights = {str(config['init_lora_weights'])[:40]!r}")
    if unread:
        raise CheckpointNotFound(
            asked,
            f"It uses {unread[0][:80]}, which is not read here.",
            "Merge it into its base with peft, and add that folder.",
        )
    patterns = config.get("alpha_pattern") or {}
    try:
        alphas = {name: _number(value) for name, value in patterns.items()}
        alpha = _number(config["lora_alpha"])
    except (AttributeError, KeyError, ValueError, OverflowError) as error:
        raise CheckpointDamaged(asked, "Its lora_alpha is not a number.", "Save it again.") from error
    if odd := [name for name in alphas if not re.fullmatch(r"[\w.]{1,200}", name)]:
        # peft reads these as regular expressions, which may take for ever.
        raise CheckpointNotFound(asked, f"Its alpha_pattern names {odd[0][:60]!r}.", "Name modules plainly.")
    return _Settings(alpha=alpha, alphas=alphas, is_stabilised=bool(config.get("use_rslora")))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(float(value)):
        raise ValueError("no finite number")
    return float(value)


def _known(base: Path) -> _Base:
    from transformers import AutoModel
    from transformers.pytorch_utils import Conv1D

    auto = backbone_class(base)
    with torch.device("meta"):  # the modules' kinds, without a weight
        model = auto.from_config(config_of(base))
    headers = weight_headers(base)
    return _Base(
        shapes={name: headers[full]["shape"] for name, (_, full) in stored_tensors(base).items()},
        inputs_first=frozenset(name for name, module in model.named_modules() if isinstance(module, Conv1D)),
        prefix=backbone_prefix(base),
        has_decoder=auto is not AutoModel,
    )


def _of_backbone(names: list[str], known: _Base) -> list[str]:
    """Without the head's: in a model with a head, the backbone's names are those with the family's prefix."""
    inside = [name for name in names if name.startswith(f"{_WRAPPED}{known.prefix}.")]
    if not inside:
        inside = names
    if known.has_decoder:
        inside = [name for name in inside if not name.startswith((f"{_WRAPPED}decoder.", f"{_WRAPPED}lm_head."))]
    return [name for name in inside if ".pooler." not in name]


def _product(place: str, pair: dict[str, Tensor], known: _Base, asked: str) -> tuple[Tensor, Tensor]:
    """(up [n_out, rank], down [rank, n_in]) in the base's own orientation."""
    up, down = pair.get("B"), pair.get("A")
    if up is None or down is None or up.ndim != 2 or down.ndim != 2 or up.shape[1] != down.shape[0] or not len(down):
        raise CheckpointDamaged(asked, f"The two factors for {place} do not belong together.", "Save it again.")
    if place.removesuffix(".weight") in known.inputs_first:
        up, down = down.T, up.T
    if [up.shape[0], down.shape[1]] != known.shapes[place]:
        raise IncompatibleRefs(
            asked,
            f"Its change of {place} is {up.shape[0]} × {down.shape[1]}, the base's is "
            f"{' × '.join(map(str, known.shapes[place]))}.",
            "Choose the base it was trained on.",
        )
    return up, down


def _unfitting(place: str, asked: str) -> Exception:
    if "lora_" in place:
        return CheckpointNotFound(
            asked,
            f"It holds {place[:80]}, a form that is not read.",
            "Merge it into its base with peft, and add that folder.",
        )
    return IncompatibleRefs(
        asked, f"It changes {place[:80]}, which the base does not have.", "Choose the base it was trained on."
    )
