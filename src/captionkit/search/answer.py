"""What a person asks of an index, answered with paths and sentences: by words, by likeness, and twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from captionkit.bundle import Bundle
from captionkit.captioner import Captioner
from captionkit.errors import SearchError, several
from captionkit.images import load_pixels, read_image_bytes
from captionkit.search.compact import Bytes, to_vectors
from captionkit.search.database import model_id
from captionkit.search.gallery import Card, format_gallery
from captionkit.search.index import Index
from captionkit.search.ranking import DEPTH, rank
from captionkit.search.similar import duplicates, like
from captionkit.search.words import QueryWord, hits, query_words, split_query


@dataclass(frozen=True, slots=True)
class Result:
    """A picture that was found.

    Attributes:
        path: where it lies; the first path where it lies at several.
        copies: the other paths.
        caption: the stored caption with the most words of the query, else the best one.
        score: what it was ranked by; the larger the better.
        hits: words of the caption that the query asks for.
        parts: what the score is made of, by name.
        words: word of the query -> by how many nats the picture makes it likelier.
    """

    path: Path
    copies: tuple[Path, ...]
    caption: str
    score: float
    hits: tuple[str, ...]
    parts: Mapping[str, float]
    words: Mapping[str, float]

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "path": str(self.path),
            "copies": [str(path) for path in self.copies],
            "caption": self.caption,
            "score": round(self.score, 4),
            "hits": list(self.hits),
            **{name: round(value, 4) for name, value in self.parts.items()},
            "word_gains": {word: round(value, 4) for word, value in self.words.items()},
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found.

    Attributes:
        question: what was asked, for a heading.
        groups: one group of results, best first; for duplicates one group each.
        notes: sentences for the person: what the model does not know, what was left out.
        by: what the score is, in a few words.
    """

    question: str
    groups: tuple[tuple[Result, ...], ...]
    notes: tuple[str, ...]
    by: str

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "question": self.question,
            "scored_by": self.by,
            "notes": list(self.notes),
            "groups": [[result.to_document() for result in group] for group in self.groups],
        }

    def to_page(self, root: Path) -> str:
        """As a self-contained HTML page; names are shown relative to `root`."""
        sections = []
        for number, group in enumerate(self.groups, start=1):
            heading = f"Group {number}, {len(group)} pictures" if len(self.groups) > 1 else ""
            if group:
                sections.append((heading, [_card(result, root) for result in group]))
        count = sum(len(group) for group in self.groups)
        summary = f"{several(count, 'picture')} of {root}, ranked by {self.by}."
        return format_gallery(self.question, " ".join([summary, *self.notes]), sections)


def check_model(index: Index, bundle: Bundle) -> None:
    """Refuse a model that the index was not made with.

    Raises:
        SearchError: it is another.
    """
    if index.facts.model != model_id(bundle):
        raise SearchError(
            f"The index {index.path} was made with another model ({index.facts.model_name!r}, not "
            f"{bundle.manifest.name!r}), and what it holds of pictures means nothing to this one; name that model "
            "with --bundle, make the index anew with --rebuild, or search with --captions-only."
        )


def answer_query(
    index: Index, query: str, captioner: Captioner | None, *, limit: int = 20, depth: int = DEPTH
) -> Answer:
    """Pictures that fit a text, whatever it says.

    Args:
        captioner: the model that the index was made with; None for captions alone.
        limit, depth: see `rank`.

    Raises:
        SearchError: the index is of another model.
    """
    if captioner is not None:
        check_model(index, captioner.bundle)
    ranking = rank(index, query, captioner, limit=limit, depth=depth)
    parts = split_query(query)
    words = query_words(parts.wanted)
    contents = [hit.content for hit in ranking.hits]
    captions, paths = index.captions(contents), index.paths(contents)
    results = []
    for hit in ranking.hits:
        if hit.content not in paths:
            continue  # its file was dropped a moment ago
        caption, found = best_caption(captions.get(hit.content, []), words)
        first, *copies = paths[hit.content]
        made_of = {"bm25": hit.bm25, "expected": hit.expected} | ({} if hit.gain is None else {"gain": hit.gain})
        gains: dict[str, float] = {}
        for word, gain in zip(ranking.asked, hit.word_gains, strict=False):
            gains[word] = gains.get(word, 0.0) + gain
        results.append(Result(first, tuple(copies), caption, hit.score, found, made_of, gains))
    notes = []
    if not words and not ranking.asked:
        notes.append("The query has no words, so nothing is looked for.")
    elif not results:
        notes.append("No picture fits: no caption has a word of the query, and the model expects none.")
    if parts.excluded:
        quoted = " or ".join(f"'{' '.join(word.word for word in thing)}'" for thing in parts.excluded)
        notes.append(f"Pictures whose captions speak of {quoted} are left out.")
    if parts.excludes_all:
        notes.append(
            "Nothing is left out: the query is looked for as it stands. Put what is to be seen before it."
        )
    if ranking.unknown and words:
        quoted = ", ".join(f"'{word}'" for word in ranking.unknown)
        notes.append(f"The model does not know {quoted}; only captions and expected words are searched for that.")
    if ranking.unasked:
        # Those that the model is not asked for are still searched for by the first stage.
        left_out = "are not looked for" if captioner is None else "do not count for the model"
        notes.append(f"The query is long; its last {ranking.unasked:,} words {left_out}.")
    by = "words and model" if any(hit.gain is not None for hit in ranking.hits) else "words"
    return Answer(query, (tuple(results),), tuple(notes), by)


def answer_like(index: Index, photo: Path, load: Callable[[], Captioner], *, limit: int = 20) -> Answer:
    """Pictures that are like a photo, itself left out.

    Args:
        photo: a picture file, in the index or not.
        load: gives the model; called only for a photo that the index does not hold.

    Raises:
        ImageError: the photo cannot be read.
        SearchError: the index is of another model, and the photo is new to it.
    """
    data = read_image_bytes(photo)
    contents, vectors = index.vectors()
    itself = index.content_of(hashlib.sha256(data).digest())
    vector: Bytes
    if itself is not None:
        vector = index.vector(itself)
    else:
        captioner = load()
        check_model(index, captioner.bundle)
        pixels = load_pixels(data, captioner.engine.network.image_size)
        vector = to_vectors(captioner.engine.encode(pixels[None]))[0]
    found = like(contents, vectors, vector, limit + 1)
    if itself is not None:
        found.pop(itself, None)
    results = _plain(index, dict(list(found.items())[:limit]))
    return Answer(f"Like {photo}", (tuple(results),), (), "likeness, 1 for the same")


def answer_duplicates(index: Index) -> Answer:
    """Groups of pictures that are nearly the same, and pictures that lie at several paths; one result a path."""
    groups = duplicates(*index.looks())
    grouped = {content for group in groups for content in group}
    groups += [{content: 1.0} for content in index.copied() if content not in grouped]
    # A result for each path: who looks for copies wants to see and open all of them.
    results = tuple(
        tuple(
            replace(one, path=path, copies=()) for one in _plain(index, group) for path in (one.path, *one.copies)
        )
        for group in groups
    )
    notes = () if results else ("No two pictures are nearly the same.",)
    return Answer("Pictures that are nearly the same", results, notes, "likeness, 1 for the same")


def best_caption(captions: Sequence[str], words: Sequence[QueryWord]) -> tuple[str, tuple[str, ...]]:
    """The caption with the most words of a query, the earlier one where several have as many; and those words."""
    found = [(tuple(hits(words, one)), one) for one in captions]
    if not found:
        return "", ()
    best, text = max(found, key=lambda pair: len(pair[0]))
    return text, best


def _plain(index: Index, scores: Mapping[int, float]) -> list[Result]:
    captions, paths = index.captions(scores), index.paths(scores)
    results = []
    for content, score in scores.items():
        if content in paths:
            first, *copies = paths[content]
            caption, *_ = captions.get(content, [""])
            results.append(Result(first, tuple(copies), caption, score, (), {"likeness": score}, {}))
    return results


def _card(result: Result, root: Path) -> Card:
    name, *others = (
        str(path.relative_to(root) if path.is_relative_to(root) else path)
        for path in (result.path, *result.copies)
    )
    facts = f"score {result.score:.2f}"
    if others:
        facts += f"; also at {', '.join(others)}"
    return Card(result.path, name, result.caption, result.hits, facts)
