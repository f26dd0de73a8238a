"""What flows from room to room.

Letters in shape comments, here and everywhere: B images, K beams, C captions an image, H W pixels, P grid
positions, D feature depth, L caption length, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

POSSIBLY = "Possibly: "  # before a sentence of low confidence
_SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One picture of a data set with all its reference captions.

    Attributes:
        id: unique within the data set; the file name where the format has no other id.
        path: where the picture should be. It need not exist: `captionkit data check` says which do not.
        captions: the captions as the source wrote them, in the source's order.
        split: "train", "val" or "test"; None where the format does not say. Flickr8k's "dev" is "val".
        source: the file and place the record came from, for messages ("captions.txt:12").
    """

    id: str
    path: Path
    captions: tuple[str, ...]
    split: str | None
    source: str


@dataclass(frozen=True, slots=True)
class Caption:
    """One sentence that a model gave for a picture.

    Where a bundle looks at pictures in a mirror too, log-probabilities, evidence and `recognised` are the means of
    both looks (`captionkit.second_look`); the score is that of the look that found the caption.

    Attributes:
        text: the sentence, as a person would write it.
        tokens: the words it was made of, without bos and eos.
        token_log_probabilities: natural logarithms, one a token, then one for eos where it was reached.
        score: what the search ranked by (with beam search, the length-normalised log-probability).
        finished: whether eos was reached within the length limit.
        attention: float32 [L, P] weights over the grid positions, one row a token; None without attention.
            Not shown when printed, and no part of what makes captions equal.
        evidence: how much likelier the picture makes each token than it is in any caption, in nats, by the
            bundle's word detector, which sees the picture alone; None for small words and words of which it
            knows nothing. Empty without a word detector.
        recognised: how likely the picture is one of the likeliest thing that the sentence names, 0 where it names
            none, by the bundle's thing detector (`captionkit.detectors.things`); None without one.
        demanded: the thing that the sentence had to name, since the picture surely shows one and the likeliest
            sentence did not say so; None where nothing was demanded.
        denied: the thing that the sentence had to leave out, since the picture surely shows none and the likeliest
            sentence named one; None where nothing was denied.
        instead_of: the likeliest sentence, where the model is surer of this one (`captionkit.confidence.surest`);
            None where this is the likeliest, or the bundle does not choose.
        ids: the words that the search found: `tokens` but for "a" and "an", which were made to agree with the
            word after them afterwards; empty where no search is known.
    """

    text: str
    tokens: tuple[str, ...]
    token_log_probabilities: tuple[float, ...]
    score: float
    finished: bool
    attention: npt.NDArray[np.float32] | None = field(default=None, repr=False, compare=False)
    evidence: tuple[float | None, ...] = ()
    recognised: float | None = None
    demanded: str | None = None
    denied: str | None = None
    instead_of: str | None = None
    ids: tuple[int, ...] = ()

    @property
    def log_probability(self) -> float:
        """log p(caption | picture) in nats, eos included where it was reached."""
        return math.fsum(self.token_log_probabilities)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the `Captioner` says of one picture: captions, best first, or the reason why there are none.

    Attributes:
        source: the path that the picture was given by; "picture 3" for the third where it came without one, and
            "-" for standard input on the command line.
        captions: best first, sampled ones in the order drawn; empty when `error` is set, or when withheld.
        confidence: of the first caption, a calibrated number between 0 and 1; None where the bundle carries no
            calibration, and for greedy and sampled captions.
        error: one sentence that says why the picture could not be captioned.
    """

    source: str
    captions: tuple[Caption, ...] = ()
    confidence: float | None = None
    error: str | None = None

    @property
    def text(self) -> str:
        """The best caption's text; empty where there is none."""
        return self.captions[0].text if self.captions else ""

    def to_document(self) -> dict[str, Any]:
        """As `captionkit caption --json` writes it: lists, strings and numbers alone."""
        return {
            "source": self.source,
            "captions": [
                {
                    "text": one.text,
                    "tokens": list(one.tokens),
                    "log_probability": round(one.log_probability, 6),
                    "score": round(one.score, 6),
                    "finished": one.finished,
                }
                for one in self.captions
            ],
            "confidence": self.confidence,
            "withheld": not self.captions and self.error is None,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Scores:
    """The result of an evaluation.

    Attributes:
        corpus: metric name to value, on the scale of the reference implementation (0 to 1; CIDEr 0 to 10).
        per_image: metric name to float64 [N], in the order of `ids`; metrics without per-image values lack.
            Not shown when printed, and no part of what makes scores equal.
        ids: the pictures, in order.
        fingerprint: everything that must agree before two results may be compared.
        not_computed: metric name to the reason why it is not in `corpus`.
        warnings: sentences for the person who reads the numbers.
    """

    corpus: Mapping[str, float]
    ids: tuple[str, ...]
    per_image: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict, repr=False, compare=False)
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    not_computed: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def split_name(value: str) -> str | None:
    """ "train", "val" or "test" for any usual spelling of them ("dev", "Validation"); None for another word."""
    return _SPLIT_NAMES.get(value.strip().lower())
