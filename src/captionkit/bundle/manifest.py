"""What the JSON members of a bundle say, as values.

Letters: S side of the picture in pixels, P grid positions, D feature depth, V vocabulary, B rows.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from captionkit.bundle.fields import Fields
from captionkit.decoding import MAY_REPEAT, NO_ECHO, ONE, TWINS
from captionkit.errors import BundleError

FORMAT = "captionkit-bundle"
VERSION = 1
# MIGRATIONS[v - 1] turns a manifest of version v into one of version v + 1. Append only.
MIGRATIONS: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = ()

_LATER = ("no_echo", "may_repeat", "twins", "one")  # fields of decoding.json that the first bundles lack
DTYPES = ("float32", "int32", "float16", "int8", "uint8", "bool")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One array of the decoder's state, [B, *shape].

    Attributes:
        shape: without B.
        dtype: a name from `DTYPES`.
        changes: whether `step` returns it anew.
    """

    shape: tuple[int, ...]
    dtype: str
    changes: bool


@dataclass(frozen=True, slots=True)
class Network:
    """What goes in and out of encoder.tflite and decoder.tflite.

    Attributes:
        image_size: S; the encoder takes uint8 [B, S, S, 3].
        positions: P.
        depth: D; the encoder gives float32 [B, P, D].
        vocabulary: V; a step gives logits float32 [B, V].
        attention: whether a step also gives attention float32 [B, P].
        state: the leaves of the decoder's state.
        precision: what the weights are, for people: {"encoder": "int8", "decoder": "float32"}.
    """

    image_size: int
    positions: int
    depth: int
    vocabulary: int
    attention: bool
    state: Mapping[str, Leaf]
    precision: Mapping[str, str]

    @property
    def max_length(self) -> int | None:
        """Words that the decoder has room for: a transformer's caches [B, heads, places, depth] begin with bos."""
        places = [leaf.shape[1] for leaf in self.state.values() if leaf.changes and len(leaf.shape) == 3]
        return min(places) - 1 if places else None

    @classmethod
    def from_fields(cls, fields: Fields) -> Network:
        """Inverse of `dataclasses.asdict`."""
        state = {}
        leaves = fields.inner("state")
        for name in leaves.names():
            leaf = leaves.inner(name)
            dtype = leaf.get("dtype", str)
            shape = leaf.sequence("shape", int)
            if dtype not in DTYPES or any(not 0 < size <= 1 << 20 for size in shape) or len(shape) > 4:
                raise BundleError(f"The bundle's state {name!r} has a type or shape that no decoder has.")
            state[name] = Leaf(shape, dtype, leaf.get("changes", bool))
        return cls(
            image_size=fields.integer("image_size", 1, 4096),
            positions=fields.integer("positions", 1, 1 << 16),
            depth=fields.integer("depth", 1, 1 << 16),
            vocabulary=fields.integer("vocabulary", 5, 1 << 20),
            attention=fields.get("attention", bool),
            state=state,
            precision=fields.mapping("precision", str),
        )


@dataclass(frozen=True, slots=True)
class Decoding:
    """How this model's captions are searched for unless told otherwise (decoding.json).

    Attributes:
        beams, max_length, length_penalty: of beam search.
        no_repeat_ngram: see `captionkit.decoding.Constraints`.
        bad_endings: words after which a caption may not end.
        no_echo: words on whose two sides a caption may not say the same.
        may_repeat: words that may come twice; where none is named all may.
        twins: words that name one thing, with spaces between; a caption holds one of them at most.
        one: words after which no plural comes.
        surest: whether another caption is said than the likeliest where the model is surer of it.
        mirrored: whether a picture is looked at in a mirror as well.
    """

    beams: int = 3
    max_length: int = 20
    length_penalty: float = 0.7
    no_repeat_ngram: int = 0
    bad_endings: tuple[str, ...] = ()
    no_echo: tuple[str, ...] = NO_ECHO
    may_repeat: tuple[str, ...] = MAY_REPEAT
    twins: tuple[str, ...] = TWINS
    one: tuple[str, ...] = ONE
    surest: bool = False
    mirrored: bool = False

    @classmethod
    def from_fields(cls, fields: Fields) -> Decoding:
        """Inverse of `dataclasses.asdict`."""
        length_penalty = fields.get("length_penalty", float)
        if not 0 <= length_penalty <= 10:
            raise BundleError(f"Expected a length penalty between 0 and 10, but the bundle has {length_penalty}.")
        return cls(
            beams=fields.integer("beams", 1, 100),
            max_length=fields.integer("max_length", 1, 1000),
            length_penalty=length_penalty,
            no_repeat_ngram=fields.integer("no_repeat_ngram", 0, 100),
            bad_endings=fields.sequence("bad_endings", str),
            # A bundle that does not name any was made, and scored, without.
            **{name: fields.sequence(name, str) if fields.has(name) else () for name in _LATER},
            surest=fields.has("surest") and fields.get("surest", bool),
            mirrored=fields.has("mirrored") and fields.get("mirrored", bool),
        )


@dataclass(frozen=True, slots=True)
class SelfTest:
    """A picture and what the model must say of it (selftest.json). `captionkit bundle check` replays it.

    Attributes:
        picture: a PNG, drawn by captionkit; never somebody's photograph.
        tokens: the words that greedy search gives.
        log_probability: their log-probability, eos included where it was reached.
        max_length: the limit of that search.
    """

    picture: bytes
    tokens: tuple[str, ...]
    log_probability: float
    max_length: int

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "picture": base64.b64encode(self.picture).decode("ascii")}

    @classmethod
    def from_fields(cls, fields: Fields) -> SelfTest:
        """Inverse of `to_document`."""
        try:
            picture = base64.b64decode(fields.get("picture", str), validate=True)
        except ValueError:
            raise BundleError("The picture of the bundle's self-test is not base64.") from None
        return cls(
            picture=picture,
            tokens=fields.sequence("tokens", str),
            log_probability=fields.get("log_probability", float),
            max_length=fields.integer("max_length", 1, 1000),
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """bundle.json without the list of members.

    Attributes:
        name: of the model, for people.
        made_with: the captionkit version that wrote it.
        network: shapes and types.
        licences: what is in it to its licence or terms: {"code": ..., "weights": ..., "data": ...}.
        scores: metric to value on the scale of `captionkit.records.Scores`; empty where not evaluated.
        fingerprint: the protocol those scores were computed by.
    """

    name: str
    made_with: str
    network: Network
    licences: Mapping[str, str]
    scores: Mapping[str, float] = field(default_factory=dict)
    fingerprint: Mapping[str, str] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """As JSON, for the version of today."""
        return {"format": FORMAT, "version": VERSION, **asdict(self)}

    @classmethod
    def from_fields(cls, fields: Fields) -> Manifest:
        """Inverse of `to_document`."""
        return cls(
            name=fields.get("name", str),
            made_with=fields.get("made_with", str),
            network=Network.from_fields(fields.inner("network")),
            licences=fields.mapping("licences", str),
            scores=fields.mapping("scores", float),
            fingerprint=fields.mapping("fingerprint", str),
        )


def migrate(fields: Fields) -> Fields:
    """A manifest of any known version as one of today's.

    Raises:
        BundleError: not a bundle, or of a version of the future.
    """
    if fields.document().get("format") != FORMAT:
        raise BundleError("Expected a captionkit bundle, but its bundle.json names another format.")
    version = fields.get("version", int)
    if not 1 <= version <= VERSION:
        raise BundleError(
            f"Expected a bundle of version 1 to {VERSION}, but this one has {version}; "
            "a newer captionkit wrote it: update captionkit."
        )
    document = fields.document()
    for step in MIGRATIONS[version - 1 :]:
        document = step(document)
    return Fields(document, fields.where)
