"""A picture's description in its own metadata, written without touching its pixels.

`xmp`, `iptc` and `exif` edit the three kinds of metadata, `jpeg`, `png`, `webp` and `tiff` the containers that
hold them; `describe` puts them together, checks the result, and takes it back.
"""
