"""`score` puts the metrics together and says what the numbers are worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captionkit.errors import DataError, UsageError
from captionkit.metrics import Outcome, score
from captionkit.metrics.score import absurd, score_with_outcomes
from tests.metrics.meteor.folder import write_meteor_folder, write_table

REFERENCES = {
    "one": ["A dog runs over the grass.", "The brown dog is running outside."],
    "two": ["Two children sit on a red bench.", "A boy and a girl are sitting on a bench."],
}
PREDICTIONS = {"one": "a dog is running on the grass", "two": "two children on a bench"}


def test_scores_carry_values_ids_and_fingerprint() -> None:
    scores = score(PREDICTIONS, REFERENCES, ["BLEU", "ROUGE-L", "CIDEr-D"])
    assert set(scores.corpus) == {"BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr-D"}
    assert scores.ids == ("one", "two")
    assert all(values.shape == (2,) for values in scores.per_image.values())
    assert scores.fingerprint["images"] == "2"
    assert scores.fingerprint["references"] == "2"
    assert scores.warnings == ()
    assert score(PREDICTIONS, REFERENCES, ["BLEU"], protocol={"beams": "3"}).fingerprint["beams"] == "3"


def test_cider_is_undefined_on_one_picture_not_zero() -> None:
    scores = score({"one": PREDICTIONS["one"]}, {"one": REFERENCES["one"]})
    assert "CIDEr-D" not in scores.corpus
    assert "one picture" in scores.not_computed["CIDEr-D"]


def test_unknown_metric() -> None:
    with pytest.raises(UsageError, match="did you mean 'CIDEr-D'"):
        score(PREDICTIONS, REFERENCES, ["CIDER-D"])


def test_the_letters_of_one_metric_are_no_metrics() -> None:
    with pytest.raises(UsageError, match=r"put it into a list: \['BLEU'\]"):
        score(PREDICTIONS, REFERENCES, "BLEU")


def test_captions_of_another_split() -> None:
    with pytest.raises(DataError, match="another split"):
        score({"three": "a cat"}, REFERENCES)
    with pytest.raises(DataError, match=r"^3 of the 4 captioned pictures have no references \(a, b, c\): take"):
        score({**dict.fromkeys("abc", "a cat"), "one": "a dog"}, REFERENCES)
    with pytest.raises(DataError, match=r"^4 of the 5 captioned pictures have no references \(a, b, c, \.\.\.\):"):
        score({**dict.fromkeys("abcd", "a cat"), "one": "a dog"}, REFERENCES)


@pytest.mark.parametrize("references", ["a dog", None, np.array(["a dog"])])
def test_the_letters_of_one_reference_are_no_references(references: Any) -> None:
    with pytest.raises(DataError, match="Expected a list of references for picture one, but got"):
        score({"one": "a dog"}, {"one": references})


def test_captions_without_names_are_told_to_have_some() -> None:
    captions: Any = ["a dog"]
    with pytest.raises(DataError, match=r"Expected captions by picture, a mapping .* but got a list"):
        score(captions, {"one": ["a dog"]})
    references: Any = [["a dog"]]
    with pytest.raises(DataError, match=r"Expected references by picture, a mapping .* but got a list"):
        score({"one": "a dog"}, references)


def test_pictures_are_named_by_text() -> None:
    predictions: Any = {391895: "a dog"}
    references: Any = {391895: ["a dog"]}
    with pytest.raises(DataError, match="but got 391895; write '391895'"):
        score(predictions, references)
    with pytest.raises(DataError, match=r"^Not one captioned picture of 1 \(391895\) .* pictures 391895"):
        score(predictions, {"391895": ["a dog"]})
    with pytest.raises(DataError, match=r"of 1 \(000000391895\) has references, .* pictures 391895: .* rename"):
        score({"000000391895": "a dog"}, {"391895": ["a dog"]})


def test_trap_2_sentinel_tokens_in_captions_bring_a_warning() -> None:
    scores = score({**PREDICTIONS, "one": "startseq a dog <unk> endseq"}, REFERENCES)
    assert any("endseq" in line and "strip them" in line for line in scores.warnings)


def test_trap_3_references_never_pass_through_a_vocabulary() -> None:
    # A rare word stays itself: a caption with <unk> in its place does not match it.
    references = {"one": ["A xylophone."], "two": REFERENCES["two"]}
    known = score({**PREDICTIONS, "one": "a xylophone"}, references).per_image["BLEU-1"][0]
    unknown = score({**PREDICTIONS, "one": "a <unk>"}, references).per_image["BLEU-1"][0]
    assert known == pytest.approx(1.0)
    assert unknown == pytest.approx(0.5)


def test_trap_3_unknown_words_in_references_bring_a_warning() -> None:
    scores = score(PREDICTIONS, {**REFERENCES, "one": ["a <unk> runs", "<unk> <pad>"]})
    assert any("References hold" in line and "(<pad>, <unk>)" in line for line in scores.warnings)
    others = score(PREDICTIONS, {**REFERENCES, "of no caption": ["a <unk> runs"]})
    assert not any("References hold" in line for line in others.warnings)


def test_trap_5_captions_are_tokenised_like_their_references() -> None:
    # Capitals, brackets, contractions and punctuation of a candidate make no difference.
    plain = score({"one": "the dog can't run -lrb- now -rrb-", "two": "x"}, {**REFERENCES, "two": ["x", "y"]})
    written = score({"one": "The dog CAN'T run (now)!", "two": "x"}, {**REFERENCES, "two": ["x", "y"]})
    assert written.corpus == plain.corpus


def test_trap_8_absurd_scores_are_flagged() -> None:
    copied = {name: captions[0] for name, captions in REFERENCES.items()}
    scores = score(copied, REFERENCES)
    assert any("BLEU-4 100.0" in line and "published" in line for line in scores.warnings)
    limits = {"BLEU-1": 0.95, "BLEU-4": 0.6, "ROUGE-L": 0.9, "CIDEr-D": 3.0}
    assert absurd(limits) == []
    found = absurd({name: limit + 0.01 for name, limit in limits.items()})
    assert [line.split()[0] for line in found] == list(limits)


def test_trap_25_left_out_pictures_are_said() -> None:
    scores = score(PREDICTIONS, {**REFERENCES, "three": ["a cat"]})
    assert any("1 of the 3 pictures" in line for line in scores.warnings)
    assert scores.ids == ("one", "two")


def test_an_empty_caption_is_scored_as_empty_with_a_warning() -> None:
    scores = score({**PREDICTIONS, "one": " "}, REFERENCES)
    assert scores.per_image["BLEU-1"][0] == pytest.approx(0.0)
    assert scores.per_image["CIDEr-D"][0] == 0.0
    assert any("empty" in line for line in scores.warnings)


def test_captions_that_are_no_text() -> None:
    with pytest.raises(DataError, match="to be text, but got nan"):
        score({**PREDICTIONS, "one": float("nan")}, REFERENCES)  # type: ignore[dict-item]
    with pytest.raises(DataError, match="references of picture one"):
        score(PREDICTIONS, {**REFERENCES, "one": [None]})  # type: ignore[list-item]
    with pytest.raises(DataError, match="at least one caption"):
        score({}, REFERENCES)


def test_a_metric_of_ones_own() -> None:
    scores = score(PREDICTIONS, REFERENCES, {"Length": lambda corpus: Outcome({"Length": float(len(corpus))})})
    assert scores.corpus == {"Length": 2.0}


def test_quiet_parses_meteors_table_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("captionkit.progress.PLAIN_SECONDS", -1.0)
    for name, quiet in (("loud", False), ("quiet", True)):
        write_meteor_folder(tmp_path / name)
        write_table(tmp_path / name / "data" / "paraphrase-en.gz", ((name, "beach"),))  # in no cache
        monkeypatch.setenv("CAPTIONKIT_METEOR", str(tmp_path / name))
        score_with_outcomes(PREDICTIONS, REFERENCES, ["METEOR"], quiet=quiet)
        assert ("METEOR's paraphrase table" in capsys.readouterr().err) is not quiet


@pytest.mark.parametrize(
    ("caption", "warned"), [("两只狗", True), ("два пса", True), ("½ café Łódź Việt 🐕", False)]
)
def test_captions_in_other_letters_bring_a_warning(caption: str, warned: bool) -> None:
    scores = score({**PREDICTIONS, "one": caption}, REFERENCES, ["BLEU"])
    assert any("1 of the 2 captions has letters that are not Latin" in line for line in scores.warnings) == warned


@pytest.mark.parametrize("empty", ["", " ... "])
def test_references_without_a_word_are_none(empty: str) -> None:
    with pytest.raises(DataError, match="there is no word in those of 2 pictures"):
        score(PREDICTIONS, {"one": [empty], "two": [empty, empty]}, ["BLEU"])
    some = score(PREDICTIONS, {**REFERENCES, "two": [empty]}, ["BLEU"])
    assert some.warnings[0].startswith("The references of 1 of the 2 captioned pictures have no word in them")
