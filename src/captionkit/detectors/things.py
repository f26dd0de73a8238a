"""Things that a picture surely shows, told by what its encoder knew before it saw a caption.

The encoder learned the thousand classes of ImageNet from 1.2 million pictures, many of things that the captions
hardly name: bears, sheep, couches. Fine-tuned for captions it still knows them; one linear layer reads them off
its features. Classes are put together to things that have a word in captions.

Letters: B N pictures, P grid positions, D feature depth, C the 1,000 classes of ImageNet, T things, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from captionkit.detectors import MOST, Floats, read_detector, ridge, to_int8, write_detector
from captionkit.errors import BundleError
from captionkit.tokenizer import Tokenizer

SURE = 0.6  # probability from which on a caption is asked to name a thing, and
CALLED_FOR = 1.0  # evidence, in nats, that the word detector must have for one of its words
SURELY_NOT = 0.2  # probability below which a caption is asked to leave out a thing that is never overlooked
SHARPNESS = 2.0  # times the logits: label smoothing and the ridge keep the probabilities of 1,000 classes low
RIDGE = 0.1  # pull of the fitted layer towards zero, as a share of the features' mean variance
CLASSES = 1000

# The words for a thing, its name first, and its classes in the order of ILSVRC 2012. Left out is what has a
# look-alike that ImageNet does not know: its snowboards are skis, its kites parachutes, surfers' sails catamarans.
_THINGS = {
    "dog dogs puppy puppies greyhound greyhounds poodle dalmatian terrier labrador retriever collie shepherd": (
        "151-268 273-275"
    ),
    "cat cats kitten kittens": "281-285",
    "bear bears": "294-297",
    "bird birds seagull seagulls duck ducks goose geese pigeon pigeons swan swans chicken chickens parrot owl "
    "eagle pelican pelicans flamingo flamingos crane ostrich": "7-24 80-100 127-146",
    "elephant elephants": "101 385-386",
    "zebra zebras": "340",
    "sheep lamb lambs ram goat goats": "348-350",
    "cow cows cattle bull bulls ox": "345-347",
    "horse horses pony": "339 603",
    "monkey monkeys gorilla ape": "365-382",
    "lion lions": "291",
    "tiger tigers": "292",
    "panda pandas": "388",
    "squirrel squirrels": "335",
    "rabbit rabbits bunny": "330-332",
    "turtle turtles": "33-37",
    "butterfly butterflies": "321-326",
    "fish shark": "0-6 389-397",
    "plane planes airplane airplanes jet jets aircraft helicopter": "404-405 895 908",
    "bus buses": "654 779 874",
    "train trains trolley subway": "466 547 565 705 820 829",
    "car cars taxi taxis cab jeep van suv": "436 468 479 511 609 627 656 661 717 751 817",
    "motorcycle motorcycles motorbike motorbikes scooter scooters moped bike bikes": "665 670",
    "boat boats ship ships canoe canoes kayak kayaks sailboat sailboats raft ferry": (
        "403 472 510 554 576 625 628 724 780 814 833 914"
    ),
    "pizza pizzas": "963",
    "broccoli vegetables": "936-938",
    "banana bananas": "954",
    "orange oranges": "950",
    "plate plates food meal dish": "923-926 935 959 962 964-965",
    "cup cups mug coffee": "504 967-968",
    "couch couches sofa": "831",
    "bed beds bedroom": "564",
    "bench benches": "703",
    "toilet toilets bathroom": "861",
    "sink sinks bathroom": "896",
    "bathtub tub bath": "435 876",
    "refrigerator fridge kitchen": "760",
    "microwave oven kitchen": "651",
    "stove oven kitchen": "827",
    "laptop laptops computer computers": "620 681",
    "computer computers monitor monitors desktop screen": "527 664",
    "keyboard keyboards computer": "508",
    "clock clocks watch": "409 530 892",
    "umbrella umbrellas": "879",
    "camera cameras tripod photographer": "732 759 872",
    "guitar guitars": "402 546",
    "accordion": "401",
    "drum drums": "541",
    "teddy bear bears stuffed": "850",
    "tennis racket": "752 852",
    "basketball": "430",
    "tent tents": "672",
    "sign signs": "919",
    "light lights traffic": "920",
}


def _numbers(ranges: str) -> list[int]:
    ends = (part.partition("-") for part in ranges.split())
    return [number for low, _, high in ends for number in range(int(low), int(high or low) + 1)]


# T tuples: a caption that holds one of the words names the thing.
WORDS = tuple(tuple(words.split()) for words in _THINGS)
# Places of things with so many classes that the classifier hardly overlooks one. Of the others a picture may show
# one that it takes for something else: a cat before a laptop is a laptop.
NEVER_OVERLOOKED = (0,)  # dogs, 121 classes
MEMBERS = np.zeros((CLASSES, len(WORDS)), np.float32)  # [C, T]: 1 where a class is such a thing
for _place, _ranges in enumerate(_THINGS.values()):
    MEMBERS[_numbers(_ranges), _place] = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class ThingDetector:
    """A linear layer from a picture's mean features to the classes of ImageNet.

    Attributes:
        weights: float32 [D, C].
        bias: float32 [C].
    """

    weights: Floats
    bias: Floats

    def probabilities(self, features: Floats) -> Floats:
        """How likely each thing is the one that a picture is of.

        Args:
            features: float32 [B, P, D].

        Returns:
            float32 [B, T], in the order of `WORDS`; a row sums to 1 at most, as most classes are no such thing.
        """
        logits = features.mean(axis=1) @ self.weights + self.bias
        chances = np.exp(logits - logits.max(axis=1, keepdims=True))
        result: Floats = (chances / chances.sum(axis=1, keepdims=True)) @ MEMBERS
        return result

    def to_bytes(self) -> bytes:
        """As an `.npz`; the weights as int8 with a scale a class."""
        weights, scale = to_int8(self.weights)
        return write_detector({"weights": weights, "scale": scale, "bias": self.bias})

    @classmethod
    def from_bytes(cls, data: bytes, *, depth: int) -> ThingDetector:
        """Inverse of `to_bytes`, but for the rounding to int8.

        Raises:
            BundleError: the bytes are damaged, or belong to features of another depth.
        """
        arrays = read_detector(data, "things.npz", ("weights", "scale", "bias"))
        weights, scale, bias = arrays["weights"], arrays["scale"], arrays["bias"]
        fits = weights.shape == (depth, CLASSES) and weights.dtype == np.int8
        if not fits or any(
            one.shape != (CLASSES,) or one.dtype != np.float32 or not (np.abs(one) <= MOST).all()
            for one in (scale, bias)
        ):
            raise BundleError(
                f"Expected a layer of {CLASSES:,} classes for features of depth {depth:,}, but its things.npz "
                "holds another; export the bundle again."
            )
        return cls(weights * scale, bias)


def ids_of_things(tokenizer: Tokenizer) -> tuple[frozenset[int], ...]:
    """The ids of each thing's words, T sets; empty where the vocabulary has none of them."""
    found = ([tokenizer.id_of(word) for word in words] for words in WORDS)
    return tuple(frozenset(id_ for id_ in ids if id_ is not None) for ids in found)


def named(chances: Floats, things: Sequence[frozenset[int]], ids: Iterable[int]) -> float:
    """How likely the likeliest thing is that a caption of these ids names, of chances float32 [T]; 0 for none."""
    words = frozenset(ids)
    return float(max((chance for chance, one in zip(chances, things, strict=True) if one & words), default=0.0))


def fit_thing_detector(features: Floats, plain: Floats, head: tuple[Floats, Floats]) -> ThingDetector:
    """A layer that says of an encoder's features what ImageNet's classifier says of those it was trained on.

    Ridge regression from the former to the latter's logits: no labels are needed, only pictures.

    Args:
        features: float32 [N, D], the mean over the grid of each picture by the encoder of the bundle.
        plain: float32 [N, D'], of the same pictures by the encoder with its published weights.
        head: the published classifier, float32 [D', C] and [C].
    """
    logits = plain.astype(np.float64) @ head[0] + head[1]
    mean, usual = features.mean(axis=0, dtype=np.float64), logits.mean(axis=0)
    centred = features - mean
    weights = ridge(centred.T @ centred, centred.T @ (logits - usual), RIDGE)
    return _sharpened(weights, usual - mean @ weights)


def thing_detector(head: tuple[Floats, Floats]) -> ThingDetector:
    """The published classifier itself, for an encoder that has its published weights."""
    return _sharpened(*head)


def _sharpened(weights: npt.NDArray[np.floating], bias: npt.NDArray[np.floating]) -> ThingDetector:
    return ThingDetector((SHARPNESS * weights).astype(np.float32), (SHARPNESS * bias).astype(np.float32))
