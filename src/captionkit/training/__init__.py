"""Making models: features once, then gradient descent with teacher forcing, then beyond it."""

import captionkit.before_tensorflow  # noqa: F401
