"""What was said of a picture is said again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from captionkit.alttext.propose import Remembering
from captionkit.captioner import Captioner
from captionkit.records import Prediction
from captionkit.selftest import draw_picture
from captionkit.unfinished import Unfinished


def test_a_picture_is_known_by_its_bytes_wherever_they_are(tiny_bundle: Path, tmp_path: Path) -> None:
    class Silent:
        def caption(self, images: Iterable[Path | bytes]) -> list[Prediction]:
            raise AssertionError("what is known is asked again")

    captioner, unfinished = Captioner.load(tiny_bundle, threads=1), Unfinished(tmp_path / "out", [])
    (tmp_path / "1.png").write_bytes(draw_picture(1))
    (tmp_path / "2.png").write_bytes(draw_picture(2))
    first, second = captioner.caption([draw_picture(1), draw_picture(2)])
    assert first.text != second.text
    pictures: list[Path | bytes] = [draw_picture(1), tmp_path / "2.png", tmp_path / "gone.png"]
    found = Remembering(captioner, unfinished).caption(pictures)
    assert [one.text for one in found] == [first.text, second.text, ""]
    known = Remembering(Silent(), unfinished).caption([draw_picture(2), tmp_path / "1.png"])
    assert [one.text for one in known] == [second.text, first.text]
    unfinished.close(done=True)
