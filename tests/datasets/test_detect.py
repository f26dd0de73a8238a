"""Formats told from a file's beginning, and data sets read by configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from captionkit.config import DataConfig
from captionkit.datasets import READERS, dataset_config, detect_format, read_dataset
from captionkit.errors import ConfigError, DataError


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("Flickr8k.token.txt", "a.jpg#0\tA dog .\n", "flickr8k"),
        ("results_20130124.token", "a.jpg#0\tA dog .\n", "flickr30k"),
        ("flickr30k.token.txt", "a.jpg#0\tA dog .\n", "flickr30k"),
        ("captions.txt", "image,caption\na.jpg,A dog\n", "flickr8k_csv"),
        ("captions.txt", 'Image, "caption"\r\na.jpg,A dog\r\n', "flickr8k_csv"),
        ("captions.csv", "\ufeffimage,caption\r\na.jpg,A dog\r\n", "table"),
        ("results.csv", "image_name| comment_number| comment\na.jpg| 0| A dog\n", "flickr30k_csv"),
        ("dataset_x.json", '{"images": [{"sentids": [0], "sentences": [', "karpathy"),
        ("captions_val2017.json", '{"info": {}, "images": [{"id": 1, "file_name": "x"', "coco"),
        ("x.json", '{"annotations": [{"image_id": 1, "caption": "A', "coco"),
        ("x.json", '\n[{"image": "a.jpg"', "table"),
        ("x.json", '\ufeff[{"image": "a.jpg"', "table"),
        ("x.tsv", "anything", "table"),
        ("x.jsonl", "{}", "table"),
        ("x.parquet", "PAR1", "table"),
    ],
)
def test_each_format_is_known_by_its_beginning(tmp_path: Path, name: str, content: str, expected: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert detect_format(path) == expected
    assert expected in READERS


def test_folders_are_pictures_or_coco_annotations(tmp_path: Path) -> None:
    assert detect_format(tmp_path) == "folder"
    (tmp_path / "captions_val2017.json").touch()
    assert detect_format(tmp_path) == "coco"


@pytest.mark.parametrize("content", ["\n", "hello\n", "\x00\x01"])
def test_an_unknown_beginning_asks_for_the_format(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="--format"):
        detect_format(path)
    with pytest.raises(DataError, match="cannot be read"):
        detect_format(tmp_path / "none")
    path = tmp_path / "x.json"
    path.write_text('{"rows": []}', encoding="utf-8")
    with pytest.raises(DataError, match="--format"):
        detect_format(path)


def test_a_data_set_is_read_by_its_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.token").write_text("a.jpg#0\tA\nb.jpg#0\tB\n", encoding="utf-8")
    (tmp_path / "dev.txt").write_text("b.jpg\n", encoding="utf-8")
    monkeypatch.setenv("SOMEWHERE", str(tmp_path))
    config = DataConfig(
        format="flickr8k", captions="$SOMEWHERE/t.token", images="$SOMEWHERE/p", val_list="$SOMEWHERE/dev.txt"
    )
    assert [(record.split, record.path) for record in read_dataset(config)] == [
        (None, tmp_path / "p" / "a.jpg"),
        ("val", tmp_path / "p" / "b.jpg"),
    ]


def test_recipes_find_the_folder_that_a_release_unpacks_to(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(
        '{"images": [{"filename": "a.jpg", "sentences": [{"raw": "A"}]}]}', encoding="utf-8"
    )
    config = DataConfig(captions=str(tmp_path / "d.json"), images=str(tmp_path / "images"))

    def path() -> Path:
        (record,) = read_dataset(config)
        return record.path

    assert path() == tmp_path / "images" / "a.jpg"
    (tmp_path / "Flicker8k_Dataset").mkdir()
    assert path() == tmp_path / "Flicker8k_Dataset" / "a.jpg"
    (tmp_path / "images").mkdir()  # what a recipe names comes first
    assert path() == tmp_path / "images" / "a.jpg"


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("table", "train_list"),
        ("karpathy", "val_list"),
        ("folder", "test_list"),
        ("folder", "caption_column"),
        ("coco", "split_column"),
    ],
)
def test_a_setting_that_the_format_does_not_read_is_refused(name: str, setting: str) -> None:
    with pytest.raises(ConfigError, match=rf"of format {name}, of which {setting} \(--{setting[:3]}"):
        read_dataset(DataConfig(format=name, **{setting: "x"}))  # type: ignore[arg-type]


def test_every_reader_can_be_named(tmp_path: Path) -> None:
    for name in READERS:
        with pytest.raises(DataError, match="nothing"):
            read_dataset(DataConfig(format=name, captions=str(tmp_path / "nothing.csv"), images="p"))
    with pytest.raises(ConfigError, match="did you mean 'karpathy'"):
        read_dataset(DataConfig(format="karpaty"))


def test_a_bare_path_becomes_a_configuration(tmp_path: Path) -> None:
    path = tmp_path / "captions.txt"
    path.write_text("image,caption\na.jpg,A\n", encoding="utf-8")
    config = dataset_config(path, images="", val_list="dev.txt")
    assert (config.format, config.captions, config.images) == ("flickr8k_csv", str(path), str(tmp_path))
    assert config.val_list == "dev.txt"
    assert dataset_config(path, images="elsewhere").images == "elsewhere"
    assert dataset_config(tmp_path).images == ""


def test_a_recipe_names_its_data_set(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('[data]\nformat = "coco"\ncaptions = "c.json"\nrestval = false\n', encoding="utf-8")
    config = dataset_config(path, images="other", restval=None)
    assert (config.format, config.captions, config.images, config.restval) == ("coco", "c.json", "other", False)
    assert dataset_config(path, restval=True).restval


def test_pictures_and_lists_are_found_where_the_releases_have_them(tmp_path: Path) -> None:
    text = tmp_path / "Flickr8k_text"
    text.mkdir()
    (tmp_path / "Flicker8k_Dataset").mkdir()
    (text / "Flickr8k.token.txt").write_text("a.jpg#0\tA\nb.jpg#0\tB\nc.jpg#0\tC\n", encoding="utf-8")
    for name, picture in (("dev", "a"), ("train", "b"), ("test", "c")):
        (text / f"Flickr_8k.{name}Images.txt").write_text(f"{picture}.jpg\n", encoding="utf-8")
    config = dataset_config(text / "Flickr8k.token.txt")
    assert config.images == str(tmp_path / "Flicker8k_Dataset")
    assert [record.split for record in read_dataset(config)] == ["val", "train", "test"]
    assert dataset_config(text / "Flickr8k.token.txt", train_list="mine.txt").val_list == ""


def test_coco_pictures_are_found_beside_the_annotations(tmp_path: Path) -> None:
    annotations = tmp_path / "annotations"
    (tmp_path / "val2017").mkdir()
    annotations.mkdir()
    (annotations / "captions_val2017.json").write_text(
        '{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [{"image_id": 1, "caption": "A"}]}',
        encoding="utf-8",
    )
    (record,) = read_dataset(dataset_config(annotations))
    assert record.path == tmp_path / "val2017" / "a.jpg"


def test_a_table_keeps_its_own_paths(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "t.csv").write_text("image,caption\nimages/a.jpg,A\n", encoding="utf-8")
    (record,) = read_dataset(dataset_config(tmp_path / "t.csv"))
    assert record.path == tmp_path / "images" / "a.jpg"


def test_karpathys_files_in_one_folder_find_each_their_pictures(tmp_path: Path) -> None:
    for folder in ("Flicker8k_Dataset", "flickr30k-images", "val2017"):
        (tmp_path / folder).mkdir()
    for name, folder in (("flickr8k", "Flicker8k_Dataset"), ("flickr30k", "flickr30k-images"), ("coco", "")):
        path = tmp_path / f"dataset_{name}.json"
        path.write_text('{"images": [{"sentences": []}]}', encoding="utf-8")
        assert Path(dataset_config(path).images) == tmp_path / folder


def test_an_empty_file_is_told_as_empty(tmp_path: Path) -> None:
    (tmp_path / "captions.json").write_bytes(b"")
    with pytest.raises(DataError, match=r"captions\.json, but it is empty"):
        detect_format(tmp_path / "captions.json")
