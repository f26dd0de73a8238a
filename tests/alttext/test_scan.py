from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from captionkit.alttext.appearance import Appearance, look
from captionkit.alttext.scan import Failure, ScannedDocument, scan
from captionkit.alttext.sources import Where
from captionkit.alttext.verdict import Verdict
from captionkit.errors import UsageError
from captionkit.files import sha256


def scanned(path: Path, root: Path | None = None) -> list[ScannedDocument]:
    items = list(scan([path], root))
    assert all(isinstance(item, ScannedDocument) for item in items), items
    return [item for item in items if isinstance(item, ScannedDocument)]


def test_folders_are_walked_in_order_without_hidden_and_foreign_ones(tmp_path: Path) -> None:
    for name in ("b.md", "a.html", "sub/c.htm", ".git/d.html", "node_modules/x/e.html", "f.txt", ".g.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("<img src=x>")
    assert [one.name for one in scanned(tmp_path)] == ["a.html", "b.md", "sub/c.htm"]


def test_built_code_is_passed_over_and_told_unless_its_folder_is_named(tmp_path: Path) -> None:
    for name in ("src/a.jsx", "dist/b.js", "web/build/c/d.vue", "dist/e.html", ".next/f.js", "node_modules/g.jsx"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("<template><img src='x'></template>" if name.endswith("vue") else "")
    told: list[Path] = []
    items = list(scan([tmp_path], passed_over=told.append))
    assert [one.name for one in items if isinstance(one, ScannedDocument)] == ["dist/e.html", "src/a.jsx"]
    assert told == [tmp_path / "dist/b.js", tmp_path / "web/build/c/d.vue"]
    assert [one.name for one in scanned(tmp_path / "web/build")] == ["c/d.vue"]


def test_a_folder_without_documents_passes_no_check(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"")
    with pytest.raises(
        UsageError, match=r"^Expected documents \(.*\.docx, .*\) in .*, but there are none; is the site"
    ):
        list(scan([tmp_path]))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.html").write_text("no picture")
    assert [one.name for one in scanned(tmp_path)] == ["sub/a.html"]


def test_a_document_given_twice_is_read_once(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    page.write_text("<img src=x>")
    assert len(list(scan([tmp_path, page]))) == 1


def test_identities_are_stable_and_tell_twins_apart(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    page.write_text("<img src=x><img src=x><img src=y>")
    first = [one.id for one in scanned(page)[0].findings]
    assert len(set(first)) == 3
    page.write_text("<h1>New</h1><img src=x><img src=x><p><img src=y>")
    assert [one.id for one in scanned(page)[0].findings] == first


def test_a_broken_document_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<img src=x>")
    (tmp_path / "b.md").write_bytes(b"\xff\xfe\xff")  # UTF-16 with half a character
    (tmp_path / "c.html").write_text("<img src=y>")
    items = list(scan([tmp_path]))
    assert [type(item) for item in items] == [ScannedDocument, Failure, ScannedDocument]
    assert isinstance(items[1], Failure)
    assert "b.md" in items[1].error


def test_a_document_behind_a_link_out_of_the_root_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out.html").write_text("<img src=x>")
    site = tmp_path / "site"
    site.mkdir()
    (site / "link.html").symlink_to(tmp_path / "out.html")
    (item,) = scan([site])
    assert isinstance(item, Failure)
    assert "outside the root" in item.error


def test_a_picture_that_is_damaged_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    (tmp_path / "a.html").write_text("<img src=x.jpg>")
    finding = scanned(tmp_path)[0].findings[0]
    assert finding.where is Where.FILE
    assert "picture" in finding.problem


def test_sizes_come_from_the_file_where_the_page_declares_none(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.gif")
    (tmp_path / "a.html").write_text("<img src=dot.gif>")
    assert scanned(tmp_path)[0].findings[0].judgement.verdict.value == "decorative"


@pytest.mark.parametrize("name", ["gone", "a.txt"])
def test_a_path_that_is_no_document_is_a_mistake(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(UsageError, match=name):
        list(scan([tmp_path / name]))


def test_a_root_must_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("x")
    with pytest.raises(UsageError, match="--root"):
        list(scan([tmp_path], tmp_path / "a.html"))


def test_pages_of_the_same_name_under_several_roots_have_ids_of_their_own(tmp_path: Path) -> None:
    for folder in ("A", "B"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "index.html").write_text("<img src=photo.jpg>")
        (tmp_path / folder / f"{folder}.html").write_text("<img src=photo.jpg>")
    roots = [tmp_path / "A", tmp_path / "B"]
    together = [one for item in scan(roots) if isinstance(item, ScannedDocument) for one in item.findings]
    assert len({one.id for one in together}) == 4
    assert [one.document for one in together] == [
        *("A.html", f"{tmp_path.as_posix()}/A/index.html"),
        *("B.html", f"{tmp_path.as_posix()}/B/index.html"),
    ]
    # Names that are not shared, and a root alone, keep the ids that they have had.
    alone = [one.id for root in roots for item in scanned(root) for one in item.findings]
    assert [one.id for one in together[::2]] == alone[::2]
    assert {one.id for one in together[1::2]}.isdisjoint(alone)


def test_the_ids_of_old_reviews_lead_to_the_same_picture_or_to_none(tmp_path: Path) -> None:
    """Ids once numbered twins of the same alt text; now they number all that show the same picture."""
    page = tmp_path / "a.html"
    page.write_text("<img src=x alt=old><img src=x><img src=x>")
    first, *others = [one.id for one in scanned(page)[0].findings]

    def earlier(alt: str | None, number: int) -> str:
        return sha256("\0".join(map(repr, ("a.html", "", "x", alt, number))).encode())[:16]

    assert first == earlier("old", 0)
    assert not {earlier(None, number) for number in (0, 1)} & set(others)


def test_a_root_may_be_named_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site" / "sub").mkdir(parents=True)
    (tmp_path / "site" / "sub" / "a.html").write_text("<img src=/b.png>")
    monkeypatch.chdir(tmp_path / "site" / "sub")
    for root in (Path(".."), Path("../../site"), None):
        (item,) = scan([Path("a.html")], root)
        assert isinstance(item, ScannedDocument)
        assert item.findings[0].document == ("sub/a.html" if root else "a.html")


def test_json_cuts_long_addresses_and_says_what_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(f"<img src={'x' * 200}><img src={'x' * 201}><svg role=img><path/></svg>")
    (item,) = scan([tmp_path])
    assert isinstance(item, ScannedDocument)
    shown = [one.to_json() for one in item.findings]
    assert [one["source"] for one in shown[:2]] == ["x" * 200, "x" * 200 + "..."]
    assert [one["writable"] for one in shown] == [True, True, False]
    assert [one["not_writable"] for one in shown[:2]] == ["", ""]
    assert "aria-label" in shown[2]["not_writable"]


def test_the_length_that_a_text_may_have_is_the_persons(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<img src=a.png alt='A dog runs through the grass'>")
    for length, verdict in ((27, Verdict.TOO_LONG), (28, Verdict.OK)):
        (item,) = scan([tmp_path], max_length=length)
        assert isinstance(item, ScannedDocument)
        assert item.findings[0].judgement.verdict is verdict


def test_a_picture_of_many_pages_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    for name in ("a.html", "b.html", "c.html"):
        (tmp_path / name).write_text("<img src=a.png><img src=./a.png><img src=broken.png>")
    looked: list[Path | bytes] = []

    def counted(content: Path | bytes) -> Appearance:
        looked.append(content)
        return look(content)

    monkeypatch.setattr("captionkit.alttext.scan.look", counted)
    documents = scanned(tmp_path)
    verdicts = [[(one.judgement.verdict, bool(one.problem)) for one in item.findings] for item in documents]
    drawn = (Verdict.TEXT, False)
    assert verdicts == [[drawn, drawn, (Verdict.MISSING, True)]] * 3
    assert sorted(map(str, looked)) == [str(tmp_path / "a.png"), str(tmp_path / "broken.png")]
