"""A small Hugging Face Hub of the tests' own, on loopback: real HTTP, real ranges, real refusals.

It answers what the Hub answers to the questions a download asks: what a revision is, what a file's head says, and the file.
Weights are handed on to a second address, as the Hub does with its own storage.
"""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.faults import tiny

TOKEN = "hf_tokenOfTheTestsOwnWhichMustNotBeSeen"


@dataclass
class Repo:
    """One repository: its commits, oldest first."""

    commits: list[dict[str, bytes]]
    tags: dict[str, int] = field(default_factory=dict)
    """Tag -> number of the commit."""
    is_gated: bool = False
    """Listed to all, given only to those who accepted."""
    is_private: bool = False
    card: dict[str, str] = field(default_factory=dict)
    pinned: dict[int, str] = field(default_factory=dict)
    """Number of a commit -> how it is called, where a test must have that very one."""

    def sha(self, number: int) -> str:
        """Of a commit; -1 = the newest."""
        number %= len(self.commits)
        if number in self.pinned:
            return self.pinned[number]
        names = "".join(
            f"{name}{hashlib.sha1(self.commits[number][name]).hexdigest()}" for name in self.commits[number]
        )
        return hashlib.sha1(f"{number}{names}".encode()).hexdigest()

    def resolve(self, revision: str) -> int | None:
        """Number of the commit that a branch, tag or commit names."""
        if revision == "main":
            return len(self.commits) - 1
        known = {self.sha(i): i for i in range(len(self.commits))} | self.tags
        return known.get(revision)


@dataclass
class TinyHub:
    """A running Hub; names of data sets begin with "datasets/".

    `asked` lists (method, path, headers) of every request, of the storage's with "storage:" before.
    """

    repos: dict[str, Repo]
    address: str = ""
    storage: str = ""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    cut_after: int | None = None
    """Bytes of a body after which the storage closes the connection."""
    spoil: bool = False
    """Whether the storage sends other bytes than the Hub names."""
    ignores_ranges: bool = False
    """Whether the storage sends all of a file, whatever part was asked for."""
    pad: bytes = b""
    """What the storage sends after a file, its announced length included."""
    refuse_once: bool = False
    """Whether the storage's next answer is that the address was signed for another hour."""
    head_fails: int = 0
    """The code with which the Hub answers what a file's head is, where that is not 0."""
    page: bytes = b""
    """What the Hub answers to what a repository is, where a proxy stands before it."""
    hides_sizes: bool = False
    """Whether the head of a small file says nothing of its size, as of text that is compressed on the way."""
    hold: threading.Event | None = None
    """Set by the test when a body that was cut may go on."""
    called: dict[str, str] = field(default_factory=dict)
    """Names that the Hub writes otherwise."""
    accepted: str = TOKEN
    """The token that opens what is gated or private."""

    def ranges(self, name: str) -> list[str]:
        """The Range headers with which a file's content was asked for; "" where there was none."""
        return [
            headers.get("range", "") for method, path, headers in self.asked
            if method == "GET" and path.startswith("storage:") and path.endswith(name)
        ]  # fmt: skip


def checkpoint_files(folder: Path) -> dict[str, bytes]:
    """A folder's files, as a repository holds them."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def tiny_and_adapter(into: Path, *, base: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Files of a tiny checkpoint, and of a LoRA adapter over it that says so by this name."""
    import peft

    model = tiny("bert", into / "tiny")
    files = checkpoint_files(into / "tiny")
    # A factor that is not 0, so that the adapter changes something.
    settings = peft.LoraConfig(r=2, target_modules=["query"], init_lora_weights=False)
    peft.get_peft_model(model, settings).save_pretrained(into / "adapter")
    adapter = checkpoint_files(into / "adapter")
    config = json.loads(adapter["adapter_config.json"]) | {"base_model_name_or_path": base, "init_lora_weights": True}
    return files, adapter | {"adapter_config.json": json.dumps(config).encode()}


@contextmanager
def serving(repos: dict[str, Repo], monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[TinyHub]:
    """A Hub on loopback, to which this process and its children turn; what they fetch goes to `cache`, without a token."""
    hub = TinyHub(repos=repos)
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub, kind)) for kind in ("hub", "storage")]
    hub.address, hub.storage = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    monkeypatch.setenv("HF_HOME", str(cache))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def _handler(hub: TinyHub, kind: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def log_message(self, *_: object) -> None:
            pass

        def answer(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            hub.asked.append((self.command, f"{'storage:' * (kind == 'storage')}{self.path}", headers))
            if found := re.fullmatch(r"/api/(models|datasets)/(.+?)/revision/([^/?]+)(\?.*)?", self.path):
                self.info("datasets/" * (found[1] == "datasets") + found[2], found[3], headers)
            elif found := re.fullmatch(r"/(.+?)/resolve/([^/]+)/(.+)", self.path):
                self.file(found[1], found[2], unquote(found[3]), headers)
            else:
                self.refuse(404, "")

        def opened(
            self, name: str, revision: str, headers: dict[str, str], *, content: bool
        ) -> tuple[Repo, int] | None:
            """The repository and commit, or None after a refusal."""
            repo = hub.repos.get(name)
            may = kind == "storage" or headers.get("authorization") == f"Bearer {hub.accepted}"
            if repo is None or (repo.is_private and not may):
                self.refuse(401 if repo is None or not headers.get("authorization") else 404, "RepoNotFound")
                return None
            if repo.is_gated and content and not may:
                self.refuse(403 if headers.get("authorization") else 401, "GatedRepo")
                return None
            if (number := repo.resolve(revision)) is None:
                self.refuse(404, "RevisionNotFound")
                return None
            return repo, number

        def info(self, name: str, revision: str, headers: dict[str, str]) -> None:
            if (found := self.opened(name, revision, headers, content=False)) is None:
                return
            repo, number = found
            if hub.page:
                self.send(200, hub.page, {"Content-Type": "text/html"})
                return
            siblings = [
                {"rfilename": path, "size": len(body), "blobId": _git_hash(body)}
                | ({"lfs": {"sha256": _sha256(body), "size": len(body), "pointerSize": 134}} if _is_large(path) else {})
                for path, body in repo.commits[number].items()
            ]
            told = {
                "_id": "0",
                "id": hub.called.get(name, name).removeprefix("datasets/"), "sha": repo.sha(number), "private": repo.is_private,
                "gated": "manual" if repo.is_gated else False, "siblings": siblings, "cardData": repo.card, "tags": [],
            }  # fmt: skip
            self.send(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

        def file(self, name: str, revision: str, path: str, headers: dict[str, str]) -> None:
            if (found := self.opened(name, revision, headers, content=True)) is None:
                return
            repo, number = found
            if hub.head_fails and kind == "hub" and self.command == "HEAD":
                self.refuse(hub.head_fails, "")
                return
            if hub.refuse_once and kind == "storage":
                hub.refuse_once = False
                self.refuse(403, "")
                return
            body = repo.commits[number].get(path)
            if body is None:
                self.refuse(404, "EntryNotFound", {"X-Repo-Commit": repo.sha(number)})
                return
            told = {"X-Repo-Commit": repo.sha(number), "ETag": f'"{_git_hash(body)}"', "Accept-Ranges": "bytes"}
            if _is_large(path) and kind == "hub":
                told |= {
                    "X-Linked-Etag": f'"{_sha256(body)}"', "X-Linked-Size": str(len(body)),
                    "Location": f"{hub.storage}/{name}/resolve/{revision}/{path}",
                }  # fmt: skip
                self.send(302, b"", told)
                return
            if hub.spoil and kind == "storage":
                body = bytes(reversed(body))
            self.send_part(body, told, headers.get("range", ""))

        def send_part(self, body: bytes, told: dict[str, str], asked: str) -> None:
            is_part = bool(asked) and not (hub.ignores_ranges and kind == "storage")
            begin = int(asked.removeprefix("bytes=").rstrip("-")) if is_part else 0
            body += hub.pad if kind == "storage" else b""
            if begin:
                told["Content-Range"] = f"bytes {begin}-{len(body) - 1}/{len(body)}"
            self.send(206 if begin else 200, body[begin:], told, cut=hub.cut_after if kind == "storage" else None)

        def send(self, code: int, body: bytes, told: dict[str, str], cut: int | None = None) -> None:
            self.send_response(code)
            for name, value in told.items():
                self.send_header(name, value)
            if not (hub.hides_sizes and self.command == "HEAD"):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "HEAD":
                return
            if cut is None or cut >= len(body):
                self.wfile.write(body)
                return
            self.wfile.write(body[:cut])
            self.wfile.flush()
            if hub.hold is not None:
                hub.hold.wait(60)
            self.close_connection = True

        def refuse(self, code: int, why: str, told: dict[str, str] | None = None) -> None:
            self.send(code, b"{}", {"X-Error-Code": why, **(told or {})})

    return Handler


def _is_large(path: str) -> bool:
    return path.endswith((".safetensors", ".bin", ".parquet"))


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _git_hash(body: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
