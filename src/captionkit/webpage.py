"""What self-contained HTML pages share: pictures as addresses of their own, and a page that trusts only itself.

Letters: H W pixels.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Mapping
from importlib import resources

from PIL import Image

from captionkit.images import Pixels, Source, read_image


def shrink(image: Pixels, side: int) -> Image.Image:
    """A picture uint8 [H, W, 3] whose longer side has `side` pixels at most, its aspect kept."""
    small = Image.fromarray(image)
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return small


def jpeg_address(image: Image.Image, quality: int = 82) -> str:
    """A picture as a data address, JPEG."""
    return _address(image, "JPEG", quality=quality, optimize=True)


def thumbnail_address(source: Source, side: int, quality: int = 82) -> str:
    """A picture file or its bytes, `shrink`ed, as a data address.

    Raises:
        ImageError: it cannot be read.
    """
    return jpeg_address(shrink(read_image(source, target_size=side), side), quality)


def png_address(image: Image.Image) -> str:
    """A picture as a data address, PNG; transparency is kept."""
    return _address(image, "PNG", optimize=True)


def _address(image: Image.Image, kind: str, **options: object) -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def fill_page(package: str, name: str, parts: Mapping[str, str], *, sources: str = "img-src data:") -> str:
    """A package's page, NAME.html, in which every @PART@ is replaced, once and not again inside what was put in.

    Args:
        package: holds NAME.html, with @STYLE@ and @SCRIPT@ inside their elements and @POLICY@ in the policy's meta
            element; NAME.css; and NAME.js where there is a script. The policy names the hashes of style and
            script, so nothing else is applied or run.
        parts: the other parts, as HTML. Whoever fills them has escaped what came from outside.
        sources: of the policy, where pictures come from; as it is, and without a `connect-src`, nothing at all is
            fetched.

    Raises:
        KeyError: the page has a name that no part fills.
    """
    files = resources.files(package)
    template, style = (files.joinpath(f"{name}.{kind}").read_text(encoding="utf-8") for kind in ("html", "css"))
    script = files.joinpath(f"{name}.js").read_text(encoding="utf-8") if "@SCRIPT@" in template else ""
    policy = (
        f"default-src 'none'; {sources}; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    everything = {**parts, "STYLE": style, "SCRIPT": script, "POLICY": policy}
    return re.sub(r"@([A-Z_]+)@", lambda mark: everything[mark[1]], template)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"
