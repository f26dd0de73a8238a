"""What a picture is described as, and that it is not asked for twice."""

from __future__ import annotations

import base64
from pathlib import Path

from captionkit.alttext.propose import Proposal, propose
from captionkit.alttext.scan import ScannedDocument, scan
from captionkit.unfinished import KeptPredictions, Unfinished
from tests.alttext.fakes import ColourCaptioner, photograph


def test_a_picture_is_known_by_its_bytes_wherever_they_are(tmp_path: Path) -> None:
    unfinished = Unfinished(tmp_path / "out", [])

    def proposed(*sources: str) -> tuple[list[Proposal], int]:
        (tmp_path / "a.html").write_text("".join(f"<p><img src='{source}'>" for source in sources))
        documents = [one for one in scan([tmp_path / "a.html"]) if isinstance(one, ScannedDocument)]
        captioner = ColourCaptioner()
        return propose(documents, captioner, kept=KeptPredictions(unfinished)), captioner.asked

    red, green = (photograph(tmp_path / f"{colour}.jpg", colour) for colour in ("red", "green"))
    inside = f"data:image/jpeg;base64,{base64.b64encode(green.read_bytes()).decode()}"
    first, asked = proposed("red.jpg", inside)
    assert asked == 2
    red.rename(tmp_path / "moved.jpg")
    photograph(tmp_path / "new.jpg", "blue")
    again, asked = proposed("green.jpg", "new.jpg", "moved.jpg")
    assert asked == 1
    told = [(one.text, one.confidence, one.note) for one in again]
    assert [told[2], told[0]] == [(one.text, one.confidence, one.note) for one in first]
    assert "blue" in told[1][0]
    unfinished.close(done=True)
