"""The one-file model: vocabulary, preprocessing, networks, defaults, licences and a self-test, each with its hash.

`docs/formats.md` describes it member by member.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from captionkit.bundle.archive import read_archive, write_archive
from captionkit.bundle.fields import Fields, write_json
from captionkit.bundle.manifest import Decoding, Leaf, Manifest, Network, SelfTest, migrate
from captionkit.errors import BundleError, DataError
from captionkit.files import replacing, sha256
from captionkit.images import PREPROCESSING_VERSION
from captionkit.tokenizer import Tokenizer

__all__ = [
    "DEFAULT_BUNDLE",
    "Bundle",
    "Decoding",
    "Leaf",
    "Manifest",
    "Network",
    "SelfTest",
    "parse_bundle",
    "read_bundle",
    "text_members",
    "write_bundle",
]

DEFAULT_BUNDLE = Path(__file__).parent.parent / "bundles" / "default.captionkit"
MAX_BUNDLE_BYTES = 1 << 30

_MB = 1 << 20
# What a member may measure. The order is that of the file.
_REQUIRED = {
    "bundle.json": _MB,
    "tokenizer.json": 64 * _MB,
    "preprocessor.json": _MB,
    "decoding.json": _MB,
    "encoder.tflite": 512 * _MB,
    "decoder.tflite": 512 * _MB,
    "selftest.json": 4 * _MB,
    "card.md": _MB,
}
_OPTIONAL = {
    "config.toml": _MB,
    "calibration.json": _MB,
    "word_detector.npz": 64 * _MB,
    "things.npz": 64 * _MB,
    "weights.safetensors": 1024 * _MB,
}
_LIMITS = {**_REQUIRED, **_OPTIONAL}


@dataclass(frozen=True, slots=True, repr=False)
class Bundle:
    """A bundle in memory, all of it checked.

    Attributes:
        source: the file it was read from, for messages.
        manifest: names, shapes, licences, scores.
        tokenizer: the vocabulary that belongs to the decoder.
        decoding: the search that is used unless told otherwise.
        selftest: a picture and what the model must say of it.
        encoder, decoder: LiteRT models.
        card: the model card, Markdown.
        config: the training configuration, TOML; None where the bundle does not carry it.
        calibration: what turns scores into confidence, as JSON; None without.
        word_detector: what tells the words of a picture without a sentence, see `captionkit.detectors.words`; None
            without.
        things: what tells things that a picture surely shows, see `captionkit.detectors.things`; None without.
        weights: safetensors to go on training from; None without.
    """

    source: str
    manifest: Manifest
    tokenizer: Tokenizer
    decoding: Decoding
    selftest: SelfTest
    encoder: bytes
    decoder: bytes
    card: str
    config: str | None = None
    calibration: Mapping[str, Any] | None = None
    word_detector: bytes | None = None
    things: bytes | None = None
    weights: bytes | None = None

    def __repr__(self) -> str:
        """Without its networks, which are megabytes."""
        return f"Bundle({self.manifest.name!r} from {self.source})"


def write_bundle(path: Path | str, bundle: Bundle) -> None:
    """Write a bundle, whole or not at all. The same contents give the same bytes.

    Raises:
        BundleError: vocabulary and networks do not belong together, a member is too large, or `read_bundle` would
            refuse its manifest or decoding.
    """
    _check_belongs(bundle)
    contents: dict[str, bytes | None] = {
        **text_members(bundle.tokenizer, bundle.manifest.network.image_size, bundle.decoding),
        "encoder.tflite": bundle.encoder,
        "decoder.tflite": bundle.decoder,
        "selftest.json": write_json(bundle.selftest.to_document()),
        "card.md": bundle.card.encode("utf-8"),
        "config.toml": None if bundle.config is None else bundle.config.encode("utf-8"),
        "calibration.json": None if bundle.calibration is None else write_json(dict(bundle.calibration)),
        "word_detector.npz": bundle.word_detector,
        "things.npz": bundle.things,
        "weights.safetensors": bundle.weights,
    }
    members = {name: data for name, data in contents.items() if data is not None}
    listed = {name: {"size": len(data), "sha256": sha256(data)} for name, data in members.items()}
    manifest = write_json({**bundle.manifest.to_document(), "members": listed})
    for name, data in {"bundle.json": manifest, **members}.items():
        _check_size(name, len(data))
    # Before they take the place of a bundle that can be read.
    Manifest.from_fields(Fields.parse(manifest, "bundle.json"))
    Decoding.from_fields(Fields.parse(members["decoding.json"], "decoding.json"))
    with replacing(path) as handle:
        for piece in write_archive({"bundle.json": manifest, **members}):
            handle.write(piece)


def text_members(tokenizer: Tokenizer, image_size: int, decoding: Decoding) -> dict[str, bytes]:
    """What captioning needs beside the networks: the members tokenizer.json, preprocessor.json, decoding.json."""
    return {
        "tokenizer.json": tokenizer.to_json().encode("utf-8"),
        "preprocessor.json": write_json({"version": PREPROCESSING_VERSION, "image_size": image_size}),
        "decoding.json": write_json(asdict(decoding)),
    }


def read_bundle(path: Path | str | None = None) -> Bundle:
    """Read and check a bundle; None reads the one that is installed with captionkit.

    Every byte of the file is accounted for: hashes cover the members, and the rest is compared with what it
    must be (`captionkit.bundle.archive`). That protects against damage and mix-ups. It cannot tell who made a
    bundle: its networks run in this process, so take bundles from people you trust.

    Raises:
        BundleError: no such file, or anything about it is not as it must be.
    """
    if path is None and not DEFAULT_BUNDLE.exists():
        raise BundleError("No bundle is installed with this captionkit; name one with --bundle FILE.captionkit.")
    source = Path(DEFAULT_BUNDLE if path is None else path)
    data = _read_file(source)
    try:
        return parse_bundle(data, str(source))
    except BundleError as error:
        raise BundleError(f"{source}: {error}") from None


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as handle:
            size = handle.seek(0, 2)
            if size > MAX_BUNDLE_BYTES:
                raise BundleError(f"{path} has {size:,} bytes, more than a bundle may ({MAX_BUNDLE_BYTES:,}).")
            handle.seek(0)
            return handle.read(MAX_BUNDLE_BYTES)
    except OSError as error:
        raise BundleError(
            f"Expected a bundle at {path}, but it cannot be read ({error.strerror}); give the path of a "
            ".captionkit file."
        ) from None


def parse_bundle(data: bytes, source: str) -> Bundle:
    """`read_bundle` for the bytes of a file; `source` names them in messages."""
    members = read_archive(data)
    if next(iter(members)) != "bundle.json":
        raise BundleError("Expected bundle.json as the first member; this is not a captionkit bundle.")
    for name, member in members.items():
        _check_size(name, len(member))
    document = migrate(Fields.parse(members["bundle.json"], "bundle.json"))
    _check_members(document.inner("members"), members)
    manifest = Manifest.from_fields(document)
    preprocessor = _json(members, "preprocessor.json")
    if preprocessor.get("version", int) != PREPROCESSING_VERSION:
        raise BundleError(
            f"Its preprocessing has version {preprocessor.get('version', int)}, but this captionkit prepares "
            f"pictures by version {PREPROCESSING_VERSION} and would feed it other pixels than it was trained on; "
            "use the captionkit that wrote it, or export the model again."
        )
    if preprocessor.get("image_size", int) != manifest.network.image_size:
        raise BundleError("Its preprocessing and its encoder disagree about the size of pictures.")
    try:
        tokenizer = Tokenizer.from_json(_text(members, "tokenizer.json"))
    except DataError as error:
        raise BundleError(f"Its vocabulary is wrong. {error}") from None
    bundle = Bundle(
        source=source,
        manifest=manifest,
        tokenizer=tokenizer,
        decoding=Decoding.from_fields(_json(members, "decoding.json")),
        selftest=SelfTest.from_fields(_json(members, "selftest.json")),
        encoder=members["encoder.tflite"],
        decoder=members["decoder.tflite"],
        card=_text(members, "card.md"),
        config=_text(members, "config.toml") if "config.toml" in members else None,
        calibration=_json(members, "calibration.json").document() if "calibration.json" in members else None,
        word_detector=members.get("word_detector.npz"),
        things=members.get("things.npz"),
        weights=members.get("weights.safetensors"),
    )
    _check_belongs(bundle)
    return bundle


def _check_members(listed: Fields, members: Mapping[str, bytes]) -> None:
    names = {name for name in members if name != "bundle.json"}
    expected = set(listed.names())
    for name in sorted(names ^ expected | (_REQUIRED.keys() - members.keys())):
        state = "is missing" if name not in names else "is not listed in bundle.json"
        raise BundleError(f"Its member {name!r} {state}; fetch or export the bundle again.")
    for name in sorted(names):
        entry = listed.inner(name)
        if len(members[name]) != entry.get("size", int) or sha256(members[name]) != entry.get("sha256", str):
            raise BundleError(f"Its member {name!r} does not match its hash; fetch or export the bundle again.")


def _check_size(name: str, size: int) -> None:
    if name not in _LIMITS:
        raise BundleError(f"It has an unknown member {name!r}; a newer captionkit may have written it.")
    if size > _LIMITS[name]:
        raise BundleError(f"Its member {name!r} has {size:,} bytes, more than it may ({_LIMITS[name]:,}).")


def _check_belongs(bundle: Bundle) -> None:
    if len(bundle.tokenizer) != bundle.manifest.network.vocabulary:
        raise BundleError(
            f"Its vocabulary has {len(bundle.tokenizer):,} entries, but its decoder speaks "
            f"{bundle.manifest.network.vocabulary:,}; they do not belong together."
        )


def _json(members: Mapping[str, bytes], name: str) -> Fields:
    return Fields.parse(members[name], name)


def _text(members: Mapping[str, bytes], name: str) -> str:
    try:
        return members[name].decode("utf-8")
    except UnicodeDecodeError:
        raise BundleError(f"Its member {name!r} is not UTF-8 text.") from None
