"""The audit as a whole, and on the real data."""

from __future__ import annotations

from pathlib import Path

import pytest

from captionkit.audit import Weight, audit_dataset
from captionkit.datasets import dataset_config, read_dataset
from tests.audit.scenes import CAPTIONS, jpeg, record, scene


def test_leaks_come_first_and_decide(tmp_path: Path) -> None:
    records = [
        record(tmp_path, "a.jpg", "train", data=jpeg(scene(1))),
        record(tmp_path, "b.jpg", "test", ("One . ", "Two .", "<unk>"), data=jpeg(scene(1))),
        record(tmp_path, "c.jpg", "train", CAPTIONS[:1], data=jpeg(scene(1))),
    ]
    report = audit_dataset(records, vocabulary=["two", "dog"])
    assert [entry.weight for entry in report.findings] == sorted(
        (entry.weight for entry in report.findings), key=list(Weight).index
    )
    assert {entry.check for entry in report.findings} == {"pictures", "vocabulary", "references", "sentinels"}
    assert report.leaks
    document = report.to_json()
    assert document["leaks"] is True
    assert document["pictures"] == 3


def test_a_clean_data_set_has_no_findings(tmp_path: Path) -> None:
    records = [
        record(tmp_path, f"{number}.jpg", split, [f"{text} {number}" for text in CAPTIONS], jpeg(scene(number)))
        for number, split in enumerate(["train", "train", "val", "test"])
    ]
    report = audit_dataset(records)
    assert report.findings == ()
    assert not report.leaks
    assert report.verdict.reasons == ("these are not the pictures of Flickr8k / Flickr30k / COCO",)


def test_without_looking_it_says_so(tmp_path: Path) -> None:
    (found,) = audit_dataset([record(tmp_path, "a.jpg", "train")], look=False).findings
    assert "not looked at" in found.message


@pytest.mark.data
def test_flickr8k_has_its_twin_and_its_scenes(data_root: Path) -> None:
    """The captions of the real data; the pictures are looked at where they have been unpacked."""
    config = dataset_config(data_root / "flickr8k" / "dataset_flickr8k.json")
    records = read_dataset(config)
    report = audit_dataset(records, look=False)
    assert not report.leaks
    assert report.verdict.table == "Flickr8k"
    assert report.verdict.reasons == ("the Flickr8k split has 1,000 test pictures, and this has none",)


@pytest.mark.data
def test_the_byte_identical_pictures_of_flickr8k_are_found(data_root: Path, tmp_path: Path) -> None:
    import tarfile

    twins = ("2851198725_37b6027625.jpg", "3050606344_af711c726c.jpg")
    with tarfile.open(data_root / "flickr8k" / "images.tar") as archive:
        for member in archive:
            name = Path(member.name).name
            if name in twins or name.startswith("10"):
                data = archive.extractfile(member)
                assert data is not None
                (tmp_path / name).write_bytes(data.read())
    config = dataset_config(data_root / "flickr8k" / "dataset_flickr8k.json", images=str(tmp_path))
    records = [entry for entry in read_dataset(config) if entry.path.is_file()]
    assert len(records) > 50
    (found,) = [entry for entry in audit_dataset(records).findings if "byte-identical" in entry.message]
    assert found.weight is Weight.NOTE
    assert found.count == 1
    assert all(twin in found.examples[0] for twin in twins)
