from __future__ import annotations

import contextlib
import csv
import hashlib
import html
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from captionkit.alttext import propose
from captionkit.alttext.sidecar import open_sidecar
from captionkit.cli import alt
from captionkit.cli.app import app
from captionkit.errors import CaptionkitError
from captionkit.records import Prediction
from tests.alttext.fakes import ColourCaptioner, photograph, run_as_nobody_special
from tests.command import Run, read_terminal

MODEL = "0123456789abcdef" * 4
PAGE = "<h1>Dogs</h1>\n<img src=a.jpg>\n<img src=b.jpg alt='b.jpg'>\n<img src=c.jpg alt='A dog on a beach'>\n"


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["alt", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit | CaptionkitError):
        raise result.exception
    return (2 if isinstance(result.exception, CaptionkitError) else result.exit_code), result.stdout


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "dogs.html"
    path.write_text(PAGE)
    return path


def test_scan_prints_a_line_a_picture_that_needs_attention(page: Path) -> None:
    code, output = run("scan", page)
    assert code == 0
    lines = output.splitlines()
    assert lines[0].startswith("dogs.html:2:1: missing: a.jpg: It has no alternative text.")
    assert lines[1].startswith("dogs.html:3:1: placeholder: b.jpg:")
    assert lines[-1] == "3 pictures in 1 document: 1 missing, 1 placeholder, 1 ok"
    assert len(run("scan", page, "--all")[1].splitlines()) == 4


def test_built_code_is_not_read_and_one_line_says_so(tmp_path: Path) -> None:
    for name in ("src/a.jsx", "dist/a.js", "dist/b.js"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("export const A = () => <img src='a.png' />")
    result = CliRunner().invoke(app, ["alt", "scan", str(tmp_path)])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "1 picture in 1 document: 1 missing"
    first = tmp_path / "dist/a.js"
    told = f"captionkit: 2 files of built code not read, such as {first}; to read it, name its folder"
    assert result.stderr.splitlines() == [told]


@pytest.mark.parametrize(
    ("fail_on", "code"),
    [("missing", 1), ("missing,placeholder", 1), ("too-long", 0), ("any", 1), ("mising", 2), (",", 2), (" ", 2)],
)
def test_exit_codes_for_continuous_integration(page: Path, fail_on: str, code: int) -> None:
    assert run("scan", page, "--fail-on", fail_on)[0] == code


def test_what_is_found_of_fail_on_is_told_beside_the_list_and_not_beside_json(page: Path, captionkit: Run) -> None:
    done = captionkit("alt", "scan", page, "--fail-on", "missing,placeholder")
    assert (done.code, done.err) == (1, "captionkit: 2 with a verdict of --fail-on missing,placeholder\n")
    done = captionkit("alt", "scan", page, "--fail-on", "missing,placeholder", "--json")
    assert (done.code, done.err) == (1, "")
    assert len(json.loads(done.out)["pictures"]) == 3


def test_scan_lists_nothing_that_is_fine_and_no_address_where_there_is_none(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    page.write_text("<img src={{u}} alt='A dog'><img src=http://a/b alt='A cat'><map><area href=/n></map>")
    first, total = run("scan", page)[1].splitlines()
    assert first.startswith("a.html:1:65: functional: It is a link to /n without any text")
    assert first.endswith("(it names no picture)")
    assert total == "3 pictures in 1 document: 1 functional, 2 ok"


def test_scan_looks_from_the_root_and_measures_as_it_is_told(tmp_path: Path) -> None:
    photograph(tmp_path / "a.jpg", "red")
    (tmp_path / "pages").mkdir()
    page = tmp_path / "pages" / "p.html"
    page.write_text('<img src="/a.jpg" alt="A dog runs over a beach of sand">')
    assert run("scan", page, "--all")[1].splitlines()[0].endswith("(no such file: /a.jpg)")
    place = f"{page.relative_to(tmp_path)}:1:1"
    assert run("scan", page, "--root", tmp_path) == (0, "1 picture in 1 document: 1 ok\n")
    line, _ = run("scan", page, "--root", tmp_path, "--all")[1].splitlines()
    assert line.startswith(f"{place}: ok: /a.jpg: ")
    assert not line.endswith(")")
    line, _ = run("scan", page, "--root", tmp_path, "--max-length", "20")[1].splitlines()
    assert line.startswith(f"{place}: too-long: /a.jpg: ")


def test_a_long_address_is_shortened_and_a_part_of_a_document_named(tmp_path: Path) -> None:
    for length in (80, 81):
        (tmp_path / f"{length}.md").write_text(f"![]({'a' * 40}{'b' * (length - 60)}{'c' * 20})\n")
    lines = run("scan", tmp_path)[1].splitlines()
    shown = [line.split(": ")[2] for line in lines[:2]]
    assert shown == [f"{'a' * 40}{'b' * 20}{'c' * 20}", f"{'a' * 40}...{'c' * 20}"]
    with zipfile.ZipFile(tmp_path / "book.epub", "w") as book:
        book.writestr("mimetype", "application/epub+zip")
        book.writestr("META-INF/container.xml", '<c><rootfile full-path="o.opf"/></c>')
        page = '<item id="a" href="one.xhtml" media-type="application/xhtml+xml"/>'
        book.writestr("o.opf", f'<p>{page}<itemref idref="a"/></p>')
        book.writestr("one.xhtml", '<html>\n<img src="a.jpg"/></html>')
    assert run("scan", tmp_path / "book.epub")[1].startswith("book.epub!one.xhtml:2:1: missing: a.jpg: ")


def test_json_holds_every_picture_with_its_context(page: Path) -> None:
    code, output = run("scan", page, "--json")
    report = json.loads(output)
    assert code == 0
    assert report["documents"] == 1
    assert [one["verdict"] for one in report["pictures"]] == ["missing", "placeholder", "ok"]
    assert report["pictures"][0]["context"]["heading"] == "Dogs"
    assert report["pictures"][0]["line"] == 2


def test_a_document_that_cannot_be_read_makes_exit_code_one(page: Path) -> None:
    (page.parent / "bad.md").write_bytes(b"\xff\xfe\xff")
    assert run("scan", page.parent)[0] == 1
    code, output = run("scan", page.parent, "--json")
    report = json.loads(output)
    assert (code, report["documents"], len(report["pictures"])) == (1, 1, 3)
    (error,) = report["errors"]
    assert "bad.md" in error


def test_folders_that_cannot_be_searched_make_exit_code_one_and_the_rest_goes_on(page: Path) -> None:
    for name, mode in (("closed", 0), ("listed", 0o444)):
        folder = page.parent / name
        folder.mkdir()
        (folder / "a.html").write_text(PAGE)
        folder.chmod(mode)
    done = run_as_nobody_special("-m", "captionkit", "alt", "scan", page.parent)
    for name in ("closed", "listed"):
        (page.parent / name).chmod(0o755)
    assert done.returncode == 1
    assert "3 pictures in 1 document" in done.stdout
    assert sorted(done.stderr.splitlines()) == [
        f"captionkit: {page.parent}/closed cannot be searched (Permission denied).",
        f"captionkit: {page.parent}/listed/a.html cannot be read (Permission denied).",
    ]


def test_on_a_terminal_of_80_characters_the_table_has_room_for_the_reasons(page: Path) -> None:
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "captionkit", "alt", "scan", str(page)],
        stdout=follower,
        env={**os.environ, "COLUMNS": "80", "TERM": "dumb"},
    )
    os.close(follower)
    shown = read_terminal(leader)
    assert done.wait() == 0
    lines = [line.rstrip() for line in shown.splitlines()]
    assert lines[0].split() == ["Where", "and", "what", "Verdict", "Why"]
    assert lines[1].split(maxsplit=2) == [
        "dogs.html:2:1",
        "missing",
        "It has no alternative text. (no such file: a.jpg)",
    ]
    assert lines[2] == "a.jpg"
    assert any(line.endswith("Now: b.jpg") for line in lines)
    assert max(map(len, lines)) <= 80


def test_control_characters_of_a_document_do_not_reach_the_terminal(page: Path) -> None:
    page.write_text("<img src='a\x1b]0;x\x07.jpg'>")
    assert "\x1b" not in run("scan", page)[1]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "site"
    root.mkdir()
    photograph(root / "a.jpg", "red")
    photograph(root / "b.jpg", "green")
    (root / "dogs.html").write_text(PAGE)
    monkeypatch.setattr(alt, "_load", lambda bundle: (ColourCaptioner(), MODEL))
    monkeypatch.chdir(tmp_path)
    return root


def test_write_makes_review_files_and_changes_no_document(site: Path) -> None:
    code, output = run("write", site)
    assert code == 0
    assert (site / "dogs.html").read_text() == PAGE
    assert Path("captionkit-alt-review.csv").exists()
    assert Path("captionkit-alt-review.html").exists()
    assert "in 1 document:" in run("scan", ".")[1]  # the review page is none
    files = "captionkit-alt-review.html (browser) or captionkit-alt-review.csv (spreadsheet)"
    assert output == f"2 pictures to review: {files}\n"


def test_a_picture_that_has_no_place_for_a_text_is_told(site: Path, captionkit: Run) -> None:
    (site / "dogs.html").write_text("<svg><image href=a.jpg /></svg><svg role=img aria-hidden=true></svg>")
    why = "an SVG image takes its name from aria-label or title, not from alt"
    listed = f"dogs.html:1:6: missing: a.jpg: It has no alternative text. ({why})"
    assert captionkit("alt", "scan", site).lines[0] == listed
    done = captionkit("alt", "write", site)
    assert (done.code, done.out) == (0, "Nothing to review.\n")
    told = f"1 picture to be mended by hand, such as dogs.html:1:6 ({why}); `alt scan` lists them"
    assert done.err == f"captionkit: {told}\n"


def test_what_cannot_be_read_makes_exit_code_one_and_the_rest_goes_on(site: Path) -> None:
    (site / "bad.md").write_bytes(b"\xff\xfe\xff")
    assert run("write", site)[0] == 1
    done = decide(Path("captionkit-alt-review.csv"), "accept", "skip")
    assert run("write", site, "--yes", "--min-confidence", "1", "--overwrite")[0] == 1
    code, output = run("write", site, "--from-review", done)
    assert code == 1
    assert output.splitlines() == [
        "dogs.html: 1 text written", "1 text written", "1 picture of the review undecided or skipped",
    ]  # fmt: skip


def test_what_a_person_wrote_is_not_asked_for_again_whatever_its_verdict(site: Path) -> None:
    run("write", site)
    identity = Path("captionkit-alt-review.csv").read_text(encoding="utf-8-sig").splitlines()[1].split(",")[0]
    Path("done.csv").write_text(f"id,decision,alt\n{identity},accept,photo\n")
    assert run("write", site, "--from-review", "done.csv")[1].startswith("dogs.html: 1 text written\n")
    assert run("scan", site)[1].endswith(": 2 placeholder, 1 ok\n")
    assert run("write", site, "--overwrite")[1].startswith("1 picture to review: ")


def test_a_text_may_have_so_many_characters(site: Path) -> None:
    assert run("write", site, "--yes", "--max-length", "20")[1].startswith("dogs.html: 1 text written\n")
    (written,) = re.findall(r'<img alt="(A [^"]*)" src=a.jpg', (site / "dogs.html").read_text())
    assert len(written) <= 20


def test_where_all_is_written_there_is_nothing_to_review(site: Path) -> None:
    code, output = run("write", site, "--yes", "--min-confidence", "0.4")
    assert (code, output.splitlines()[-2:]) == (0, ["2 texts written", "Nothing to review."])
    assert not Path("captionkit-alt-review.csv").exists()


def test_the_page_shows_a_command_that_can_be_pasted(site: Path) -> None:
    inside = site / "my pages"
    inside.mkdir()
    (site / "dogs.html").rename(inside / "dogs.html")
    assert run("write", inside, "--root", site)[0] == 0
    page = Path("captionkit-alt-review.html").read_text(encoding="utf-8")
    shown = html.unescape(re.sub(r"<[^>]+>", "", re.findall(r"<code>(.*?)</code>", page, re.DOTALL)[0]))
    assert shlex.split(shown) == [
        *("captionkit", "alt", "write", str(inside), "--root", str(site)),
        *("--from-review", "captionkit-alt-reviewed.csv"),
    ]


def test_a_place_that_cannot_take_the_review_is_a_mistake(site: Path) -> None:
    assert run("write", site, "--review", "none/review")[0] == 2
    assert sorted(path.name for path in Path.cwd().iterdir()) == [site.name]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
def test_a_pipe_is_refused_and_not_waited_for(site: Path) -> None:
    os.mkfifo(site / "pipe.html")
    assert run("scan", site / "pipe.html")[0] == 2
    assert run("scan", site)[0] == 0


def test_write_yes_then_undo_restores_the_bytes(site: Path) -> None:
    code, output = run("write", site, "--yes")
    assert code == 0
    assert "dogs.html: 1 text written" in output
    assert "1 picture to review" in output
    # Nobody checks it, so it says nothing of gender.
    assert 'alt="A person with a red wall behind them."' in (site / "dogs.html").read_text()
    again = (site / "dogs.html").read_bytes()
    assert "0 texts written" in run("write", site, "--yes")[1]
    assert (site / "dogs.html").read_bytes() == again
    assert run("write", site, "--undo") == (0, "dogs.html: restored, 1 text taken back\n")
    assert (site / "dogs.html").read_text() == PAGE
    assert run("undo", site) == (0, "Nothing to undo.\n")


def test_gender_is_a_guess_that_a_person_may_ask_for(site: Path) -> None:
    run("write", site)
    assert "A man with" in Path("captionkit-alt-review.csv").read_text(encoding="utf-8-sig")
    run("write", site, "--neutral", "--overwrite")
    assert "A man with" not in Path("captionkit-alt-review.csv").read_text(encoding="utf-8-sig")
    run("write", site, "--yes", "--gendered", "--overwrite")
    assert 'alt="A man with a red wall behind him."' in (site / "dogs.html").read_text()


def test_write_from_a_reviewed_csv(site: Path) -> None:
    run("write", site)
    reviewed = Path("captionkit-alt-review.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(reviewed) == 3
    lines = [reviewed[0]] + [line.replace(",,A man", ",accept,A man") for line in reviewed[1:]]
    Path("done.csv").write_text("\n".join(lines), encoding="utf-8")
    code, output = run("write", site, "--from-review", "done.csv")
    assert code == 0
    assert "dogs.html: 2 texts written" in output
    assert (site / "dogs.html").read_text().count("wall behind him.") == 2
    (before,) = open_sidecar(site).writes
    assert {(one.by, one.model) for one in before.alts} == {("reviewed", MODEL)}
    code, output = run("write", site, "--from-review", "done.csv")
    assert code == 0
    assert "0 texts written" in output


def test_a_review_of_other_documents_is_told(site: Path, captionkit: Run) -> None:
    Path("done.csv").write_text("id,decision,alt\nffff,accept,A dog\n")
    done = captionkit("alt", "write", site, "--from-review", "done.csv")
    assert (done.code, done.err) == (
        1,
        "captionkit: 1 picture of the review not found as reviewed; skipped (done.csv, line 2)\n",
    )
    assert done.lines == ["0 texts written", "0 pictures of the review undecided or skipped"]


def test_pictures_that_changed_since_the_review_are_named(site: Path, captionkit: Run) -> None:
    captionkit("alt", "write", site, "--review", "r")
    reviewed = Path("r.csv").read_text(encoding="utf-8-sig").splitlines()
    rows = list(csv.DictReader(reviewed))
    for row in rows:
        row.update(decision="accept", alt="Our dog.")
    with Path("done.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    page = site / "dogs.html"
    lost = [row for row in rows if row["document"] == "dogs.html"]
    page.write_text("<p>All is new</p>")
    done = captionkit("alt", "write", site, "--from-review", "done.csv")
    assert done.code == 1
    told = "; ".join(f"dogs.html, line {row['line']}" for row in lost[:5])
    assert f"not found as reviewed; skipped ({told}" in done.err


def test_undo_of_a_changed_document_exits_with_one(site: Path, captionkit: Run) -> None:
    run("write", site, "--yes")
    with (site / "dogs.html").open("a") as handle:
        handle.write("new")
    done = captionkit("alt", "undo", site)
    assert (done.code, done.out) == (1, "")  # nor "Nothing to undo."
    assert "dogs.html" in done.err


def test_undo_of_several_documents_of_one_root(site: Path) -> None:
    (site / "more.html").write_text(PAGE)
    run("write", site, "--yes")
    code, output = run("undo", site / "dogs.html", site / "more.html", site)
    assert (code, output.count("restored, 1 text")) == (0, 2)
    assert (site / "dogs.html").read_text() == (site / "more.html").read_text() == PAGE


def test_undo_of_a_folder_takes_back_what_was_written_by_name_below_it(site: Path) -> None:
    blog = site / "blog"
    blog.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (blog / name).write_bytes((site / name).read_bytes())
    (blog / "p.html").write_text(PAGE)
    run("write", blog / "p.html", "--yes")
    run("write", site, "--min-confidence", "0.4", "--yes")  # a second write, told in the sidecar of the site
    assert sorted(site.rglob(".captionkit-alt.json")) == [
        site / ".captionkit-alt.json",
        blog / ".captionkit-alt.json",
    ]
    code, output = run("undo", site)
    assert code == 0
    assert f"{blog / 'p.html'}: restored, 1 text taken back" in output
    assert (blog / "p.html").read_text() == (site / "dogs.html").read_text() == PAGE
    assert not list(site.rglob(".captionkit-alt.json"))


def test_a_damaged_record_below_a_folder_is_passed_over_by_undo(site: Path, captionkit: Run) -> None:
    (site / "blog").mkdir()
    (site / "blog" / ".captionkit-alt.json").write_text("{")
    run("write", site, "--yes")
    done = captionkit("alt", "undo", site)
    assert done.code == 1
    assert "dogs.html: restored" in done.out
    assert "blog/.captionkit-alt.json is not a sidecar of captionkit or is damaged" in done.err
    assert (site / "dogs.html").read_text() == PAGE
    assert captionkit("alt", "undo", site / "blog").code == 2  # there is nothing else to do


def test_undo_where_there_is_nothing_to_look_at_is_a_mistake(site: Path) -> None:
    assert run("undo", site / "gone")[0] == 2
    assert run("undo", site, "--root", site / "gone")[0] == 2
    assert run("undo", site, "--root", site / "dogs.html")[0] == 2


@pytest.mark.parametrize("arguments", [["scan", "gone"], ["scan", "."], ["write", "."], ["undo", "."]])
def test_mistakes_and_empty_folders(site: Path, arguments: list[str]) -> None:
    (site / "dogs.html").unlink()
    assert run(*arguments)[0] == (0 if "undo" in arguments else 2)


def decide(table: Path, *decisions: str) -> Path:
    """Fill in the decisions of a review, row by row; an accepted text without a proposal is "Picture N."."""
    with table.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    for number, (row, decision) in enumerate(zip(rows, decisions, strict=True), start=1):
        row.update(decision=decision, alt=row["alt"] or f"Picture {number}.")
    done = table.with_name("done.csv")
    with done.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return done


@pytest.fixture
def two_sites(site: Path) -> tuple[Path, Path]:
    """Two roots whose pages and pictures have the same names and show different things."""
    roots = site.parent / "A", site.parent / "B"
    for root, colour in zip(roots, ("red", "green"), strict=True):
        root.mkdir()
        photograph(root / "photo.jpg", colour)
        (root / "index.html").write_text('<img src="photo.jpg">')
    return roots


def test_pages_of_the_same_name_under_two_roots_keep_their_own_texts(two_sites: tuple[Path, Path]) -> None:
    first, second = two_sites
    code, said = run("write", first, second, "--min-confidence", "0.4", "--yes")
    assert code == 0
    assert all(f"{site / 'index.html'}: 1 text written" in said for site in two_sites)
    assert "red wall" in (first / "index.html").read_text()
    assert "green wall" in (second / "index.html").read_text()
    assert "0 texts written" in run("write", first, second, "--min-confidence", "0.4", "--yes")[1]
    said = run("undo", first, second)[1]
    assert all(f"{site / 'index.html'}: restored, 1 text taken back" in said for site in two_sites)
    assert (first / "index.html").read_text() == (second / "index.html").read_text() == '<img src="photo.jpg">'


def test_a_review_of_two_roots_writes_each_text_where_it_belongs(two_sites: tuple[Path, Path]) -> None:
    first, second = two_sites
    assert run("write", first, second)[0] == 0
    thumbnails = re.findall(r"data:image/jpeg;base64,[^\"]+", Path("captionkit-alt-review.html").read_text())
    assert len(set(thumbnails)) == 2
    done = decide(Path("captionkit-alt-review.csv"), "skip", "accept")
    for _ in range(3):
        assert run("write", first, second, "--from-review", done)[0] == 0
        assert (first / "index.html").read_text() == '<img src="photo.jpg">'
        assert "green wall" in (second / "index.html").read_text()


TWINS = "<img src=a.jpg>\n<a href=/shop><img src=a.jpg></a>\n<img src=a.jpg>\n"


def test_a_decision_that_is_written_is_not_written_into_a_twin(site: Path) -> None:
    (site / "dogs.html").write_text(TWINS)
    assert run("write", site)[1].startswith("2 pictures to review in 3 places: ")  # the link's says where it leads
    done = decide(Path("captionkit-alt-review.csv"), "accept", "skip", "skip")
    for number in range(3):
        code, output = run("write", site, "--from-review", done)
        assert code == 0
        assert f"{0 if number else 1} text" in output
        assert ("1 picture of the review written before" in output) == bool(number)
    lines = (site / "dogs.html").read_text().splitlines()
    assert "alt=" in lines[0]
    assert lines[1:] == TWINS.splitlines()[1:]


def test_a_decision_that_is_written_does_not_move_on_when_its_picture_is_removed(site: Path) -> None:
    (site / "dogs.html").write_text(TWINS)
    run("write", site)
    done = decide(Path("captionkit-alt-review.csv"), "accept", "skip", "skip")
    run("write", site, "--from-review", done)
    rest = TWINS.split("\n", 1)[1]
    (site / "dogs.html").write_text(rest)
    assert run("write", site, "--from-review", done)[0] == 0
    assert (site / "dogs.html").read_text() == rest


def test_a_review_is_written_again_into_a_page_that_was_restored(site: Path) -> None:
    run("write", site)
    done = decide(Path("captionkit-alt-review.csv"), "accept", "accept")
    run("write", site, "--from-review", done)
    written = (site / "dogs.html").read_text()
    (site / "dogs.html").write_text(PAGE)
    assert "2 texts written" in run("write", site, "--from-review", done)[1]
    assert (site / "dogs.html").read_text() == written
    assert run("undo", site)[0] == 0
    assert (site / "dogs.html").read_text() == PAGE


def test_the_rest_of_a_run_with_yes_is_found_again(site: Path) -> None:
    (site / "dogs.html").write_text("<img src=a.jpg>\n<a href=/shop><img src=a.jpg></a>\n<img src=b.jpg>\n")
    assert "1 text written" in run("write", site, "--yes")[1]
    done = decide(Path("captionkit-alt-review.csv"), "accept", "accept")
    code, output = run("write", site, "--from-review", done)
    assert code == 0
    assert "2 texts written" in output
    assert '<a href=/shop><img alt="Picture 1." src=a.jpg></a>' in (site / "dogs.html").read_text()


class Interrupted(ColourCaptioner):
    """Is interrupted when it is asked for the picture behind so many."""

    def __init__(self, stop: int) -> None:
        super().__init__()
        self.stop = stop

    def caption(self, images: Iterable[Path | bytes]) -> list[Prediction]:
        if self.asked == self.stop:
            raise KeyboardInterrupt
        return super().caption(images)


@pytest.mark.parametrize("options", [(), ("--yes",)])
def test_an_interrupted_run_goes_on(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    monkeypatch.setattr(propose, "_BATCH", 1)
    page = (site / "dogs.html").read_text()
    run("write", site, *options)
    at_once = [Path(f"captionkit-alt-review.{kind}").read_bytes() for kind in ("csv", "html")]
    written = (site / "dogs.html").read_bytes()
    run("write", site, "--undo")
    assert (site / "dogs.html").read_text() == page
    for name in ("captionkit-alt-review.csv", "captionkit-alt-review.html"):
        Path(name).unlink()

    def described(stop: int) -> int:
        captioner = Interrupted(stop)
        monkeypatch.setattr(alt, "_load", lambda bundle: (captioner, MODEL))
        with contextlib.suppress(KeyboardInterrupt):
            alt.write([site], yes=bool(options))
        return captioner.asked

    assert described(1) == 1
    kept = Path("captionkit-alt-review.unfinished")
    assert f"what was written of 1 picture is kept in {kept}" in capsys.readouterr().err
    assert not Path("captionkit-alt-review.csv").exists()
    assert (site / "dogs.html").read_text() == page
    assert described(99) == 1
    assert "going on; 1 picture was captioned before" in capsys.readouterr().err
    assert [Path(f"captionkit-alt-review.{kind}").read_bytes() for kind in ("csv", "html")] == at_once
    assert (site / "dogs.html").read_bytes() == written
    assert not kept.exists()


def test_what_an_interrupted_run_kept_is_of_the_pictures_as_they_were(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propose, "_BATCH", 1)
    first, second = Interrupted(1), ColourCaptioner()
    monkeypatch.setattr(alt, "_load", lambda bundle: (first, MODEL))
    with pytest.raises(KeyboardInterrupt):
        alt.write([site])
    lines = Path("captionkit-alt-review.unfinished").read_text().splitlines()
    damaged = json.loads(lines[1])
    damaged["picture"], damaged["text"] = hashlib.sha256((site / "b.jpg").read_bytes()).hexdigest(), "["
    Path("captionkit-alt-review.unfinished").write_text("\n".join([*lines, json.dumps(damaged), ""]))
    photograph(site / "a.jpg", "blue")
    monkeypatch.setattr(alt, "_load", lambda bundle: (second, MODEL))
    assert run("write", site)[0] == 0
    assert second.asked == 2
    assert "a blue wall" in Path("captionkit-alt-review.csv").read_text(encoding="utf-8-sig")


USELESS = (
    ["--neutral"],
    ["--gendered"],
    ["--overwrite"],
    ["--review", "x"],
    ["--max-length", "99"],
    ["--min-confidence", "0.5"],
    ["--bundle", "x.captionkit"],
)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--yes", "--from-review", "x.csv"],
        ["--undo", "--yes"],
        ["--undo", "--from-review", "x.csv"],
        ["--min-confidence", "nan", "--yes"],
        *([*way, *more] for way in (["--undo"], ["--from-review", "x.csv"]) for more in USELESS),
    ],
)
def test_options_that_do_not_fit_are_a_mistake(site: Path, arguments: list[str], captionkit: Run) -> None:
    Path("x.csv").write_text("id,decision,alt\n")
    done = captionkit("alt", "write", site, *arguments)
    assert (done.code, done.out) == (2, "")
    wrong = (
        ["--min-confidence", "nan"] if "nan" in arguments else [one for one in arguments if one.startswith("--")]
    )
    assert all(re.search(rf"(?<!\S){one}\b", done.err) for one in wrong)
    assert (site / "dogs.html").read_text() == PAGE
    assert not Path("captionkit-alt-review.csv").exists()


def test_a_review_does_not_take_the_place_of_a_page(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site)
    captioner = ColourCaptioner()
    monkeypatch.setattr(alt, "_load", lambda bundle: (captioner, MODEL))
    assert run("write", ".", "--review", "dogs")[0] == 2
    assert captioner.asked == 0  # it is told before the long work
    assert (site / "dogs.html").read_text() == PAGE
    assert run("write", ".", "--review", "dogs", "--overwrite")[0] == 0


def test_json_holds_names_and_texts_that_are_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.md")
    path.write_bytes("Ω ".encode() + b"caf\xe9 ![](a.jpg) here\n")
    printed = subprocess.run(
        [sys.executable, "-m", "captionkit", "alt", "scan", tmp_path, "--json"],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONUTF8": "1"},
    ).stdout
    (picture,) = json.loads(printed)["pictures"]
    assert os.fsencode(picture["document"]) == b"caf\xe9.md"
    assert os.fsencode(picture["context"]["nearby"]) == "Ω ".encode() + b"caf\xe9 here"
    assert "Ω".encode() in printed


def test_a_review_is_written_into_a_document_that_is_not_utf_8(site: Path) -> None:
    (site / "dogs.html").write_bytes(b"<meta charset=utf-8>caf\xe9 <img src=a.jpg alt='image'> caf\xe9")
    (site / "b.md").write_bytes(b"caf\xe9 ![](a.jpg) here\n")
    assert run("write", site)[0] == 0
    done = decide(Path("captionkit-alt-review.csv"), "accept", "accept")
    assert run("write", site, "--from-review", done)[0] == 0
    text = b"A man with a red wall behind him."
    assert (site / "b.md").read_bytes() == b"caf\xe9 ![" + text + b"](a.jpg) here\n"
    assert (site / "dogs.html").read_bytes().endswith(b" alt='" + text + b"'> caf\xe9")
