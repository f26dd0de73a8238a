"""captionkit: describe pictures in words.

The light half (`Captioner`, metrics, data sets) needs numpy, Pillow and LiteRT. The heavy half
(`captionkit.modeling`, `captionkit.training`, `captionkit.export`) makes models with TensorFlow and comes
with the extra `captionkit[train]`. `docs/architecture.md` shows the rooms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from captionkit.captioner import Captioner

__all__ = ["Captioner", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`from captionkit import Captioner`, found when it is asked for: commands start in a fraction of a second."""
    if name == "Captioner":
        from captionkit.captioner import Captioner

        return Captioner
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
