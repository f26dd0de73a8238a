"""What captions name that nobody else sees: colours, numbers, animals, persons, surroundings.

After CHAIR (Rohrbach et al. 2018, "Object Hallucination in Image Captioning"), the share of sentences that name an
object that is not there; here only references say what is there, so what people left out counts as well. Compare
with people measured the same way (`captionkit.metrics.left_out`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from captionkit.metrics.corpus import Tokens
from captionkit.metrics.proportion import Proportion
from captionkit.text.gendered import FEMALE, MALE, PERSONS


def _concepts(**words: str) -> dict[str, str]:
    """Word to what it stands for; words that stand for the same are written side by side."""
    return {word: concept for concept, same in words.items() for word in (concept, *same.split())}


# Topic to word to what it stands for. Lists are of words that captions of photographs use.
TOPICS: Mapping[str, Mapping[str, str]] = {
    "a colour": _concepts(
        red="maroon", blue="navy turquoise teal", green="", yellow="gold golden", orange="", pink="magenta",
        purple="lavender violet", white="", black="", brown="tan beige", grey="gray silver", blond="blonde",
    ),
    "a number": _concepts(two="2 both couple pair", three="3", four="4", five="5", six="6", seven="7", eight="8"),
    "people": dict.fromkeys([*PERSONS, *FEMALE, *MALE], "people"),
    "an animal": _concepts(
        dog="dogs puppy puppies greyhound greyhounds shepherd terrier poodle collie retriever labrador lab hound "
        "dalmatian bulldog husky beagle spaniel pug chihuahua doberman rottweiler corgi dachshund",
        cat="cats kitten kittens", horse="horses pony ponies", bird="birds seagull seagulls duck ducks pigeon "
        "pigeons goose geese eagle crane heron swan", cow="cows bull calf cattle", sheep="lamb goat goats",
        fish="",
        elephant="elephants", monkey="monkeys", camel="camels", bear="bears",
    ),
    "surroundings": _concepts(
        water="ocean sea lake river pond pool stream wave waves surf creek waterfall puddle puddles fountain bay",
        snow="snowy ice icy snowbank", grass="grassy lawn field meadow yard backyard park pasture",
        beach="sand sandy shore shoreline seashore coast", street="road sidewalk city pavement crosswalk downtown",
        mountain="mountains hill hills cliff cliffs rock rocks rocky boulder peak slope summit",
        forest="woods wooded trees jungle",
    ),
}  # fmt: skip


def unshared_mentions(pairs: Iterable[tuple[Tokens, Sequence[Tokens]]]) -> dict[str, Proportion]:
    """For each of `TOPICS`: of the captions that name something of it, those that name what no reference does.

    Args:
        pairs: for each picture the words of its caption and of its references.
    """
    events: dict[str, list[bool]] = {topic: [] for topic in TOPICS}
    for caption, references in pairs:
        for topic, concepts in TOPICS.items():
            named = {concepts[word] for word in caption if word in concepts}
            if named:
                shared = {concepts[word] for reference in references for word in reference if word in concepts}
                events[topic].append(not named <= shared)
    return {topic: Proportion.of(seen) for topic, seen in events.items()}
