"""A picture in a mirror: what both looks say of a caption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import captionkit.captioner
from captionkit.bundle import read_bundle
from captionkit.captioner import Captioner
from captionkit.confidence import SURER, Calibration
from captionkit.decoding import Beam, Greedy, Wording, teacher_forced
from captionkit.detectors import Floats
from captionkit.detectors.things import ThingDetector
from captionkit.detectors.words import fit_word_detector
from captionkit.errors import BundleError
from captionkit.evaluate import evaluate
from captionkit.images import Pixels, load_pixels
from captionkit.records import Caption
from captionkit.second_look import encode_mirrored, joined
from captionkit.selftest import draw_picture
from captionkit.tokenizer import EOS, UNK
from tests.tiny import DEPTH, IMAGE_SIZE, draw_records, tiny_tokenizer

PICTURES = [load_pixels(draw_picture(seed), IMAGE_SIZE) for seed in range(24)]
MIRRORED = [np.ascontiguousarray(picture[:, ::-1]) for picture in PICTURES]
# Surer of rare words and of likely sentences.
SURE = Calibration(0.4, (2.9, -2.0), (0.2, 1.0), (1.5, 0.3), 0.0, hedge_below=0.5, features=("rarity", "mean"))


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No third search, but where a test asks for it."""
    monkeypatch.setattr(captionkit.captioner, "AGAIN_BELOW", 0.0)


def captioner(path: Path, *, mirrored: bool = True, surest: bool = False) -> Captioner:
    """The tiny bundle with detectors of random pictures, and captions that end."""
    bundle, random = read_bundle(path), np.random.default_rng(3)
    decoding = replace(
        bundle.decoding, mirrored=mirrored, surest=surest, no_repeat_ngram=1, bad_endings=(), max_length=30
    )
    words = ("dog", "cat", "man", "woman", "ball", "grass", "water", "runs")
    captions = [(f"a {words[place % 8]} {words[place % 5]}",) for place in range(60)]
    word_detector = fit_word_detector(
        random.normal(size=(60, DEPTH)).astype(np.float32), captions, tiny_tokenizer()
    ).to_bytes()
    things = ThingDetector(
        random.normal(size=(DEPTH, 1000)).astype(np.float32), np.zeros(1000, np.float32)
    ).to_bytes()
    return Captioner(
        replace(
            bundle, decoding=decoding, calibration=SURE.to_document(), word_detector=word_detector, things=things
        ),
        threads=1,
    )


def said_of(one: Captioner, features: Floats, caption: Caption) -> list[float]:
    """The log-probabilities of a caption's words and its end for features float32 [1, P, D]."""
    ids = (*caption.ids, EOS) if caption.finished else caption.ids
    steps = teacher_forced(one.engine.start, one.engine.step, features, ids)
    return [float(log[0, word]) for log, word in zip(steps, ids, strict=True)]


def test_each_place_of_the_mirrored_picture_is_put_back_where_it_is_in_the_picture() -> None:
    """With an encoder that sees each place by itself, both looks are the same."""

    def corners(pixels: Pixels) -> Floats:
        """The mean of each of 4 x 3 x 3 blocks; what lies left in it and right in it is not told apart."""
        means = pixels.reshape(len(pixels), 4, 8, 4, 8, 3).mean(axis=(2, 4), dtype=np.float32)
        return means.reshape(len(pixels), 16, 3)

    pixels = np.stack(PICTURES)
    assert encode_mirrored(corners, pixels) == pytest.approx(corners(pixels), abs=1e-3)
    assert corners(np.stack(MIRRORED)) != pytest.approx(corners(pixels), abs=1.0)


def test_captions_of_the_mirrored_picture_come_behind_and_only_those_that_are_new_and_hold_there_too() -> None:
    def caption(text: str, *ids: int) -> Caption:
        return Caption(text, tuple(text.split()), (-1.0,), -1.0, True, ids=ids)

    own, same, new = caption("a dog", 4, 6), caption("a dog", 4, 6), caption("a cat", 4, 8)
    left, reads = caption("a dog left", 4, 6, 9), caption("a sign", 4, 7)
    assert joined([(own, left), (own,)], [(left, same, reads, new), ()]) == [(own, left, new), (own,)]


def test_a_look_at_some_of_the_pictures(tiny_bundle: Path) -> None:
    one = captioner(tiny_bundle)
    features = one.engine.encode(np.stack(PICTURES))
    some, same = one._look(features).at([5, 2]), one._look(features[[5, 2]])
    assert (some.features == same.features).all()
    assert some.sight is not None
    assert same.sight is not None
    assert some.sight.seen == pytest.approx(same.sight.seen, abs=1e-5)
    assert some.things == pytest.approx(same.things, abs=1e-5)


def test_what_is_known_of_a_caption_is_the_mean_of_both_looks(tiny_bundle: Path) -> None:
    plain, twice = captioner(tiny_bundle, mirrored=False), captioner(tiny_bundle)
    assert plain.word_detector is not None
    assert plain.thing_detector is not None
    before, after = plain.caption(PICTURES, n=2), twice.caption(PICTURES, n=2)
    changed = 0
    for picture, one, two in zip(PICTURES, before, after, strict=True):
        encode = plain.engine.encode
        look, other = encode(picture[None]), encode_mirrored(encode, picture[None])
        for first, second in zip(one.captions, two.captions, strict=True):
            assert second.text == first.text
            assert second.attention is not None or first.attention is None
            both = [said_of(plain, features, first) for features in (look, other)]
            assert first.token_log_probabilities == pytest.approx(both[0], abs=1e-4)
            assert second.token_log_probabilities == pytest.approx(np.mean(both, axis=0), abs=1e-4)
            seen = [plain.word_detector.look(features) for features in (look, other)]
            evidence = [sight.of_words(0, first.tokens, plain.bundle.tokenizer) for sight in seen]
            assert second.evidence == pytest.approx(
                [None if a is None or b is None else (a + b) / 2 for a, b in zip(*evidence, strict=True)], abs=1e-4
            )
            (chances, others) = (plain.thing_detector.probabilities(features)[0] for features in (look, other))
            named = [bool(ids & set(first.ids)) for ids in plain._things]
            wanted = [max(some[named], default=0.0) for some in (chances, others)]
            assert second.recognised == pytest.approx(sum(wanted) / 2, abs=1e-4)
            changed += second.token_log_probabilities != pytest.approx(first.token_log_probabilities, abs=1e-2)
        assert two.confidence == pytest.approx(plain_confidence(two.captions[0]), abs=1e-4)
    assert changed > len(PICTURES)


def test_of_a_caption_that_was_cut_the_end_is_not_weighed(tiny_bundle: Path) -> None:
    twice, cut = captioner(tiny_bundle), 0
    encode = twice.engine.encode
    for picture, one in zip(PICTURES, twice.caption(PICTURES, search=Beam(3, 2)), strict=True):
        (caption,) = one.captions
        looks = encode(picture[None]), encode_mirrored(encode, picture[None])
        both = np.mean([said_of(twice, features, caption) for features in looks], axis=0)
        assert caption.token_log_probabilities == pytest.approx(both, abs=1e-4)
        cut += not caption.finished
    assert 0 < cut < len(PICTURES)


def plain_confidence(caption: Caption) -> float:
    """The confidence's formula, written out."""
    rarity = np.mean([np.log1p(tiny_tokenizer().id_of(token) or UNK) for token in caption.tokens])
    odds = 1.5 * (rarity - 2.9) / 0.2 + 0.3 * (np.mean(caption.token_log_probabilities) + 2.0)
    return float(1 / (1 + np.exp(-odds)))


def test_the_surest_is_chosen_among_what_both_looks_found(tiny_bundle: Path) -> None:
    twice, chooses = captioner(tiny_bundle), captioner(tiny_bundle, surest=True)
    alike = replace(twice.search, diversity=0.0)
    own, mirrored = (twice.caption(pictures, search=alike, n=3) for pictures in (PICTURES, MIRRORED))
    only_mirrored = 0
    for one, first, other in zip(chooses.caption(PICTURES), own, mirrored, strict=True):
        known = {caption.ids for caption in first.captions}
        every = [*first.captions, *(caption for caption in other.captions if caption.ids not in known)]
        sureness = [plain_confidence(caption) for caption in every]
        whole = [place for place, caption in enumerate(every) if caption.finished]
        best = max(whole, key=sureness.__getitem__, default=0)
        wanted = best if sureness[best] > sureness[0] + SURER else 0
        (said,) = one.captions
        assert said.text == every[wanted].text
        assert said.instead_of == (every[0].text if wanted else None)
        assert one.confidence == pytest.approx(sureness[wanted], abs=2e-4)
        only_mirrored += said.ids not in known
    assert 0 < only_mirrored < len(PICTURES)


def test_where_it_is_unsure_a_group_is_searched_and_seen_twice_too(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice, chooses = captioner(tiny_bundle), captioner(tiny_bundle, surest=True)
    before = chooses.caption(PICTURES)
    monkeypatch.setattr(captionkit.captioner, "AGAIN_BELOW", 0.3)
    groups, changed = twice.caption(PICTURES, n=2), 0
    for one, first, group in zip(chooses.caption(PICTURES), before, groups, strict=True):
        assert first.confidence is not None
        sureness = {caption.text: plain_confidence(caption) for caption in group.captions if caption.finished}
        if one.text != first.text:
            changed += 1
            assert first.confidence < 0.3
            assert one.confidence == pytest.approx(sureness[one.text], abs=1e-4)
    assert changed
    several = chooses.caption(PICTURES, n=3)
    for one, group in zip(several, twice.caption(PICTURES, n=3), strict=True):
        weighed = {caption.ids: caption.token_log_probabilities for caption in group.captions}
        for caption in one.captions[1:]:
            assert caption.token_log_probabilities == pytest.approx(weighed[caption.ids], abs=1e-4)
    assert [one.captions[0].ids for one in several] == [one.captions[0].ids for one in chooses.caption(PICTURES)]
    assert all(len({caption.text for caption in one.captions}) == 3 for one in several)


def test_a_caption_of_a_side_keeps_what_its_own_look_says(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, twice = captioner(tiny_bundle, mirrored=False), captioner(tiny_bundle)
    before, kept = plain.caption(PICTURES), 0
    sided = before[0].captions[0].tokens[-1]
    monkeypatch.setattr("captionkit.text.mirrored.SIDED", frozenset({sided}))
    for one, two in zip(before, twice.caption(PICTURES), strict=True):
        same = two.captions[0] == one.captions[0]
        assert same == (sided in one.captions[0].tokens)
        kept += same
    assert 0 < kept < len(PICTURES)


def test_in_batches_as_one_by_one_and_beside_what_cannot_be_read(tiny_bundle: Path) -> None:
    chooses = captioner(tiny_bundle, surest=True)
    together = chooses.caption([*PICTURES[:9], b"no picture", *PICTURES[9:]])
    assert together.pop(9).error
    alone = [chooses.caption([picture])[0] for picture in PICTURES]
    assert [one.text for one in together] == [one.text for one in alone]
    assert [one.confidence for one in together] == pytest.approx([one.confidence for one in alone], abs=2e-4)


def test_a_quick_search_looks_once(tiny_bundle: Path, tmp_path: Path) -> None:
    plain, twice = captioner(tiny_bundle, mirrored=False), captioner(tiny_bundle, surest=True)
    for search in (Greedy(30), Beam(1, 30)):
        assert plain.caption(PICTURES, search=search) == twice.caption(PICTURES, search=search)
    for beams, looks in ((1, None), (2, "2")):
        found = evaluate(
            twice,
            draw_records(tiny_bundle, tmp_path, 2),
            split="val",
            metrics=("ROUGE-L",),
            beams=beams,
            quiet=True,
        )
        assert found.scores.fingerprint.get("looks") == looks


def test_the_words_of_a_person_hold_for_both_looks(tiny_bundle: Path) -> None:
    found = captioner(tiny_bundle, surest=True).caption(PICTURES, wording=Wording(must=("water",), avoid=("dog",)))
    assert all("water" in one.captions[0].tokens for one in found)
    assert not any({"dog", "dogs"} & set(one.captions[0].tokens) for one in found)


def test_a_grid_that_is_not_square_has_no_mirror_image(tiny_bundle: Path) -> None:
    bundle = read_bundle(tiny_bundle)
    manifest = replace(bundle.manifest, network=replace(bundle.manifest.network, positions=12))
    other = replace(bundle, manifest=manifest, decoding=replace(bundle.decoding, mirrored=True))
    with pytest.raises(BundleError, match="a square grid of places, but its encoder gives 12 of them"):
        Captioner(other)
    with pytest.raises(BundleError, match="12") as found:  # the tiny bundle's gives 16
        Captioner(replace(bundle, manifest=manifest))
    assert "mirror" not in str(found.value)


def test_a_bundle_without_detectors_looks_twice_as_well(tiny_bundle: Path) -> None:
    bundle = read_bundle(tiny_bundle)
    twice = Captioner(replace(bundle, decoding=replace(bundle.decoding, mirrored=True)), threads=1)
    plain = Captioner(bundle, threads=1)
    for one, two in zip(plain.caption(PICTURES), twice.caption(PICTURES), strict=True):
        assert two.text == one.text
        assert (two.captions[0].evidence, two.captions[0].recognised, two.confidence) == ((), None, None)
