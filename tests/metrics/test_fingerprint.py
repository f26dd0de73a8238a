"""What must agree before scores may be compared."""

from __future__ import annotations

from captionkit.metrics import score
from captionkit.metrics.fingerprint import differences, fingerprint, signature

REFERENCES = {"1": ["a dog", "dogs"], "2": ["a cat", "cats"]}


def test_everything_that_decides_is_in_it() -> None:
    found = fingerprint(REFERENCES, {"BLEU": "n=4"}, {"split": "test", "beams": "3"})
    assert found["images"] == "2"
    assert found["references"] == "2"
    assert (found["split"], found["beams"], found["objective"]) == ("test", "3", "not stated")
    assert found["metric BLEU"] == "n=4"
    assert found["scale"] == "x1"
    assert "|split:test|" in signature(found)


def test_numbers_of_references_are_the_least_and_the_most() -> None:
    assert fingerprint({"1": ["a"] * 8, "2": ["a"], "3": ["a"] * 2}, {}, {})["references"] == "1-8"
    assert fingerprint({}, {}, {})["references"] == "0"


def test_other_references_of_the_same_pictures_differ() -> None:
    one, other = (fingerprint({**REFERENCES, "2": ["a cat", name]}, {}, {}) for name in ("cats", "kittens"))
    assert [line.split(":")[0] for line in differences(one, other)] == ["references_sha256"]
    assert fingerprint({"1": ["\ud800"]}, {}, {})  # half a character, as JSON may hold it


def test_hashes_stay_the_same_for_ever() -> None:
    # By hand: printf '1\n2' | sha256sum | cut -c1-16, and printf '1\ta dog\n1\tdogs\n2\ta cat\n2\tcats'.
    found = fingerprint(REFERENCES, {}, {})
    assert (found["split_sha256"], found["references_sha256"]) == ("b598b3a62a3f7ced", "57ed4faa0700bc0a")


def test_the_order_of_further_facts_does_not_matter() -> None:
    facts = {"seed": "1", "temperature": "0.7"}
    turned = dict(reversed(facts.items()))
    assert signature(fingerprint(REFERENCES, {}, facts)) == signature(fingerprint(REFERENCES, {}, turned))


def test_other_pictures_differ_whatever_the_split_is_called() -> None:
    moved = {"1": REFERENCES["1"], "3": REFERENCES["2"]}
    one, other = (fingerprint(group, {}, {"split": "test"}) for group in (REFERENCES, moved))
    assert any(line.startswith("split_sha256:") for line in differences(one, other))


def test_the_order_of_pictures_does_not_matter() -> None:
    turned = dict(reversed(REFERENCES.items()))
    assert differences(fingerprint(REFERENCES, {}, {}), fingerprint(turned, {}, {})) == []


def test_captionkits_version_alone_is_no_difference() -> None:
    one = fingerprint(REFERENCES, {}, {})
    assert differences(one, {**one, "captionkit": "9.9"}) == []


def test_white_space_around_references_is_no_other_text() -> None:
    spaced = {"1": ["a dog ", "dogs"], "2": [" a cat", "cats\n"]}
    assert differences(fingerprint(REFERENCES, {}, {}), fingerprint(spaced, {}, {})) == []


def test_a_split_has_one_name() -> None:
    assert fingerprint(REFERENCES, {}, {"split": "dev"})["split"] == "val"
    assert fingerprint(REFERENCES, {}, {"split": "all"})["split"] == "all"


def test_what_one_side_does_not_know_is_no_difference() -> None:
    few = fingerprint(REFERENCES, {"CIDEr-D": "n=4"}, {})
    many = fingerprint(REFERENCES, {"BLEU": "n=4", "CIDEr-D": "n=4"}, {"beams": "3", "choice": "surest"})
    assert differences(few, many) == differences(many, few) == []
    other = fingerprint(REFERENCES, {"CIDEr-D": "n=3"}, {"beams": "3"})
    assert differences(other, many) == ["metric CIDEr-D: n=3 / n=4"]
    warm, cold = (fingerprint(REFERENCES, {}, {"temperature": degree}) for degree in "12")
    assert differences(warm, few) == differences(few, warm) == []
    assert differences(warm, cold) == ["temperature: 1 / 2"]


def test_trap_6_a_metric_of_another_kind_has_another_signature() -> None:
    predictions = {"1": "a dog", "2": "a cat"}
    clipped, plain = (score(predictions, REFERENCES, [name]) for name in ("CIDEr-D", "CIDEr"))
    one, other = clipped.fingerprint["metric CIDEr-D"], plain.fingerprint["metric CIDEr"]
    assert differences({"metric CIDEr": one}, {"metric CIDEr": other}) == [f"metric CIDEr: {one} / {other}"]
