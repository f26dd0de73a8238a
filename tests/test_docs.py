"""The documentation is true."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from codeop import compile_command
from pathlib import Path
from typing import Any

import pytest

from captionkit.cli.app import main
from captionkit.cli.output import check_new_folder
from captionkit.config import read_config
from captionkit.decoding import beam_search
from captionkit.images import load_pixels
from captionkit.text import tokenize
from tests.tiny import IMAGE_SIZE, tiny_decoding, tiny_model, tiny_tokenizer

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    path
    for room in (".", "docs", "docs/decisions", "configs", "examples", "models")
    for path in (ROOT / room).glob("*.md")
)


def test_the_pages_of_commands_and_model_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_command_is_documented_with_an_example() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for section in page.split("\n## ")[1:]:
        name = section.splitlines()[0]
        assert re.search(r"Examples?: ", section), f"{name} shows no example"


def _anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target, heading in re.findall(r"\]\((?!https?:|mailto:)([^)#\s]*)#?([^)\s]*)\)", text):
        page = path.parent / target if target else path
        assert page.exists(), f"{path.name} links to {target}"
        assert not heading or heading in _anchors(page), f"{path.name} links to {target}#{heading}"


@pytest.mark.parametrize("path", [*PAGES, ROOT / "Makefile"], ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_modules_that_a_page_names_are_there(path: Path) -> None:
    """Such as `cli/caption.py`, `configs/one.toml`, `captionkit.images`."""
    rooms = ("src", "tests", "docs", "configs", "benchmarks", "examples", "requirements")
    known = [*ROOT.glob("*.*"), *(one for room in rooms for one in (ROOT / room).rglob("*"))]
    text = path.read_text(encoding="utf-8") if path.name != "CHANGELOG.md" else ""  # it tells of what was, too
    named = set(re.findall(r"(?<![\w./-])\w+(?:/\w+)*\.(?:py|toml)\b", text))
    for name in named - {"utils.py", "pylock.toml", "config.toml"}:
        assert any(str(one).endswith(f"/{name}") for one in known) or "NAME" in name, name
    for name in re.findall(r"(?<![\w./-])captionkit\.(\w+)", text):
        assert importlib.util.find_spec(f"captionkit.{name}"), name


@pytest.mark.parametrize("path", sorted(ROOT.glob("configs/*.toml")), ids=lambda path: path.name)
def test_every_recipe_reads(path: Path) -> None:
    read_config(path)


def test_figures_of_a_recipe_are_the_same_on_all_pages() -> None:
    """BLEU-4, METEOR, ROUGE-L and CIDEr-D in the recipe's own comment, in configs/README.md and in the README."""
    row = re.compile(r"^\| `(\w+)` \|.*?" + r" \| ([\d.]+)" * 4 + r" \|$", re.MULTILINE)
    listed, chosen = (
        {name: scores for name, *scores in row.findall((ROOT / page).read_text(encoding="utf-8"))}
        for page in ("configs/README.md", "README.md")
    )
    assert len(chosen) == 5
    assert chosen.items() <= listed.items()
    assert listed.keys() == {path.stem for path in ROOT.glob("configs/*.toml")}
    for name, scores in listed.items():
        comment = (ROOT / "configs" / f"{name}.toml").read_text(encoding="utf-8").split("\n[")[0]
        assert {*scores} <= {*re.findall(r"\d+\.\d", comment)}, name


def test_every_wording_rule_has_a_source_and_a_test() -> None:
    page = (ROOT / "docs" / "alt-text.md").read_text(encoding="utf-8")
    rules = re.findall(r"^\| (\d)\. .+? \| (.+?) \| `(\w+\.py)::(\w+)` \|$", page, re.MULTILINE)
    assert [number for number, *_ in rules] == list("12345678")
    for _, source, file, name in rules:
        assert re.match(r"W3C|\[?WCAG|\[?WebAIM|Ours: ", source)
        assert f"def {name}(" in (ROOT / "tests" / "alttext" / file).read_text(encoding="utf-8")


def test_the_readme_says_where_the_command_is_before_it_uses_it() -> None:
    """`make caption` puts it into .venv, where no shell finds it, and no registry has the package."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    first = next(place for place, line in enumerate(lines) if line.startswith(("captionkit ", "pip ")))
    assert lines.index("make caption") < lines.index(". .venv/bin/activate") < first


@pytest.mark.parametrize("heading", ["Alternative texts", "Find pictures by words"])
def test_the_commands_of_the_readme_work_when_pasted(
    heading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the installed model, on a copy of the examples; afterwards no example has changed."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL)).splitlines()
    assert len(lines) >= 5
    for line in lines:
        monkeypatch.setattr(sys, "argv", shlex.split(line, comments=True))
        with pytest.raises(SystemExit) as done:
            main()
        assert done.value.code == (1 if "--fail-on" in line else 0), line
    for path in (ROOT / "examples").rglob("*"):
        if path.is_file():
            assert (tmp_path / path.relative_to(ROOT)).read_bytes() == path.read_bytes(), path


def test_the_python_of_the_readme_works_when_pasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    shutil.copy(ROOT / "examples" / "cat.jpg", tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    exec(code, {})  # the page itself is what is tested
    plain, hedged = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"[A-Z].*\bcat\b.*\. 0\.\d+", plain)
    assert hedged.removeprefix("Possibly: ")[1:] == plain.rsplit(" ", 1)[0][1:]


def test_the_python_of_decoding_works_when_pasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "decoding.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    shutil.copy(ROOT / "examples" / "cat.jpg", tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    exec(code, {})  # the page itself is what is tested
    *three, drawn, none = capsys.readouterr().out.splitlines()
    assert len({line for line in three if re.fullmatch(r"-\d\.\d\d [A-Z].*\bcats?\b.*\.", line)}) == 3
    assert not any("chair" in line for line in three)
    assert re.fullmatch(r"photo\.jpg [A-Z].*\.", drawn)
    assert none.startswith("picture 2 Expected a picture")


def test_the_python_of_onnx_works_when_pasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what the greedy search of captionkit says."""
    pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")
    from captionkit.interchange import export_networks

    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (folder,) = re.findall(r"`captionkit export models/\w+ --onnx ([^`]+)`", page)
    monkeypatch.chdir(tmp_path)
    check_new_folder("--onnx", Path(folder))  # as the command does
    model, _ = tiny_model()
    export_networks(folder, model, tiny_tokenizer(), name="tiny", licences={}, decoding=tiny_decoding(), onnx=True)
    shutil.copy(ROOT / "examples" / "cat.jpg", "photo.jpg")
    exec(code, {})  # the page itself is what is tested
    features = model.encode(load_pixels("photo.jpg", IMAGE_SIZE)[None])
    ((best,),) = beam_search(model.decoder.start, model.decoder.step, features, beams=1, length_penalty=0)
    assert len(best.ids) > 3
    assert capsys.readouterr().out.split() == list(tiny_tokenizer().to_tokens(best.ids))


def test_the_tutorial_may_be_pasted() -> None:
    """Before Python 3.13 what is pasted is read line by line: an empty line ends a loop, and nothing else does."""
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        statement: list[str] = []
        for line in [*code.splitlines(), ""]:
            statement.append(line)
            if compile_command("\n".join(statement)) is not None:  # raises where it is no Python
                statement = []
        assert not statement, code


@pytest.mark.slow
def test_the_tutorial_prints_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Up to the first random weights to the letter; afterwards processors round differently."""
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    known: dict[str, Any] = {}
    blocks = re.findall(r"```python\n(.*?)```\n+```text\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == page.count("```python") == 9
    for number, (code, shown) in enumerate(blocks):
        capsys.readouterr()
        exec(code, known)  # the page itself is what is tested
        printed = capsys.readouterr().out
        if number < 4:
            assert printed == shown
        elif "sentence.append" not in code:  # a line a word, and it may choose another of the three sentences
            assert len(printed.splitlines()) == len(shown.splitlines())
    assert float(known["loss"]) < 0.5
    told = {record.id: [tokenize(caption) for caption in record.captions] for record in known["records"]}
    for record, prediction in zip(known["records"], known["found"], strict=True):
        assert tokenize(prediction.text) in told[record.id]
    assert known["sentence"] in told["cat.jpg"]
    assert "split leak" in known["scores"].warnings[-1]
