"""Confidence: a number between 0 and 1 that says how likely a caption is to be a good one.

It is the calibrated probability of an event that can be checked: that the caption's CIDEr-D against its picture's
references is at least `level`. A logistic regression on what the model itself knows of the caption foretells it;
the bundle carries its few numbers as calibration.json.

Letters: N captions, F features.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from captionkit.bundle.fields import Fields
from captionkit.decoding.wording import SMALL_WORDS
from captionkit.errors import BundleError, DataError
from captionkit.records import POSSIBLY, Caption, Prediction
from captionkit.tokenizer import UNK, Tokenizer

Doubles = npt.NDArray[np.float64]

FORMAT = "captionkit-calibration-1"
LEVEL = 0.4  # CIDEr-D that a good caption reaches; seven in ten of people's own captions of Flickr8k do
HEDGED_SHARE = 0.5  # of the pictures it is fitted on that the default threshold hedges (decision 87)
RIDGE = 1.0  # pull of the weights towards zero, as strong as one picture a feature
FEATURES = ("mean", "total", "rarity", "length", "content")  # what a new calibration is fitted on
EVIDENCE = ("evidence", "least_evidence")  # and these, where the bundle has a word detector
RECOGNISED = ("recognised",)  # and this, where it has a thing detector
# Older calibrations have the last two and no "content".
KNOWN_FEATURES = (*FEATURES, *EVIDENCE, *RECOGNISED, "least", "end")
UNSURE = "unsure"
SURER = 0.06  # by so much confidence another caption is better than the likeliest
AGAIN_BELOW = 0.45  # below this confidence a second search is worth its time (decision 87)
_LEAST_SCALE = 1e-9  # and its inverse the greatest number: no product of them is beyond what a float holds


def caption_features(caption: Caption, tokenizer: Tokenizer, names: Sequence[str] = FEATURES) -> Doubles:
    """What the model knows of its caption: float64 [F] in the order of `names`.

    - mean, total, least: of the token log-probabilities, in nats;
    - content: their mean over the words that carry the meaning (all but `SMALL_WORDS`), 0 without any;
    - end: the log-probability of ending there, 0 where the caption was cut;
    - rarity: the mean log of the words' places in the vocabulary, which begins with the most frequent word;
    - length: tokens;
    - evidence, least_evidence: mean and least of the caption's evidence for its words, 0 without any;
    - recognised: that of the caption, 0 without a thing detector.
    """
    logs = np.array(caption.token_log_probabilities or (0.0,), np.float64)
    ids = [UNK if (known := tokenizer.id_of(token)) is None else known for token in caption.tokens]
    evidence = [value for value in caption.evidence if value is not None]
    telling = [log for log, token in zip(logs, caption.tokens, strict=False) if token not in SMALL_WORDS]
    found = {
        "mean": logs.mean(),
        "total": logs.sum(),
        "least": logs.min(),
        "content": np.mean(telling) if telling else 0.0,
        "end": logs[-1] if caption.finished else 0.0,
        "rarity": np.mean(np.log1p(ids)) if ids else 0.0,
        "length": len(caption.tokens),
        "evidence": np.mean(evidence) if evidence else 0.0,
        "least_evidence": min(evidence, default=0.0),
        "recognised": caption.recognised or 0.0,
    }
    return np.array([found[name] for name in names], np.float64)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns a caption into a confidence.

    Attributes:
        level: the event is "CIDEr-D of the caption is at least this" (0 to 10).
        mean, scale: of each feature, F numbers, to standardise by.
        weights: of the standardised features, F numbers.
        bias: log-odds of a caption whose features are all average.
        hedge_below: the confidence below which captions are hedged unless told otherwise.
        facts: what it was fitted on and how well it does on pictures it was not fitted on, for people.
        features: F of `KNOWN_FEATURES`.
    """

    level: float
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    hedge_below: float
    facts: Mapping[str, float] = field(default_factory=dict)
    features: tuple[str, ...] = FEATURES

    def of(self, caption: Caption, tokenizer: Tokenizer) -> float:
        """The confidence in a caption that the bundle's beam search found."""
        return float(self.of_features(caption_features(caption, tokenizer, self.features)[None])[0])

    def of_features(self, features: Doubles) -> Doubles:
        """Confidences float64 [N] of features float64 [N, F]."""
        standard = (features - np.array(self.mean)) / np.array(self.scale)
        odds = np.clip(standard @ np.array(self.weights) + self.bias, -30.0, 30.0)
        result: Doubles = 1.0 / (1.0 + np.exp(-odds))
        return result

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "format": FORMAT,
            "event": f"CIDEr-D of the caption against its picture's references is at least {self.level:g}",
            "level": self.level,
            "features": list(self.features),
            "mean": list(self.mean),
            "scale": list(self.scale),
            "weights": list(self.weights),
            "bias": self.bias,
            "hedge_below": self.hedge_below,
            "facts": dict(self.facts),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Calibration:
        """Inverse of `to_document`.

        Raises:
            BundleError: a field is missing, of another type or out of bounds, or a later captionkit wrote it.
        """
        fields = Fields(dict(document), "calibration.json")
        features = fields.sequence("features", str)
        known = features and len(set(features)) == len(features) and set(features) <= set(KNOWN_FEATURES)
        if fields.get("format", str) != FORMAT or not known:
            raise BundleError(
                f"Expected a calibration of format {FORMAT!r} on features among {', '.join(KNOWN_FEATURES)}, but "
                "the bundle has another; update captionkit, or calibrate the bundle again."
            )
        rows = {name: fields.sequence(name, float) for name in ("mean", "scale", "weights")}
        hedge_below, bias = fields.get("hedge_below", float), fields.get("bias", float)
        if (
            any(len(row) != len(features) for row in rows.values())
            or min(rows["scale"]) < _LEAST_SCALE
            or any(abs(value) > 1 / _LEAST_SCALE for row in (*rows.values(), (bias,)) for value in row)
            or not 0 <= hedge_below <= 1
        ):
            raise BundleError("The bundle's calibration.json has values that none can have; calibrate it again.")
        return cls(
            level=fields.get("level", float),
            mean=rows["mean"],
            scale=rows["scale"],
            weights=rows["weights"],
            bias=bias,
            hedge_below=hedge_below,
            facts=fields.mapping("facts", float),
            features=features,
        )


def in_fit_half(identifier: str) -> bool:
    """Whether a picture belongs to the half that calibration is fitted on; the other half judges it.

    The SHA-256 of the id decides, so no order, seed or selection of pictures moves one across.
    """
    return hashlib.sha256(identifier.encode("utf-8")).digest()[0] % 2 == 0


def fit(
    features: Doubles, quality: npt.ArrayLike, *, level: float = LEVEL, names: Sequence[str] = FEATURES
) -> Calibration:
    """Fit the probability that a caption's quality reaches `level`.

    Logistic regression with an L2 penalty on the weights, by Newton's method (iteratively reweighted least
    squares: Bishop 2006, section 4.3.3).

    Args:
        features: float64 [N, F], rows of `caption_features` in the order of `names`.
        quality: float [N], CIDEr-D of each caption.

    Raises:
        DataError: fewer than 50 captions, or all good, or none.
    """
    event = np.asarray(quality, np.float64) >= level
    if len(event) < 50 or event.all() or not event.any():
        raise DataError(
            f"Expected at least 50 captions, some that reach CIDEr-D {level:g} and some that do not, to calibrate "
            f"on, but got {len(event):,}, of which {int(event.sum()):,} do; give more pictures or another level."
        )
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > _LEAST_SCALE, scale, 1.0)
    design = np.column_stack([(features - mean) / scale, np.ones(len(features))])
    penalty = np.diag([RIDGE] * features.shape[1] + [0.0])
    weights = np.zeros(design.shape[1])
    weights[-1] = math.log(event.mean() / (1 - event.mean()))
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (chance - event) + penalty @ weights
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + penalty
        change = np.linalg.solve(curvature, slope)
        weights -= change
        if np.abs(change).max() < 1e-9:
            break
    fitted = Calibration(
        level=level,
        mean=tuple(map(float, mean)),
        scale=tuple(map(float, scale)),
        weights=tuple(map(float, weights[:-1])),
        bias=float(weights[-1]),
        hedge_below=0.0,
        features=tuple(names),
    )
    threshold = float(np.quantile(fitted.of_features(features), HEDGED_SHARE))
    return replace(fitted, hedge_below=round(threshold, 4))


def surest(captions: Sequence[Caption], confidences: Sequence[float]) -> Caption:
    """The caption that the model is surest of; the first one unless another is surer by `SURER`.

    A beam ranks sentences by how likely the decoder finds them. The confidence also knows what the detectors see,
    and how a caption's length and words have turned out on dev pictures.

    Args:
        captions: of one picture, the likeliest first. Only whole ones are chosen: of those that were cut the first
            meets most of what was demanded, the surest may meet none of it.
        confidences: in the same order.

    Returns:
        With `instead_of`, where it is not the first.
    """
    likeliest = captions[0]
    whole = (place for place, one in enumerate(captions) if one.finished)
    best = max(whole, key=confidences.__getitem__, default=0)
    if confidences[best] <= confidences[0] + SURER:
        return likeliest
    return replace(captions[best], instead_of=likeliest.text)


def hedged(prediction: Prediction, below: float) -> Prediction:
    """A prediction whose captions say "Possibly: ..." where its confidence lies below a threshold."""
    if not is_unsure(prediction, below):
        return prediction
    return replace(
        prediction, captions=tuple(replace(one, text=possibly(one.text)) for one in prediction.captions)
    )


def withheld(prediction: Prediction, below: float) -> Prediction:
    """A prediction without its captions where its confidence lies below a threshold."""
    return replace(prediction, captions=()) if is_unsure(prediction, below) else prediction


def is_unsure(prediction: Prediction, below: float) -> bool:
    """Whether a prediction has a confidence and it lies below the threshold."""
    return prediction.confidence is not None and prediction.confidence < below


def possibly(text: str) -> str:
    """A sentence, hedged: "A dog runs." -> "Possibly: a dog runs."."""
    return f"{POSSIBLY}{text[:1].lower()}{text[1:]}" if text and not text.startswith(POSSIBLY) else text


def feature_names(captions: Sequence[Caption]) -> tuple[str, ...]:
    """What a new calibration is fitted on: with `EVIDENCE` and `RECOGNISED` where detectors saw the pictures."""
    evidence = EVIDENCE if any(one.evidence for one in captions) else ()
    return (*FEATURES, *evidence, *(RECOGNISED if any(one.recognised is not None for one in captions) else ()))


def feature_rows(captions: Sequence[Caption], tokenizer: Tokenizer, names: Sequence[str]) -> Doubles:
    """float64 [N, F], a row of `caption_features` a caption."""
    return np.array([caption_features(one, tokenizer, names) for one in captions]).reshape(-1, len(names))
