"""A class on one machine: the presenter's key, the place in the lesson, and what everybody guessed.

One server process writes these files; they are owner-only and replaced as a whole, so that a restart loses nothing. Of the key
only a hash is kept. Guesses are kept under the hash of a viewer's token; what leaves this file is counts alone.
"""

import hashlib
import hmac
import json
import re
import secrets
import threading
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.errors import OnlyPresenter, SpecInvalid, StoreUnusable
from core.store.artifacts import write_atomically

KEY_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""None that a projector makes look like another."""
_KEY_LENGTH, _KEY_GROUP = 16, 4
_TRIES, _TRIES_OF_ALL, _TRY_SECONDS = 5, 60, 60.0
"""Wrong keys that are taken of one visit, and of all together, in so many seconds; 31^16 keys are out of reach at any such pace.
Few of one, so that who tries does not shut out the presenter."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the presenter stands."""

    lesson: str
    step: int
    """From 0."""
    is_revealed: bool
    """Whether the figure is shown; guesses end there."""


class Classroom:
    """The class of a cache folder, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._wrong: deque[tuple[float, str]] = deque(maxlen=_TRIES_OF_ALL)

    def begin(self) -> str:
        """Make a class; the key, the place and the guesses of the one before are cleared away.

        Returns:
            The key, in groups of letters. It is nowhere written down.
        Raises:
            StoreUnusable: the folder cannot be written.
        """
        for old in self.folder.glob("*.json"):
            old.unlink(missing_ok=True)
        return self.new_key()

    def new_key(self) -> str:
        """Another key, from now on the only one; place and guesses stay. Raises as begin."""
        letters = [secrets.choice(KEY_LETTERS) for _ in range(_KEY_LENGTH)]
        key = "-".join("".join(letters[at : at + _KEY_GROUP]) for at in range(0, _KEY_LENGTH, _KEY_GROUP))
        salt = secrets.token_hex(16)
        self._write("key", {"salt": salt, "hash": _hashed(key, salt), "made": time.time()})
        return key

    def is_key(self, key: str, visit: str = "") -> bool:
        """Whether it is the presenter's. Takes the same time whatever is wrong with it.

        Args:
            key: as somebody typed it; case, blanks and dashes do not matter.
            visit: whose try it is.
        Raises:
            SpecInvalid: too many wrong ones of late.
            StoreUnusable: there is no class, or its file is damaged.
        """
        with self._lock:
            now = time.monotonic()
            late = [whose for when, whose in self._wrong if now - when < _TRY_SECONDS]
            if late.count(visit) >= _TRIES or len(late) >= _TRIES_OF_ALL:
                raise SpecInvalid(
                    "Giving the presenter's key.",
                    f"There were {late.count(visit)} wrong ones within a minute.",
                    "Wait a minute. A lost key is replaced on the machine itself: python -m core class --new-key.",
                )
            held = self._read("key")
            if held is None or not {"salt", "hash"} <= held.keys():
                raise StoreUnusable(
                    "Giving the presenter's key.",
                    "This machine knows of no class.",
                    "Begin one on the machine itself: python -m core class.",
                )
            is_right = hmac.compare_digest(_hashed(key[:200], str(held["salt"])), str(held["hash"]))
            if not is_right:
                self._wrong.append((now, visit))
            return is_right

    @property
    def version(self) -> str:
        """Changes with every key: what a session once gave no longer counts then."""
        held = self._read("key")
        return "" if held is None else str(held.get("hash", ""))

    def lead(self, place: Place | None) -> None:
        """Note where the presenter stands; None = in no lesson. Raises StoreUnusable."""
        with self._lock:
            self._write("place", asdict(place) if place else {})

    def place(self) -> Place | None:
        """Where the presenter stands; None = in no lesson."""
        held = self._read("place")
        try:
            return (
                Place(lesson=str(held["lesson"]), step=int(held["step"]), is_revealed=bool(held["is_revealed"]))
                if held
                else None
            )
        except (KeyError, TypeError, ValueError):
            return None

    def guess(self, lesson: str, step: int, viewer: str, choice: int, *, most: int = 1000) -> None:
        """Take a viewer's guess at the question that the presenter stands at; the last one before the reveal counts.

        Args:
            lesson, step: as in Place.
            viewer: what tells a viewer from others; its hash is kept.
            choice: from 0.
            most: viewers whose guesses are taken; who guessed may always change it.
        Raises:
            OnlyPresenter: the presenter stands elsewhere, or the figure is shown already.
            SpecInvalid: no such choice, or too many guesses.
        """
        if not 0 <= choice < 10:
            raise SpecInvalid("Taking a guess.", f"There is no choice {choice}.", "Choose one that is shown.")
        with self._lock:
            if self.place() != Place(lesson=lesson, step=step, is_revealed=False):
                raise OnlyPresenter(
                    "Taking a guess.",
                    "The class is not at this question, or its figure is shown already.",
                    "Follow the presenter.",
                )
            held = self._read(_of(lesson, step)) or {}
            if _digest(viewer) not in held and len(held) >= most:
                raise SpecInvalid("Taking a guess.", f"There are {len(held):,} already.", "Wait for the next question.")
            self._write(_of(lesson, step), {**held, _digest(viewer): choice})

    def guess_of(self, lesson: str, step: int, viewer: str) -> int | None:
        """What this viewer guessed; None where they did not."""
        found = (self._read(_of(lesson, step)) or {}).get(_digest(viewer))
        return found if isinstance(found, int) else None

    def tally(self, lesson: str, step: int, n_choices: int) -> tuple[int, ...]:
        """How many guessed each choice."""
        counted = Counter(value for value in (self._read(_of(lesson, step)) or {}).values() if isinstance(value, int))
        return tuple(counted[choice] for choice in range(n_choices))

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            held = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return held if isinstance(held, dict) else None

    def _write(self, name: str, held: dict[str, Any]) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self.folder / f"{name}.json", json.dumps(held))
        except OSError as error:
            raise StoreUnusable(
                "Keeping what the class does.", f"It cannot be written: {error}.", "Make room on the page Storage."
            ) from error


def _hashed(key: str, salt: str) -> str:
    plain = re.sub(r"[^a-z0-9]", "", key.lower())
    return hashlib.scrypt(plain.encode(), salt=salt.encode(), n=2**12, r=8, p=1).hex()


def _digest(viewer: str) -> str:
    return hashlib.sha256(viewer.encode()).hexdigest()[:32]


def _of(lesson: str, step: int) -> str:
    return f"guesses-{_digest(f'{lesson} {step}')}"
