"""What a long command has done so far, beside the file that it writes: interrupted, the same command goes on.

NAME.unfinished holds JSON, a line each: first what the command was, then what it wrote of one picture. It goes
when NAME is there. A line that is not whole ends what is believed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from captionkit.errors import UsageError, WriteError
from captionkit.records import Caption, Prediction

FORMAT = "captionkit-unfinished-1"
_MAX_LINE_BYTES = 1_000_000


class Unfinished:
    """The texts of pictures that an earlier, interrupted run of the same command has written.

    Attributes:
        path: NAME.unfinished.
        kept: the texts by picture, as the earlier run wrote them.
    """

    def __init__(self, output: Path, made_by: list[Any]) -> None:
        """Read what is there.

        Args:
            output: the file that the command will write.
            made_by: all that decides on its texts, as JSON can hold it; of another command nothing is taken.

        Raises:
            UsageError: a file of that name is there and is none of ours.
        """
        name = output.name
        if len(os.fsencode(name)) > 200:  # of the 255 bytes that a name may have
            name = f"{name[:40]}.{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"
        self.path = output.with_name(f"{name}.unfinished")
        self._made_by = hashlib.sha256(json.dumps(made_by).encode()).hexdigest()
        self._handle: IO[bytes] | None = None
        self.kept: dict[str, str] = {}
        self._states: dict[str, list[int]] = {}
        self._believed = 0  # bytes of the file, from its beginning
        self._read()

    def text(self, name: str) -> str | None:
        """What an earlier run wrote of a picture; None where it wrote nothing or the file has changed since."""
        text = self.kept.get(name)
        return text if text is not None and self._states[name] == _state(name) else None

    def add(self, name: str, text: str) -> None:
        """Keep what is written of a picture.

        Raises:
            WriteError: the disk is full, say.
        """
        state = _state(name)
        try:
            if self._handle is None:
                self._handle = self._begin()
            self._handle.write(_line({"picture": name, "state": state, "text": text}))
            self._handle.flush()  # what is not with the system dies with the process
        except OSError as error:
            raise WriteError(self.path, error) from None
        self.kept[name], self._states[name] = text, state

    def close(self, *, done: bool) -> None:
        """Let go of the file, which is not needed any more where the command is done."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                self._handle.close()
        if done:
            with contextlib.suppress(OSError):
                self.path.unlink()

    def _begin(self) -> IO[bytes]:
        """The file with what is still believed of it, open for more."""
        # A link that somebody laid there is not followed, and Windows writes the line ends that it is given.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(self.path, flags, 0o666)
        # Nothing is written anew: what was kept must outlive whatever ends this process now.
        os.ftruncate(descriptor, self._believed)
        handle = os.fdopen(descriptor, "ab")
        if not self._believed:
            handle.write(_line({"format": FORMAT, "made_by": self._made_by}))
        return handle

    def _read(self) -> None:
        if not self.path.exists():
            return
        begin, head = _line({"format": FORMAT})[:-2], b"no file"
        if self.path.is_file():
            with self.path.open("rb") as handle:
                head = handle.readline(_MAX_LINE_BYTES)
        if head[: len(begin)] != begin[: len(head)]:  # shorter where the process died in its first line
            raise UsageError(
                f"Expected {self.path} to be free for what an interruption leaves, but another file is there; "
                "move it away, or name another output."
            )
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError), self.path.open("rb") as handle:
            if handle.readline(_MAX_LINE_BYTES) != _line({"format": FORMAT, "made_by": self._made_by}):
                return
            self._believed = handle.tell()
            while (line := handle.readline(_MAX_LINE_BYTES)).endswith(b"\n"):
                one = json.loads(line)
                name, state, text = one["picture"], one["state"], one["text"]
                if not (isinstance(name, str) and isinstance(state, list) and isinstance(text, str)):
                    return
                self.kept[name], self._states[name] = text, state
                self._believed = handle.tell()


class KeptPredictions:
    """Best captions of pictures in an `Unfinished`, all but their attention."""

    def __init__(self, unfinished: Unfinished, calibration: Mapping[str, Any] | None = None) -> None:
        """Those of a captioner with this calibration, on which its captions may depend, beside those of others."""
        self._unfinished = unfinished
        self._of = hashlib.sha256(json.dumps(calibration).encode()).hexdigest()

    def recall(self, picture: Path | str) -> Prediction | None:
        """What an earlier run found for a picture; None where it found nothing or the file has changed since."""
        try:
            confidence, fields = self._kept(picture)[self._of]
            lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
            return Prediction(str(picture), (Caption(**{**fields, **lists}),), confidence and float(confidence))
        except (ValueError, TypeError, AttributeError, KeyError):
            return None

    def keep(self, picture: Path | str, prediction: Prediction) -> None:
        """Keep a picture's best caption; one that has none is tried again.

        Raises:
            WriteError: the disk is full, say.
        """
        if prediction.error is None and prediction.captions:
            fields = asdict(prediction.captions[0])
            del fields["attention"]
            known = {**self._kept(picture), self._of: [prediction.confidence, fields]}
            self._unfinished.add(str(picture), json.dumps(known, default=lambda number: number.item()))

    def _kept(self, picture: Path | str) -> dict[str, Any]:
        """What is kept of a picture: hash of a calibration -> [confidence, fields of the caption]."""
        with contextlib.suppress(ValueError):
            known = json.loads(self._unfinished.text(str(picture)) or "{}")
            if isinstance(known, dict):
                return known
        return {}


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode() + b"\n"  # ASCII: names need not be Unicode


def _state(name: str) -> list[int]:
    """Size and time of change of a file; empty where it is gone."""
    try:
        found = os.stat(name)  # noqa: PTH116 -- names need not be Unicode, and there may be 100,000
    except (OSError, ValueError):
        return []
    return [found.st_size, found.st_mtime_ns]
