"""What captions name that nobody else does, counted by hand."""

from __future__ import annotations

from captionkit.metrics.corpus import Corpus
from captionkit.metrics.guesses import guesses
from captionkit.metrics.mentions import TOPICS, unshared_mentions


def counted(caption: str, *references: str) -> dict[str, tuple[int, int]]:
    found = unshared_mentions([(caption.split(), [one.split() for one in references])])
    return {topic: (one.count, one.total) for topic, one in found.items() if one.total}


def test_a_colour_that_nobody_names() -> None:
    assert counted("a red box", "a blue box", "a box") == {"a colour": (1, 1)}
    assert counted("a grey box", "a gray box") == {"a colour": (0, 1)}
    assert counted("a red and blue box", "a red box") == {"a colour": (1, 1)}
    assert counted("a box", "a red box") == {}


def test_other_words_for_the_same_are_shared() -> None:
    assert counted("two dogs in the ocean", "a couple of puppies by the sea") == {
        "a number": (0, 1),
        "an animal": (0, 1),
        "surroundings": (0, 1),
    }
    assert counted("a man runs", "a skier goes down", "snow") == {"people": (0, 1)}
    assert counted("a man runs", "a horse runs") == {"people": (1, 1)}


def test_a_word_stands_for_one_thing_in_a_topic() -> None:
    for concepts in TOPICS.values():
        assert all(concepts.get(concept, concept) == concept for concept in concepts.values())


def test_guesses_put_the_model_beside_people() -> None:
    corpus = Corpus([["a", "man"], ["red", "snow"]], [[["a", "woman"]] * 3, [["blue"], ["blue"], ["red"]]])
    found = guesses(corpus)
    rows = {row.what: (row.model, row.people) for row in (*found.gender, *found.mentions)}
    model, people = rows["male, where people agree on female"]
    assert (model.count, model.total, people.count, people.total) == (1, 1, 0, 3)
    model, people = rows["a colour that nobody else names"]
    assert (model.count, model.total, people.count, people.total) == (0, 1, 1, 3)
    document = found.to_document()
    assert document.keys() == {"gender", "told", "mentions"}
    assert all(row.keys() == {"what", "model", "people"} for rows in document.values() for row in rows)
    assert document["told"][1]["model"] == {"count": 1, "total": 1, "share": 1.0, "interval": [0.2065, 1.0]}
