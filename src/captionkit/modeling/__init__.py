"""The networks: encoders that turn pixels into features, decoders that turn features into words.

From here on TensorFlow is imported. Letters: B images, C captions an image, H W pixels, P grid positions,
D feature depth, L caption length, V vocabulary, U units, E embedding.
"""

import captionkit.before_tensorflow  # noqa: F401
