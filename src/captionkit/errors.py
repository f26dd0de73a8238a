"""The few kinds of error that captionkit raises on purpose.

Every message is one or two sentences for the person at the keyboard: what was expected, what came, and what
to do. The command line prints the message alone and exits with code 2; a traceback means a defect of ours.
"""

from __future__ import annotations

from collections.abc import Iterable


class CaptionkitError(Exception):
    """A mistake in the input or the set-up that a person can mend."""


class UsageError(CaptionkitError):
    """A command or function was called with arguments that do not fit."""


class ConfigError(CaptionkitError):
    """A configuration file or override is wrong."""


class DataError(CaptionkitError):
    """A data set, caption file or results file is wrong."""


class ImageError(CaptionkitError):
    """A picture cannot be read. In a batch this becomes the record's `error`, and the rest goes on."""


class BundleError(CaptionkitError):
    """A bundle is damaged, incomplete, of an unknown version, or not to be trusted."""


class WeightsError(CaptionkitError):
    """Pretrained weights are missing or do not fit the network."""


class CacheError(CaptionkitError):
    """A feature cache belongs to other pictures or another encoder, is locked, or does not fit on the disk."""


class WriteError(CaptionkitError, OSError):
    """A file cannot be written: no such folder, no permission, no room. What stood there before still does.

    It is an `OSError` too, with the number and the text of the one that was met.
    """

    def __init__(self, path: object, error: OSError) -> None:
        reason = error.strerror or str(error)  # NumPy's word for a full disk has no number
        super().__init__(error.errno, reason)
        self._path = str(path)
        self._message = (
            f"Expected to write {path}, but the system refused ({reason}); name another place, or mend this one."
        )

    def __reduce__(self) -> tuple[type[WriteError], tuple[str, OSError]]:
        """Pickled as it was made, not by the arguments of `OSError`: a pool of processes hands errors on so."""
        return type(self), (self._path, OSError(*self.args))

    def __str__(self) -> str:
        return self._message


class SearchError(CaptionkitError):
    """A search index is missing, damaged, of another model or folder, or being written by another process."""


class TrainingError(CaptionkitError):
    """A run cannot start, go on or finish: another configuration, other data, or a loss that is not finite."""


def nearest(name: str, known: Iterable[str]) -> str:
    """What ends an "unknown name" message: `did you mean 'x'?` where one is close, else `known: a, b, c`."""
    import difflib  # costs more than all the rest of this module

    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    # A name that came from a file may hold line breaks; the sentence stays one line.
    shown = [" ".join(known.split()) for known in close or names]
    return f"did you mean '{shown[0]}'?" if close else f"known: {', '.join(shown)}"


def printable(text: str) -> str:
    """Text without control characters: a file's name must not write to the terminal what it likes."""
    return "".join(
        char if char.isprintable() or "\ud800" <= char <= "\udfff" else char.encode("unicode_escape").decode()
        for char in text
    )


def several(number: int, noun: str) -> str:
    """ "1 picture", "2,000 pictures"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def agree(number: int, one: str, many: str) -> str:
    """The verb that fits a number: "is" or "are"."""
    return one if number == 1 else many
