"""Makes `golden_meteor.json` afresh with meteor-1.5.jar: `python -m tests.metrics.meteor.golden_meteor`.

Needs Java and an installed pycocoevalcap. All sentences are invented or put together by a seeded generator.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).with_name("golden_meteor.json")

# Candidate first, then its references, as the tokeniser of the evaluation leaves them.
INVENTED = [
    ["a dog runs on the beach", "a dog runs on the beach"],
    ["a dog runs on the beach", "a cat sleeps indoors"],
    ["", "a dog runs on the beach"],
    ["a dog runs on the beach", ""],
    ["", ""],
    ["a dog runs on the beach", "", "two dogs are running along the shore"],
    ["the cat sat on the mat", "on the mat sat the cat"],
    ["a a a a a a", "a dog and a cat and a bird"],
    ["two children play", "two kids are playing", "a pair of youngsters at play"],
    ["the kid is riding a bike", "a child rides a bicycle", "a boy on his bicycle"],
    ["an automobile parks by the sidewalk", "a car is parked next to the curb"],
    ["geese fly over the lake", "a goose is flying above a pond", "several birds in the sky"],
    ["a man in front of a building", "a man stands before the building", "in front of the house is a man"],
    ["a large number of people", "a lot of people", "many persons", "a great number of folks gather"],
    ["a woman is about to jump into the water", "a woman is going to dive into the pool"],
    ["the man 's hat is red", "the men 's hats are red", "a red hat belongs to the man"],
    ["it 's a dog 's life", "this is the life of a dog", "do n't walk the dog"],
    ["a t-shirt -lrb- blue -rrb- hangs outside", "a blue t shirt is hanging out"],
    ["a well-known black-and-white photo", "a well known black and white picture"],
    ["mr. smith waits at st. mary 's", "mr smith is waiting at saint mary 's"],
    ["the u.s. flag", "the us flag", "an american flag"],
    ["no. 5 is ahead", "number 5 leads", "no 5 comes first"],
    ["he paid $ 1,000.50 for it", "the price was 1000.50 dollars"],
    ["wait ... what is that ?", "wait what is that", "what is that .."],
    ["a café in paris", "a cafe in paris", "the coffee shop"],
    ["naïve people smile", "naive persons are smiling"],
    ["ein hund läuft", "ein hund rennt am strand"],
    ["собака бежит по пляжу", "собака бежит"],
    ["犬 が 走る", "犬 が 浜辺 を 走る"],
    ["a dog 🐶 runs", "a dog runs 🐶", "🐶"],
    ["1990's cars and the '90s", "cars of the 1990 's", "nineties automobiles"],
    ["`` hello '' says the girl", "the girl says hello"],
    ["men women children mice feet", "man woman child mouse foot"],
    ["studies ponies skies dying lying news", "study pony sky die lie new"],
    ["running runner runs ran", "run runs running runner"],
    ["national nationality nationalize", "nation nationally nationalization"],
    ["beautiful wonderful harmful", "beauty wonder harm"],
    ["happier happiest happily", "happy happiness unhappy"],
    ["a b c d e f g h", "h g f e d c b a"],
    ["a b a b a b a b", "b a b a b a b a", "a a a a b b b b"],
    ["the the the the the the the the the the", "the dog the cat the bird the fish the man the end"],
    ["a black dog and a white dog play with a black ball", "a white dog and a black dog with a white ball play"],
    ["people people people", "person persons folks crowd"],
    [
        "a young boy wearing a red shirt is jumping",
        "a little boy in red leaps",
        "the child , in a red top , jumps .",
    ],
    ["he looks at the camera", "he is looking into the camera", "she gazes at the lens"],
    # Of a word's paraphrases found from the candidate, the order of its places decides, then that of the table.
    ["many because of a man", "several men as well as before by many"],
    ["close to a number of runs by", "runs several beside people a man many"],
    # A beam of 39 would score the first lower, a beam of 41 the second higher.
    ["dog the a the the the the dog the a", "dog a a dog dog a a dog a the"],
    ["the the the a dog a dog dog dog the dog the", "the a a the a dog dog dog dog dog a a"],
]

_WHO = [
    "a man",
    "two men",
    "a young woman",
    "several people",
    "a boy",
    "the kids",
    "a brown dog",
    "dogs",
    "someone",
]
_DOES = [
    "is running",
    "runs",
    "jumps over",
    "is standing in front of",
    "plays with",
    "are playing",
    "looks at",
    "sits on",
]
_WHAT = [
    "a ball",
    "the beach",
    "a large rock",
    "the water",
    "a bicycle",
    "an automobile",
    "the grass",
    "a red car",
    "bikes",
]
_WHERE = [
    "in the park",
    "near the shore",
    "outside",
    "at night",
    "on a street",
    "in front of a building",
    "by the sea",
    "",
]
_EXTRA = [
    "a",
    "the",
    "of",
    "in",
    "and",
    "while",
    "children",
    "quickly",
    "'s",
    "-",
    "people",
    "woman",
    "women",
    "with",
]


def machine_made(number: int, seed: int = 11) -> list[list[str]]:
    """`number` cases of related sentences: the references are edits of the candidate."""
    choose = random.Random(seed)

    def sentence() -> str:
        return " ".join(choose.choice(part) for part in (_WHO, _DOES, _WHAT, _WHERE)).strip()

    def edited(text: str) -> str:
        words = text.split()
        for _ in range(choose.randrange(6)):
            at = choose.randrange(len(words) + 1)
            action = choose.randrange(4)
            if action == 0:
                words[at:at] = choose.choice(_EXTRA).split()
            elif action == 1:
                words[at:at] = sentence().split()[:3]
            elif action == 2 and len(words) > 1:
                del words[min(at, len(words) - 1)]
            else:
                cut = min(at, len(words))
                words = words[cut:] + words[:cut]
        return " ".join(words)

    cases = []
    for place in range(number):
        parts = 1 if place % 8 else choose.randrange(2, 9)  # some longer than 64 words
        candidate = " and ".join(sentence() for _ in range(parts))
        others = [
            sentence() if choose.random() < 0.3 else edited(candidate) for _ in range(choose.randrange(1, 6))
        ]
        cases.append([edited(candidate), *others])
    return cases


def jar_scores(cases: list[list[str]]) -> dict[str, Any]:
    """What pycocoevalcap's METEOR says of the cases."""
    from pycocoevalcap.meteor.meteor import Meteor

    scorer = Meteor()
    corpus, scores = scorer.compute_score(
        dict(enumerate(case[1:] for case in cases)), dict(enumerate([c[0]] for c in cases))
    )
    return {"corpus": corpus, "scores": scores}


def main() -> None:
    cases = INVENTED + machine_made(255)
    result = {"source": "meteor-1.5.jar of pycocoevalcap 1.2, -l en -norm", **jar_scores(cases), "cases": cases}
    GOLDEN.write_text(json.dumps(result, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
