# make run   - set everything up and serve the app on http://127.0.0.1:7860
# make test  - set everything up and run the tests
# make lint  - formatting, lint, types, import rules
# make train-tiny - the whole method on a tiny model in about a quarter of an hour, into runs/tiny;
#                   REAL=folder adds up to 100 real recordings
# make lock  - resolve the dependencies anew into requirements*.lock
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: run test lint lock clean train-tiny

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

# pip compiles on one core, and tests of packages too: as long as all the rest of it takes
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
COMPILE = $(BIN)/python -m compileall -qq -j 0 -x '/site-packages/.*/tests/' $(VENV)/lib || true  # templates in packages are no Python

$(VENV)/run.stamp: requirements.lock pyproject.toml | $(BIN)/python
	$(INSTALL) -r requirements.lock
	$(INSTALL) --no-deps --editable .
	$(COMPILE)
	touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	$(INSTALL) -r requirements-dev.lock
	touch $@

run: $(VENV)/run.stamp
	$(BIN)/ecgr1 serve

MIXED = [{from: synthetic, count: 500}, {from: folder, folder: $(abspath $(REAL)), limit: 100}]
train-tiny: $(VENV)/run.stamp
	$(BIN)/ecgr1 train pipeline --config training/configs/tiny.yaml \
	  $(if $(REAL),--set 'corpus.sources=$(MIXED)')

test: $(VENV)/dev.stamp
	sh tests/browser/ensure_chromium.sh
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

PIP_COMPILE = $(BIN)/pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header

# a CPU build of torch is pinned as plain 2.x.y, so that other machines take theirs
lock: $(VENV)/dev.stamp
	$(PIP_COMPILE) --output-file requirements.lock pyproject.toml
	sed -i 's/+cpu//' requirements.lock
	$(PIP_COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	sed -i 's/+cpu//' requirements-dev.lock

clean:
	rm -rf $(VENV) build dist *.egg-info
