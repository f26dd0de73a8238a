"""What must have happened before TensorFlow is imported: importing this module does it.

Every door to it (`modeling`, `training`, `export`, `interchange`) imports this module first.
"""

from __future__ import annotations

import os

# TensorFlow carries an SQLite without full-text search, which would be Python's too if it were loaded first.
import sqlite3  # noqa: F401

# TensorFlow takes oneDNN's kernels unasked only on processors with AVX512; where there is AVX2 alone they were not
# slower and at times faster (measured in docs/training.md). Who sets the variable keeps what they set.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# What TensorFlow says of kernels and drivers at every start tells a user nothing; errors are shown. A few lines
# come all the same: it says them before it looks at this.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
