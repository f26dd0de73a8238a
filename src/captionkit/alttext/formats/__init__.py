"""Documents: the pictures of each format with their context and the places of their texts, edited byte for byte.

`documents` opens any of them. `pictures` and `context` are what all formats share; one format a file.
"""
