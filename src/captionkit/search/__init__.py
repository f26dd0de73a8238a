"""Finding pictures by words, by likeness, and twice: one SQLite file over a folder, and what is asked of it."""
