"""captionkit: describe pictures in words.

    >>> from captionkit import Captioner
    >>> Captioner.load().caption(["photo.jpg"])[0].text
    'A brown dog runs through the grass.'

The light half (`Captioner`, metrics, data sets) needs numpy, Pillow and LiteRT. The heavy half
(`captionkit.modeling`, `captionkit.training`, `captionkit.export`) makes models with TensorFlow and comes
with the extra `captionkit[train]`. `docs/architecture.md` shows the rooms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["Captioner", "__version__"]
__version__ = "0.1.0"

if TYPE_CHECKING:
    from captionkit.captioner import Captioner
else:  # a checker that saw this function would let every name pass

    def __getattr__(name: str) -> Any:
        """`from captionkit import Captioner`, found when asked for: commands start in a fraction of a second."""
        if name == "Captioner":
            from captionkit.captioner import Captioner

            return Captioner
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        """So that `help` and prompts know of it."""
        return sorted({*globals(), *__all__})
