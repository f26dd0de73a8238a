"""The metrics written as their papers define them: slow, plain, and independent of the code they check."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

Tokens = Sequence[str]
Gram = tuple[str, ...]


def grams(tokens: Tokens, order: int) -> Counter[Gram]:
    return Counter(tuple(tokens[at : at + order]) for at in range(len(tokens) - order + 1))


def bleu(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> list[float]:
    """BLEU-1 to BLEU-4 of a corpus: Papineni et al. 2002, clipped precision and brevity penalty."""
    matched, total = [0] * 4, [0] * 4
    length = closest = 0
    for candidate, group in zip(candidates, references, strict=True):
        length += len(candidate)
        closest += min((abs(len(tokens) - len(candidate)), len(tokens)) for tokens in group)[1]
        for order in range(1, 5):
            counts = grams(candidate, order)
            total[order - 1] += counts.total()
            for gram, count in counts.items():
                matched[order - 1] += min(count, max(grams(tokens, order)[gram] for tokens in group))
    product, result = 1.0, []
    for order in range(1, 5):
        product *= (matched[order - 1] + 1e-15) / (total[order - 1] + 1e-9)
        ratio = (length + 1e-15) / (closest + 1e-9)
        result.append(product ** (1 / order) * (math.exp(1 - 1 / ratio) if ratio < 1 else 1.0))
    return result


def common_subsequence(one: Tokens, other: Tokens) -> int:
    """The length of the longest common subsequence, by the textbook table."""
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for row, left in enumerate(one, start=1):
        for column, right in enumerate(other, start=1):
            above, before = table[row - 1][column], table[row][column - 1]
            table[row][column] = table[row - 1][column - 1] + 1 if left == right else max(above, before)
    return table[-1][-1]


def rouge_l(candidate: Tokens, group: Sequence[Tokens]) -> float:
    """ROUGE-L: Lin 2004 with beta 1.2, best precision and best recall over the references."""
    precision = max(common_subsequence(candidate, tokens) / len(candidate) for tokens in group)
    recall = max(common_subsequence(candidate, tokens) / len(tokens) for tokens in group)
    if precision * recall == 0:
        return 0.0
    return (1 + 1.2**2) * precision * recall / (recall + 1.2**2 * precision)


def cider(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]], *, clipped: bool) -> list[float]:
    """CIDEr (equations 1 to 3 of Vedantam et al. 2015) or, clipped, CIDEr-D (section 5), times 10."""
    pictures = len(references)
    seen: Counter[Gram] = Counter()
    for group in references:
        seen.update({gram for tokens in group for order in range(1, 5) for gram in grams(tokens, order)})

    def vector(tokens: Tokens, order: int) -> dict[Gram, float]:
        counts = grams(tokens, order)
        return {gram: count * math.log(pictures / max(1, seen[gram])) for gram, count in counts.items()}

    def norm(weights: dict[Gram, float]) -> float:
        return math.sqrt(math.fsum(weight * weight for weight in weights.values()))

    scores = []
    for candidate, group in zip(candidates, references, strict=True):
        total = 0.0
        for tokens in group:
            for order in range(1, 5):
                one, other = vector(candidate, order), vector(tokens, order)
                scale = norm(one) * norm(other)
                if scale == 0:
                    continue
                product = 0.0
                for gram, weight in one.items():
                    against = other.get(gram, 0.0)
                    product += (min(weight, against) if clipped else weight) * against
                if clipped:
                    bigrams = max(0, len(candidate) - 1) - max(0, len(tokens) - 1)
                    product *= math.exp(-(bigrams**2) / (2 * 6.0**2))
                total += product / scale
        scores.append(10 * total / (4 * len(group)))
    return scores
