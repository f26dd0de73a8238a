"""SPICE, run with the jar that the user has (Anderson et al. 2016, https://panderson.me/spice/).

SPICE parses captions with Stanford's Java models; there is no other implementation of that parser, so there is no
SPICE without the jar. Where it cannot run the report says why; nothing else is ever put under its name.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from captionkit.errors import DataError
from captionkit.files import read_bounded, sha256_file
from captionkit.metrics.corpus import Corpus, Doubles, NotComputedError, Outcome, Statistics

NAME = "SPICE"
VARIABLE = "CAPTIONKIT_SPICE_JAR"
SECONDS = 3600.0  # about four times what 5,000 pictures take
MEMORY = "8G"  # as the reference wrapper asks for

_MAX_RESULT_BYTES = 1 << 29
_MAX_ERROR_BYTES = 20_000
_CLOSED_SINCE = 16  # the Java version that closed the classes SPICE's libraries reach into (JEP 396)
_OPENED = ("java.lang", "java.math", "java.net", "java.nio", "java.text", "java.util", "java.util.concurrent")

# What Java says in the cases that people meet, and what to do.
_REASONS = (
    ("Unable to access jarfile", "Java cannot open the jar"),
    ("InaccessibleObjectException", "this Java is too new for the libraries of SPICE; use Java 8 or 11"),
    ("IllegalAccessError", "this Java is too new for the libraries of SPICE; use Java 8 or 11"),
    ("UnsupportedClassVersionError", "this Java is older than the jar needs"),
    ("OutOfMemoryError", f"Java ran out of its {MEMORY} of memory; score fewer pictures at once"),
    ("Could not reserve enough space", f"this machine cannot give Java {MEMORY} of memory"),
    (
        "NoClassDefFoundError",
        "libraries are missing beside the jar: lib/ needs Stanford CoreNLP 3.6.0 and its models",
    ),
)


def spice_of(corpus: Corpus, jar: Path | str | None = None, *, seconds: float = SECONDS) -> Outcome:
    """SPICE of a corpus (the mean F1) and of each of its pictures.

    Args:
        corpus: candidates and references.
        jar: `spice-1.0.jar` with its `lib` folder beside it; by default what the environment variable
            CAPTIONKIT_SPICE_JAR names.
        seconds: bound the run.

    Returns:
        `SPICE`, 0 to 1.

    Raises:
        NotComputedError: no jar, no Java, or the run failed; the message says which.
    """
    path = _find_jar(jar)
    java = shutil.which("java")
    if java is None:
        raise NotComputedError("Java is not installed, and SPICE needs it (version 8 or 11 suits it best)")
    with tempfile.TemporaryDirectory(prefix="captionkit-spice-", ignore_cleanup_errors=True) as folder:
        values = _run(java, path, corpus, Path(folder), seconds)
    missing = int(np.isnan(values).sum())
    if missing == len(values):
        raise NotComputedError("the jar gave no value for any picture")
    warnings = (
        (f"SPICE has no value for {missing:,} of {len(values):,} pictures; its mean is that of the others.",)
        if missing
        else ()
    )
    known = np.isfinite(values)
    statistics = Statistics(
        np.column_stack([np.where(known, values, 0.0), known]).astype(np.float64),
        lambda sums: {NAME: sums[:, 0] / np.where(sums[:, 1] > 0, sums[:, 1], np.nan)},
    )
    signature = f"jar={sha256_file(path)[:16]}"
    return Outcome({NAME: float(np.nanmean(values))}, {NAME: values}, signature, warnings, statistics)


def _find_jar(jar: Path | str | None) -> Path:
    given = jar if jar is not None else os.environ.get(VARIABLE)
    if not given:
        raise NotComputedError(f"it needs its jar: set {VARIABLE} to the path of spice-1.0.jar")
    path = Path(given).expanduser().absolute()
    if not path.is_file():
        raise NotComputedError(f"there is no jar at {path} ({VARIABLE})")
    return path


def _run(java: str, jar: Path, corpus: Corpus, folder: Path, seconds: float) -> Doubles:
    asked, answered, told = (folder / name for name in ("captions.json", "scores.json", "errors.txt"))
    asked.write_text(
        json.dumps(
            [
                {"image_id": place, "test": " ".join(candidate), "refs": [" ".join(other) for other in references]}
                for place, (candidate, references) in enumerate(
                    zip(corpus.candidates, corpus.references, strict=True)
                )
            ]
        ),
        encoding="utf-8",
    )
    # The jar unpacks libraries into Java's folder for temporary files; ours is removed whatever happens.
    command = [java, *_openings(java), f"-Xmx{MEMORY}", f"-Djava.io.tmpdir={folder}", "-jar", str(jar)]
    command += [str(asked), "-out", str(answered), "-subset", "-silent"]
    try:
        with told.open("wb") as errors:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd=folder,
                timeout=seconds,
                check=False,
            )
    except subprocess.TimeoutExpired:
        raise NotComputedError(f"its jar did not finish within {seconds:,.0f} seconds") from None
    except OSError as error:
        raise NotComputedError(f"Java cannot be started ({error.strerror or error})") from None
    if done.returncode != 0 or not answered.is_file():
        raise NotComputedError(f"its jar failed: {_reason(told, done.returncode)}")
    try:
        return _values(json.loads(read_bounded(answered, _MAX_RESULT_BYTES)), len(corpus))
    except (ValueError, KeyError, TypeError, DataError):
        raise NotComputedError("its jar wrote a result that cannot be read") from None


def _openings(java: str) -> list[str]:
    """The options that let SPICE's old libraries run where Java has closed its own classes to them."""
    if _java_version(java) < _CLOSED_SINCE:
        return []
    return [part for package in _OPENED for part in ("--add-opens", f"java.base/{package}=ALL-UNNAMED")]


def _java_version(java: str) -> int:
    """The major version of a Java; 0 where it does not tell."""
    try:
        done = subprocess.run([java, "-version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(rb'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    return int(found[1]) if found else 0


def _reason(told: Path, code: int) -> str:
    """Why the run failed, in one clause."""
    with told.open("rb") as handle:
        handle.seek(max(told.stat().st_size - _MAX_ERROR_BYTES, 0))
        text = handle.read().decode("utf-8", "replace")
    known = next((reason for sign, reason in _REASONS if sign in text), None)
    if known is not None:
        return known
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("at ")]
    return f"exit code {code}" + (f", {lines[-1][:200]}" if lines else "")


def _values(results: Any, number: int) -> Doubles:
    """float64 [N]: the F1 of each picture; NaN where the jar has none."""
    values = np.full(number, np.nan)
    seen = set()
    for entry in results:
        place = entry["image_id"]
        seen.add(place)
        value = entry["scores"]["All"]["f"]
        if isinstance(value, int | float) and math.isfinite(value):
            values[place] = value
    if seen != set(range(number)):
        raise KeyError(f"{number} pictures asked, {len(seen)} answered")
    return values
