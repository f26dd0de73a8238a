# captionkit: the two commands of the README and the developer's loop. Each does its own set-up.
PYTHON ?= python3
# Tests run side by side, at most four at a time: each process may load TensorFlow.
SIDE_BY_SIDE := -n auto --maxprocesses=4 --dist=worksteal
# Many tests start Python, and TensorFlow takes three times as long to import where its bytecode is not kept.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
BIN := $(VENV)/bin
IMAGE ?= examples/*.jpg

.PHONY: caption test test-slow check format lock clean

caption: $(VENV)/.light ## caption the example pictures, or IMAGE=path
	@$(BIN)/captionkit caption "$(IMAGE)"

test: $(VENV)/.dev ## the default test run
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

test-slow: $(VENV)/.dev ## the tests that take minutes
	$(BIN)/python -m pytest -m slow

check: $(VENV)/.dev ## format check, lint, types, documentation, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python docs/generate.py --check
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python docs/generate.py

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "captionkit needs Python 3.11, 3.12 or 3.13; this is " + sys.version.split()[0] + ". Name another with: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.light: requirements/light.txt pyproject.toml | $(VENV)/bin/python
	@echo "Setting up .venv (numpy, Pillow, LiteRT) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/light.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# uv is many times faster than pip at the large wheels; pip takes the same lock where uv cannot.
$(VENV)/.dev: $(VENV)/.light requirements/dev.txt
	@echo "Setting up .venv for development (TensorFlow, test tools) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

lock: ## resolve the locks afresh (needs uv on the PATH)
	./requirements/lock.sh

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
