"""The page for people: pictures are chosen, dropped or pasted, and their captions appear beside them."""

from __future__ import annotations

from html import escape

from captionkit import __version__
from captionkit.picture_paths import HEIC_SUFFIXES, reads_heic
from captionkit.webpage import fill_page


def format_page(model: str, upload: int) -> str:
    """The page for a bundle of this name, and for pictures of at most `upload` bytes."""
    # Few systems count HEIC among image/*, and what is not accepted cannot be chosen.
    heic = sorted(HEIC_SUFFIXES) if reads_heic() else []
    return fill_page(
        "captionkit.serve",
        "page",
        {
            "ACCEPT": ",".join(["image/*", *heic]),
            "KINDS": f"JPEG, PNG, WebP, AVIF, GIF, BMP{', HEIC' if heic else ''} or TIFF",
            "UPLOAD": str(upload),
            "MEGABYTES": f"{upload / 1e6:g}",
            "FOOT": f"captionkit {__version__} with the model {escape(model)}.",
        },
        sources="img-src blob: data:; connect-src 'self'",
    )
