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


def test_another_number_of_references_differs() -> None:
    more = {**REFERENCES, "2": ["a cat"]}
    one, other = fingerprint(REFERENCES, {}, {}), fingerprint(more, {}, {})
    assert other["references"] == "1-2"
    assert any(line.startswith("references:") for line in differences(one, other))


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


def test_facts_beyond_the_known_ones_are_kept() -> None:
    assert fingerprint(REFERENCES, {}, {"temperature": "0.7"})["temperature"] == "0.7"


def test_trap_6_a_metric_of_another_kind_has_another_signature() -> None:
    predictions = {"1": "a dog", "2": "a cat"}
    clipped, plain = (score(predictions, REFERENCES, [name]) for name in ("CIDEr-D", "CIDEr"))
    lines = differences(clipped.fingerprint, plain.fingerprint)
    assert any("metric CIDEr-D" in line for line in lines)
