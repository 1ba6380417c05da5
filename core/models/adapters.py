"""LoRA adapters made elsewhere, as changes of their base: read from their own two files, nothing of them is run.

An adapter folder, as peft writes it, holds adapter_config.json and adapter_model.safetensors. Only what is known to be
plain LoRA is taken (Hu et al. 2022; rank-stabilised scaling, patterns of ranks and alphas, trained biases too); anything
else is refused by name, since a part left out silently would be another model.
"""

import json
import math
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from core.errors import CheckpointDamaged, CheckpointNotFound, IncompatibleRefs
from core.models.checkpoints import backbone_prefix, weight_headers
from core.models.weights import stored_tensors

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_MOST_CONFIG_BYTES = 1_000_000
_UNREAD = (
    "layer_replication",
    "megatron_config",
    "use_dora",
    "use_qalora",
    "target_parameters",
    "trainable_token_indices",
)
"""Settings under which a low-rank change is not all there is."""
_WRAPPED = "base_model.model."
_FACTOR = re.compile(r"(.+)\.lora_([AB])(?:\.default)?\.weight")


def changes_of_adapter(folder: Path, base: Path) -> bytes:
    """What an adapter changes in its base's backbone, as a file of changes (core.models.changes).

    A head among its weights is left out: its labels are not known.

    Args:
        folder: the adapter.
        base: folder of the checkpoint it was trained on.
    Returns:
        A safetensors file; the same adapter and base always give the same bytes.
    Raises:
        CheckpointNotFound: no adapter, one of another method, or one whose weights are pickled.
        CheckpointDamaged: a configuration or weights that cannot be read or do not belong together.
        IncompatibleRefs: it does not fit this base.
    """
    asked = f"Reading the adapter in {folder}."
    config = _config(folder, asked)
    if not (folder / WEIGHTS).is_file():
        others = ", ".join(sorted(path.name for path in folder.glob("*.bin"))) or "no weights at all"
        raise CheckpointNotFound(
            asked,
            f"It holds no {WEIGHTS} (found: {others}).",
            "Save it with safe_serialization=True; pickled weights are never read.",
        )
    weight_headers(folder)  # refuses what is truncated
    factors: dict[str, dict[str, Tensor]] = {}
    held: dict[str, Tensor] = {}
    prefix, stored = backbone_prefix(base), stored_tensors(base)
    shapes = weight_headers(base)
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        for name in sorted(file.keys()):
            short = name.removeprefix(_WRAPPED).removeprefix(f"{prefix}.").replace(".base_layer.", ".")
            found = _FACTOR.fullmatch(short)
            place = f"{found[1]}.weight" if found else short
            if place not in stored:
                if _is_head(place):
                    continue
                raise IncompatibleRefs(
                    asked,
                    f"It changes {place[:80]}, which the base does not have.",
                    "Choose the base it was trained on.",
                )
            if found:
                factors.setdefault(place, {})[found[2]] = file.get_tensor(name).float()
            elif list(file.get_slice(name).get_shape()) != shapes[stored[place][1]]["shape"]:
                raise IncompatibleRefs(asked, f"Its {place} has another shape than the base's.", "Choose its base.")
            else:
                held[f"backbone/{place}"] = file.get_tensor(name).float()
    for place, pair in factors.items():
        up, down = _scaled(place, pair, config, shapes[stored[place][1]]["shape"], asked)
        held[f"backbone/{place}@up"], held[f"backbone/{place}@down"] = up, down
    if not held:
        raise CheckpointNotFound(asked, "It changes nothing in the backbone.", "Choose another adapter.")
    for name, tensor in held.items():
        if not torch.isfinite(tensor).all():
            raise CheckpointDamaged(
                asked, f"Its {name.partition('/')[2]} holds values that are no numbers.", "Train it again."
            )
    return save({name: tensor.contiguous() for name, tensor in sorted(held.items())})


def _config(folder: Path, asked: str) -> dict[str, Any]:
    """The settings that say how large the change is, each of its declared type."""
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
    if unread := [name for name in _UNREAD if config.get(name)]:
        raise CheckpointNotFound(
            asked, f"It uses {unread[0]}.", "Merge it into its base with peft, and add that folder."
        )
    patterns = config.get("alpha_pattern") or {}
    numbers = [config.get("lora_alpha"), *(patterns.values() if isinstance(patterns, dict) else [None])]
    if not all(isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in numbers):
        raise CheckpointDamaged(asked, "Its lora_alpha is not a number.", "Save it again.")
    if odd := [name for name in patterns if not re.fullmatch(r"[\w.]{1,200}", name)]:
        # peft reads these as regular expressions, which may take for ever.
        raise CheckpointNotFound(asked, f"Its alpha_pattern names {odd[0][:60]!r}.", "Name modules plainly.")
    return config


def _scaled(
    place: str, pair: dict[str, Tensor], config: dict[str, Any], shape: list[int], asked: str
) -> tuple[Tensor, Tensor]:
    """(up [n_out, rank] with its scale, down [rank, n_in]), turned where the family stores inputs first."""
    up, down = pair.get("B"), pair.get("A")
    if up is None or down is None or up.ndim != 2 or down.ndim != 2 or up.shape[1] != down.shape[0] or not len(down):
        raise CheckpointDamaged(asked, f"The two factors for {place} do not belong together.", "Save it again.")
    module = place.removesuffix(".weight")
    patterns = config.get("alpha_pattern") or {}
    alpha = next(
        (value for name, value in patterns.items() if module == name or module.endswith(f".{name}")),
        config["lora_alpha"],
    )
    rank = len(down)
    up = up * (alpha / (math.sqrt(rank) if config.get("use_rslora") else rank))
    if config.get("fan_in_fan_out"):
        up, down = down.T, up.T
    if [up.shape[0], down.shape[1]] != shape:
        raise IncompatibleRefs(
            asked,
            f"Its change of {place} is {up.shape[0]} × {down.shape[1]}, the base's is {' × '.join(map(str, shape))}.",
            "Choose the base it was trained on.",
        )
    return up, down


def _is_head(place: str) -> bool:
    return place.startswith(
        ("classifier", "score", "lm_head", "cls.", "qa_outputs", "pre_classifier", "vocab_", "pooler")
    )
