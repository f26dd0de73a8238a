"""A bundle is read back as written, or refused."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import captionkit.bundle as bundles
from captionkit.bundle import (
    Bundle,
    Decoding,
    Leaf,
    Manifest,
    Network,
    SelfTest,
    parse_bundle,
    read_bundle,
    write_bundle,
)
from captionkit.bundle.archive import read_archive, write_archive
from captionkit.bundle.fields import Fields, write_json
from captionkit.bundle.manifest import migrate
from captionkit.errors import BundleError
from captionkit.files import sha256
from captionkit.tokenizer import Tokenizer


def small() -> Bundle:
    """A bundle whose networks are a few bytes: enough for all but running it."""
    network = Network(
        image_size=8,
        positions=4,
        depth=3,
        vocabulary=6,
        attention=True,
        state={"h": Leaf((5,), "float32", True), "grid": Leaf((4, 5), "float32", False)},
        precision={"encoder": "int8", "decoder": "float32"},
    )
    return Bundle(
        source="",
        manifest=Manifest(
            name="small ☀",
            made_with="captionkit 0.1.0",
            network=network,
            licences={"weights": "CC0-1.0"},
            scores={"CIDEr": 0.5, "BLEU-4": 1},
            fingerprint={"metrics": "1"},
        ),
        tokenizer=Tokenizer(["dog", "né"]),
        decoding=Decoding(beams=2, max_length=9, length_penalty=1, no_repeat_ngram=3, bad_endings=("a",)),
        selftest=SelfTest(picture=b"\x89PNG", tokens=("dog",), log_probability=-1.5, max_length=9),
        encoder=b"encoder bytes",
        decoder=b"decoder bytes",
        card="# Small\n",
        config="[data]\n",
        calibration={"points": [1, 2]},
        word_detector=b"word detector",
        weights=b"weights",
    )


@pytest.fixture
def written(tmp_path: Path) -> Path:
    write_bundle(tmp_path / "small.captionkit", small())
    return tmp_path / "small.captionkit"


def rewrite(path: Path, change: Callable[[dict[str, bytes]], None], *, relist: bool = True) -> None:
    """Change members and write the archive again, as somebody with this code could."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    if relist:
        manifest = json.loads(members["bundle.json"])
        manifest["members"] = {
            name: {"size": len(data), "sha256": sha256(data)}
            for name, data in members.items()
            if name != "bundle.json"
        }
        members["bundle.json"] = json.dumps(manifest).encode()
    path.write_bytes(b"".join(write_archive(members)))


def edit(path: Path, name: str, change: Callable[[Any], None]) -> None:
    """Change one JSON member and make the manifest agree."""

    def apply(members: dict[str, bytes]) -> None:
        document = json.loads(members[name])
        change(document)
        members[name] = json.dumps(document).encode()

    rewrite(path, apply)


def test_a_bundle_is_read_as_it_was_written(written: Path) -> None:
    found = read_bundle(written)
    assert found == dataclasses.replace(small(), source=str(written))
    assert repr(found) == f"Bundle('small ☀' from {written})"  # without its megabytes


def test_optional_members_may_lack(tmp_path: Path) -> None:
    plain = dataclasses.replace(small(), config=None, calibration=None, word_detector=None, weights=None)
    write_bundle(tmp_path / "b", plain)
    assert read_bundle(tmp_path / "b") == dataclasses.replace(plain, source=str(tmp_path / "b"))


def test_the_same_contents_give_the_same_bytes(tmp_path: Path) -> None:
    write_bundle(tmp_path / "one", small())
    write_bundle(tmp_path / "two", small())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_any_zip_tool_can_open_it(written: Path) -> None:
    with zipfile.ZipFile(written) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[0] == "bundle.json"
        assert archive.read("card.md") == b"# Small\n"
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())
        manifest = json.loads(archive.read("bundle.json"))
        assert manifest["members"]["encoder.tflite"]["sha256"] == sha256(archive.read("encoder.tflite"))


def test_archives_of_other_versions_stay_readable() -> None:
    """The reader takes one archive for given members, so not a byte of it may ever change."""
    archive = b"".join(write_archive({"one": b"1", "two": b""}))
    assert sha256(archive) == "f1363dcd44f12b035c482588d336540f63c37c385f6c2c477bcd579221badca7"
    assert write_json({"né": [1.5, None]}) == '{\n "né": [\n  1.5,\n  null\n ]\n}\n'.encode()


def test_a_member_has_a_name_of_64_letters_at_most() -> None:
    for name in ("x", "x" * 64):
        assert read_archive(b"".join(write_archive({name: b"1"}))) == {name: b"1"}
    for name in ("", "x" * 65):
        with pytest.raises(BundleError, match="the name of a member is empty or too long"):
            read_archive(b"".join(write_archive({name: b"1"})))


def test_an_archive_has_32_members_at_most_and_at_least_one() -> None:
    members = {str(number): b"" for number in range(33)}
    with pytest.raises(BundleError, match="too many members"):
        read_archive(b"".join(write_archive(members)))
    members.popitem()
    assert read_archive(b"".join(write_archive(members))) == members
    with pytest.raises(BundleError, match="its directory is damaged"):
        read_archive(b"".join(write_archive({})))


def test_every_flipped_byte_is_refused(written: Path) -> None:
    """Headers, dates, attributes, directory and contents alike."""
    whole = bytearray(written.read_bytes())
    random = np.random.default_rng(0)
    for at in range(len(whole)):
        for flip in (0xFF, 1 << int(random.integers(8))):
            whole[at] ^= flip
            with pytest.raises(BundleError):
                parse_bundle(bytes(whole), "flipped")
            whole[at] ^= flip
    parse_bundle(bytes(whole), "restored")


def test_flipped_bytes_of_a_real_bundle_are_refused(tiny_bundle: Path) -> None:
    whole = bytearray(tiny_bundle.read_bytes())
    for at in np.random.default_rng(1).integers(0, len(whole), 300):
        whole[at] ^= 0x10
        with pytest.raises(BundleError):
            parse_bundle(bytes(whole), "flipped")
        whole[at] ^= 0x10


def test_every_cut_is_refused(written: Path) -> None:
    whole = written.read_bytes()
    for length in range(0, len(whole), 7):
        with pytest.raises(BundleError):
            parse_bundle(whole[:length], "cut")


@pytest.mark.parametrize("where", ["front", "behind"])
def test_something_added_to_the_file_is_refused(written: Path, where: str) -> None:
    whole = written.read_bytes()
    written.write_bytes(b"x" + whole if where == "front" else whole + b"x")
    with pytest.raises(BundleError):
        read_bundle(written)


def test_an_archive_comment_is_refused(written: Path) -> None:
    with zipfile.ZipFile(written, "a") as archive:
        archive.comment = b"hello"
    with pytest.raises(BundleError):
        read_bundle(written)


def test_a_repacked_bundle_is_refused(written: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(tmp_path / "new", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(BundleError, match="as captionkit wrote it"):
        read_bundle(tmp_path / "new")


def test_a_missing_member_is_refused(written: Path) -> None:
    for name in ("encoder.tflite", "selftest.json", "card.md", "tokenizer.json"):
        whole = written.read_bytes()
        for relist in (True, False):
            rewrite(written, lambda members, name=name: members.pop(name) and None, relist=relist)  # type: ignore[misc]
            with pytest.raises(BundleError, match=f"{name}' is missing; fetch"):
                read_bundle(written)
            written.write_bytes(whole)
    rewrite(written, lambda members: members.__delitem__("config.toml"), relist=False)
    with pytest.raises(BundleError, match=r"config\.toml' is missing; fetch"):  # though a bundle may go without
        read_bundle(written)


@pytest.mark.parametrize("field", ["size", "sha256"])
def test_what_the_manifest_says_of_a_member_is_so(written: Path, field: str) -> None:
    def lie(members: dict[str, bytes]) -> None:
        manifest = json.loads(members["bundle.json"])
        manifest["members"]["card.md"][field] = manifest["members"]["tokenizer.json"][field]
        members["bundle.json"] = json.dumps(manifest).encode()

    rewrite(written, lie, relist=False)
    with pytest.raises(BundleError, match=r"'card\.md' does not match its hash"):
        read_bundle(written)


def test_a_manifest_that_does_not_come_first_is_refused(written: Path) -> None:
    def behind(members: dict[str, bytes]) -> None:
        members["bundle.json"] = members.pop("bundle.json")

    rewrite(written, behind)
    with pytest.raises(BundleError, match="as the first member"):
        read_bundle(written)


def test_an_extra_member_is_refused(written: Path) -> None:
    rewrite(written, lambda members: members.update({"config.toml": b"", "notes.txt": b"hello"}))
    with pytest.raises(BundleError, match=r"unknown member 'notes\.txt'"):
        read_bundle(written)


def test_a_known_member_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b"
    write_bundle(path, dataclasses.replace(small(), calibration=None))
    rewrite(path, lambda members: members.update({"calibration.json": b"{}"}), relist=False)
    with pytest.raises(BundleError, match="not listed"):
        read_bundle(path)


def test_a_member_that_comes_twice_is_refused(written: Path) -> None:
    class Twice(dict[str, bytes]):
        def items(self) -> Any:
            return [*super().items(), ("card.md", b"another")]

        def values(self) -> Any:
            return [*super().values(), b"another"]

    with zipfile.ZipFile(written) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    written.write_bytes(b"".join(write_archive(Twice(members))))
    with pytest.raises(BundleError, match=r"has the member 'card\.md' twice"):
        read_bundle(written)


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a\\b", "encoder.tflite\0"])
def test_a_member_cannot_name_a_path(written: Path, name: str) -> None:
    rewrite(written, lambda members: members.update({name: b""}))
    with pytest.raises(BundleError):
        read_bundle(written)
    assert [path.name for path in written.parent.iterdir()] == [written.name]


def test_an_oversized_member_is_refused_unread_and_unwritten(written: Path, tmp_path: Path) -> None:
    rewrite(written, lambda members: members.update({"card.md": b"x" * ((1 << 20) + 1)}))
    with pytest.raises(BundleError, match=r"card\.md.*more than it may"):
        read_bundle(written)
    with pytest.raises(BundleError, match=r"card\.md.*more than it may"):
        write_bundle(tmp_path / "b", dataclasses.replace(small(), card="x" * ((1 << 20) + 1)))
    assert not (tmp_path / "b").exists()
    largest = dataclasses.replace(small(), card="x" * (1 << 20))
    write_bundle(tmp_path / "b", largest)
    assert read_bundle(tmp_path / "b").card == largest.card


@pytest.mark.parametrize(
    "change",
    [
        {"decoding": Decoding(beams=0)},
        {"decoding": Decoding(bad_endings="a")},  # type: ignore[arg-type]
        {"manifest": dataclasses.replace(small().manifest, licences={"weights": None})},  # type: ignore[dict-item]
        {"manifest": dataclasses.replace(small().manifest, scores={"CIDEr": math.nan})},
        {"manifest": dataclasses.replace(small().manifest, name="\udcff")},
        {"calibration": {"points": [-math.inf]}},
    ],
    ids=["beams", "letters", "licence", "score", "name", "calibration"],
)
def test_what_could_not_be_read_again_takes_no_bundles_place(written: Path, change: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match=r"^Expected .*, but got"):
        write_bundle(written, dataclasses.replace(small(), **change))
    assert read_bundle(written) == dataclasses.replace(small(), source=str(written))


def test_an_oversized_file_is_refused_before_it_is_read(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "MAX_BUNDLE_BYTES", 100)
    with pytest.raises(BundleError, match="more than a bundle may"):
        read_bundle(written)
    monkeypatch.setattr(bundles, "MAX_BUNDLE_BYTES", written.stat().st_size)
    read_bundle(written)


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bundle.json", b"0" * 50_000_000)
    with pytest.raises(BundleError):
        read_bundle(tmp_path / "bomb")


def test_trap_26_a_vocabulary_of_another_model_is_refused(written: Path, tmp_path: Path) -> None:
    other = Tokenizer(["dog", "cat", "bird"])
    with pytest.raises(BundleError, match="do not belong together"):
        write_bundle(tmp_path / "b", dataclasses.replace(small(), tokenizer=other))
    rewrite(written, lambda members: members.update({"tokenizer.json": other.to_json().encode()}))
    with pytest.raises(BundleError, match="do not belong together"):
        read_bundle(written)


def test_preprocessing_of_another_version_is_refused(written: Path) -> None:
    edit(written, "preprocessor.json", lambda document: document.update(version=99))
    with pytest.raises(BundleError, match="other pixels than it was trained on"):
        read_bundle(written)


@pytest.mark.parametrize("rule", ["no_echo", "may_repeat", "twins", "one"])
def test_a_bundle_from_before_a_rule_was_made_goes_without(written: Path, rule: str) -> None:
    assert getattr(read_bundle(written).decoding, rule)
    edit(written, "decoding.json", lambda document: document.pop(rule))
    assert getattr(read_bundle(written).decoding, rule) == ()


@pytest.mark.parametrize("what", ["surest", "mirrored"])
def test_a_bundle_from_before_captions_were_chosen_or_seen_twice_goes_without(written: Path, what: str) -> None:
    edit(written, "decoding.json", lambda document: document.update({what: True}))
    assert getattr(read_bundle(written).decoding, what) is True
    edit(written, "decoding.json", lambda document: document.pop(what))
    assert getattr(read_bundle(written).decoding, what) is False


def test_a_bundle_of_the_future_says_update(written: Path) -> None:
    edit(written, "bundle.json", lambda document: document.update(version=2))
    with pytest.raises(BundleError, match=f"^{re.escape(str(written))}: Expected .* update captionkit"):
        read_bundle(written)


def test_a_manifest_of_an_earlier_version_takes_the_steps_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = tuple(lambda document, at=at: {**document, "taken": [*document["taken"], at]} for at in (1, 2))
    monkeypatch.setattr("captionkit.bundle.manifest.MIGRATIONS", steps)
    monkeypatch.setattr("captionkit.bundle.manifest.VERSION", 3)
    for version, taken in ((1, [1, 2]), (2, [2]), (3, [])):
        old = Fields({"format": "captionkit-bundle", "version": version, "taken": []}, "bundle.json")
        assert migrate(old).document()["taken"] == taken


@pytest.mark.parametrize(
    ("member", "change"),
    [
        ("bundle.json", {"format": "other"}),
        ("bundle.json", {"version": "1"}),
        ("bundle.json", {"version": 0}),
        ("bundle.json", {"name": None}),
        ("bundle.json", {"name": "\ud800"}),
        ("bundle.json", {"licences": {"\ud800": "x"}}),
        ("bundle.json", {"licences": {"weights": 3}}),
        ("bundle.json", {"scores": {"CIDEr": float("nan")}}),
        ("bundle.json", {"scores": {"CIDEr": 10**400}}),
        ("bundle.json", {"network": []}),
        ("decoding.json", {"beams": 0}),
        ("decoding.json", {"beams": 101}),
        ("decoding.json", {"beams": True}),
        ("decoding.json", {"no_repeat_ngram": -1}),
        ("decoding.json", {"no_repeat_ngram": 101}),
        ("decoding.json", {"max_length": 0}),
        ("decoding.json", {"max_length": 1001}),
        ("selftest.json", {"max_length": 0}),
        ("selftest.json", {"max_length": 1001}),
        ("decoding.json", {"length_penalty": -1}),
        ("decoding.json", {"length_penalty": 10**400}),
        ("decoding.json", {"length_penalty": -(10**400)}),
        ("decoding.json", {"bad_endings": [1]}),
        ("decoding.json", {"surest": 1}),
        ("decoding.json", {"mirrored": "yes"}),
        ("preprocessor.json", {"image_size": 9}),
        ("selftest.json", {"picture": "AAAA!"}),
        ("selftest.json", {"tokens": "dog"}),
        ("tokenizer.json", {"format": "other"}),
    ],
)
def test_values_that_make_no_sense_are_refused(written: Path, member: str, change: dict[str, Any]) -> None:
    edit(written, member, lambda document: document.update(change))
    with pytest.raises(BundleError):
        read_bundle(written)


@pytest.mark.parametrize(
    "change", [{"length_penalty": 0}, {"length_penalty": 10.0}, {"max_length": 1}, {"no_repeat_ngram": 0}]
)
def test_the_ends_of_what_a_search_may_be_are_within(written: Path, change: dict[str, float]) -> None:
    edit(written, "decoding.json", lambda document: document.update(change))
    decoding = read_bundle(written).decoding
    assert dataclasses.replace(decoding, **change) == decoding  # type: ignore[arg-type]


def test_a_manifest_without_a_format_is_no_bundle(written: Path) -> None:
    edit(written, "bundle.json", lambda document: document.pop("format"))
    with pytest.raises(BundleError, match="names another format"):
        read_bundle(written)


def test_the_least_of_the_caches_tells_the_room_for_words() -> None:
    network = small().manifest.network
    assert network.max_length is None
    state = {
        "keys": Leaf((2, 9, 4), "float32", True),
        "values": Leaf((2, 11, 4), "float32", True),
        "grid": Leaf((2, 5, 4), "float32", False),
    }
    assert dataclasses.replace(network, state=state).max_length == 8  # bos takes a place


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("image_size", 1, 4096), ("positions", 1, 1 << 16), ("depth", 1, 1 << 16), ("vocabulary", 5, 1 << 20)],
)
def test_networks_of_no_size_and_of_any_are_refused(written: Path, name: str, least: int, most: int) -> None:
    for size in (least - 1, most + 1):
        edit(written, "bundle.json", lambda document, size=size: document["network"].update({name: size}))  # type: ignore[misc]
        with pytest.raises(BundleError, match=f"'{name}' between {least} and {most} in"):
            read_bundle(written)


def test_fields_say_what_they_hold_instead() -> None:
    fields = Fields({"null": None, "text": "x" * 99, "whole": 3}, "a.json")
    for name, found in (("lacking", "nothing"), ("null", "null"), ("text", f"str '{'x' * 40}'")):
        with pytest.raises(
            BundleError, match=f"Expected int for '{name}' in a.json of the bundle, but got {found}"
        ):
            fields.get(name, int)
    assert [fields.has(name) for name in ("lacking", "null", "whole")] == [False, False, True]
    assert fields.integer("whole", 3, 3) == 3
    for low, high in ((1, 2), (4, 5)):
        with pytest.raises(BundleError, match=f"'whole' between {low} and {high} in a.json"):
            fields.integer("whole", low, high)


_ODD = [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"1" * 5_000, b'{"version": %s}' % (b"9" * 5_000)]


@pytest.mark.parametrize("member", ["bundle.json", "decoding.json", "selftest.json", "tokenizer.json"])
@pytest.mark.parametrize("data", _ODD)
def test_members_that_are_not_json_objects_are_refused(written: Path, member: str, data: bytes) -> None:
    rewrite(written, lambda members: members.update({member: data}), relist=member != "bundle.json")
    with pytest.raises(BundleError):
        read_bundle(written)


def test_network_state_is_bounded(written: Path) -> None:
    for leaf in (
        {"dtype": "object"},
        {"shape": [0]},
        {"shape": [5, 0]},
        {"shape": [2**20 + 1]},
        {"shape": [1] * 5},
        {"shape": ["4"]},
    ):
        whole = written.read_bytes()
        edit(written, "bundle.json", lambda document, leaf=leaf: document["network"]["state"]["h"].update(leaf))  # type: ignore[misc]
        with pytest.raises(BundleError):
            read_bundle(written)
        written.write_bytes(whole)
    largest = [1, 1, 1, 2**20]
    edit(written, "bundle.json", lambda document: document["network"]["state"]["h"].update(shape=largest))
    assert read_bundle(written).manifest.network.state["h"].shape == tuple(largest)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be read"):
        read_bundle(tmp_path / "none.captionkit")
    with pytest.raises(BundleError, match="cannot be read"):
        read_bundle(tmp_path)


def test_without_a_default_bundle_the_message_names_the_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "DEFAULT_BUNDLE", tmp_path / "none")
    with pytest.raises(BundleError, match="--bundle"):
        read_bundle()


def test_the_default_bundle_is_the_installed_one(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "DEFAULT_BUNDLE", written)
    assert read_bundle().manifest.name == "small ☀"
