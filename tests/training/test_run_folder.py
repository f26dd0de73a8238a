"""What is asked of a run's folder without TensorFlow."""

from __future__ import annotations

from pathlib import Path

import pytest

from captionkit.bundle import read_bundle
from captionkit.config import Config, parse_config, write_config
from captionkit.errors import DataError, TrainingError
from captionkit.tokenizer import Tokenizer
from captionkit.training import run_folder
from captionkit.training.run_folder import (
    earlier_runs,
    expect_data,
    expect_earlier,
    expect_no_run,
    has_begun,
    read_history,
    read_vocabulary,
)


def test_a_history_that_does_not_read_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    assert read_history(path) == ()
    path.write_text('{"step": 1}\n\n[1]\n')
    with pytest.raises(DataError, match="line 3"):
        read_history(path)
    for line in ('{"st', "[" * 100_000, "1" * 5_000):
        path.write_text(f'{{"step": 1}}\n{line}')
        with pytest.raises(DataError, match="line 2"):
            read_history(path)


def test_earlier_runs_come_after_those_that_they_build_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELSEWHERE", raising=False)

    def write(name: str, begin_from: str, teachers: str = "") -> Config:
        config = parse_config("", [f"training.begin_from={begin_from}", f"training.teachers={teachers}"])
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "config.toml").write_text(write_config(config))
        return config

    one, two = tmp_path / "one", tmp_path / "two"
    first = write("one", "")
    second = write("two", f"{one}", "$ELSEWHERE/gone")
    last = write("last", f"{two} {one}")
    assert list(earlier_runs(last).items()) == [(Path("$ELSEWHERE/gone"), None), (one, first), (two, second)]
    write("one", f"{two}")  # round in a circle
    assert earlier_runs(last).keys() == {one, two, Path("$ELSEWHERE/gone")}


def test_a_bundle_and_the_run_of_an_encoder_are_earlier_runs_and_published_weights_are_none(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text("")
    weights = f"{tmp_path / 'encoder.safetensors'} {tmp_path / 'published.npz'}"
    runs = earlier_runs(parse_config("", [f"training.begin_from={tiny_bundle}", f"encoder.weights={weights}"]))
    held = read_bundle(tiny_bundle).config
    assert held is not None
    assert list(runs.items()) == [(tmp_path, Config()), (tiny_bundle, parse_config(held))]


def test_every_place_of_the_data_is_asked_for_first(tmp_path: Path) -> None:
    for name in ("captions.json", "train.txt", "val.txt", "test.txt", "images"):
        (tmp_path / name).touch()
    lists = [f"{part}_list={tmp_path / part}.txt" for part in ("train", "val", "test")]
    keys = [f"captions={tmp_path / 'captions.json'}", f"images={tmp_path / 'images'}", *lists]
    for section in ("data", "more_data"):
        whole = [f"{one}.{key}" for one in {"data", section} for key in keys]
        expect_data(parse_config("", whole))
        for key in keys:
            name = f"{section}.{key.split('=')[0]}"
            with pytest.raises(DataError, match=rf"Expected {name} at .*, but nothing is there; .* {name}=\.\.\."):
                expect_data(parse_config("", [*whole, f"{name}={tmp_path / 'gone'}"]))
    expect_data(parse_config("", [f"more_data.images={tmp_path / 'gone'}", *[f"data.{key}" for key in keys]]))


def test_an_earlier_run_that_is_a_link_to_itself_cannot_be_read(tmp_path: Path) -> None:
    (loop := tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert earlier_runs(parse_config("", [f"training.begin_from={loop}"])) == {loop: None}


def test_a_run_whose_first_checkpoint_found_no_room_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "config.toml").write_text("")
    expect_no_run(tmp_path)
    assert not has_begun(tmp_path)
    (tmp_path / "checkpoint" / "checkpoint.json").write_text("{}")
    assert has_begun(tmp_path)
    with pytest.raises(TrainingError, match="go on with `captionkit train --resume"):
        expect_no_run(tmp_path)


def test_trained_weights_are_not_trained_over(tmp_path: Path) -> None:
    (tmp_path / "best.safetensors").write_bytes(b"weights")
    with pytest.raises(TrainingError, match="holds the weights of a run, though no checkpoint"):
        expect_no_run(tmp_path)


def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_no_run(tmp_path / "runs" / "one")
    monkeypatch.setattr(run_folder, "is_writable", lambda folder: folder != tmp_path)
    with pytest.raises(TrainingError, match=f"but {tmp_path} cannot be written to"):
        expect_no_run(tmp_path / "runs" / "one")


def test_a_folder_with_a_space_is_quoted_in_the_command_that_goes_on(tmp_path: Path) -> None:
    (tmp_path / "my run" / "checkpoint").mkdir(parents=True)
    (tmp_path / "my run" / "checkpoint" / "checkpoint.json").write_text("{}")
    with pytest.raises(TrainingError, match=f"--resume '{tmp_path}/my run'`"):
        expect_no_run(tmp_path / "my run")


def test_runs_to_build_on_are_asked_for_first(tmp_path: Path) -> None:
    for key in ("begin_from", "teachers"):
        config = parse_config("", [f"training.{key}={tmp_path}"])
        with pytest.raises(TrainingError, match=rf"\(training\.{key}\), but its config\.toml is missing"):
            expect_earlier(config)
    for name in ("config.toml", "tokenizer.json"):
        (tmp_path / name).write_text("")
    with pytest.raises(TrainingError, match=r"its best\.safetensors is missing; train that one first"):
        expect_earlier(config)
    (tmp_path / "best.safetensors").write_text("")
    expect_earlier(config)


@pytest.mark.parametrize("held", [None, b"\xff", b"{", b"[]"])
def test_a_vocabulary_that_does_not_read_is_named(tmp_path: Path, held: bytes | None) -> None:
    path = tmp_path / "tokenizer.json"
    if held is not None:
        path.write_bytes(held)
    with pytest.raises(TrainingError, match=r"The vocabulary .*tokenizer\.json of the run cannot be read"):
        read_vocabulary(tmp_path)
    path.write_text(Tokenizer(["dog"]).to_json(), encoding="utf-8")
    assert read_vocabulary(tmp_path) == Tokenizer(["dog"])


def test_a_number_that_no_float_holds_is_infinite(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text(f'{{"step": 12, "CIDEr": 1{"0" * 400}}}\n')
    assert read_history(tmp_path / "history.jsonl") == ({"step": 12, "CIDEr": float("inf")},)


def test_a_link_that_leads_nowhere_is_no_place_for_a_run(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for place in (tmp_path / "link", tmp_path / "link" / "run"):
        with pytest.raises(TrainingError, match="link is a link that leads nowhere; give another place"):
            expect_no_run(place)
