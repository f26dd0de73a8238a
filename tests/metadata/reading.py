"""What the metadata of a picture file says, as the package itself reads it before it writes."""

from __future__ import annotations

from captionkit.metadata.describe import _container, _described


def read_described(data: bytes) -> tuple[str, str]:
    """The description and the alternative text; empty where there is none."""
    container = _container(data)
    assert container is not None
    description, alt = _described(container.read(data)).values()
    return description, alt
