"""Uploads on disk: owner-only, named by their content and never by what a browser called them."""

import hashlib
import os
import tempfile
import unicodedata
from pathlib import Path

from core.errors import StoreUnusable
from core.settings import owner_only_folder

_NAME_LENGTH = 60
_ALLOWED = " ._-()+&"


def keep(content: bytes, folder: Path) -> Path:
    """Write an upload, whole or not at all; the same content is written once.

    Raises:
        StoreUnusable: the folder cannot be written, or the disk is full; nothing is left behind.
    """
    owner_only_folder(folder)
    path = folder / f"{hashlib.sha256(content).hexdigest()}.data"
    if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content:
        return path
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=folder)  # 0600
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise StoreUnusable(
            f"Keeping an upload in {folder}.",
            f"The system answered: {error.strerror}.",
            "Free some space, then add it again.",
        ) from error
    return path


def clean_name(name: str) -> str:
    """A name fit to be shown: letters, digits and a few signs, no path, nothing invisible, not long."""
    name = unicodedata.normalize("NFC", name.replace("\\", "/").rstrip("/").rpartition("/")[2])
    kept = "".join(
        c if c.isalnum() or c in _ALLOWED or unicodedata.category(c).startswith("M") else "_"
        for c in name
        if unicodedata.category(c) not in ("Cf", "Cc", "Cs", "Cn", "Co")
    )
    kept = " ".join(kept.split()).strip("_ ")
    return kept if len(kept) <= _NAME_LENGTH else f"{kept[: _NAME_LENGTH - 1]}…"
