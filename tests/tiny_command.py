"""captionkit in a process of its own that knows the tiny encoder: python -m tests.tiny_command COMMAND ..."""

from __future__ import annotations

from captionkit.cli.app import main
from captionkit.config.limits import NAMES
from captionkit.modeling.encoders import ENCODERS
from tests.tiny import tiny_encoder_spec

if __name__ == "__main__":
    ENCODERS["tiny"] = tiny_encoder_spec()
    NAMES["encoder.name"] += ("tiny",)
    main()
