"""Older checkpoints with pickled weights (.bin), turned into safetensors by one explicit step."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from core.errors import CheckpointDamaged, CheckpointNotFound, StoreUnusable
from core.refs import CHECKPOINT_FILES, POOLING_FILES, file_digest
from core.settings import owner_only_folder

WHOLE, INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
_DO = "Give a folder with config.json and pytorch_model.bin."
_MOST_SECONDS = 1800
_MOST_POOLING = 100_000
_MOST_BESIDE = 100_000_000
"""Of configuration and vocabulary together."""


def needs_conversion(folder: Path) -> bool:
    """Whether a folder's weights are pickled only."""
    return (
        (folder / "config.json").is_file()
        and not any(folder.glob("*.safetensors"))
        and ((folder / WHOLE).is_file() or (folder / INDEX).is_file())
    )


def convert(folder: Path, into: Path) -> Path:
    """Write a checkpoint's weights as safetensors, beside copies of its configuration and tokenizer.

    The pickled files are opened only in a child process, tensors only; nothing in `folder` is changed.

    Args:
        folder: config.json, tokenizer and pytorch_model.bin, whole or in parts.
        into: where converted checkpoints are kept; made owner-only.
    Returns:
        The new folder, named by the content of the old one; the same content is converted once.
    Raises:
        CheckpointNotFound: nothing there to convert.
        CheckpointDamaged: the weights hold more than tensors, or cannot be read.
        StoreUnusable: the result cannot be written; nothing is left behind.
    Cost:
        Reading and writing every weight once; memory of all of them, in the child.
    """
    asked = f"Converting the weights in {folder}."
    if not needs_conversion(folder):
        raise CheckpointNotFound(asked, "It holds no pickled weights, or safetensors as well.", _DO)
    files = _weights(folder, asked)
    beside = sorted(path for path in folder.iterdir() if path.is_file() and path.name.startswith(CHECKPOINT_FILES))
    if (total := sum(path.stat().st_size for path in beside)) > _MOST_BESIDE:
        raise CheckpointDamaged(asked, f"Its configuration and vocabulary are {total:,} bytes.", _DO)
    names = "\n".join(f"{path.name}:{file_digest(path)}" for path in [*beside, *files])
    target = into / hashlib.sha256(names.encode()).hexdigest()[:40]
    if target.is_dir():
        return target
    try:
        with tempfile.TemporaryDirectory(dir=owner_only_folder(into), prefix=".new-") as temporary:
            made = Path(temporary) / "checkpoint"
            made.mkdir(mode=0o700)
            _run(files, made / "model.safetensors", asked)
            for path in beside:
                shutil.copyfile(path, made / path.name)
            for name in POOLING_FILES:
                if (folder / name).is_file() and (folder / name).stat().st_size <= _MOST_POOLING:
                    (made / name).parent.mkdir(mode=0o700, exist_ok=True)
                    shutil.copyfile(folder / name, made / name)
            made.rename(target)
    except OSError as error:
        if not target.is_dir():  # somebody else may have been first
            raise StoreUnusable(
                asked, f"The system answered: {error.strerror or error}.", "Free some space, then convert it again."
            ) from error
    return target


def _weights(folder: Path, asked: str) -> list[Path]:
    if (folder / WHOLE).is_file():
        return [folder / WHOLE]
    try:
        parts = sorted(set(json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values()))
        if not parts or any(Path(part).name != part or not part.endswith(".bin") for part in parts):
            raise ValueError("it names what is no weight file beside it")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointDamaged(asked, f"Its {INDEX} cannot be used: {error}.", "Download it again.") from error
    if missing := [part for part in parts if not (folder / part).is_file()]:
        raise CheckpointNotFound(asked, f"Its part {missing[0]} is missing.", "Download it again.")
    return [folder / part for part in parts]


def _run(files: list[Path], target: Path, asked: str) -> None:
    request = json.dumps({"files": [str(path) for path in files], "target": str(target)})
    script = Path(__file__).with_name("conversion_child.py")
    few = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "LANG") if name in os.environ}
    try:
        ended = subprocess.run(
            [sys.executable, "-P", str(script), request],
            capture_output=True, text=True, check=False, env=few, timeout=_MOST_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise CheckpointDamaged(
            asked, f"Reading it took over {_MOST_SECONDS / 60:.0f} minutes.", "Download it again."
        ) from error
    if ended.returncode == 3:
        said = json.loads(ended.stdout.splitlines()[-1])
        raise CheckpointDamaged(asked, said["found"], said["do"])
    if ended.returncode:
        if "No space left" in ended.stderr or "os error 28" in ended.stderr:
            raise StoreUnusable(asked, "No space is left on the disk.", "Free some space, then convert it again.")
        last = (ended.stderr.strip().splitlines() or [f"exit {ended.returncode}"])[-1][:200]
        raise CheckpointDamaged(asked, f"Reading it ended badly: {last}", "Copy or download it again.")
