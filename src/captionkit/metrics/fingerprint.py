"""What must agree before two scores may be compared, as a mapping and as one line.

The idea is sacreBLEU's signature (Post 2018): a number without its protocol cannot be compared with anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from captionkit import __version__, files
from captionkit.records import split_name

TOKENIZER = "ptb-3.4.1-lower-nopunct"
SCALE = "x1"

# Facts that scoring cannot see in the captions; whoever made them says so.
PROTOCOL_KEYS = ("split", "beams", "max_length", "objective", "ensemble")
UNKNOWN = "not stated"


def fingerprint(
    references: Mapping[str, Sequence[str]],
    signatures: Mapping[str, str],
    protocol: Mapping[str, str],
) -> dict[str, str]:
    """The fingerprint of a result.

    Args:
        references: the pictures that were scored and the captions they were scored against.
        signatures: metric name to what else it depends on.
        protocol: further facts, usually of `PROTOCOL_KEYS`; "not stated" stands for those that lack. A split has
            one name: "dev" is "val".

    Returns:
        Key to value, all strings, in a fixed order.
    """
    numbers = sorted({len(captions) for captions in references.values()})
    counts = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}" if numbers else "0"
    stated = {key: protocol.get(key, UNKNOWN) for key in PROTOCOL_KEYS}
    stated["split"] = split_name(stated["split"]) or stated["split"]
    further = {key: value for key, value in sorted(protocol.items()) if key not in stated}
    return {
        "images": str(len(references)),
        **stated,
        **further,
        "split_sha256": _digest(sorted(references)),
        "references": counts,
        "references_sha256": _digest(
            # Readers of data sets strip captions; coco-caption does not, and scores the same words.
            f"{name}\t{caption.strip()}"
            for name in sorted(references)
            for caption in references[name]
        ),
        "tokenizer": TOKENIZER,
        **{f"metric {name}": text for name, text in signatures.items()},
        "scale": SCALE,
        "captionkit": __version__,
    }


def _digest(lines: Iterable[str]) -> str:
    return files.sha256("\n".join(lines).encode("utf-8", "surrogatepass"))[:16]


def signature(values: Mapping[str, str]) -> str:
    """A fingerprint as one line, to print under a table."""
    return "|".join(f"{key.replace(' ', '.')}:{value}" for key, value in values.items())


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """One line a key in which two fingerprints differ; none where the scores may be compared.

    The version of captionkit is left out: the parts that decide have versions of their own. What one of the two
    does not state is no difference: it is unknown, or a metric that is not compared.
    """
    return [
        f"{key}: {left} / {other[key]}"
        for key, left in one.items()
        if key != "captionkit" and UNKNOWN not in (left, other.get(key, UNKNOWN)) and left != other[key]
    ]
