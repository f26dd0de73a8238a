"""Proposals: what the model would say of the pictures whose verdict asks for a description, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from captionkit.alttext.scan import Finding, ScannedDocument
from captionkit.alttext.sources import Where
from captionkit.alttext.verdict import MAX_LENGTH, WANTS_DESCRIPTION, Verdict
from captionkit.alttext.wording import LANGUAGE, is_foreign, word_alt_text
from captionkit.files import sha256, sha256_file
from captionkit.records import Prediction
from captionkit.unfinished import KeptPredictions

MIN_CONFIDENCE = 0.8
_BATCH = 16
# Described for a person to choose from, but never written without one.
_OFFERED = WANTS_DESCRIPTION | {Verdict.REDUNDANT}


class Describes(Protocol):
    """Anything that captions as `captionkit.captioner.Captioner` does."""

    def caption(self, images: Iterable[Path | bytes]) -> Sequence[Prediction]:
        """One prediction a picture, in order; a picture that cannot be read has its `error` set."""
        ...


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed for one picture.

    Attributes:
        finding: the picture.
        text: the proposed alternative text; empty where only a person can say it.
        confidence: the model's calibrated confidence, 0 to 1; None where it has none.
        note: why there is no text, or why it is not to be trusted alone; empty otherwise.
        same_as: id of an earlier finding that shows the same picture in the same role, whose decision fits this
            one too; empty where there is none.
    """

    finding: Finding
    text: str = ""
    confidence: float | None = None
    note: str = ""
    same_as: str = ""

    @property
    def confident(self) -> bool:
        """Whether it may be written without review."""
        return bool(self.text) and not self.note


def propose(
    documents: Sequence[ScannedDocument],
    captioner: Describes,
    *,
    kept: KeptPredictions | None = None,
    min_confidence: float = MIN_CONFIDENCE,
    max_length: int = MAX_LENGTH,
    neutral: bool = False,
    skip: Callable[[Finding], bool] | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Proposal]:
    """Proposals for every picture whose verdict is not ok and that has a place for alternative text.

    A picture that several documents show is captioned once; where it has the same role in them, its proposals
    stand together.

    Args:
        documents: what `scan` gave.
        captioner: describes the pictures.
        kept: remembers what it said of a picture, by the SHA-256 of its bytes: that is not asked again.
        min_confidence: what the model must reach for its words to be written without review.
        max_length: characters a text may have.
        neutral: say nothing of people's gender.
        skip: pictures to pass over, such as those that were written before.
        progress: called with the number of pictures that have been captioned since the last call.
    """
    proposals: list[Proposal] = []
    waiting: dict[str, tuple[ScannedDocument, Finding, list[int]]] = {}
    for document in documents:
        for finding in document.findings:
            if not _concerns(finding) or (skip is not None and skip(finding)):
                continue
            note = ""
            if finding.judgement.verdict in _OFFERED:
                key, problem = _content_hash(document, finding)
                if problem:
                    note = f"No proposal: {problem.removesuffix('.')}."
                else:
                    waiting.setdefault(key, (document, finding, []))[2].append(len(proposals))
            proposals.append(Proposal(finding, note=note))
    entries = list(waiting.items())
    for start in range(0, len(entries), _BATCH):
        batch = entries[start : start + _BATCH]
        known = [kept.recall(key) if kept is not None else None for key, _ in batch]
        asked = [one for (_, one), said in zip(batch, known, strict=True) if said is None]
        # Bytes inside archives are read again here: all of a book's pictures at once may not fit into memory.
        contents = [document.content(finding) or b"" for document, finding, _ in asked]
        found = iter(captioner.caption(contents) if contents else ())
        for (key, (_, _, numbers)), said in zip(batch, known, strict=True):
            prediction = next(found) if said is None else said
            if said is None and kept is not None:
                kept.keep(key, prediction)
            for number in numbers:
                finding = proposals[number].finding
                proposals[number] = _proposal(finding, prediction, min_confidence, max_length, neutral)
        if progress is not None:
            progress(len(batch))
    return _grouped(proposals, documents)


def count_pictures(documents: Iterable[ScannedDocument]) -> int:
    """How many pictures `propose` will caption at most, for a progress bar. A file counts once."""
    return len(
        {
            document.content(finding) if finding.where is Where.FILE else (document.path, finding.picture.source)
            for document in documents
            for finding in document.findings
            if finding.judgement.verdict in _OFFERED and not finding.problem and _concerns(finding)
        }
    )


def _grouped(proposals: Sequence[Proposal], documents: Sequence[ScannedDocument]) -> list[Proposal]:
    """The proposals with those of the same picture in the same role behind the first of them."""
    places = {finding.id: (document, finding) for document in documents for finding in document.findings}
    groups: dict[object, list[Proposal]] = {}
    for one in proposals:
        document, finding = places[one.finding.id]
        content = document.content(finding)
        picture: object = sha256(content) if isinstance(content, bytes) else content
        if picture is None:  # of what cannot be had only an address on another host tells that it is the same
            picture = finding.picture.source if finding.where is Where.REMOTE else finding.id
        first = groups.setdefault((picture, *_role(one)), [])
        first.append(replace(one, same_as=first[0].finding.id) if first else one)
    return [one for group in groups.values() for one in group]


def _role(one: Proposal) -> tuple[object, ...]:
    """What a decision on a picture rests on beside its pixels; headings and words beside it seldom decide."""
    picture, context, judgement = one.finding.picture, one.finding.picture.context, one.finding.judgement
    beside = context.nearby if judgement.verdict is Verdict.REDUNDANT else ""
    around = replace(context, heading="", nearby=beside)
    return around, judgement, picture.alt, picture.may_be_empty, one.text, one.note


def _content_hash(document: ScannedDocument, finding: Finding) -> tuple[str, str]:
    """What tells a picture from others, and why it cannot be had, if so: the file may be gone since the scan."""
    content = None if finding.problem else document.content(finding)
    if content is None:
        return "", finding.problem or "it is no longer there"
    try:
        return sha256(content) if isinstance(content, bytes) else sha256_file(content), ""
    except OSError as error:
        return "", f"its file cannot be read ({error.strerror or error})"


def _concerns(finding: Finding) -> bool:
    verdict, picture = finding.judgement.verdict, finding.picture
    if picture.slot is None or verdict is Verdict.OK:
        return False
    return verdict is not Verdict.DECORATIVE or not picture.decorative


def _proposal(
    finding: Finding, prediction: Prediction, min_confidence: float, max_length: int, neutral: bool
) -> Proposal:
    if prediction.error is not None:
        return Proposal(finding, note=f"No proposal: {prediction.error}")
    text = word_alt_text(prediction.text, max_length=max_length, neutral=neutral)
    if not text:
        return Proposal(finding, note="No proposal: the model says nothing of it.")
    confidence = prediction.confidence
    language = finding.picture.context.language
    note = ""
    if is_foreign(language):
        note = f"The page is in '{language}', the proposal in '{LANGUAGE}': translate it."
    elif finding.judgement.verdict not in WANTS_DESCRIPTION:
        note = "Choose: this description, or an empty text if the words beside it say it all."
    elif confidence is None:
        note = "The model does not say how sure it is."
    elif confidence < min_confidence:
        note = "The model is not sure."
    return Proposal(finding, text, confidence, note=note)
