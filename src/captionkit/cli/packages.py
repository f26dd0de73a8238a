"""Packages that a command needs beyond those of the light half: one sentence instead of a traceback."""

from __future__ import annotations

import importlib.util

from captionkit.errors import UsageError


def need_tensorflow() -> None:
    """Refuse to go on where the light half alone is installed."""
    need("tensorflow", "This needs TensorFlow, which is not installed; pip install 'captionkit[train]'.")


def need(package: str, otherwise: str) -> None:
    """Refuse to go on without a package.

    Raises:
        UsageError: it is not installed; `otherwise` says what to do.
    """
    if importlib.util.find_spec(package) is None:
        raise UsageError(otherwise)
