"""A process of its own that opens pickled weights, tensors only, and writes them as safetensors; run as a script.

Its one argument is JSON: {"files": [...], "target": ...}. On failure it prints JSON {"found": ..., "do": ...} and exits 3.
`weights_only` lets the unpickler build tensors and plain containers and nothing else; the process gets no more of the
environment than it needs to start, tokens least of all.
"""

import json
import os
import sys
from typing import Any, NoReturn


def main(request: dict[str, Any]) -> None:
    """Read all files, write one."""
    import torch
    from safetensors.torch import save_file

    tensors: dict[str, torch.Tensor] = {}
    for file in request["files"]:
        name = file.rpartition("/")[2]
        try:
            held = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # noqa: BLE001  # whatever an odd file makes of the unpickler
            said = " ".join(str(error).split())
            if "weights_only" in said or "Unsupported" in said or "GLOBAL" in said:
                fail(
                    f"{name} asks to run code, or holds more than tensors.",
                    "Do not use it; ask its maker for safetensors.",
                )
            fail(f"{name} cannot be read: {said[:200]}.", "Copy or download it again.")
        if not isinstance(held, dict) or not held:
            fail(f"{name} holds no table of weights.", "Give what save_pretrained wrote.")
        for key, value in held.items():
            if not isinstance(key, str) or not isinstance(value, torch.Tensor):
                fail(f"{name} holds {str(key)[:60]!r}, which is no tensor.", "Give what save_pretrained wrote.")
            if key in tensors:
                fail(f"Two tensors are called {key[:80]}.", "Save the model again.")
            tensors[key] = value.detach()
    # A tensor may be a small thing spread out over a huge one; tied ones are written twice, so a little more is allowed.
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if size > 3 * sum(os.stat(file).st_size for file in request["files"]) + 1_000_000:
        fail(f"It would unfold to {size / 1e9:,.1f} GB.", "Do not use it; ask its maker for safetensors.")
    tensors = {name: tensor.clone().contiguous() for name, tensor in tensors.items()}
    save_file(tensors, request["target"], metadata={"format": "pt"})


def fail(found: str, do: str) -> NoReturn:
    """Say what is wrong and end."""
    sys.stdout.write(json.dumps({"found": found, "do": do}) + "\n")
    sys.exit(3)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
