"""Invented captions to score: the same on every machine, with all that is awkward."""

from __future__ import annotations

from collections.abc import Callable

_SUBJECTS = ("a man", "two men", "a young girl", "a brown dog", "the dogs", "a group of people", "an old woman")
_VERBS = ("rides", "is riding", "holds", "jumps over", "sits on", "are standing near", "looks at", "runs through")
_OBJECTS = ("a horse", "the red bench", "a surfboard", "the tall grass", "a wave", "another dog", "the street")
_ENDS = (
    "",
    "at night",
    "in the rain",
    "with a ball",
    "next to a tree",
    "while others watch",
    "outside",
    "at 10 a.m.",
)

Corpora = tuple[dict[str, str], dict[str, list[str]]]


def numbers(seed: int) -> Callable[[int], int]:
    """A function that gives whole numbers below its argument, the same on every Python."""
    state = seed

    def below(limit: int) -> int:
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return (state >> 33) % limit

    return below


def invented(pictures: int = 60, seed: int = 1) -> Corpora:
    """Predictions and references: one to six references a picture, and odd candidates among the plain ones."""
    below = numbers(seed)

    def sentence(subject: int, verb: int) -> str:
        subject = below(len(_SUBJECTS)) if below(4) == 0 else subject
        verb = below(len(_VERBS)) if below(3) == 0 else verb
        parts = [_SUBJECTS[subject], _VERBS[verb], _OBJECTS[below(len(_OBJECTS))], _ENDS[below(len(_ENDS))]]
        return " ".join(part for part in parts if part).capitalize() + ("." if below(2) else "")

    odd = ("", ".", "a", "dog", "a a a a a a", "A man (left) rides 1 1/2 horses.", "zebra xylophone quartz")
    predictions, references = {}, {}
    for picture in range(pictures):
        subject, verb = below(len(_SUBJECTS)), below(len(_VERBS))
        name = f"picture{picture}"
        references[name] = [sentence(subject, verb) for _ in range(1 + below(6))]
        predictions[name] = odd[picture % len(odd)] if picture % 6 == 5 else sentence(subject, verb)
        if picture % 11 == 3:
            references[name][0] = ""
        if picture % 13 == 4:
            predictions[name] = references[name][-1]
        if picture % 17 == 6:
            predictions[name] = " ".join([predictions[name]] * 3)
    return predictions, references
