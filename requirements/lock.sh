#!/bin/sh
# Writes requirements/{light,dev}.txt: versions and hashes for every platform and Python we support, and no
# index address. Each is a superset of the one before, so an environment can grow from light to dev.
set -eu
cd "$(dirname "$0")/.."
compile() { uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-header --no-annotate -c requirements/constraints.in "$@"; }
compile pyproject.toml requirements/build.in -o requirements/light.txt
compile pyproject.toml requirements/build.in --extra dev -c requirements/light.txt -o requirements/dev.txt
compile requirements/uv.in -o requirements/uv.txt
