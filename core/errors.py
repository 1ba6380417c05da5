"""What can go wrong, said so that a person can act on it.

Every message answers three questions in order: what was asked, what was found, what to do. Anything that is not a
TunescopeError is a defect of ours and is shown as such.
"""


class TunescopeError(Exception):
    """Root of everything a person can act on.

    Args:
        asked: what was being done, with the value that was given.
        found: what stood in the way.
        do: the next step for the reader.
    """

    def __init__(self, asked: str, found: str = "", do: str = "") -> None:
        self.asked, self.found, self.do = asked, found, do
        super().__init__(" ".join(part for part in (asked, found, do) if part))

    def __reduce__(self) -> tuple:
        # Exceptions cross process borders; the default would hand the joined message to the first argument only.
        return type(self), (self.asked, self.found, self.do)


class CheckpointNotFound(TunescopeError):
    """No such checkpoint, or a folder that holds none."""


class CheckpointDamaged(TunescopeError):
    """Weights are there but cannot be trusted: truncated, of another hash, or of another shape."""


class DatasetNotFound(TunescopeError):
    """No such file or built-in data set."""


class DatasetInvalid(TunescopeError):
    """The file is there but does not hold what was said of it: empty, wrong format, column missing."""


class IncompatibleRefs(TunescopeError):
    """Two sides that cannot be compared: other depths, tokenizers or label sets."""


class ShapeError(TunescopeError):
    """Arrays whose shapes do not belong together."""


class NotEnoughData(TunescopeError):
    """Too few rows, classes or groups for the estimator."""


class OnlyPresenter(TunescopeError):
    """Somebody who looks on in a class asked for what only the presenter may do."""


class OutOfMemory(TunescopeError):
    """The smallest possible piece of the work does not fit into memory."""


class SpecInvalid(TunescopeError):
    """A description of a computation with a field that is missing, unknown or out of range."""


class StoreUnusable(TunescopeError):
    """The cache folder cannot be written or read."""


class NotStored(TunescopeError):
    """A result was asked for that nobody has computed, or that was deleted since."""


class ArtifactDamaged(TunescopeError):
    """A stored result whose checksum no longer fits."""


class PackRefused(TunescopeError):
    """A pack that is not exactly what this program writes; nothing of it was kept."""


class LessonInvalid(TunescopeError):
    """A lesson that cannot be taught as it is written; `found` names each line and what is wrong there."""


class JobFailed(TunescopeError):
    """A job ended without a result."""


class Cancelled(TunescopeError):
    """Somebody asked for the job to stop."""
