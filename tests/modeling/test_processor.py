"""What a processor says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from captionkit.modeling import processor
from captionkit.modeling.processor import multiplies_bfloat16


@pytest.fixture(autouse=True)
def asked_afresh() -> Iterator[None]:
    multiplies_bfloat16.cache_clear()
    yield
    multiplies_bfloat16.cache_clear()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512_bf16 sse\n", True),
        ("processor\t: 0\nflags\t\t: fpu amx_bf16\n", True),
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512f\n", False),
        ("processor\t: 0\nmodel name\t: avx512_bf16\n", False),
        ("", False),
    ],
)
def test_flags_tell(text: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    monkeypatch.setattr(processor, "CPUINFO", path)
    assert multiplies_bfloat16() is expected


def test_where_the_system_does_not_tell_it_is_not_assumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "none")
    assert multiplies_bfloat16() is False
