from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captionkit.alttext.formats.notebook import read_notebook
from captionkit.alttext.formats.pictures import squeeze
from captionkit.alttext.sources import Where, locate
from captionkit.errors import DataError
from captionkit.files.edits import apply_edits, inverse_edits


def notebook(*sources: Any, attachments: dict[str, Any] | None = None, **options: Any) -> bytes:
    cells: list[dict[str, Any]] = [{"cell_type": "code", "source": ["![](no.png)"], "outputs": [], "metadata": {}}]
    for source in sources:
        cell: dict[str, Any] = {"cell_type": "markdown", "metadata": {"source": ["x"]}, "source": source}
        if attachments is not None:
            cell["attachments"] = attachments
        cells.append(cell)
    document = {"cells": cells, "metadata": {"cells": [{"source": "y"}]}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document, **options).encode()


def test_only_the_source_of_the_cell_changes() -> None:
    data = notebook(
        ["# Tïtle\n", '![](a.png) "quoted"\n'], "x ![img](b.png)\t😀 <img src=c.png>", indent=1, ensure_ascii=False
    )
    document = read_notebook(data)
    assert [(one.source, one.member, one.alt) for one in document.pictures] == [
        ("a.png", "cell 2", None), ("b.png", "cell 3", "img"), ("c.png", "cell 3", None)
    ]  # fmt: skip
    assert document.pictures[0].context.heading == "Tïtle"
    edits = document.edits({0: 'A "dog"', 1: "Ünder", 2: "x"})
    new = apply_edits(data, edits)
    assert new == data.replace(b"![](a.png)", b'![A \\"dog\\"](a.png)').replace(
        b"![img]", "![Ünder]".encode()
    ).replace(b"<img src", b'<img alt=\\"x\\" src')
    assert apply_edits(new, inverse_edits(data, edits)) == data


def test_a_file_in_plain_ascii_stays_so() -> None:
    data = notebook("é 😀 ![](a.png) 😀", ensure_ascii=True)
    new = apply_edits(data, read_notebook(data).edits({0: "Ünder 😀"}))
    assert new.isascii()
    assert new.replace(b"\\u00dcnder \\ud83d\\ude00]", b"]") == data
    assert read_notebook(new).pictures[0].alt == "Ünder 😀"


def test_an_alt_text_over_two_lines_joins_their_literals() -> None:
    data = notebook(["![one\n", "two](a.png) x\n", "end"], indent=1)
    new = apply_edits(data, read_notebook(data).edits({0: "New"}))
    assert json.loads(new)["cells"][1]["source"] == ["![New](a.png) x\n", "end"]


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=20), st.booleans())
def test_any_text_reads_back(alt: str, plain: bool) -> None:
    data = notebook(["a \\ \u2028 é\n", "![old](a.png)"], ensure_ascii=plain)
    document = read_notebook(data)
    edits = document.edits({0: alt})
    new = apply_edits(data, edits)
    assert squeeze(read_notebook(new).pictures[0].alt or "") == squeeze(alt)
    assert apply_edits(new, inverse_edits(data, edits)) == data


def test_attachments_are_pictures_inside_the_notebook(tmp_path: Path) -> None:
    content = base64.b64encode(b"picture").decode()
    data = notebook(
        "![](attachment:a.png) ![](attachment:gone.png) ![](attachment:b.png)",
        attachments={"a.png": {"image/png": [content[:4], content[4:]]}, "b.png": {"image/png": "!!"}},
    )
    document = read_notebook(data)
    located = [locate(one, document, tmp_path / "n.ipynb", tmp_path) for one in document.pictures]
    assert [one.where for one in located] == [Where.EMBEDDED, Where.VANISHED, Where.VANISHED]
    assert located[0].content == b"picture"
    assert "gone.png" in located[1].problem


@pytest.mark.parametrize("written", ["![](attachment:my%20café.png)", "![](<attachment:my café.png>)"])
def test_an_attachment_is_found_by_its_name_and_by_its_escaped_name(written: str) -> None:
    content = {"image/png": base64.b64encode(b"picture").decode()}
    document = read_notebook(notebook(written, attachments={"my café.png": content}))
    assert document.embedded(document.pictures[0].embedded) == b"picture"
    document = read_notebook(notebook("![](attachment:a%20b.png)", attachments={"a%20b.png": content}))
    assert document.embedded(document.pictures[0].embedded) == b"picture"


@pytest.mark.parametrize("content", [5, [5], None, {}, "\ud800"])
def test_an_attachment_that_is_none_is_not_there(content: Any) -> None:
    bundle = {"image/png": content, "text/plain": "aGVsbG8="}
    document = read_notebook(notebook("![](attachment:a.png)", attachments={"a.png": bundle}))
    assert document.embedded(document.pictures[0].embedded) is None


def test_a_drawing_may_be_attached() -> None:
    document = read_notebook(notebook("![](attachment:a)", attachments={"a": {"image/svg+xml": ["<svg>\ud800"]}}))
    assert document.embedded(document.pictures[0].embedded) == b"<svg>?"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no json", "not JSON"),
        (b"[]", "no list of cells"),
        (b'{"worksheets": []}', "no list of cells"),
        (b"[" * 100_000, "not JSON"),
        (b'{"cells": [{"cell_type": "markdown", "source": "a", "source": "b"}]}', "more than one source"),
        (b'{"cells": [{"cell_type": "markdown", "source": 5}]}', "a source that is no text"),
        (b'{"cells": [{"cell_type": "markdown", "source": {"a": 1}}]}', "a source that is no text"),
    ],
)
def test_what_is_no_notebook_is_one_sentence(data: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_notebook(data)


def test_odd_cells_are_passed_over() -> None:
    data = (
        b'{"cells": [1, {"cell_type": "markdown"}, {"cell_type": "markdown", "source": []}, {"cell_type": "raw"}]}'
    )
    assert read_notebook(data).pictures == ()
