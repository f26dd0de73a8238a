"""Reading results and references, and refusing what cannot be scored."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captionkit.cli import sentences
from captionkit.confidence import hedged, withheld
from captionkit.datasets import Problem, dataset_config, read_dataset
from captionkit.errors import DataError
from captionkit.metrics.results import References, match, read_references, read_results
from captionkit.records import Caption, Prediction
from tests.metrics.strategies import few


def write(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


COCO = {
    "images": [{"id": 7, "file_name": "b.jpg"}, {"id": 3, "file_name": "a.jpg"}, {"id": 9, "file_name": "c.jpg"}],
    "annotations": [
        {"image_id": 3, "id": 1, "caption": "A dog."},
        {"image_id": 7, "id": 2, "caption": "A cat."},
        {"image_id": 3, "id": 3, "caption": "Dogs."},
    ],
}


def test_coco_results(tmp_path: Path) -> None:
    path = write(tmp_path, "r.json", [{"image_id": 3, "caption": "a dog"}, {"image_id": 7, "caption": "a cat"}])
    assert read_results(path) == {"3": "a dog", "7": "a cat"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.jsonl", '{"image_id": 3, "caption": "a dog"}\n\n{"image": "7", "text": "a cat"}\n'),
        ("r.csv", 'image,caption\n3,a dog\n7,"a cat"\n'),
        ("r.tsv", "image_id\tcaption\n3\ta dog\n7\ta cat\n"),
        ("r.csv", "\ufeffImage;Caption\r\n3;a dog\r\n7;a cat\r\n"),
        ("r.csv", "caption, image\na dog, 3\na cat, 7 \n"),
        ("r.json", '{"image_id": 3, "caption": "a dog"}\n{"image_id": 7, "caption": "a cat"}\n'),
        ("r.json", '{"3": "a dog", "7": ["a cat"]}'),
        ("r.json", '[{"image_id": 3, "captions": ["a dog"]}, {"image_id": 7, "caption": "a cat"}]'),
        ("r.json", '{"annotations": [{"image_id": 3, "caption": "a dog"}, {"image_id": 7, "caption": "a cat"}]}'),
    ],
)
def test_other_formats_say_the_same(tmp_path: Path, name: str, content: str) -> None:
    assert read_results(write(tmp_path, name, content)) == {"3": "a dog", "7": "a cat"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "c.jsonl",
            '{"source": "a.jpg", "captions": [{"text": "A dog."}, {"text": "A cat."}], "error": null}\n'
            '{"source": "b.jpg", "captions": [], "error": "no picture"}\n'
            '{"source": "c.jpg", "captions": [{"text": "A bird."}], "error": null}\n',
        ),
        (
            "c.csv",
            "source,rank,caption,error\na.jpg,1,A dog.,\na.jpg,2,A cat.,\nb.jpg,,,no picture\nc.jpg,1,A bird.,\n",
        ),
    ],
)
def test_our_own_captions_are_read_back(tmp_path: Path, name: str, content: str) -> None:
    assert read_results(write(tmp_path, name, content)) == {"a.jpg": "A dog.", "c.jpg": "A bird."}


@pytest.mark.parametrize(("name", "write_one"), [("c.jsonl", sentences.json_line), ("c.csv", sentences.csv_rows)])
def test_what_our_own_captions_say_of_their_confidence_is_not_scored(
    tmp_path: Path, name: str, write_one: sentences.Format
) -> None:
    unsure = Prediction("a.jpg", (Caption("A dog.", ("a", "dog"), (-1.0, -1.0, -1.0), -1.0, True),), 0.1)
    content = (sentences.CSV_HEADER if name.endswith("csv") else "") + write_one("a.jpg", hedged(unsure, 0.5))
    content += write_one("b.jpg", withheld(unsure, 0.5))
    assert read_results(write(tmp_path, name, content)) == {"a.jpg": "a dog."}
    others = write(tmp_path, "r.jsonl", '{"image_id": 3, "caption": "Possibly: a dog."}\n')
    assert read_results(others) == {"3": "Possibly: a dog."}


def test_coco_annotations_in_the_order_of_their_images(tmp_path: Path) -> None:
    found = read_references(write(tmp_path, "captions_val2017.json", COCO))
    assert list(found.captions.items()) == [("7", ["A cat."]), ("3", ["A dog.", "Dogs."])]
    assert found.aliases["a.jpg"] == "3"
    assert read_references(tmp_path / "captions_val2017.json", data_format="coco") == found
    nameless = read_references(write(tmp_path, "captions.json", {**COCO, "images": [{"id": 7}, {"id": 3}]}))
    assert match({"003": "a dog"}, nameless) == {"3": "a dog"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.jsonl", '{"image": "3", "captions": ["A dog.", "Dogs."]}\n'),
        ("r.csv", "image,caption\n3,A dog.\n3,Dogs.\n"),
        ("r.json", '{"image_id": 3, "caption": "A dog."}\n{"image_id": 3, "caption": "Dogs."}\n'),
        ("r.json", '[{"image_id": 3, "caption": "A dog."}, {"image_id": 3, "caption": "Dogs."}]'),
        ("R.JSON", '{"3": ["A dog.", "Dogs."]}'),
    ],
)
def test_references_in_other_formats(tmp_path: Path, name: str, content: str) -> None:
    assert dict(read_references(write(tmp_path, name, content)).captions) == {"3": ["A dog.", "Dogs."]}


def test_a_picture_without_captions_is_no_reference(tmp_path: Path) -> None:
    images = [
        {"filename": f"{number}.jpg", "split": "val", "sentences": [{"raw": "A dog."}] if number else []}
        for number in range(120)
    ]
    captions = read_references(write(tmp_path, "dataset_flickr8k.json", {"images": images})).captions
    assert "0.jpg" not in captions
    assert len(captions) == 119


def test_references_in_the_formats_of_data_sets(tmp_path: Path) -> None:
    karpathy = {
        "dataset": "flickr8k",
        "images": [
            {
                "filename": f"{number}.jpg",
                "imgid": number,
                "sentids": [number],
                "split": split,
                "sentences": [{"raw": f"Picture {number}.", "tokens": [], "imgid": number, "sentid": number}],
            }
            for number, split in enumerate(["train", "val", "test"])
        ],
    }
    path = write(tmp_path, "dataset_flickr8k.json", karpathy)
    assert dict(read_references(path, split="dev").captions) == {"1.jpg": ("Picture 1.",)}
    assert len(read_references(path).captions) == 3
    tokens = write(tmp_path, "Flickr8k.token.txt", "1.jpg#0\tA dog .\n1.jpg#1\tDogs .\n")
    assert dict(read_references(tokens).captions) == {"1.jpg": ("A dog .", "Dogs .")}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.csv", "image_id,caption,split\n3,A dog.,dev\n4,A cat.,train\n"),
        ("r.jsonl", '{"id": 3, "caption": "A dog.", "split": "val"}\n{"id": 4, "caption": "A cat."}\n'),
        (
            "r.json",
            '[{"id": 3, "caption": "A dog.", "set": "dev"}, {"id": 4, "caption": "A cat.", "set": "test"}]',
        ),
        ("r.csv", "image_id,caption\n3,A dog.\n"),  # not divided: all
    ],
)
def test_references_of_a_split(tmp_path: Path, name: str, content: str) -> None:
    path = write(tmp_path, name, content)
    assert dict(read_references(path, split="val").captions) == {"3": ["A dog."]}
    assert dict(read_references(path, split="all").captions) == dict(read_references(path).captions)
    if "A cat." in content:
        with pytest.raises(DataError, match=r"no captions of split 'none'; it has .*val"):
            read_references(path, split="none")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.csv", "image,caption_0,caption_1,caption_2\na.jpg,A dog.,,Dogs.\n"),
        ("r.csv", "image,caption,caption_2\na.jpg,A dog.,Dogs.\n"),
        ("r.csv", "image,text,Caption 1,Caption 2\na.jpg,A hound.,A dog.,Dogs.\n"),
        ("r.jsonl", '{"image": "a.jpg", "caption": "A dog.", "caption1": "Dogs."}\n'),
        ("r.csv", "Image_Path,Description\na.jpg,A dog.\na.jpg,Dogs.\n"),
        ("r.tsv", "id\tpath\tsentences\n1\ta.jpg\tA dog.\n2\ta.jpg\tDogs.\n"),
        ("r.jsonl", '{"img": "a.jpg", "alt_text": ["A dog.", "Dogs."]}\n'),
        ("r.json", '[{"image": "a.jpg", "caption_0": "A dog.", "caption_1": "Dogs.", "caption_2": null}]'),
    ],
)
def test_references_in_tables_with_the_columns_that_data_sets_have(
    tmp_path: Path, name: str, content: str
) -> None:
    path = write(tmp_path, name, content)
    assert dict(read_references(path).captions) == {"a.jpg": ["A dog.", "Dogs."]}
    problems: list[Problem] = []
    found = dataset_config(path, id_column="path" if "path" in content else "")
    (record,) = read_dataset(found, problems=problems)
    assert not problems
    assert (record.id, record.captions) == ("a.jpg", ("A dog.", "Dogs."))


def test_a_caption_may_have_five_thousand_characters(tmp_path: Path) -> None:
    assert read_results(write(tmp_path, "r.json", {"3": "x" * 5000})) == {"3": "x" * 5000}


def test_captions_in_several_columns_are_no_results(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="to be text"):
        read_results(write(tmp_path, "r.csv", "image,caption_0,caption_1\na.jpg,A dog.,Dogs.\n"))


def test_file_names_become_ids() -> None:
    references = References({"3": ["A dog."]}, {"a.jpg": "3"})
    assert match({"a.jpg": "a dog"}, references) == {"3": "a dog"}
    assert match({"pictures/a.jpg": "a dog"}, references) == {"3": "a dog"}
    assert match({"unknown.jpg": "a dog"}, references) == {"unknown.jpg": "a dog"}
    assert match({"pictures/a.jpg": "a dog"}, References({"a.jpg": ["A dog."]}, {})) == {"a.jpg": "a dog"}
    # A picture's own name comes before the same file name of another.
    assert match({"3": "a dog"}, References({"3": ["A dog."], "7": ["A cat."]}, {"3": "7"})) == {"3": "a dog"}
    with pytest.raises(DataError, match="twice"):
        match({"a.jpg": "a dog", "3": "a dog"}, references)
    below = References({"x/a.jpg": ["A dog."], "x/b.jpg": ["A cat."], "y/b.jpg": ["A cow."]})
    captions = {"a.jpg": "a dog", "C:\\y\\b.jpg": "a cow", "x/b.jpg": "a cat"}
    # Of two pictures with one file name none is taken.
    assert match(captions, below) == {"x/a.jpg": "a dog", "C:\\y\\b.jpg": "a cow", "x/b.jpg": "a cat"}


@pytest.mark.parametrize(
    "name", ["391895", "000000391895", "COCO_val2014_000000391895", "val2014/000000391895.jpg"]
)
@pytest.mark.parametrize("theirs", ["391895", "COCO_val2014_000000391895.jpg", "val2017/000000391895.jpg"])
def test_coco_pictures_are_found_by_number(name: str, theirs: str) -> None:
    references = References({"7": ["A cat."], theirs: ["A dog."]}, {})
    assert match({name: "a dog", "007": "a cat"}, references) == {theirs: "a dog", "7": "a cat"}


def test_a_picture_is_found_without_its_ending(tmp_path: Path) -> None:
    captions = {"1_a": "a dog", "1_b.png": "a cat", "1.5": "a cow"}
    path = write(tmp_path, "refs.json", {"1_a.jpg": ["A dog.", "Dogs."], "1_b.JPG": ["A cat."], "1.6": ["A cow."]})
    references = read_references(path)
    assert references.captions == {"1_a.jpg": ["A dog.", "Dogs."], "1_b.JPG": ["A cat."], "1.6": ["A cow."]}
    assert match(captions, references) == {"1_a.jpg": "a dog", "1_b.JPG": "a cat", "1.5": "a cow"}
    both = References({"a.jpg": ["A dog."], "a.png": ["A cat."]}, {})
    assert match({"a": "a dog", "a.png": "a cat"}, both) == {"a": "a dog", "a.png": "a cat"}


def test_the_numbers_of_a_data_set_are_found_by_file_names(tmp_path: Path) -> None:
    image = {"filename": "COCO_val2014_000000000003.jpg", "filepath": "val2014", "cocoid": 3, "split": "test"}
    karpathy = {"images": [{**image, "sentids": [0], "sentences": [{"raw": "A dog."}]}]}
    references = read_references(write(tmp_path, "dataset_coco.json", karpathy))
    assert match({f"pictures/{image['filename']}": "a dog"}, references) == {"3": "a dog"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.json", "[]", "there are none"),
        ("r.json", '{"3": 0.5}', "expected a list|Expected a list"),
        ("r.json", '{"image_id": "3", "caption": "a dog"}', "expected a list|Expected a list"),
        (
            "r.json",
            '{"3": ["a dog", "a cat"]}',
            "entry 1: expected the caption of picture 3 to be text, but got a list",
        ),
        ("r.json", "{}", "there are none"),
        ("r.json", "5", "Expected a list"),
        ("r.json", "[1]", "expected an object"),
        ("r.json", "[{}]", "expected a picture under .* but got nothing"),
        ("r.json", '[{"image_id": " ", "caption": "a"}]', "a whole number or a name as image_id"),
        ("r.json", '[{"image_id": 3, "caption": []}]', "to be text, but got a list"),
        ("r.json", '[{"caption": "a dog"}]', "expected a picture under"),
        ("r.json", '[{"image_id": 3}]', "expected a caption under"),
        ("r.json", '[{"image_id": 3, "caption": null}]', "to be text, but got nothing"),
        ("r.json", '[{"image_id": 3, "caption": ["a dog", "a cat"]}]', "to be text"),
        ("r.json", '[{"image_id": 3, "caption": 5}]', "to be text, but got a int"),
        ("r.json", '[{"image_id": 3, "caption": NaN}]', "NaN"),
        ("r.json", '[{"image_id": Infinity, "caption": "a"}]', "Infinity"),
        ("r.json", '[{"image_id": 3.5, "caption": "a"}]', "a whole number or a name"),
        ("r.json", '[{"image_id": true, "caption": "a"}]', "a whole number or a name"),
        ("r.json", '[{"image_id": 3, "caption": "a dog"}, {"image_id": 3, "caption": "a cat"}]', "two captions"),
        ("r.json", '[{"image_id": 3, "caption": "a dog"', r"not valid JSON \(.*, line 1\)"),
        ("r.json", "[" * 100_000, "not valid JSON"),
        ("r.json", '[{"image_id": ' + "1" * 5000 + ', "caption": "a"}]', "not valid JSON"),
        ("r.json", '[{"image_id": 3, "caption": "' + "x" * 5001 + '"}]', "5,001 characters"),
        ("r.csv", "picture,sentence\n3,a dog\n", "line 1: expected the names of columns, one of them image_id"),
        ("r.tsv", "3\ta dog\n4\ta cat\n", "line 1: expected the names of columns, .* but got 3, a dog"),
        ("r.txt", "3.jpg#0\ta dog\n", "^Expected captions as JSON, .jsonl, .csv or .tsv, but r.txt is none"),
        ("r.csv", "image\n3\n", "expected a caption under"),
        ("r.csv", "image,caption\n3\n", "line 2: expected 2 cells, as in the first line, but got 1"),
        ("r.csv", "image,caption\n3,a dog runs, happily\n", "line 2: expected 2 cells, .* but got 3; quote"),
        ("r.tsv", "image\tcaption\n\n3\ta dog\truns\n", "line 3: expected 2 cells"),
        ("r.csv", 'image,caption\n3,"a dog\n4,a cat\n', "line 2: the row that starts here is not valid CSV"),
        ("r.csv", "image,caption,caption\n3,a dog,a cat\n", "two columns named 'caption'"),
        ("r.jsonl", '{"image": 3}\n', "line 1"),
    ],
)
def test_bad_results_give_one_sentence(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_results(write(tmp_path, name, content))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


ANYTHING = st.one_of(
    st.binary(max_size=200), st.text(st.sampled_from('[]{}",:\\n image_idcaption1'), max_size=80).map(str.encode)
)


@few
@given(content=ANYTHING)
@pytest.mark.parametrize("name", ["r.json", "r.jsonl", "r.csv", "r.tsv"])
def test_any_bytes_give_captions_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(content)
    message = ""
    try:
        assert read_results(path)
    except DataError as error:
        message = str(error)
    assert "\n" not in message


def test_a_name_with_a_line_break_stays_on_one_line(tmp_path: Path) -> None:
    path = write(tmp_path, "r.csv", 'image,caption\n"a\nb",x\n"a\nb",y\n')
    with pytest.raises(DataError, match="picture a b"):
        read_results(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="readable"):
        read_results(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b'[{"image_id": 3, "caption": "caf\xe9"}]')
    with pytest.raises(DataError, match="UTF-8"):
        read_results(tmp_path / "latin.json")
    with pytest.raises(DataError):
        read_references(tmp_path / "none.json")


def test_references_that_are_no_text(tmp_path: Path) -> None:
    wrong = {"images": [{"id": 3}], "annotations": [{"image_id": 3, "caption": None}]}
    with pytest.raises(DataError, match="annotation 1"):
        read_references(write(tmp_path, "captions.json", wrong))
    for nothing in ("[]", "{}"):
        with pytest.raises(DataError, match=r"Expected reference captions in .* but there are none"):
            read_references(write(tmp_path, "captions.json", nothing))
    with pytest.raises(DataError):
        read_references(write(tmp_path, "captions.json", "5"))
    with pytest.raises(DataError, match="lists of images"):
        read_references(write(tmp_path, "captions.json", {"images": {}, "annotations": []}))


def test_the_readers_of_data_sets_are_imported_for_the_formats_that_need_them(tmp_path: Path) -> None:
    """Scores of a small file are there in the time that Python takes to import what they need."""
    (tmp_path / "captions.jsonl").write_text('{"image": "a", "caption": "a dog"}\n')
    code = (
        "import sys; from captionkit.metrics.results import read_references, read_results\n"
        "assert len(read_results(sys.argv[1])) == len(read_references(sys.argv[1]).captions) == 1\n"
        "import captionkit.metrics.scoring; print('captionkit.datasets' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "captions.jsonl")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
