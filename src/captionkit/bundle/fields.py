"""Typed reading of the JSON members: a field is there, of its type and within bounds, or one sentence says why."""

from __future__ import annotations

import json
import math
from typing import Any, TypeVar

from captionkit.errors import BundleError

T = TypeVar("T")


class Fields:
    """A JSON object of a member, read field by field."""

    def __init__(self, document: Any, where: str) -> None:
        """Take a parsed object; `where` names it in messages.

        Raises:
            BundleError: it is no object.
        """
        if not isinstance(document, dict):
            raise BundleError(f"Expected an object in {where} of the bundle, but got {_kind(document)}.")
        self._document = document
        self.where = where

    @classmethod
    def parse(cls, data: bytes, where: str) -> Fields:
        """Parse JSON of UTF-8 text.

        Raises:
            BundleError: it is not JSON of UTF-8 text, or no object.
        """
        try:
            document = json.loads(data.decode("utf-8"))
            json.dumps(document, ensure_ascii=False).encode("utf-8")  # an escape may be half a character
            return cls(document, where)
        except (ValueError, RecursionError):  # a number of thousands of digits is a plain ValueError
            raise BundleError(f"{where} of the bundle is not JSON; export the bundle again.") from None

    def has(self, name: str) -> bool:
        """Whether a field is there and not null."""
        return self._document.get(name) is not None

    def get(self, name: str, kind: type[T]) -> T:
        """A field of exactly this type; an integer is a fine float.

        Raises:
            BundleError: missing, of another type, or a number that is not finite.
        """
        value = self._document.get(name)
        if kind is float and type(value) is int:
            try:
                value = float(value)
            except OverflowError:
                value = math.inf
        if type(value) is not kind or (isinstance(value, float) and not math.isfinite(value)):
            found = "nothing" if name not in self._document else _kind(value)
            raise BundleError(
                f"Expected {kind.__name__} for {name!r} in {self.where} of the bundle, but got {found}."
            )
        return value

    def integer(self, name: str, low: int, high: int) -> int:
        """An integer field between bounds, both included."""
        value = self.get(name, int)
        if not low <= value <= high:
            raise BundleError(
                f"Expected {name!r} between {low} and {high} in {self.where} of the bundle, but got {value}."
            )
        return value

    def inner(self, name: str) -> Fields:
        """An object field."""
        return Fields(self.get(name, dict), f"{self.where}: {name}")

    def mapping(self, name: str, kind: type[T]) -> dict[str, T]:
        """An object field whose values are all of one type."""
        inner = self.inner(name)
        return {key: inner.get(key, kind) for key in inner.names()}

    def sequence(self, name: str, kind: type[T]) -> tuple[T, ...]:
        """A list field whose items are all of one type."""
        items = self.get(name, list)
        numbered = Fields({str(index): item for index, item in enumerate(items)}, f"{self.where}: {name}")
        return tuple(numbered.get(str(index), kind) for index in range(len(items)))

    def document(self) -> dict[str, Any]:
        """The object as it was parsed."""
        return self._document

    def names(self) -> list[str]:
        """The names of all fields."""
        return list(self._document)


def write_json(document: Any) -> bytes:
    """An object as UTF-8 JSON; the same object gives the same bytes.

    Raises:
        BundleError: it holds a number that is not finite, or half a character.
    """
    try:
        return (json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode("utf-8")
    except ValueError as error:
        raise BundleError(f"Expected text and finite numbers for a bundle, but got others ({error}).") from None


def _kind(value: object) -> str:
    return "null" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"
