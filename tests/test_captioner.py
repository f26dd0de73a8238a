"""The Captioner, with a real bundle and real picture files."""

from __future__ import annotations

import io
import pickle
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from captionkit import captioner as captioner_module
from captionkit.bundle import Decoding
from captionkit.captioner import BATCH, Captioner
from captionkit.confidence import Calibration
from captionkit.decoding import Beam, Constraints, Greedy, Sample, Wording
from captionkit.errors import BundleError, UsageError
from captionkit.records import Prediction
from captionkit.selftest import draw_picture
from captionkit.tokenizer import EOS
from tests.tiny import IMAGE_SIZE, export_tiny


@pytest.fixture(scope="module")
def captioner(tiny_bundle: Path) -> Captioner:
    return Captioner.load(tiny_bundle, threads=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pictures")
    for seed in range(2 * BATCH + 3):
        (root / f"{seed:02}.png").write_bytes(draw_picture(seed))
    return root


def test_a_path_bytes_and_pixels_give_the_same_caption(captioner: Captioner, folder: Path) -> None:
    path = folder / "03.png"
    pixels = np.asarray(Image.open(path))
    by_path, by_text, by_bytes, by_pixels = captioner.caption([path, str(path), path.read_bytes(), pixels])
    assert by_path.captions[0].tokens == by_bytes.captions[0].tokens == by_pixels.captions[0].tokens
    assert by_path.text == by_text.text
    assert (by_path.source, by_bytes.source) == (str(path), "picture 3")


def test_without_a_calibration_nothing_is_hedged(captioner: Captioner, folder: Path) -> None:
    (found,) = captioner.caption([folder / "03.png"])
    assert captioner.hedged(found) is found


def test_a_caption_below_the_bundles_confidence_is_hedged(captioner: Captioner, folder: Path) -> None:
    for bias, hedged in ((-5.0, True), (5.0, False)):
        sure = Captioner(replace(captioner.bundle, calibration=calibration(bias).to_document()), threads=1)
        (found,) = sure.caption([folder / "00.png"])
        assert sure.hedged(found).text.startswith("Possibly: ") is hedged
        (found,) = sure.caption([folder / "00.png"], search=Greedy(8))
        assert found.confidence is None


def calibration(bias: float, feature: str = "mean") -> Calibration:
    return Calibration(0.4, (0.0,), (1.0,), (0.0,), bias, 0.5, features=(feature,))


def test_a_confidence_that_wants_a_word_detector_needs_one(captioner: Captioner) -> None:
    """A bundle without either loads, and so does one whose confidence wants none."""
    assert captioner.bundle.word_detector is None
    with pytest.raises(BundleError, match="needs a word detector, which it lacks"):
        Captioner(replace(captioner.bundle, calibration=calibration(0.0, "evidence").to_document()), threads=1)


def test_pictures_of_pillow_are_captioned(captioner: Captioner, folder: Path) -> None:
    path = folder / "03.png"
    sideways = Image.open(path)
    sideways.getexif()[0x0112] = 6
    stored = io.BytesIO()
    Image.open(path).save(stored, "PNG", exif=sideways.getexif())
    with Image.open(path) as opened, Image.open(path) as turned, Image.open(stored) as marked:
        small = [opened, turned.convert("RGBA"), opened, marked]
        # Each alone: rows of one batch may differ in the last digits.
        given: list[Any] = [path, stored.getvalue(), *small]
        by_path, by_bytes, *by_pillow, upright = (captioner.caption([one])[0] for one in given)
        assert [one.captions for one in by_pillow] == [by_path.captions] * 3
        assert upright.captions == by_bytes.captions
        assert opened.getpixel((0, 0)) is not None  # it is left open
    broken = Image.open(io.BytesIO(path.read_bytes()[:-200]))
    assert "damaged or cut off" in (captioner.caption([broken, path])[0].error or "")


def test_a_picture_of_pillow_beyond_the_bound_is_not_decoded(captioner: Captioner) -> None:
    side = 11_000
    buffer = io.BytesIO()
    Image.new("1", (side, side)).save(buffer, "PNG", compress_level=1)
    with pytest.warns(Image.DecompressionBombWarning):
        huge = Image.open(buffer)
    with huge:
        (found,) = captioner.caption([huge])
        assert huge.tile  # what there is to decode
    assert found.error is not None
    assert "at most 120,000,000 pixels" in found.error


def test_pictures_may_come_in_an_array(captioner: Captioner, folder: Path) -> None:
    several = np.stack([np.asarray(Image.open(folder / f"{seed:02}.png")) for seed in range(2)])
    found = captioner.caption(several)
    assert [one.text for one in found] == [one.text for one in captioner.caption(list(several))]
    files = [(folder / f"{seed:02}.png").read_bytes() for seed in range(2)]
    assert [one.text for one in captioner.caption(np.array(files))] == [one.text for one in found]


def test_a_caption_without_a_word_is_no_full_stop(captioner: Captioner) -> None:
    features = captioner.engine.encode(np.zeros((1, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8))
    nothing = Constraints(avoid=frozenset(range(len(captioner.bundle.tokenizer))) - {EOS}, min_length=0)
    ((caption,),) = captioner.describe(features, constraints=nothing)
    assert (caption.text, caption.tokens) == ("", ())


def test_paths_may_come_in_an_array(captioner: Captioner, folder: Path) -> None:
    paths = [str(folder / "03.png"), str(folder / "04.png")]
    for kind in (object, str):
        assert captioner.caption(np.array(paths, kind)) == captioner.caption(paths)


def test_another_process_can_have_it(captioner: Captioner, folder: Path) -> None:
    sent = pickle.loads(pickle.dumps(captioner))  # noqa: S301 -- our own bytes
    assert sent.bundle == captioner.bundle
    assert sent._threads == 1
    assert sent.caption([folder / "03.png"]) == captioner.caption([folder / "03.png"])


def test_a_caption_is_a_sentence_and_its_tokens(captioner: Captioner, folder: Path) -> None:
    ((caption,),) = [prediction.captions for prediction in captioner.caption([folder / "00.png"])]
    assert caption.text[0].isupper()
    assert caption.text.endswith(".")
    assert caption.text[:-1].lower() == " ".join(caption.tokens)
    assert len(caption.token_log_probabilities) == len(caption.tokens) + caption.finished
    assert caption.log_probability < 0


def test_many_pictures_come_in_order_and_as_they_would_alone(captioner: Captioner, folder: Path) -> None:
    paths = sorted(folder.iterdir())
    together = captioner.caption(paths)
    assert [one.source for one in together] == [str(path) for path in paths]
    assert len({one.text for one in together}) > 5, "pictures differ, so captions must"
    for path, prediction in list(zip(paths, together, strict=True))[::7]:
        assert captioner.caption([path])[0].text == prediction.text


def test_one_bad_picture_is_one_error(captioner: Captioner, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    whole = (folder / "01.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    images = [
        folder / "00.png",
        tmp_path / "text.jpg",
        tmp_path / "none.jpg",
        tmp_path / "cut.png",
        folder / "01.png",
    ]
    found = captioner.caption(images)
    assert [one.error is None for one in found] == [True, False, False, False, True]
    assert [one.text == "" for one in found] == [False, True, True, True, False]
    assert found[4].text == captioner.caption([folder / "01.png"])[0].text
    assert captioner.caption([tmp_path / "none.jpg"])[0].error is not None
    assert captioner.caption([]) == []


def test_pictures_are_not_all_read_at_once(captioner: Captioner, folder: Path) -> None:
    taken = 0

    def endless() -> Iterator[Path]:
        nonlocal taken
        while True:
            taken += 1
            yield folder / "02.png"

    predictions = captioner.iter_caption(endless())
    assert next(predictions).text
    assert taken == 3 * BATCH == 24  # as its documentation says
    predictions.close()
    taken = 0
    predictions = captioner.iter_caption(islice(endless(), 40), n=BATCH + 1, search=Sample())
    assert next(predictions).text
    assert taken <= 24  # of which one is searched for alone
    predictions.close()


def test_the_more_beams_the_fewer_pictures_are_searched_for_together(captioner: Captioner, folder: Path) -> None:
    rows: list[int] = []

    class Counted(Beam):
        def run(self, start: Any, step: Any, features: Any, **settings: Any) -> Any:
            rows.append(len(features))
            return Beam.run(self, start, step, features, **settings)

    demands = Wording(must=("child", "beach"))  # of which some, one or none may be met: four states
    for n, wording, expected in ((BATCH // 2, None, [2, 2, 1]), (1, demands, [2, 2, 1]), (2, demands, [1] * 5)):
        rows.clear()
        captioner.caption([folder / "05.png"] * 5, search=Counted(max_length=3), n=n, wording=wording)
        assert rows == expected


def test_every_picture_has_draws_of_its_own_whatever_the_batch(
    captioner: Captioner, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn(pictures: int) -> list[str]:
        found = captioner.caption([folder / "05.png"] * pictures, search=Sample(temperature=5.0, seed=3), n=2)
        return [caption.text for prediction in found for caption in prediction.captions]

    texts = drawn(2 * BATCH)
    assert texts[:BATCH] != texts[BATCH : 2 * BATCH]  # the first two batches
    monkeypatch.setattr(captioner_module, "BATCH", 6)
    assert drawn(2 * BATCH) == texts
    later = captioner.caption(
        [folder / "05.png"] * 9, search=Sample(temperature=5.0, seed=3, first=2 * BATCH - 9), n=2
    )
    assert [caption.text for prediction in later for caption in prediction.captions] == texts[-18:]


@pytest.mark.parametrize("number", [0, 1, 2, 7, 8, 9, 20])
def test_what_was_read_before_an_error_is_captioned_before_it_is_raised(
    captioner: Captioner, folder: Path, number: int
) -> None:
    paths = sorted(folder.iterdir()) * 2

    def camera() -> Iterator[Path]:
        yield from paths[:number]
        raise TimeoutError("no more light")

    for images, error in ((camera(), TimeoutError), ([*paths[:number], 3, *paths], UsageError)):
        found: list[Prediction] = []
        with pytest.raises(error):
            found.extend(captioner.iter_caption(images))  # type: ignore[arg-type]
        assert found == captioner.caption(paths[:number])


def test_searches_and_wordings_reach_the_decoder(captioner: Captioner, folder: Path) -> None:
    path = folder / "05.png"
    (greedy,) = captioner.caption([path], search=Greedy(max_length=3))
    assert len(greedy.captions[0].tokens) <= 3
    (several,) = captioner.caption([path], n=3)
    assert len({one.tokens for one in several.captions}) == 3
    (drawn,) = captioner.caption([path], search=Sample(seed=1, max_length=6), n=4)
    assert len(drawn.captions) == 4
    (wished,) = captioner.caption([path], wording=Wording(must=("child", "beach"), avoid=("green",)))
    assert {"child", "children"} & set(wished.captions[0].tokens)
    assert "beach" in wished.captions[0].tokens
    assert "green" not in wished.captions[0].tokens


def test_the_bundle_says_how_captions_may_not_end(captioner: Captioner, folder: Path) -> None:
    assert captioner.constraints().bad_endings
    predictions = captioner.caption(sorted(folder.iterdir())[:10], n=2)
    endings = {one.tokens[-1] for prediction in predictions for one in prediction.captions if one.finished}
    assert endings
    assert endings.isdisjoint(captioner.bundle.decoding.bad_endings)


def test_the_rules_of_the_bundle_reach_the_search(captioner: Captioner) -> None:
    rules = Decoding(no_repeat_ngram=2, no_echo=("and",), may_repeat=("the",), twins=("man woman",), one=("a",))
    found = Captioner(replace(captioner.bundle, decoding=rules), threads=1).constraints()

    def ids(*words: str) -> frozenset[int]:
        return frozenset(one for one in map(captioner.bundle.tokenizer.id_of, words) if one is not None)

    assert (found.no_repeat_ngram, found.no_echo, found.may_repeat) == (2, ids("and"), ids("the"))
    assert (found.twins, found.singular_after) == ((ids("man", "woman"),), ids("a"))
    assert ids("dogs") < found.plurals


def test_trap_22_a_picture_lying_on_its_side_is_captioned_upright(captioner: Captioner, folder: Path) -> None:
    upright = Image.open(folder / "04.png").convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    data = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(data, "PNG", exif=exif)
    turned, straight = captioner.caption([data.getvalue(), np.asarray(upright)])
    assert turned.captions[0].tokens == straight.captions[0].tokens


def test_a_caption_longer_than_the_decoder_has_room_for_is_refused(tmp_path: Path, folder: Path) -> None:
    export_tiny(tmp_path / "transformer.captionkit", kind="transformer")
    captioner = Captioner.load(tmp_path / "transformer.captionkit", threads=1)
    longest = Wording(min_length=31)  # DecoderConfig.positions is 32, and bos takes one
    (full,) = captioner.caption([folder / "00.png"], search=Greedy(31), wording=longest)
    assert len(full.captions[0].tokens) == 31
    with pytest.raises(UsageError, match="at most 31 words"):
        captioner.caption([folder / "00.png"], search=Greedy(32))


def test_an_array_that_is_no_picture_is_refused(captioner: Captioner) -> None:
    wrong: list[Any] = [np.zeros((4, 4), np.uint8)]
    with pytest.raises(UsageError, match="picture 1"):
        captioner.caption(wrong)
    wrong = [np.zeros((0, 4, 3), np.uint8)]
    with pytest.raises(UsageError, match=r"picture 1: .* got uint8 \[0, 4, 3\]"):
        captioner.caption(wrong)


def test_what_is_no_kind_of_picture_is_named(captioner: Captioner) -> None:
    wrong: list[Any] = [bytearray(b"not bytes")]
    with pytest.raises(UsageError, match=r"picture 1: Expected a path.* but got bytearray"):
        captioner.caption(wrong)


def test_one_picture_is_no_list_of_pictures(captioner: Captioner, folder: Path) -> None:
    path = folder / "00.png"
    opened = Image.open(path)
    pixels = np.asarray(opened)
    wrong: list[Any] = [path, str(path), path.read_bytes(), opened, pixels, pixels[..., 0]]
    for one in wrong:
        with pytest.raises(UsageError, match=r"put it into a list"):
            captioner.caption(one)


def test_the_lines_of_an_open_file_are_no_pictures(captioner: Captioner, folder: Path) -> None:
    with (folder / "00.png").open("rb") as file, pytest.raises(UsageError, match=r"\[file\.read\(\)\]"):
        captioner.caption(file)


def test_a_traceback_that_is_kept_keeps_no_threads(captioner: Captioner, folder: Path) -> None:
    """As notebooks keep the last one, after Ctrl-C too."""

    class Interrupted(Greedy):
        def run(self, *_: Any, **__: Any) -> Any:
            raise KeyboardInterrupt

    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt) as kept:
        captioner.caption(sorted(folder.iterdir()), search=Interrupted())
    assert kept.tb is not None
    assert not set(threading.enumerate()) - before  # of these one may have ended meanwhile


@pytest.mark.parametrize("n", [0, -1])
def test_no_captions_at_all_cannot_be_asked_for(captioner: Captioner, folder: Path, n: int) -> None:
    with pytest.raises(UsageError, match="n of 1 or more"):
        captioner.caption([folder / "00.png"], n=n)
