# make demo and make test need nothing but python3 and make; the rest is for those who work on the code.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: help install demo test test-slow check format bench clean

help:
	@echo "make demo       install, then every stage on the embedded sample: minutes"
	@echo "make test       install, then run every test that takes seconds"
	@echo "make test-slow  the tests that take minutes"
	@echo "make check      ruff, mypy and import-linter"
	@echo "make bench      speed and memory, as tables"
	@echo "make bench-accuracy  recommenders on real splits: hours; finished runs are kept"
	@echo "make docs       make the command pages and the editor's stub again"

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than 3.11: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "could not make $(VENV): on Debian, apt-get install python3-venv" >&2; exit 1; }
	@echo "installing into $(VENV): a few minutes, 6 GB"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[offline,sentence-transformers,dev]'
	@touch $@

demo: install
	$(BIN)/featurizer run pipelines/quickstart.yaml
	@echo
	@echo "Look at runs/quickstart/report/report.html in a browser; runs/quickstart/aligned/features is the feature set,"
	@echo "its README.md the card. Go on with: source $(BIN)/activate && featurizer --help"

test: install
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-slow: install
	$(BIN)/python -m pytest -m slow --timeout 3600

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# these take hours; bench-accuracy and the results they wrote say more
SLOW_BENCHMARKS := $(addprefix benchmarks/,align_large.py baselines.py features.py search.py sports.py)

bench: install
	for file in $(filter-out $(SLOW_BENCHMARKS),$(wildcard benchmarks/*.py)); do $(BIN)/python $$file || exit 1; done

.PHONY: bench-accuracy
bench-accuracy: install
	$(BIN)/python benchmarks/baselines.py

clean:
	rm -rf runs build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: docs
docs: install
	$(BIN)/python -m featurizer.cli.pages docs/commands
	$(BIN)/python -m featurizer.cli.stubs
