"""What this machine's processor can do."""

from __future__ import annotations

import functools
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
FLAGS = frozenset({"avx512_bf16", "amx_bf16"})  # as Linux names them


@functools.cache
def multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16 products; False where no Linux tells.

    Without them TensorFlow computes such products in a detour that is slower than float32.
    """
    try:
        with CPUINFO.open(encoding="ascii", errors="replace") as file:
            return any(FLAGS & set(line.split()) for line in file if line.startswith("flags"))
    except OSError:
        return False
