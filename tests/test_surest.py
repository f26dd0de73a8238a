"""Of the captions that a search finds, the one that the model is surest of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import captionkit.captioner
from captionkit.bundle import read_bundle
from captionkit.calibrate import calibrate
from captionkit.captioner import BATCH, Captioner
from captionkit.confidence import SURER, Calibration, surest
from captionkit.decoding import Beam, Greedy, Sample, Wording
from captionkit.evaluate import evaluate
from captionkit.records import Caption, Prediction
from captionkit.selftest import draw_picture
from tests.tiny import draw_records

PICTURES = [draw_picture(seed) for seed in range(40)]
BEAMS = 3  # of the tiny bundle
# So that most captions come to an end.
ENDING: dict[str, Any] = {"no_repeat_ngram": 1, "bad_endings": (), "max_length": 30}


def caption(text: str, *, finished: bool = True) -> Caption:
    return Caption(text, (text,), (-1.0,), -1.0, finished)


# Surer of rare words and of likely sentences.
SURE = Calibration(0.4, (2.9, -2.0), (0.2, 1.0), (1.5, 0.3), 0.0, hedge_below=0.5, features=("rarity", "mean"))


def choosing(path: Path, *, surest: bool = True) -> Captioner:
    bundle = read_bundle(path)
    decoding = replace(bundle.decoding, surest=surest, **ENDING)
    return Captioner(replace(bundle, decoding=decoding, calibration=SURE.to_document()), threads=1)


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captionkit.captioner, "AGAIN_BELOW", 0.0)


@pytest.fixture
def always_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captionkit.captioner, "AGAIN_BELOW", 1.0)


@pytest.fixture(scope="module")
def plain(tiny_bundle: Path) -> Captioner:
    bundle = read_bundle(tiny_bundle)
    return Captioner(replace(bundle, decoding=replace(bundle.decoding, **ENDING)), threads=1)


def expected(captioner: Captioner, captions: tuple[Caption, ...]) -> Caption:
    """The surest by the confidence's formula, written out."""
    confidences = []
    for one in captions:
        rarity = np.mean([np.log1p(captioner.bundle.tokenizer.id_of(token) or 0) for token in one.tokens])
        odds = 1.5 * (rarity - 2.9) / 0.2 + 0.3 * (np.mean(one.token_log_probabilities) + 2.0)
        confidences.append(1 / (1 + np.exp(-odds)))
    whole = [one.finished for one in captions]
    best = int(np.argmax(np.where(whole, confidences, -1.0)))
    return captions[best if whole[best] and confidences[best] > confidences[0] + SURER else 0]


def one_beam(captioner: Captioner) -> list[Prediction]:
    return captioner.caption(PICTURES, search=replace(captioner.search, diversity=0.0), n=BEAMS)


def test_a_caption_has_to_be_surer_by_more_than_chance() -> None:
    first, second, third = (caption(text) for text in ("One.", "Two.", "Three."))
    assert surest([first, second, third], [0.5, 0.5 + SURER - 0.01, 0.2]) is first
    chosen = surest([first, second, third], [0.5, 0.5 + SURER + 0.01, 0.7])
    assert (chosen.text, chosen.instead_of, first.instead_of) == ("Three.", "One.", None)
    assert surest([first], [0.1]) is first


def test_a_sentence_that_was_cut_is_never_chosen() -> None:
    whole, cut = caption("One."), caption("Two on", finished=False)
    assert surest([whole, cut], [0.2, 0.9]) is whole
    assert surest([cut, caption("Three on", finished=False)], [0.2, 0.9]) is cut
    assert surest([cut, caption("Three on", finished=False), whole], [0.2, 0.9, 0.8]).text == "One."


@pytest.mark.usefixtures("once")
def test_it_is_chosen_among_the_captions_of_one_beam(tiny_bundle: Path, plain: Captioner) -> None:
    found = choosing(tiny_bundle).caption(PICTURES)
    changed = 0
    for one, several in zip(found, one_beam(plain), strict=True):
        (said,) = one.captions
        wanted, likeliest = expected(plain, several.captions), several.captions[0]
        assert said.text == wanted.text
        assert said.instead_of == (None if wanted is likeliest else likeliest.text)
        changed += said.instead_of is not None
    assert 0 < changed < len(PICTURES)
    assert len(PICTURES) > BATCH  # and in batches as one by one
    alone = choosing(tiny_bundle)
    assert [alone.caption([picture])[0].text for picture in PICTURES[:9]] == [one.text for one in found[:9]]


def test_where_it_is_unsure_other_words_are_searched_for(
    tiny_bundle: Path, plain: Captioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all pictures with a bound of 1, of some with one in between, of none with 0."""
    groups = plain.caption(PICTURES, n=2)
    found = {}
    for below in (0.0, 0.2, 1.0):
        monkeypatch.setattr(captionkit.captioner, "AGAIN_BELOW", below)
        found[below] = choosing(tiny_bundle).caption(PICTURES)
    differ = 0
    for place, (several, two) in enumerate(zip(one_beam(plain), groups, strict=True)):
        further = expected(plain, (*several.captions, *two.captions))
        at_once, between, always = (found[below][place] for below in (0.0, 0.2, 1.0))
        assert always.text == further.text
        assert at_once.confidence is not None
        assert between.text == (further.text if at_once.confidence < 0.2 else at_once.text)
        differ += always.text != at_once.text
    assert differ
    assert len({tuple(one.text for one in some) for some in found.values()}) == 3


def test_the_first_of_several_is_the_one_that_comes_alone(tiny_bundle: Path, plain: Captioner) -> None:
    captioner = choosing(tiny_bundle)
    alone, three = captioner.caption(PICTURES), captioner.caption(PICTURES, n=3)
    for one, several, before in zip(alone, three, plain.caption(PICTURES, n=3), strict=True):
        assert several.captions[0] == one.captions[0]
        assert several.confidence == one.confidence
        texts = [caption.text for caption in several.captions]
        assert len(set(texts)) == 3
        assert set(texts[1:]) <= {caption.text for caption in before.captions}


@pytest.mark.usefixtures("always_again")
def test_the_words_of_a_person_hold_for_what_is_chosen_too(tiny_bundle: Path) -> None:
    captioner = choosing(tiny_bundle)
    found = captioner.caption(PICTURES, wording=Wording(must=("water",), avoid=("dog",)))
    assert any(one.captions[0].instead_of for one in found)
    for one in found:
        assert "water" in one.captions[0].tokens
        assert not {"dog", "dogs"} & set(one.captions[0].tokens)


@pytest.mark.usefixtures("always_again")
def test_where_there_is_no_room_the_caption_that_meets_the_demand_is_given(tiny_bundle: Path) -> None:
    found = choosing(tiny_bundle).caption(PICTURES, search=Beam(3, 1), wording=Wording(must=("a",)))
    assert not all(one.captions[0].finished for one in found)
    assert {one.captions[0].tokens for one in found} == {("a",)}


@pytest.mark.usefixtures("always_again")
def test_nothing_is_chosen_where_the_bundle_does_not_ask_for_it(tiny_bundle: Path, plain: Captioner) -> None:
    likeliest = [one.text for one in plain.caption(PICTURES)]
    silent = choosing(tiny_bundle, surest=False)
    assert [one.text for one in silent.caption(PICTURES)] == likeliest
    without = choosing(tiny_bundle).calibrated(None)
    assert (without.chooses, choosing(tiny_bundle).chooses, silent.chooses) == (False, True, False)
    assert [one.text for one in without.caption(PICTURES)] == likeliest
    assert without._threads == 1
    without.search = Beam(2, 9)  # as a person set it
    assert without.calibrated(None).search == Beam(2, 9)
    for search in (Greedy(10), Sample(max_length=10)):
        told, other = (one.caption(PICTURES, search=search) for one in (choosing(tiny_bundle), plain))
        assert [one.text for one in told] == [one.text for one in other]


@pytest.mark.usefixtures("always_again")
def test_one_beam_has_nothing_to_choose_from_however_unsure_it_is(
    tiny_bundle: Path, plain: Captioner, tmp_path: Path
) -> None:
    captioner, search = choosing(tiny_bundle), Beam(1, 30)
    greedy = [one.text for one in plain.caption(PICTURES, search=Greedy(30))]
    assert [one.text for one in captioner.caption(PICTURES, search=search)] == greedy
    several = captioner.caption(PICTURES, search=search, n=2)
    told = [[caption.text for caption in one.captions] for one in plain.caption(PICTURES, search=search, n=2)]
    assert [[caption.text for caption in one.captions] for one in several] == told
    assert any(one.captions[0].instead_of for one in captioner.caption(PICTURES, search=Beam(2, 30)))
    records = draw_records(tiny_bundle, tmp_path, 2)
    for beams, choice in ((1, None), (2, "surest")):
        found = evaluate(captioner, records, split="val", metrics=("ROUGE-L",), beams=beams, quiet=True)
        assert found.scores.fingerprint.get("choice") == choice


@pytest.mark.usefixtures("always_again")
def test_confidence_is_fitted_on_likeliest_captions_and_judged_on_those_that_are_said(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    records = draw_records(tiny_bundle, tmp_path, 130)
    bundle = read_bundle(tiny_bundle)
    likeliest, chosen = (
        calibrate(
            Captioner(replace(bundle, decoding=replace(bundle.decoding, surest=choice)), threads=1),
            records,
            split="val",
            quiet=True,
        )
        for choice in (False, True)
    )
    assert chosen.calibration.weights == likeliest.calibration.weights
    assert chosen.calibration.hedge_below == likeliest.calibration.hedge_below
    assert chosen.ids == likeliest.ids
    assert (chosen.confidence >= likeliest.confidence).all()
    assert (chosen.confidence > likeliest.confidence).any()
    said = Captioner(
        replace(
            bundle,
            decoding=replace(bundle.decoding, surest=True),
            calibration=chosen.calibration.to_document(),
        ),
        threads=1,
    )
    found = evaluate(said, records, split="val", metrics=("CIDEr-D",), quiet=True)
    assert [found.predictions[name].confidence for name in chosen.ids] == pytest.approx(
        chosen.confidence.tolist(), abs=1e-4
    )
    assert found.scores.fingerprint["choice"] == "surest"
    plainly = evaluate(said.calibrated(None), records[:2], split="val", metrics=("ROUGE-L",), quiet=True)
    assert "choice" not in plainly.scores.fingerprint
