"""captionkit: describe pictures in words.

The light half (`Captioner`, metrics, data sets) needs numpy, Pillow and LiteRT. The heavy half
(`captionkit.modeling`, `captionkit.training`, `captionkit.export`) makes models with TensorFlow and comes
with the extra `captionkit[train]`. `docs/architecture.md` shows the rooms.
"""

from __future__ import annotations

__version__ = "0.1.0"
