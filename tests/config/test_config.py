"""Paths and numbers of a configuration; what else it holds is tested where it is used."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from captionkit.config import Config, parse_config, read_config, write_config
from captionkit.config.limits import RANGES
from captionkit.errors import ConfigError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("tokenizer.min_count=0", "1 or more, but got 0"),
        ("tokenizer.max_length=-3", "1 or more, but got -3"),
        ("decoder.units=0", "1 or more"),
        ("decoder.layers=-1", "1 or more"),
        ("decoder.heads=0", "1 or more"),
        ("decoder.dropout=1.5", "0 to less than 1, but got 1.5"),
        ("decoder.dropout=-0.5", "0 to less than 1"),
        ("decoder.word_dropout=1", "0 to less than 1"),
        ("training.epochs=-1", "0 or more"),
        ("training.batch_size=0", "1 or more"),
        ("training.captions_per_image=0", "1 or more"),
        ("training.more_data_times=0", "1 or more"),
        ("training.learning_rate=0", "more than 0"),
        ("training.label_smoothing=1.1", "0 to 1"),
        ("training.ema=1.0", "0 to less than 1"),
        ("training.eval_beams=0", "1 to 100"),
        ("training.eval_every=0", "1 or more"),
        ("training.seed=-1", "0 to 4294967295"),
        ("training.teachers_share=2", "0 to 1"),
        ("training.views=0", "1 or more"),
        ("self_critical.samples=-2", "0 or more"),
        ("self_critical.temperature=0.0", "more than 0"),
        ("decoding.beams=0", "1 to 100"),
        ("decoding.max_length=0", "1 to 1000"),
        ("decoding.length_penalty=-1", "0 to 10"),
        ("decoding.beams=101", "1 to 100"),
        ("training.ema=nan", "a finite number"),
        ("training.learning_rate=true", "expected float"),
        (f"training.epochs={'[' * 9000}", "expected int"),
        (f"training.learning_rate={'9' * 400}", "a finite number"),
        (f"training.learning_rate={'9' * 5000}", "expected float"),
        (f"training.epochs=0x{'f' * 5000}", "64 bits"),
        (f"training.warmup_steps={1 << 63}", "64 bits"),
        (f"data.images=0x{'f' * 5000}", "expected str for 'data.images', but got one"),
        ('data.captions="a\\u0000b"', "without a zero character"),
    ],
)
def test_a_value_out_of_range_is_refused_where_it_is_read(change: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config("", [change])
    key = change.split("=")[0]
    assert key in str(refused.value)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (["self_critical.samples=1"], "2 or more, or 0"),
        (
            ["self_critical.samples=5", "training.teachers=runs/one"],
            "teachers has no part in self-critical training",
        ),
        (["self_critical.samples=5", "training.consensus=1"], "consensus has no part in self-critical training"),
        (["training.epochs=0"], "without training.begin_from"),
        (["bundle.name= "], "a name of the model"),
        (["decoder.kind=transformer", "decoder.positions=20"], "set it to 21 or more"),
        (["decoder.kind=transformer", "decoding.max_length=32"], "set it to 33 or more"),
        (["decoder.kind=transformer", "tokenizer.max_length=40"], "set it to 41 or more"),
        (["decoder.kind=transformer", "decoder.units=64"], "decoder.embedding = decoder.units"),
        (["decoder.kind=multihead_lstm", "decoder.units=100"], "8 does not divide 100"),
    ],
)
def test_numbers_that_do_not_fit_each_other_are_refused(changes: list[str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse_config("", changes)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("training.epoch=3", "unknown key 'training.epoch'; did you mean 'epochs'?"),
        ("trainings.epochs=3", "unknown key 'trainings'; did you mean 'training'?"),
        ("training.epochs.more=3", "unknown key 'training.epochs.more'"),
        ("training.epochs", "form section.key=value, but got 'training.epochs'"),
        ("epochs=3", "form section.key=value, but got 'epochs=3'"),
        ("training.=3", "form section.key=value, but got 'training.=3'"),
    ],
)
def test_a_key_that_there_is_not_is_refused(change: str, says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        parse_config("", [change])


def test_a_second_data_set_is_one_where_its_captions_are_named() -> None:
    config = parse_config("[more_data]\nmax_bad = 0.05\n", ["more_data.format=coco"])
    assert config.more_data == dataclasses.replace(Config().more_data, max_bad=0.05, format="coco")
    assert not config.more_data.captions


def test_a_change_may_have_white_space_around_its_parts() -> None:
    assert parse_config("", [" training.epochs = 3 "]).training.epochs == 3


def test_the_ends_of_the_ranges_are_allowed() -> None:
    parse_config("", ["training.epochs=0", "training.begin_from=runs/a", "decoder.dropout=0"])
    parse_config("", ["decoder.kind=transformer", "decoder.positions=21"])
    parse_config("", ["decoder.units=100", "training.label_smoothing=1", "self_critical.samples=2"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("encoder.name=vgg166", "unknown encoder.name 'vgg166'; did you mean 'vgg16'?"),
        ("decoder.kind=transformers", "unknown decoder.kind 'transformers'; did you mean 'transformer'?"),
        ("decoder.kind=gru", "known: attention_lstm, lstm, multihead_lstm, transformer"),
    ],
)
def test_a_network_that_there_is_not_is_refused_where_it_is_read(change: str, says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        parse_config("", [change])


@pytest.mark.parametrize("path", ["C:\\Users\\x.json", "D:\\data"])
def test_a_path_of_windows_needs_other_quotes(path: str) -> None:
    assert parse_config(f"[data]\ncaptions = '{path}'\n").data.captions == path
    assert parse_config("", [f"data.captions={path}"]).data.captions == path
    with pytest.raises(ConfigError, match=r"not valid TOML: .* A path with backslashes stands between single"):
        parse_config(f'[data]\ncaptions = "{path}"\n')


def test_a_recipe_is_bounded(tmp_path: Path) -> None:
    with (tmp_path / "huge.toml").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ConfigError, match="more bytes than a configuration may"):
        read_config(tmp_path / "huge.toml")
    with pytest.raises(ConfigError, match="not valid TOML"):
        parse_config("a = " + "[" * 5000)
    with pytest.raises(ConfigError, match=r"expected int for 'training\.epochs', but got") as error:
        parse_config(f"training.epochs{'.a' * 3000} = 1")
    assert len(str(error.value)) < 300


def test_every_range_is_of_a_key_and_holds_its_default() -> None:
    assert parse_config(write_config(Config())) == Config()
    for name, allowed in RANGES.items():
        section, key = name.split(".")
        assert getattr(getattr(Config(), section), key) in allowed


@pytest.mark.parametrize(
    "path",
    sorted([*ROOT.glob("configs/*.toml"), *ROOT.glob("models/*/config.toml")]),
    ids=lambda path: str(path)[-40:],
)
def test_every_recipe_and_every_run_is_allowed(path: Path) -> None:
    read_config(path)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_bytes(b"\xef\xbb\xbf[training]\r\nepochs = 7\r\n")
    assert read_config(tmp_path / "recipe.toml").training.epochs == 7


def test_a_section_that_is_no_table_is_told_with_a_change_to_it_too() -> None:
    with pytest.raises(ConfigError, match=r"expected a table \[data\], but got 3"):
        parse_config("data = 3", ["data.images=x"])


def test_any_text_is_read_as_it_was_written() -> None:
    config = parse_config("", ['bundle.name=a\x7f"\\\n\x01\U0001f600'])
    assert "\x7f" in config.bundle.name
    assert parse_config(write_config(config)) == config
