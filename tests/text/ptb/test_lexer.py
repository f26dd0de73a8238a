"""Our tokens against those of the Java tokeniser, stored and live."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from captionkit.text import tokenize, tokenize_all
from tests.metrics import reference
from tests.text.ptb.hard import HARD, generated, pieced

GOLDEN = Path(__file__).parent / "golden_tokens.json"
GENERATED = 8_000


def digest(tokens: Sequence[Sequence[str]]) -> str:
    return hashlib.sha256("\n".join(" ".join(words) for words in tokens).encode()).hexdigest()


def separated(captions: Sequence[str]) -> list[str]:
    """Captions with line breaks of all kinds as spaces: the reference would tear them in two."""
    return [" ".join(caption.splitlines()) if caption.strip() else caption for caption in captions]


def flickr_captions(data_root: Path) -> list[str]:
    lines = (data_root / "flickr8k" / "Flickr8k.token.txt").read_text(encoding="utf-8").splitlines()
    return [line.split("\t", 1)[1] for line in lines]


def coco_captions(data_root: Path, name: str) -> list[str]:
    document = json.loads((data_root / "coco-mini" / name).read_text(encoding="utf-8"))
    return [annotation["caption"].replace("\n", " ") for annotation in document["annotations"]]


def golden() -> dict[str, object]:
    result: dict[str, object] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return result


@pytest.mark.parametrize("number", range(len(HARD)), ids=lambda number: f"{number}:{HARD[number][:30]!a}")
def test_hard_captions_as_the_java_tokeniser(number: int) -> None:
    tokens = golden()["hard"]
    assert isinstance(tokens, list)
    assert tokenize_all(separated(HARD))[number] == tokens[number]


def test_generated_captions_as_the_java_tokeniser() -> None:
    assert digest(tokenize_all(list(generated(GENERATED)))) == golden()["generated"]
    assert digest(tokenize_all(separated(list(pieced(GENERATED))))) == golden()["pieced"]


@pytest.mark.data
def test_all_flickr8k_captions_as_the_java_tokeniser(data_root: Path) -> None:
    captions = flickr_captions(data_root)
    assert digest(tokenize_all(captions)) == golden()["flickr8k"]
    assert digest([tokenize(caption) for caption in captions]) == golden()["flickr8k"]


@pytest.mark.data
@pytest.mark.parametrize("name", ["captions_val2017.json", "captions_train.json"])
def test_all_coco_captions_as_the_java_tokeniser(data_root: Path, name: str) -> None:
    captions = coco_captions(data_root, name)
    assert digest(tokenize_all(captions)) == golden()[name]
    assert digest([tokenize(caption) for caption in captions]) == golden()[name]


@pytest.mark.java
@pytest.mark.slow
def test_goldens_made_afresh() -> None:
    if reference.tokenizer_jar() is None:
        pytest.skip("needs a JVM and pycocoevalcap")
    assert reference.tokenize(separated(HARD)) == golden()["hard"]
    assert digest(reference.tokenize(list(generated(GENERATED)))) == golden()["generated"]
    assert digest(reference.tokenize(separated(list(pieced(GENERATED))))) == golden()["pieced"]


@pytest.mark.java
@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_generated_captions_as_the_live_java_tokeniser(seed: int) -> None:
    if reference.tokenizer_jar() is None:
        pytest.skip("needs a JVM and pycocoevalcap")
    captions = [*generated(40_000, seed), *separated(list(pieced(40_000, seed)))]
    for caption, ours, theirs in zip(captions, tokenize_all(captions), reference.tokenize(captions), strict=True):
        assert ours == theirs, caption
