"""SPICE: the process around the jar, with a small jar of our own; and what is said where it cannot run."""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from captionkit.metrics import spice as module
from captionkit.metrics.corpus import Corpus, NotComputedError
from captionkit.metrics.score import score
from captionkit.metrics.significance import compare, confidence
from captionkit.metrics.spice import _reason, _values, spice_of

# Reads what SPICE reads and writes what SPICE writes. F1 is 1 by the letters of the caption; some captions
# make it misbehave in the ways that real jars do.
SOURCE = r"""
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.regex.*;

public class Stand {
    public static void main(String[] args) throws Exception {
        String text = new String(Files.readAllBytes(Paths.get(args[0])), StandardCharsets.UTF_8);
        String options = String.join(" ", args);
        if (!options.contains("-out ") || !options.endsWith("-subset -silent")) throw new Exception(options);
        Files.write(Paths.get(System.getProperty("java.io.tmpdir"), "unpacked.so"), new byte[3]);
        if (text.contains("silent")) return;
        if (text.contains("sleep")) Thread.sleep(60000);
        if (text.contains("crash")) throw new java.lang.reflect.InaccessibleObjectException("closed");
        if (text.contains("fail")) { System.err.println("first\nlast words"); System.exit(3); }
        StringBuilder out = new StringBuilder("[");
        Matcher found = Pattern.compile("\"image_id\": (\\d+), \"test\": \"([^\"]*)\"").matcher(text);
        while (found.find()) {
            if (out.length() > 1) out.append(',');
            String f = found.group(2).isEmpty() ? "null" : String.valueOf(1.0 / found.group(2).length());
            out.append("{\"image_id\": " + found.group(1) + ", \"scores\": {\"All\": {\"f\": " + f + "}}}");
        }
        String written = text.contains("garbage") ? "not json" : out.append("]").toString();
        Files.write(Paths.get(args[2]), written.getBytes(StandardCharsets.UTF_8));
    }
}
"""


@pytest.fixture(scope="module")
def jar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("javac") is None or shutil.which("java") is None:
        pytest.skip("no javac: the stand-in for the jar cannot be built")
    folder = tmp_path_factory.mktemp("with a space")
    (folder / "Stand.java").write_text(SOURCE)
    subprocess.run(["javac", "Stand.java"], cwd=folder, check=True)
    path = folder / "spice 1.0.jar"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nMain-Class: Stand\n")
        archive.write(folder / "Stand.class", "Stand.class")
    return path


def corpus(*captions: str) -> Corpus:
    return Corpus([caption.split() for caption in captions], [[["a", "dog"]] for _ in captions])


@pytest.mark.java
def test_the_jar_is_run_and_its_values_are_read(
    jar: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv(module.VARIABLE, str(jar))
    outcome = spice_of(Corpus([["a", "dog"], ["two", "red", "cars"]], [[["x"]], [["y"], ["z"]]]))
    assert outcome.per_image["SPICE"].tolist() == [1 / 5, 1 / 12]
    assert outcome.corpus["SPICE"] == pytest.approx((1 / 5 + 1 / 12) / 2)
    assert outcome.signature.startswith("jar=")
    assert list(tmp_path.iterdir()) == []  # nothing is left behind, what Java unpacked included


@pytest.mark.java
def test_a_picture_without_a_value_is_left_out_and_told(jar: Path) -> None:
    outcome = spice_of(corpus("a dog", ""), jar)
    assert outcome.corpus["SPICE"] == 1 / 5
    assert "no value for 1 of 2" in outcome.warnings[0]
    assert confidence({"SPICE": spice_of(corpus("", *["a dog"] * 30), jar)})["SPICE"].low == pytest.approx(1 / 5)
    with pytest.raises(NotComputedError, match="no value for any"):
        spice_of(corpus("", ""), jar)


@pytest.mark.java
def test_a_resample_of_pictures_without_a_value_is_left_out(jar: Path) -> None:
    """Of two pictures a quarter of the resamples holds the one without a value alone."""
    one, other = spice_of(corpus("", "a dog"), jar), spice_of(corpus("", "a big dog"), jar)
    interval = confidence({"SPICE": one})["SPICE"]
    assert (interval.low, interval.high) == (1 / 5, 1 / 5)
    found = compare({"SPICE": one}, {"SPICE": other}, resamples=200)["SPICE"]
    assert (found.interval.low, found.interval.high) == pytest.approx((1 / 9 - 1 / 5,) * 2)
    assert found.p_bootstrap == pytest.approx(1 / (1 + 200 * 3 / 4), rel=0.1)
    # Which system has a value for which picture is a coin's: where one has none, there is no difference.
    apart = compare({"SPICE": one}, {"SPICE": spice_of(corpus("a big dog", ""), jar)}, resamples=200)["SPICE"]
    assert apart.p_randomization == 1.0


@pytest.mark.java
@pytest.mark.parametrize(
    ("caption", "reason"),
    [
        ("crash", "this Java is too new"),
        ("fail", "exit code 3, last words"),
        ("garbage", "cannot be read"),
        ("silent", "its jar failed: exit code 0"),
        ("sleep", "did not finish within 2 seconds"),
    ],
)
def test_a_failing_jar_is_a_reason_not_an_error(
    jar: Path, caption: str, reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(NotComputedError, match=reason):
        spice_of(corpus(caption), jar, seconds=2 if caption == "sleep" else 60)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.java
def test_a_file_that_is_no_jar(tmp_path: Path) -> None:
    if shutil.which("java") is None:
        pytest.skip("no Java")
    (tmp_path / "spice.jar").write_bytes(b"no jar")
    with pytest.raises(NotComputedError, match="its jar failed"):
        spice_of(corpus("a dog"), tmp_path / "spice.jar")


def test_without_a_jar_score_says_why_and_gives_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(module.VARIABLE, raising=False)
    scores = score({"a": "a dog runs"}, {"a": ["A dog is running."]}, ["BLEU", "SPICE"])
    assert "BLEU-1" in scores.corpus
    assert "SPICE" not in scores.corpus
    assert "CAPTIONKIT_SPICE_JAR" in scores.not_computed["SPICE"]


def test_a_jar_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotComputedError, match="there is no jar at"):
        spice_of(corpus("a dog"), tmp_path / "spice.jar")


def test_without_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spice.jar").write_bytes(b"")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(NotComputedError, match="Java is not installed"):
        spice_of(corpus("a dog"), tmp_path / "spice.jar")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Exception in thread\njava.lang.reflect.InaccessibleObjectException: x\n\tat a.b", "too new"),
        ("java.lang.NoClassDefFoundError: edu/stanford/nlp/semgraph/SemanticGraph", "CoreNLP 3.6.0"),
        ("java.lang.OutOfMemoryError: Java heap space", "ran out"),
        ("java.lang.UnsupportedClassVersionError: x", "older than"),
        ("", "exit code 1"),
        ("oops\n\tat x.y", "exit code 1, oops"),
    ],
)
def test_reasons(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "told").write_text(text)
    assert reason in _reason(tmp_path / "told", 1)


def test_options_for_newer_javas(monkeypatch: pytest.MonkeyPatch) -> None:
    for version, opened in ((8, False), (11, False), (15, False), (16, True), (21, True)):
        monkeypatch.setattr(module, "_java_version", lambda java, version=version: version)
        assert bool(module._openings("java")) is opened


@pytest.mark.java
def test_the_version_of_java_is_found() -> None:
    if shutil.which("java") is None:
        pytest.skip("no Java")
    assert module._java_version("java") >= 8
    assert module._java_version("no-such-java") == 0


def test_every_picture_must_be_answered() -> None:
    answer = {"image_id": 0, "scores": {"All": {"f": 0.5}}}
    assert _values([answer], 1).tolist() == [0.5]
    assert np.isnan(_values([{"image_id": 0, "scores": {"All": {"f": math.inf}}}], 1)).all()
    with pytest.raises(KeyError):
        _values([answer], 2)
