"""What captions tell of a data set: references a picture, sentinel tokens, shared caption sets, vocabulary."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from captionkit.audit.findings import Finding, Weight, finding, named, same
from captionkit.datasets.problems import Problem, ProblemKind
from captionkit.errors import agree, several
from captionkit.records import ImageRecord
from captionkit.text import sentinels, tokenize_all

REFERENCES = 5
HELD_OUT = ("val", "test")
_TELLING = 3  # different captions that two pictures must share to be taken for one


def check_splits(problems: Iterable[Problem]) -> list[Finding]:
    """What the reader met: rows of one picture in several splits."""
    apart = [problem for problem in problems if problem.kind is ProblemKind.TWO_SPLITS]
    if not apart:
        return []
    number = len({problem.record for problem in apart})
    message = (
        f"{several(number, 'picture')} {agree(number, 'has', 'have')} caption rows or list entries in several "
        "splits: rows were split instead of pictures. Split by picture (`captionkit data split`)."
    )
    return [finding("splits", Weight.LEAK, message, (f"{p.source}: {p.message}" for p in apart))]


def check_references(records: Sequence[ImageRecord]) -> list[Finding]:
    """Held-out pictures with fewer than five references."""
    findings = []
    for split in HELD_OUT:
        held = [record for record in records if record.split == split]
        few = [record for record in held if len(record.captions) < REFERENCES]
        if few:
            message = (
                f"{several(len(few), 'picture')} of the {len(held):,} in {split} "
                f"{agree(len(few), 'has', 'have')} fewer than {REFERENCES} references; published scores use "
                "all five, and a score falls with every one that lacks."
            )
            cases = (f"{record.id}: {several(len(record.captions), 'reference')}" for record in few)
            findings.append(finding("references", Weight.PROBLEM, message, cases))
    return findings


def check_sentinels(records: Sequence[ImageRecord]) -> list[Finding]:
    """Tokens of a model's vocabulary in captions that people are said to have written."""
    found: list[tuple[ImageRecord, str]] = []
    tokens: Counter[str] = Counter()
    for record in records:
        for caption in record.captions:
            words = sentinels(caption)
            if words:
                found.append((record, caption))
                tokens.update(words)
    if not found:
        return []
    shown = ", ".join(word for word, _ in tokens.most_common(5))
    message = (
        f"{several(len(found), 'caption')} {agree(len(found), 'holds', 'hold')} tokens of a model's vocabulary "
        f"({shown}): they match the same tokens in generated captions and raise scores. Use the captions as "
        "people wrote them."
    )
    held = any(record.split != "train" for record, _ in found)
    weight = Weight.PROBLEM if held else Weight.NOTE
    cases = (f"{named(record)}: {caption}" for record, caption in found)
    return [finding("sentinels", weight, message, cases)]


def check_shared_captions(records: Sequence[ImageRecord]) -> list[Finding]:
    """Pictures of two splits with the same captions: one picture under two names, even without the files."""
    groups: dict[tuple[str, ...], list[ImageRecord]] = defaultdict(list)
    for record in records:
        captions = tuple(sorted(caption.casefold().strip() for caption in record.captions))
        if len(set(captions)) >= _TELLING:
            groups[captions].append(record)
    shared = [group for group in groups.values() if len({record.split for record in group} - {None}) > 1]
    if not shared:
        return []
    message = (
        f"{several(len(shared), 'set')} of captions {agree(len(shared), 'belongs', 'belong')} to pictures of "
        "several splits: one picture under two names?"
    )
    return [finding("captions", Weight.LEAK, message, map(same, shared))]


def check_vocabulary(
    records: Sequence[ImageRecord], vocabulary: Iterable[str], trained_on: Sequence[ImageRecord] = ()
) -> list[Finding]:
    """Words of a vocabulary that only held-out captions have.

    Args:
        vocabulary: the words, special tokens apart.
        trained_on: other pictures that the model was trained on; its words may be from their captions.
    """
    words = set(vocabulary)
    splits: dict[str, set[str]] = {
        split: _words(caption for record in records if record.split == split for caption in record.captions)
        for split in ("train", *HELD_OUT)
    }
    trained = splits["train"] | _words(caption for record in trained_on for caption in record.captions)
    if not trained:
        return [finding("vocabulary", Weight.NOTE, "There is no train split to compare the vocabulary with.")]
    foreign = sorted(words.difference(trained, *(splits[split] for split in HELD_OUT)))
    findings = []
    for split in HELD_OUT:
        only = sorted(words & splits[split] - trained)
        if not only:
            continue
        message = (
            f"{several(len(only), 'word')} of the vocabulary {agree(len(only), 'occurs', 'occur')} in {split} "
            "captions and in no train caption: "
        )
        if foreign:  # it has words from elsewhere, and may have these from there too
            message += (
                f"it was built from {split} captions too, or from other ones, as it holds words of no caption "
                "here. Give the other data that the model was trained on with --trained-on."
            )
        else:
            message += f"it was built from {split} captions too. Build it from train captions alone."
        findings.append(finding("vocabulary", Weight.PROBLEM if foreign else Weight.LEAK, message, only))
    if foreign:
        message = (
            f"{several(len(foreign), 'word')} of the vocabulary {agree(len(foreign), 'occurs', 'occur')} in no "
            "caption of this data set: it comes from other data, or from another tokeniser."
        )
        findings.append(finding("vocabulary", Weight.NOTE, message, foreign))
    return findings


def _words(captions: Iterable[str]) -> set[str]:
    return {word for tokens in tokenize_all(list(captions)) for word in tokens}
