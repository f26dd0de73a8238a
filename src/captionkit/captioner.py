"""`Captioner`: the only door for everything that captions pictures.

Letters: B pictures, H W pixels, S side of the network's picture, P grid positions, D feature depth.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from captionkit.bundle import Bundle, read_bundle
from captionkit.confidence import AGAIN_BELOW, EVIDENCE, RECOGNISED, Calibration, hedged, surest
from captionkit.decoding import Beam, Constraints, Hypothesis, Sample, Search, Wording, agree_articles
from captionkit.detectors import Floats
from captionkit.detectors.second_thoughts import NONE, SecondThought, second_thoughts
from captionkit.detectors.things import ThingDetector, ids_of_things, named
from captionkit.detectors.words import WordDetector
from captionkit.engine import Engine
from captionkit.errors import BundleError, UsageError
from captionkit.images import Pixels
from captionkit.reading import Picture, Read, in_batches, read_pictures
from captionkit.records import Caption, Prediction
from captionkit.second_look import Look, encode_mirrored, joined, seen_twice
from captionkit.text import detokenize

BATCH = 8  # pictures whose captions are searched for together; the states of more leave the processor's cache


class Captioner:
    """Captions pictures with a bundle.

    Example:
        >>> captioner = Captioner.load()
        >>> captioner.caption(["photo.jpg"])[0].text
        'A brown dog runs through the grass.'

    Attributes:
        bundle: what it speaks from.
        engine: the bundle's networks.
        calibration: what gives predictions of a beam search their confidence; None where the bundle has none.
        word_detector: what gives captions their evidence; None where the bundle has none.
        thing_detector: what makes captions name a thing that is surely there; None where the bundle has none.
        search: the search that is used unless told otherwise.
    """

    def __init__(self, bundle: Bundle, *, threads: int | None = None) -> None:
        """Load the networks of a bundle.

        Args:
            bundle: as `read_bundle` gave it.
            threads: CPU threads that a network uses; see `Engine`.

        Raises:
            BundleError: its networks do not load or do not fit.
        """
        defaults, positions = bundle.decoding, bundle.manifest.network.positions
        if defaults.mirrored and math.isqrt(positions) ** 2 != positions:
            raise BundleError(
                f"{bundle.source}: it looks at pictures in a mirror too, which takes a square grid of places, but "
                f"its encoder gives {positions:,} of them; export the bundle again."
            )
        self.bundle, self._threads = bundle, threads
        self.engine = Engine.of(bundle, threads=threads)
        self.word_detector, self.thing_detector = _detectors(bundle)
        self._things = ids_of_things(bundle.tokenizer)
        known = bundle.calibration
        self.calibration = None if known is None else Calibration.from_document(known)
        needed = set() if self.calibration is None else set(self.calibration.features)
        for what, detector, features in (
            ("word", self.word_detector, EVIDENCE),
            ("thing", self.thing_detector, RECOGNISED),
        ):
            if detector is None and needed & set(features):
                raise BundleError(
                    f"{bundle.source}: its confidence needs a {what} detector, which it lacks; export the bundle "
                    "again."
                )
        self.search = Beam(defaults.beams, defaults.max_length, defaults.length_penalty)

    def __reduce__(self) -> tuple[Callable[[Bundle], Captioner], tuple[Bundle]]:
        """Pickled as its bundle, so that other processes can have it: loaded networks cannot be sent."""
        return partial(type(self), threads=self._threads), (self.bundle,)

    @classmethod
    def load(cls, path: Path | str | None = None, *, threads: int | None = None) -> Captioner:
        """Open a bundle file; None opens the one that is installed with captionkit.

        Raises:
            BundleError: there is none, it is damaged, or it does not load.
        """
        return cls(read_bundle(path), threads=threads)

    def caption(
        self,
        images: Iterable[Picture],
        *,
        search: Search | None = None,
        n: int = 1,
        wording: Wording | None = None,
    ) -> list[Prediction]:
        """Captions for pictures, in their order. A picture that cannot be read gives a prediction with an error.

        Args:
            images: paths, the bytes of picture files, pictures of Pillow, or pixels uint8 [H, W, 3].
            search: how to find captions; None for the bundle's own.
            n: captions for each picture, distinct unless they are sampled.
            wording: words to use and to avoid.

        Raises:
            UsageError: a search, n or wording that cannot be met, an array or object that is no picture, or one
                picture or open file where several pictures are expected.
        """
        return list(self.iter_caption(images, search=search, n=n, wording=wording))

    def iter_caption(
        self,
        images: Iterable[Picture],
        *,
        search: Search | None = None,
        n: int = 1,
        wording: Wording | None = None,
    ) -> Generator[Prediction, None, None]:
        """`caption`, giving predictions as they are ready; `images` may be without end.

        Pictures are read by threads ahead of the network, and captions searched for in batches: up to 24 pictures
        are taken, in the calling thread, before the first prediction is given. Whoever waits for pictures one by
        one (a camera, a server) captions each by itself. What `caption` raises is raised where predictions are
        taken; an error of `images` itself, or of one that is no picture, after the predictions of those before it.
        """
        if hasattr(images, "read"):  # of which each line would be a picture
            raise UsageError("Expected several pictures, but got an open file; give what it holds: [file.read()].")
        # Of which each letter, or each row, would be a picture. An array of paths is several.
        rows = isinstance(images, np.ndarray) and images.ndim < 4 and images.dtype.kind not in "OUS"
        if rows or isinstance(images, Path | str | bytes | Image.Image):
            raise UsageError("Expected several pictures, but got one; put it into a list: [picture].")
        if n < 1:
            raise UsageError(f"Expected n of 1 or more captions for each picture, but got {n}.")
        search = self.search if search is None else search
        constraints = self.constraints(wording)
        batch = max(1, BATCH // (n * constraints.states))
        first = 0
        # Closed here and now: a traceback that is kept, as notebooks do, would keep its threads and pictures too.
        size = self.engine.network.image_size
        with contextlib.closing(read_pictures(images, size, ahead=2 * BATCH)) as pictures:
            for some in in_batches(pictures, batch):
                here = replace(search, first=search.first + first) if isinstance(search, Sample) else search
                yield from self._caption_batch(some, here, constraints, n)
                first += len(some)

    @property
    def chooses(self) -> bool:
        """Whether another caption is said than the likeliest of a beam search where the model is surer of it."""
        return self.bundle.decoding.surest and self.calibration is not None

    def calibrated(self, calibration: Mapping[str, Any] | None) -> Captioner:
        """The same captioner with another calibration, as calibration.json holds it, or without one."""
        other = type(self)(replace(self.bundle, calibration=calibration), threads=self._threads)
        other.search = self.search
        return other

    def hedged(self, prediction: Prediction) -> Prediction:
        """A prediction as `captionkit caption` prints it: with "Possibly: " where its confidence is too low.

        Too low is below the bundle's `hedge_below`; `captionkit.confidence` has `hedged` and `withheld` for a
        level of your own. Without a calibration nothing is hedged.
        """
        return hedged(prediction, self.calibration.hedge_below) if self.calibration else prediction

    def constraints(self, wording: Wording | None = None) -> Constraints:
        """The limits on a caption: the bundle's own (how it may end, what it may repeat) and `wording`'s.

        Raises:
            UsageError: see `Wording.constraints`.
        """
        return (wording or Wording()).constraints(
            self.bundle.tokenizer,
            no_repeat_ngram=self.bundle.decoding.no_repeat_ngram,
            bad_endings=self.bundle.decoding.bad_endings,
            no_echo=self.bundle.decoding.no_echo,
            may_repeat=self.bundle.decoding.may_repeat,
            twins=self.bundle.decoding.twins,
            one=self.bundle.decoding.one,
        )

    def describe(
        self,
        features: npt.NDArray[np.float32],
        *,
        search: Search | None = None,
        n: int = 1,
        constraints: Constraints | None = None,
    ) -> list[tuple[Caption, ...]]:
        """Captions for features float32 [B, P, D] that `engine.encode` gave, best first.

        For those who need a picture's features as well as its captions: it is encoded once. With a beam search and
        no words demanded, a picture is searched for once more where its best caption does not name a thing that is
        surely there, with this thing as a demand, or names one that surely is not (`captionkit.detectors.things`),
        without its words. Which of its captions is said (`chooses`), and what they are worth in a mirror
        (`captionkit.second_look`), is for `caption` to find out.

        Args:
            features: of B pictures.
            search, n: as in `caption`.
            constraints: as `constraints` gave them; None for the bundle's own.

        Raises:
            UsageError: a search that cannot be met.
        """
        constraints = self.constraints() if constraints is None else constraints
        search = self.search if search is None else search
        return self._describe(self._look(features), search=search, n=n, constraints=constraints)

    def _look(self, features: Floats) -> Look:
        sight = None if self.word_detector is None else self.word_detector.look(features)
        things = None if self.thing_detector is None else self.thing_detector.probabilities(features)
        return Look(features, sight, things)

    def _describe(
        self, look: Look, *, search: Search, n: int, constraints: Constraints
    ) -> list[tuple[Caption, ...]]:
        room = self.engine.network.max_length
        if room is not None and search.max_length > room:
            raise UsageError(
                f"Expected a maximum length of at most {room} words, for more this model has no room, but got "
                f"{search.max_length}; lower it."
            )
        features, sight, things = look.features, look.sight, look.things
        found = search.run(self.engine.start, self.engine.step, features, constraints=constraints, n=n)
        thoughts = [NONE] * len(found)
        if things is not None and isinstance(search, Beam) and not constraints.must:
            best = [hypotheses[0] for hypotheses in found]
            evidence = None if sight is None else sight.evidence
            for thought, rows in second_thoughts(best, things, self._things, evidence, constraints).items():
                guided = thought.guide(constraints)
                again = search.run(self.engine.start, self.engine.step, features[rows], constraints=guided, n=n)
                for row, hypotheses in zip(rows, again, strict=True):
                    if thought.better(hypotheses[0], best[row]):
                        found[row], thoughts[row] = hypotheses, thought
        return [
            tuple(self._to_caption(one, row, look, thoughts[row]) for one in hypotheses)
            for row, hypotheses in enumerate(found)
        ]

    def _caption_batch(
        self, pictures: list[Read], search: Search, constraints: Constraints, n: int
    ) -> Iterator[Prediction]:
        some = [one for _, one in pictures if not isinstance(one, str)]
        found: Iterator[tuple[Caption, ...]] = iter(())
        if some:
            pixels = np.stack(some)
            look = self._look(self.engine.encode(pixels))
            # One beam finds one caption; whoever asks for it wants the quickest search, not another one after it.
            if isinstance(search, Beam) and search.beams > 1 and (self.chooses or self.bundle.decoding.mirrored):
                found = iter(self._weighed(pixels, look, search=search, n=n, constraints=constraints))
            else:
                found = iter(self._describe(look, search=search, n=n, constraints=constraints))
        for source, one in pictures:
            if isinstance(one, str):
                yield Prediction(source, error=one)
            else:
                captions = next(found)
                yield Prediction(source, captions, self._confidence(captions, search))

    def _confidence(self, captions: tuple[Caption, ...], search: Search) -> float | None:
        # Fitted to captions of beam search: a greedy or a drawn caption has other log-probabilities.
        if self.calibration is None or not isinstance(search, Beam):
            return None
        return round(self.calibration.of(captions[0], self.bundle.tokenizer), 4)

    def _weighed(
        self, pixels: Pixels, look: Look, *, search: Beam, n: int, constraints: Constraints
    ) -> list[tuple[Caption, ...]]:
        """`describe`, the caption that the model is surest of first, where it `chooses`.

        It is chosen among those that one beam finished, and, where the bundle looks in a mirror too, one on the
        mirrored picture. Where the model is rather unsure of it, a group of beams that has to choose other words
        is searched with as well.
        """
        mirror = None
        if self.bundle.decoding.mirrored:
            mirror = self._look(encode_mirrored(self.engine.encode, pixels))

        def found(search: Beam, n: int, look: Look, other: Look | None) -> list[tuple[Caption, ...]]:
            captions = self._describe(look, search=search, n=n, constraints=constraints)
            if other is None:
                return captions
            return seen_twice(captions, other, self.engine, self.bundle.tokenizer, self._things)

        if not self.chooses:
            return found(search, n, look, mirror)
        assert self.calibration is not None
        tokenizer, sureness = self.bundle.tokenizer, self.calibration.of

        def choose(captions: Sequence[Caption]) -> Caption:
            return surest(captions, [sureness(one, tokenizer) for one in captions])

        alike = replace(search, diversity=0.0)
        candidates = found(alike, search.beams, look, mirror)
        if mirror is not None:
            candidates = joined(candidates, found(alike, search.beams, mirror, look))
        said = [choose(captions) for captions in candidates]
        unsure = [row for row, one in enumerate(said) if sureness(one, tokenizer) < AGAIN_BELOW]
        if unsure:
            others = found(search, 2, look.at(unsure), None if mirror is None else mirror.at(unsure))
            for row, captions in zip(unsure, others, strict=True):
                said[row] = choose((*candidates[row], *captions))
        if n == 1:
            return [(one,) for one in said]
        return [
            (one, *(other for other in captions if other.ids != one.ids))[:n]
            for one, captions in zip(said, found(search, n, look, mirror), strict=True)
        ]

    def _to_caption(self, hypothesis: Hypothesis, row: int, look: Look, thought: SecondThought) -> Caption:
        sight, things = look.sight, look.things
        tokens = agree_articles(self.bundle.tokenizer.to_tokens(hypothesis.ids))
        return Caption(
            text=_sentence(tokens),
            tokens=tokens,
            token_log_probabilities=hypothesis.token_log_probabilities,
            score=hypothesis.score,
            finished=hypothesis.finished,
            attention=hypothesis.attention,
            evidence=() if sight is None else sight.of_words(row, tokens, self.bundle.tokenizer),
            recognised=None if things is None else named(things[row], self._things, hypothesis.ids),
            demanded=thought.demanded,
            denied=thought.denied,
            ids=hypothesis.ids,
        )


def _detectors(bundle: Bundle) -> tuple[WordDetector | None, ThingDetector | None]:
    words, things, network = bundle.word_detector, bundle.things, bundle.manifest.network
    depth, vocabulary = network.depth, network.vocabulary
    try:
        return (
            None if words is None else WordDetector.from_bytes(words, depth=depth, vocabulary=vocabulary),
            None if things is None else ThingDetector.from_bytes(things, depth=depth),
        )
    except BundleError as error:
        raise BundleError(f"{bundle.source}: {error}") from None


def _sentence(tokens: tuple[str, ...]) -> str:
    """Tokens as a person would write them: a capital first, a full stop last."""
    text = detokenize(tokens)
    return f"{text[:1].upper()}{text[1:]}." if text else ""
