"""A share of counted things, with how sure it is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from captionkit.metrics.significance import Interval

NORMAL_975 = 1.959963984540054  # quantile of the standard normal distribution, for 95 %


@dataclass(frozen=True, slots=True)
class Proportion:
    """`count` of `total` things.

    Attributes:
        count: those that have what is asked for.
        total: all of them; 0 where there is nothing to count.
    """

    count: int
    total: int

    @classmethod
    def of(cls, events: Iterable[bool]) -> Proportion:
        """The share of events that came true."""
        seen = list(events)
        return cls(sum(seen), len(seen))

    @property
    def share(self) -> float:
        """0 to 1; NaN of nothing."""
        return self.count / self.total if self.total else math.nan

    @property
    def interval(self) -> Interval:
        """The 95 % score interval (Wilson 1927), which holds for few things and for shares near 0 and 1 too."""
        if not self.total:
            return Interval(0.0, 1.0)
        square = NORMAL_975**2
        middle = (self.count + square / 2) / (self.total + square)
        spread = self.count * (self.total - self.count) / self.total + square / 4
        half = NORMAL_975 * math.sqrt(spread) / (self.total + square)
        return Interval(max(0.0, middle - half), min(1.0, middle + half))

    def to_document(self) -> dict[str, Any]:
        """As JSON; the share and its interval are null of nothing."""
        share = round(self.share, 4) if self.total else None
        interval = [round(self.interval.low, 4), round(self.interval.high, 4)] if self.total else None
        return {"count": self.count, "total": self.total, "share": share, "interval": interval}
