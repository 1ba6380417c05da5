"""Asking the Hugging Face Hub and fetching from it: one way for checkpoints and data.

What is fetched lies where every Hugging Face tool keeps it, under its own hash; a transfer that was cut off, by a kill too,
goes on where it stopped.

The person's own token, if there is one (HF_TOKEN, or `hf auth login`), is read here, sent to the Hub, and goes nowhere
else: not to the hosts that the Hub hands a transfer on to, not into a spec, a record, a message or a log.
"""

import errno
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from core.errors import (
    CheckpointDamaged,
    CheckpointNotFound,
    DatasetInvalid,
    DatasetNotFound,
    StoreUnusable,
    TunescopeError,
)
from core.refs import HubFile, OnHub, file_digest, hub_cache

_SECONDS = 15.0
"""To wait for an answer."""
_TRIES = 4
"""In a row that bring nothing, before a transfer is given up."""
_CHUNK, _PARTIAL, _SHA256 = 1 << 18, 206, 64

OnBytes = Callable[[int, int], None]
"""Told bytes that are here and bytes in all; what it raises ends the transfer."""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A file of a repository."""

    name: str
    n_bytes: int


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """One file of a repository, here."""

    name: str
    n_bytes: int
    sha256: str
    """As the Hub names it; empty for small files, which it names otherwise."""


def fetched(name: str, n_bytes: int, etag: str) -> Fetched:
    """A file that is here, by what the Hub calls its content."""
    return Fetched(name=name, n_bytes=n_bytes, sha256=etag if len(etag) == _SHA256 else "")


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a revision stands for now."""

    repo: str
    """As the Hub itself writes its name."""
    commit: str
    files: tuple[Listed, ...]
    access: str
    """"open", "gated" or "private"."""
    licence: str
    """As its card says; may be empty."""


def is_offline() -> bool:
    """Whether this machine's settings forbid asking the Hub (HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE)."""
    return any(
        os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE")
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    )


def listing(ref: OnHub, revision: str, asked: str) -> Listing:
    """Ask what is in a repository. One question, at most 15 s.

    Raises:
        CheckpointNotFound, DatasetNotFound: a wrong name or revision, no access, no answer.
    """
    from huggingface_hub import HfApi, get_token

    api = HfApi(endpoint=_endpoint(), token=get_token() or False)
    ask = api.dataset_info if isinstance(ref, HubFile) else api.model_info
    with _told(ref, asked):
        try:
            info = ask(ref.repo, revision=revision, files_metadata=True, timeout=_SECONDS)
            card = info.card_data.to_dict() if info.card_data else {}
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # a page of a proxy, not the Hub's answer
            found = f"{urlsplit(_endpoint()).netloc} does not answer as a Hub ({type(error).__name__})."
            raise _Errors.of(ref).missing(asked, found, "Check the network, HF_ENDPOINT and the name.") from error
    if not info.sha or not info.siblings:
        raise _Errors.of(ref).missing(asked, "It is empty.", "Choose another repository.")
    return Listing(
        repo=info.id or ref.repo,
        commit=info.sha,
        files=tuple(Listed(name=one.rfilename, n_bytes=one.size or 0) for one in info.siblings),
        access="private" if info.private else "gated" if info.gated else "open",
        licence=str(card.get("license") or ""),
    )


def commit_here(ref: OnHub, revision: str) -> str:
    """The commit that a revision stood for when it was last downloaded; empty where it never was."""
    if re.fullmatch("[0-9a-f]{40}", revision):
        return revision
    known = ref.repository / "refs" / revision
    commit = known.read_text(encoding="utf-8").strip() if known.is_file() else ""
    return commit if re.fullmatch("[0-9a-f]{40}", commit) else ""


def fetch_files(ref: OnHub, files: Iterable[Listed], on_bytes: OnBytes, asked: str) -> list[Fetched]:
    """Bring files to this machine, where they are not there yet; what was cut off goes on.

    Raises:
        CheckpointNotFound, DatasetNotFound: no access, no answer, or a transfer that broke off for good.
        CheckpointDamaged, DatasetInvalid: a file that is not what the Hub says it is; it is not kept.
        StoreUnusable: no room for it.
    """
    if is_offline():
        do = "Unset HF_HUB_OFFLINE, or choose another."
        raise _Errors.of(ref).missing(asked, "This machine is set to stay offline.", do)
    wanted = list(files)
    total, done, found = sum(one.n_bytes for one in wanted), 0, []

    def of_this(n: int) -> None:
        on_bytes(done + n, total)

    of_this(0)
    for one in wanted:
        with _told(ref, asked):
            found.append(_fetch_file(ref, one, of_this, asked))
        done += one.n_bytes
        of_this(0)
    _remember_revision(ref, asked)
    return found


def _remember_revision(ref: OnHub, asked: str) -> None:
    """Write down what a name stands for, so that this and other tools know it offline; not before all of it is here."""
    named = ref.repository / "refs" / ref.revision
    if not ref.revision or ref.revision == ref.commit or commit_here(ref, ref.revision) == ref.commit:
        return
    if named.is_file() and listing(ref, ref.revision, asked).commit != ref.commit:
        return  # the name has moved on since, and others may have what it stands for now
    with _told(ref, asked):
        named.parent.mkdir(parents=True, exist_ok=True)
        beside = named.with_name(f".{named.name}.{os.getpid()}")
        beside.write_text(ref.commit, encoding="utf-8")
        beside.replace(named)


def fetch_small(ref: OnHub, one: Listed, asked: str) -> Path:
    """One small file, as a configuration; returns where it is. Raises as fetch_files."""
    with _told(ref, asked):
        _fetch_file(ref, one, lambda _: None, asked)
    return ref.folder / one.name


@dataclass(frozen=True)
class _Errors:
    """How what goes wrong is called."""

    missing: type[TunescopeError]
    damaged: type[TunescopeError]
    address: str
    """Before the name in the address of its page."""

    @classmethod
    def of(cls, ref: OnHub) -> "_Errors":
        if isinstance(ref, HubFile):
            return cls(DatasetNotFound, DatasetInvalid, "datasets/")
        return cls(CheckpointNotFound, CheckpointDamaged, "")


def _kind(ref: OnHub) -> str:
    return "dataset" if isinstance(ref, HubFile) else "model"


def _endpoint() -> str:
    """The Hub, or what stands in for it."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def _fetch_file(ref: OnHub, one: Listed, on_bytes: Callable[[int], None], asked: str) -> Fetched:
    """One file into the cache under its hash, then under its name.

    The library writes each transfer into a file of its own, throws that away when it is cut off, and looks up only every
    10 MB; here what came is kept, and a person who cancels need not wait.
    """
    from huggingface_hub.errors import HfHubHTTPError

    known = _head_of(ref, one, asked)
    content = ref.repository / "blobs" / known.etag
    lock = hub_cache() / ".locks" / ref.repository.name / f"{known.etag}.lock"
    for folder in (content.parent, lock.parent):
        folder.mkdir(parents=True, exist_ok=True)
    with _locked(lock, on_bytes):
        if content.is_file() and not is_whole(content, known.etag, known.size):
            content.unlink()
        if not content.is_file():
            part = content.with_name(f"{known.etag}.incomplete")
            try:
                _transfer(known, part, on_bytes)
            except HfHubHTTPError as error:
                if known.is_hub or error.response.status_code not in (401, 403):
                    raise
                # An address that was signed for an hour, and that hour is over.
                _transfer(_head_of(ref, one, asked), part, on_bytes)
            if not is_whole(part, known.etag, known.size):
                part.unlink()
                raise _Errors.of(ref).damaged(
                    asked, f"What came as {one.name} is not what the Hub names.", "Try again."
                )
            part.replace(content)
        place = ref.folder / one.name
        if not place.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)  # a link to what is gone
            place.symlink_to(os.path.relpath(content, place.parent))
    return fetched(one.name, known.size, known.etag)


@dataclass(frozen=True)
class _Head:
    """What the Hub says of a file."""

    etag: str
    size: int
    location: str
    is_hub: bool
    """Whether the Hub itself sends it: whoever it hands a transfer on to gets no token."""


def _head_of(ref: OnHub, one: Listed, asked: str) -> _Head:
    from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_url

    url = hf_hub_url(ref.repo, one.name, repo_type=_kind(ref), revision=ref.commit, endpoint=_endpoint())
    known = get_hf_file_metadata(url, token=get_token() or False, timeout=_SECONDS, endpoint=_endpoint())
    size = one.n_bytes if known.size is None else known.size  # of text that it compresses on the way it says none
    if not re.fullmatch(r"[\w-]+", known.etag or "") or known.commit_hash != ref.commit or not size:
        raise _Errors.of(ref).damaged(asked, f"The answer for {one.name} is not that of a Hub.", "Check HF_ENDPOINT.")
    is_hub = urlsplit(known.location)[:2] == urlsplit(_endpoint())[:2]
    return _Head(str(known.etag), size, known.location, is_hub)


@contextmanager
def _locked(path: Path, on_bytes: Callable[[int], None]) -> Iterator[None]:
    """The library's own lock of a file's content; whoever waits for it can be cancelled."""
    from filelock import Timeout
    from huggingface_hub.utils import WeakFileLock

    while True:
        with ExitStack() as stack:
            try:
                stack.enter_context(WeakFileLock(path, timeout=1.0))
            except Timeout:
                on_bytes(0)
                continue
            yield
            return


def _transfer(known: _Head, part: Path, on_bytes: Callable[[int], None]) -> None:
    """Fetch the rest of a file; asks on after a break, so long as something comes."""
    import httpx2
    from huggingface_hub import get_token
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status, http_stream_backoff

    size, headers = known.size, build_hf_headers(token=(get_token() or False) if known.is_hub else False)
    with part.open("ab") as stream:
        if stream.tell() > size:
            _empty(stream)
        if size - stream.tell() > shutil.disk_usage(part.parent).free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        in_vain = 0
        while (begun := stream.tell()) < size:
            wanted = headers | {"Accept-Encoding": "identity"} | ({"Range": f"bytes={begun}-"} if begun else {})
            try:
                with http_stream_backoff(
                    "GET",
                    known.location,
                    headers=wanted,
                    timeout=_SECONDS,
                    retry_on_exceptions=(),
                    retry_on_status_codes=(408, 429),
                ) as response:
                    hf_raise_for_status(response)
                    if begun and response.status_code != _PARTIAL:  # it sends all of it again
                        _empty(stream)
                    for chunk in response.iter_bytes(_CHUNK):
                        if stream.tell() + len(chunk) > size:
                            raise httpx2.RemoteProtocolError("more came than it is")
                        stream.write(chunk)
                        on_bytes(stream.tell())
            except (httpx2.TransportError, httpx2.TimeoutException):
                in_vain = 0 if stream.tell() > begun else in_vain + 1
                if in_vain >= _TRIES:
                    raise
                time.sleep(in_vain)
                continue
            if stream.tell() == begun:
                raise httpx2.RemoteProtocolError("nothing came")
            stream.flush()


def _empty(stream: BinaryIO) -> None:
    stream.truncate(0)
    stream.seek(0)


def is_whole(path: Path, etag: str, size: int | None = None) -> bool:
    """Whether a file is what the Hub names so: by SHA-256 where it is large, by git's hash where it is small.

    Args:
        path: of the file.
        etag: what the Hub calls its content. A name of another form, as some mirrors give, says nothing.
        size: that it must have; None = any.
    """
    n_bytes = path.stat().st_size
    if size is not None and n_bytes != size:
        return False
    if not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", etag):
        return True
    if len(etag) == _SHA256:
        return file_digest(path) == etag
    content = path.read_bytes()
    forms = (b"blob %d\0" % n_bytes + content, content)  # git's, and a plain one as some mirrors have it
    return etag in {hashlib.sha1(form, usedforsecurity=False).hexdigest() for form in forms}


def _has_token() -> bool:
    """Whether this machine has a token of the Hub."""
    from huggingface_hub import get_token

    return bool(get_token())


@contextmanager
def _told(ref: OnHub, asked: str) -> Iterator[None]:
    """Say what went wrong between this machine and the Hub in words, none of them the library's: they name requests."""
    import httpx2
    from huggingface_hub.errors import (
        EntryNotFoundError,
        FileMetadataError,
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    host, errors = urlsplit(_endpoint()).netloc, _Errors.of(ref)
    sign_in = "sign in on this machine (hf auth login) or set HF_TOKEN"
    try:
        yield
    except TunescopeError:
        raise
    except GatedRepoError as error:
        do = f"Open {_endpoint()}/{errors.address}{ref.repo}, accept its terms, and {sign_in}."
        raise errors.missing(asked, "Its owners give it only to those who accept their terms.", do) from error
    except RevisionNotFoundError as error:
        raise errors.missing(asked, "There is no such branch, tag or commit.", "Use main, or one it has.") from error
    except RepositoryNotFoundError as error:
        found = "There is no such repository, or this machine's token may not see it."
        if not _has_token():
            found = "There is no such repository; or it is private, and this machine has no token."
        raise errors.missing(asked, found, f"Check the name; if it is private, {sign_in}.") from error
    except EntryNotFoundError as error:
        raise errors.missing(asked, "A file that it lists is not in it.", "Look it up again.") from error
    except HfHubHTTPError as error:
        code = error.response.status_code if error.response is not None else "no"
        do = "Your token may lack the right to read it." if code in (401, 403) else "Try again later."
        raise errors.missing(asked, f"{host} answered with an error ({code}).", do) from error
    except (httpx2.HTTPError, OfflineModeIsEnabled, FileMetadataError) as error:
        raise errors.missing(
            asked,
            f"{host} does not answer as a Hub, or no longer ({type(error).__name__}).",
            "Check the network and try again: what has come is kept. What is here already can be had offline.",
        ) from error
    except OSError as error:
        if error.errno is None:  # the library's own, as for a length that does not fit
            raise errors.missing(asked, f"The transfer broke off ({type(error).__name__}).", "Try again.") from error
        do = f"See that {hub_cache()} can be written, or set HF_HOME to a folder that can."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            do = f"Free some space under {hub_cache()}, then download it again: what has come is kept."
        raise StoreUnusable(asked, f"The system answered: {error.strerror}.", do) from error
