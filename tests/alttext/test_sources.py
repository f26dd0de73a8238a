from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from captionkit.alttext.formats.html import read_html
from captionkit.alttext.sources import Where, locate


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "secret.png").write_bytes(b"secret")
    root = tmp_path / "site"
    (root / "sub").mkdir(parents=True)
    (root / "img").mkdir()
    (root / "img" / "a b.png").write_bytes(b"picture")
    (root / "img" / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "img" / "inside.png").symlink_to(root / "img" / "a b.png")
    return root


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ("../img/a%20b.png", Where.FILE),
        ("../img/a b.png?v=3#x", Where.FILE),
        ("/img/a%20b.png", Where.FILE),
        ("../img/inside.png", Where.FILE),
        (r"..\img\a b.png", Where.FILE),
        ("..%5Cimg%5Ca%20b.png", Where.FILE),
        (r"..\..\secret.png", Where.OUTSIDE),
        (r"C:\img\a b.png", Where.UNKNOWN),
        ("../img/link.png", Where.OUTSIDE),
        ("../../secret.png", Where.OUTSIDE),
        ("/../secret.png", Where.OUTSIDE),
        ("%2e%2e/%2e%2e/secret.png", Where.OUTSIDE),
        ("../img", Where.VANISHED),
        ("gone.png", Where.VANISHED),
        ("javascript:alert(1)", Where.UNKNOWN),
        ("blob:x", Where.UNKNOWN),
        ("file://example.org/a.png", Where.REMOTE),
        ("https://example.org/a.png", Where.REMOTE),
        ("//example.org/a.png", Where.REMOTE),
        ("https:/img/a%20b.png", Where.REMOTE),
        ("ftp://example.org/a.png", Where.REMOTE),
        ("", Where.UNKNOWN),
        ("a%00b.png", Where.UNKNOWN),
        ("{{ url }}", Where.UNKNOWN),
        ("http://[broken", Where.UNKNOWN),
        ("data:image/png;base64,!!!", Where.UNKNOWN),
        ("data:image/png", Where.UNKNOWN),
        ("x" * 5000 + ".png", Where.UNKNOWN),
    ],
)
def test_where_a_picture_is(site: Path, source: str, where: Where) -> None:
    document = read_html(f'<img src="{source}">'.encode())
    located = locate(document.pictures[0], document, site / "sub" / "page.html", site)
    assert located.where is where, located.problem
    assert (located.content is not None) == (where is Where.FILE)
    assert bool(located.problem) == (where is not Where.FILE)
    if where is Where.FILE:
        assert isinstance(located.content, Path)
        assert located.content.read_bytes() == b"picture"


def test_a_data_address_is_decoded(site: Path) -> None:
    body = base64.b64encode(b"picture").decode()
    document = read_html(f'<img src="data:image/png;base64,{body}"><img src="data:,pic%74ure">'.encode())
    found = [locate(picture, document, site / "page.html", site).content for picture in document.pictures]
    assert found == [b"picture", b"picture"]


def test_base_moves_relative_addresses(site: Path) -> None:
    local = read_html(b'<base href="/img/"><img src="a%20b.png">')
    assert locate(local.pictures[0], local, site / "sub" / "page.html", site).where is Where.FILE
    for base in ("../img/", "../img/index.html?a=/b/", "../gone/../img/"):
        above = read_html(f'<base href="{base}"><img src="a%20b.png"><img src="/img/a%20b.png">'.encode())
        found = [locate(picture, above, site / "sub" / "page.html", site).where for picture in above.pictures]
        assert found == [Where.FILE, Where.FILE]
    remote = read_html(b'<base href="https://example.org/"><img src="a.png"><img src="http://[broken">')
    found = [locate(picture, remote, site / "page.html", site).where for picture in remote.pictures]
    assert found == [Where.REMOTE, Where.UNKNOWN]
    broken = read_html(b'<base href="http://[broken"><img src="a.png">')
    assert locate(broken.pictures[0], broken, site / "page.html", site).where is Where.UNKNOWN
    template = read_html(b'<base href="{{ site }}/"><img src="img/a%20b.png">')
    filled = locate(template.pictures[0], template, site / "page.html", site)
    assert filled.where is Where.UNKNOWN
    assert filled.problem == "its address is filled in by a template"


def test_a_name_that_is_not_utf_8_is_found(site: Path) -> None:
    (site / os.fsdecode(b"caf\xe9.png")).write_bytes(b"picture")
    document = read_html(b'<img src="caf%E9.png"><img src="gone%E9.png">')
    found = [locate(picture, document, site / "page.html", site) for picture in document.pictures]
    assert [one.where for one in found] == [Where.FILE, Where.VANISHED]


def test_a_name_with_a_backslash_is_found_where_it_is_there(site: Path) -> None:
    (site / "img\\a b.png").write_bytes(b"other")
    document = read_html(b'<img src="img%5Ca%20b.png">')
    located = locate(document.pictures[0], document, site / "page.html", site)
    assert isinstance(located.content, Path)
    assert located.content.read_bytes() == b"other"


def test_words_of_build_tools_lead_to_the_sources_of_the_project(tmp_path: Path) -> None:
    for name in ("web/src/img/a.png", "web/app/b.png", "web/src/b.png", "web/src/lib/c.png", "web/d.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"picture")
    (tmp_path / "web/package.json").write_text("{}")
    path = tmp_path / "web/src/pages/a.vue"
    places = {
        "@/img/a.png": "web/src/img/a.png",
        "~@/img/a.png?url": "web/src/img/a.png",
        "~/d.png": "web/d.png",
        "~~/src/img/a.png": "web/src/img/a.png",
        "$lib/c.png": "web/src/lib/c.png",
        "@/b.png": Where.UNKNOWN,  # in two folders
        "@/e.png": Where.VANISHED,
        "~/../../e.png": Where.VANISHED,
    }
    for source, expected in places.items():
        document = read_html(f'<img src="{source}">'.encode())
        found = locate(document.pictures[0], document, path, tmp_path)
        assert (found.content if found.where is Where.FILE else found.where) == (
            tmp_path / expected if not isinstance(expected, Where) else expected
        )
        assert bool(found.problem) == (found.where is not Where.FILE)


def test_a_project_below_the_root_serves_its_own_pictures(tmp_path: Path) -> None:
    (tmp_path / "web/public").mkdir(parents=True)
    (tmp_path / "web/public/a.png").write_bytes(b"picture")
    document = read_html(b'<img src="/a.png">')
    path = tmp_path / "web/src/a.html"
    assert locate(document.pictures[0], document, path, tmp_path).where is Where.VANISHED
    (tmp_path / "web/package.json").write_text("{}")
    assert locate(document.pictures[0], document, path, tmp_path).where is Where.FILE
