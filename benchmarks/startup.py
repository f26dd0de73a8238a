"""How long a whole process takes: captioning one picture, `--help`, against `python -c "import tensorflow"`.

    python benchmarks/startup.py [--bundle FILE] [--picture FILE] [--rounds 5]

Each round runs the three one after another, so that a busy machine slows all of them; the ratio of the medians is
what is claimed, and processor time (user + system) is given beside wall-clock time, since it does not count the
waiting for other work. Needs the extra `train` for TensorFlow. Writes benchmarks/results/startup.json.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from captionkit.files import write_text

RESULTS = Path(__file__).parent / "results" / "startup.json"


def jpeg() -> bytes:
    """A 500 x 376 JPEG of smooth noise, of about the size of a photograph's."""
    small = np.random.default_rng(0).integers(0, 256, (47, 63, 3), np.uint8)
    image = Image.fromarray(small).resize((500, 376), Image.Resampling.BICUBIC)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=90)
    return data.getvalue()


def run(command: list[str]) -> dict[str, float]:
    """Wall-clock and processor seconds and the largest memory in MB of one process."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"This failed: {' '.join(command)}")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "memory_mb": usage.ru_maxrss / 1024}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", help="default: the installed bundle")
    parser.add_argument("--picture", help="default: a 500 x 376 JPEG made here")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        picture = arguments.picture or str(Path(folder) / "picture.jpg")
        if not arguments.picture:
            Path(picture).write_bytes(jpeg())
        bundle = ["--bundle", arguments.bundle] if arguments.bundle else []
        commands = {
            "caption": [sys.executable, "-m", "captionkit", "caption", picture, *bundle],
            "help": [sys.executable, "-m", "captionkit", "--help"],
            "python": [sys.executable, "-c", "pass"],
            "tensorflow": [sys.executable, "-c", "import tensorflow"],
        }
        for command in commands.values():
            run(command)  # files come from the disk the first time
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
        for _ in range(arguments.rounds):
            for name, command in commands.items():
                runs[name].append(run(command))
    median = {
        name: {key: round(statistics.median(one[key] for one in several), 3) for key in several[0]}
        for name, several in runs.items()
    }
    ratios = {key: round(median["tensorflow"][key] / median["caption"][key], 1) for key in median["caption"]}
    result = {
        "what": "medians of whole processes; seconds, MB",
        "rounds": arguments.rounds,
        "median": median,
        "tensorflow_over_caption": ratios,
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }
    for name, values in median.items():
        print(f"{name:11} {values['wall']:7.3f} s  {values['cpu']:7.3f} s cpu  {values['memory_mb']:7.1f} MB")
    print(f"import tensorflow / captionkit caption: {ratios['wall']} in time, {ratios['cpu']} in processor time")
    write_text(RESULTS, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
