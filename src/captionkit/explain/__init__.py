"""Why the model says what it says: where each word comes from in the picture, and what else it might have said."""

from __future__ import annotations

from captionkit.explain.explanation import Explanation, Word, explain, percent
from captionkit.explain.occlusion import occlusion
from captionkit.explain.page import format_page
from captionkit.explain.panels import draw_panels, per_word

__all__ = ["Explanation", "Word", "draw_panels", "explain", "format_page", "occlusion", "per_word", "percent"]
