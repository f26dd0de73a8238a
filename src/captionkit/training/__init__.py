"""Making models: features once, then gradient descent with teacher forcing, then beyond it."""

# TensorFlow carries an SQLite without full-text search, which would be Python's too if it were loaded first.
import sqlite3  # noqa: F401
