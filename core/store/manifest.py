"""The manifest of an artifact: what it must say, and whether the files beside it are as it says."""

import json
import zlib
from pathlib import Path
from typing import Any

from core.errors import ArtifactDamaged

MANIFEST = "artifact.json"
FACTS = {"kind", "spec", "created", "seconds", "work", "device", "bytes"}
"""What the index holds of every artifact; an imported one also says from which pack."""


def read_manifest(folder: Path) -> dict[str, Any]:
    """An artifact's description.

    Raises:
        ArtifactDamaged: it cannot be read or lacks parts.
    """
    try:
        held = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(folder, f"Its description cannot be read: {error}.") from error
    if not is_manifest(held):
        raise damaged(folder, "Its description lacks parts.")
    return held


def facts_of(manifest: dict[str, Any]) -> dict[str, Any]:
    """What the index holds of an artifact."""
    known = {
        "kind": manifest["spec"]["kind"],
        "spec": manifest["spec"],
        "created": manifest["created"],
        "seconds": manifest["seconds"],
        "work": manifest["work"],
        "device": manifest["device"],
        "bytes": sum(entry["bytes"] for entry in manifest["files"].values()),
    }
    return known | ({"imported": str(manifest["imported"])} if "imported" in manifest else {})


def is_manifest(held: Any) -> bool:
    """Whether what was read has the parts of a manifest."""
    if not isinstance(held, dict) or not held.keys() >= {"spec", "created", "seconds", "work", "device", "libraries"}:
        return False
    files, values = held.get("files"), held.get("values")
    return (
        isinstance(values, dict)
        and isinstance(held["spec"], dict)
        and "kind" in held["spec"]
        and isinstance(files, dict)
        and all(isinstance(entry, dict) and entry.keys() >= {"bytes", "crc32"} for entry in files.values())
    )


def checksum(path: Path) -> int:
    """CRC-32 of a file; about a second per GB."""
    total = 0
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 22):
            total = zlib.crc32(chunk, total)
    return total


def verify_files(folder: Path, files: dict[str, dict[str, int]]) -> None:
    """Compare every file of an artifact with its manifest.

    Raises:
        ArtifactDamaged: one is missing or not as it was written.
    """
    for name, entry in files.items():
        path = folder / name
        if not path.is_file():
            raise damaged(folder, f"Its file {name} is missing.")
        if path.stat().st_size != entry["bytes"] or checksum(path) != entry["crc32"]:
            raise damaged(folder, f"Its file {name} is not as it was written.")


def damaged(folder: Path, found: str) -> ArtifactDamaged:
    """The error that names a damaged artifact."""
    return ArtifactDamaged(
        f"Reading the stored {folder.parent.name} result {folder.name[:12]}.",
        found,
        "Compute it again; it will be replaced.",
    )
