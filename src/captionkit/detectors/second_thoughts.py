"""What a caption should have named, or should not have: why a picture is searched for once more.

The thing detector (`detectors.things`) tells what a picture surely shows, and of dogs also that it shows none. The
second search must hold one of a thing's words, by the machine beside the beam (Anderson et al. 2017, "Guided open
vocabulary image captioning with constrained beam search"), or may hold none of them.

Letters: B pictures, T things, W words asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from captionkit.decoding import Constraints, Hypothesis
from captionkit.detectors import Floats
from captionkit.detectors.things import CALLED_FOR, NEVER_OVERLOOKED, SURE, SURELY_NOT, WORDS


@dataclass(frozen=True, slots=True)
class SecondThought:
    """What a second search is asked for.

    Attributes:
        demanded, denied: the things that a caption has to name and to leave out; None where there is none.
        demand, denial: the ids of their words.
    """

    demanded: str | None = None
    demand: frozenset[int] = frozenset()
    denied: str | None = None
    denial: frozenset[int] = frozenset()

    def guide(self, constraints: Constraints) -> Constraints:
        """The constraints of the second search: those of the first, which demanded nothing, and these."""
        must = (self.demand,) if self.demand else ()
        return replace(constraints, must=must, avoid=constraints.avoid | self.denial)

    def better(self, after: Hypothesis, before: Hypothesis) -> bool:
        """Whether the second search found what it was asked for, and no torn-off sentence for a whole one."""
        met = not self.demand or not self.demand.isdisjoint(after.ids)
        return met and after.finished >= before.finished


NONE = SecondThought()


def second_thoughts(
    best: Sequence[Hypothesis],
    chances: Floats,
    ids: Sequence[frozenset[int]],
    evidence: Callable[[int, Sequence[int]], Floats] | None,
    constraints: Constraints,
) -> dict[SecondThought, list[int]]:
    """What the best captions of pictures should have named or left out -> the places of these pictures.

    Args:
        best: of B pictures.
        chances: float32 [B, T], as `ThingDetector.probabilities` gives them.
        ids: the T things' words, as `ids_of_things` gives them.
        evidence: of a picture's place and W words float32 [W], as `Sight.evidence` gives it; None without a
            word detector.
        constraints: of the search that found them; it demanded nothing.
    """
    rows = defaultdict(list)
    for row, hypothesis in enumerate(best):
        thought, said = NONE, frozenset(hypothesis.ids)
        likeliest = int(chances[row].argmax())
        demand = ids[likeliest] - constraints.avoid
        unsaid = chances[row, likeliest] >= SURE and ids[likeliest].isdisjoint(said)
        # Two opinions; of words that the word detector does not know it has none.
        if unsaid and demand and (evidence is None or not (evidence(row, list(demand)) < CALLED_FOR).all()):
            thought = SecondThought(WORDS[likeliest][0], demand)
        for place in NEVER_OVERLOOKED:
            if chances[row, place] < SURELY_NOT and not ids[place].isdisjoint(said):
                thought = replace(thought, denied=WORDS[place][0], denial=ids[place])
        if thought != NONE:
            rows[thought].append(row)
    return rows
