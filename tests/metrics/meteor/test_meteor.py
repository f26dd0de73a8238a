"""METEOR 1.5: goldens of the jar, its name without its data, and what must hold for any sentences."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captionkit.errors import DataError
from captionkit.metrics import meteor as meteor_module
from captionkit.metrics.corpus import Corpus, NotComputedError
from captionkit.metrics.meteor import meteor_of
from captionkit.metrics.meteor.data import MeteorData, read_meteor_data
from captionkit.metrics.score import score
from tests.metrics.meteor.folder import write_meteor_folder
from tests.metrics.meteor.golden_meteor import GOLDEN, INVENTED, jar_scores, machine_made

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> MeteorData:
    folder = tmp_path_factory.mktemp("meteor")
    return read_meteor_data(write_meteor_folder(folder / "data"), folder)


@pytest.fixture(scope="module")
def real() -> MeteorData:
    pytest.importorskip("pycocoevalcap", reason="METEOR's data come with pycocoevalcap")
    return read_meteor_data()


def one(candidate: str, references: list[str], data: MeteorData) -> float:
    (value,) = meteor_of(
        Corpus([candidate.split()], [[text.split() for text in references]]), data
    ).corpus.values()
    return value


def test_goldens_of_the_jar(real: MeteorData) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    corpus = Corpus(
        [case[0].split() for case in golden["cases"]],
        [[text.split() for text in case[1:]] for case in golden["cases"]],
    )
    outcome = meteor_of(corpus, real)
    np.testing.assert_allclose(outcome.per_image["METEOR"], golden["scores"], rtol=0, atol=1e-12)
    assert outcome.corpus["METEOR"] == pytest.approx(golden["corpus"], abs=1e-12)
    assert "matchers=exact+stem+synonym+paraphrase,table=af15bede-61813011" in outcome.signature
    assert outcome.warnings == ()


@pytest.mark.slow
@pytest.mark.java
def test_the_goldens_are_what_the_jar_says_today() -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    pytest.importorskip("pycocoevalcap")
    if shutil.which("java") is None:
        pytest.skip("no Java: the goldens cannot be made afresh")
    assert golden["cases"] == INVENTED + machine_made(255)
    code = (
        "import json, sys\n"
        "from tests.metrics.meteor.golden_meteor import jar_scores\n"
        "print(json.dumps(jar_scores(json.load(sys.stdin))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(golden["cases"]), capture_output=True, text=True, cwd=ROOT,
        check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == {"corpus": golden["corpus"], "scores": golden["scores"]}
    assert jar_scores.__module__ == "tests.metrics.meteor.golden_meteor"


@pytest.mark.slow
@pytest.mark.java
@pytest.mark.data
def test_the_jar_agrees_on_real_captions(data_root: Path) -> None:
    pytest.importorskip("pycocoevalcap")
    if shutil.which("java") is None:
        pytest.skip("no Java: the jar cannot be asked")
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "meteor.py"), "--pictures", "2000", "--seed", "5"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "CAPTIONKIT_DATA": str(data_root)},
    )
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["largest_corpus_difference"] < 1e-9
    assert report["largest_segment_difference"] < 1e-9


def test_a_score_that_can_be_checked_by_hand(small: MeteorData) -> None:
    """Candidate "the dog ran before noon", reference "the hounds run in front of noon".

    Content words weigh 0.75, function words (the, of) 0.25. Candidate: the, noon exact; dog synonym (0.8), ran
    synonym (0.8), before paraphrase (0.6): (0.25 + 0.75 * (1 + 0.8 + 0.8 + 0.6)) / (0.25 + 0.75 * 4). Reference:
    in front of counts its three words by their kind. All lie in one chunk of 5 and 7 words.
    """
    precision = (0.25 + 0.75 * (1 + 0.8 + 0.8 + 0.6)) / (0.25 + 0.75 * 4)
    recall = (0.25 + 0.75 * (1 + 0.8 + 0.8 + 0.6 + 0.6) + 0.25 * 0.6) / (0.25 * 2 + 0.75 * 5)
    mean = 1 / (0.15 / precision + 0.85 / recall)
    # All words of both sides match in one chunk, so nothing is taken off for fragmentation.
    assert one("the dog ran before noon", ["the hounds run in front of noon"], small) == pytest.approx(
        mean, abs=1e-12
    )
    broken = one("before noon the dog ran", ["the hounds run in front of noon"], small)
    assert broken == pytest.approx(mean * (1 - 0.6 * (2 / 6) ** 0.2), abs=1e-12)


def test_a_corpus_is_scored_from_sums_and_a_resample_like_a_corpus_of_the_drawn_pictures(
    small: MeteorData,
) -> None:
    """Two pictures, "dog" of "dog" and "beach" of "dog cat"; a word of content weighs 0.75.

    Precision 0.75 / 1.5 and recall 0.75 / 2.25. A sentence that is matched whole has no chunks, and neither has
    one of which nothing is matched, so nothing is taken off for fragmentation.
    """
    candidates, references = [["dog"], ["beach"]], [[["dog"]], [["dog", "cat"]]]
    found = meteor_of(Corpus(candidates, references), small)
    assert found.corpus["METEOR"] == pytest.approx(1 / (0.15 / (1 / 2) + 0.85 / (1 / 3)), abs=1e-12)
    assert found.per_image["METEOR"].tolist() == [1.0, 0.0]
    candidates += [["the", "dog", "ran", "before", "noon"]]
    references += [[["noon", "the", "hounds", "of", "dogs"]]]
    statistics = meteor_of(Corpus(candidates, references), small).statistics
    assert statistics is not None
    for drawn in ([0, 0, 2], [2, 2, 2], [1, 2, 1]):
        chosen = Corpus([candidates[place] for place in drawn], [references[place] for place in drawn])
        again = meteor_of(chosen, small)
        sums = statistics.values[drawn].sum(axis=0, keepdims=True)
        assert float(statistics.score(sums)["METEOR"][0]) == pytest.approx(again.corpus["METEOR"], abs=1e-12)


def test_trap_6_nltk_meteor_is_another_metric() -> None:
    """NLTK 3.9's `meteor_score` (alpha 0.9, beta 3, gamma 0.5) gives 0.9977 and 0.6559 for these."""
    assert one("a dog runs on the beach", ["a dog runs on the beach"], MeteorData()) == 1.0
    ours = one("a dog on the beach", ["a brown dog runs on the beach"], MeteorData())
    assert ours != pytest.approx(0.6558823529411766, abs=0.05)
    recall = 5 / 7
    assert ours == pytest.approx(1 / (0.15 + 0.85 / recall) * (1 - 0.6 * (3 / 5) ** 0.2), abs=1e-12)


def test_without_data_it_is_not_called_meteor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meteor_module, "read_meteor_data", lambda quiet: MeteorData(missing="there are no data"))
    scores = score({"a": "two dogs run"}, {"a": ["Two dogs are running."]}, ["METEOR"])
    assert set(scores.corpus) == set(scores.per_image) == {"METEOR(exact+stem)"}
    assert any("METEOR(exact+stem) is not METEOR 1.5: there are no data" in text for text in scores.warnings)
    assert "matchers=exact+stem" in str(scores.fingerprint)


def test_without_the_table_the_name_says_what_ran(tmp_path: Path) -> None:
    data = read_meteor_data(write_meteor_folder(tmp_path / "meteor", table=False), tmp_path)
    outcome = meteor_of(Corpus([["a", "dog"]], [[["a", "hound"]]]), data)
    assert list(outcome.corpus) == ["METEOR(exact+stem+synonym)"]
    assert outcome.corpus["METEOR(exact+stem+synonym)"] > one("a dog", ["a hound"], MeteorData())


def test_damaged_data_are_an_error_not_another_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meteor-1.5.jar").write_bytes(b"no zip")
    monkeypatch.setenv("CAPTIONKIT_METEOR", str(tmp_path))
    with pytest.raises(DataError, match="is damaged or no jar"):
        score({"a": "two dogs run"}, {"a": ["Two dogs are running."]}, ["METEOR"])


def test_bars_in_a_reference_separate_it_as_in_the_protocol_of_the_jar(small: MeteorData) -> None:
    assert one("a dog", ["a cat ||| a dog"], small) == one("a dog", ["a cat", "a dog"], small) == 1.0
    assert one("a ||| dog", ["a dog"], small) == 1.0


def test_many_words_do_not_take_memory_without_bound(small: MeteorData) -> None:
    long = "a dog and " * 80
    assert one(long, [long, "a dog"], small) == 1.0
    with pytest.raises(NotComputedError, match="a caption of 1,200 words and its reference of 900 are too long"):
        one("a dog and " * 400, ["a dog", "a dog and " * 300], small)


_WORDS = ("a", "the", "dog", "dogs", "hound", "goose", "geese", "run", "ran", "many", "lot", "of", "in", "front")
_word = st.sampled_from((*_WORDS, "before", "shore", "beach"))
_sentence = st.lists(_word, min_size=1, max_size=9).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(sentence=_sentence)
def test_the_same_sentence_scores_one(small: MeteorData, sentence: str) -> None:
    assert one(sentence, [sentence], small) == pytest.approx(1.0, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(candidate=_sentence, references=st.lists(_sentence, min_size=1, max_size=4))
def test_scores_lie_between_0_and_1_and_the_best_reference_counts(
    small: MeteorData, candidate: str, references: list[str]
) -> None:
    together = one(candidate, references, small)
    assert 0 <= together <= 1
    assert together == pytest.approx(max(one(candidate, [text], small) for text in references), abs=1e-12)
    assert one(candidate, [*references, candidate], small) == pytest.approx(1.0, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    cases=st.lists(st.tuples(_sentence, st.lists(_sentence, min_size=1, max_size=3)), min_size=2, max_size=6),
    data=st.data(),
)
def test_the_order_of_pictures_does_not_matter(
    small: MeteorData, cases: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(cases))))
    shuffled = [cases[place] for place in order]
    before, after = (
        meteor_of(
            Corpus([text.split() for text, _ in group], [[r.split() for r in refs] for _, refs in group]), small
        )
        for group in (cases, shuffled)
    )
    np.testing.assert_allclose(after.per_image["METEOR"], before.per_image["METEOR"][order], atol=1e-12)
    assert after.corpus["METEOR"] == pytest.approx(before.corpus["METEOR"], abs=1e-12)
