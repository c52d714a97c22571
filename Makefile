# `make demo` runs the main job on a bundled example; `make check` is what a change must pass.
# Both install what they need into .venv first, and again only when pyproject.toml has changed.

VENV    := .venv
BIN     := $(VENV)/bin
PYTHON  ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
WORKERS ?= 2
PIP     := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo check test long fuzz browser validators bench speed docs site pictures format clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "barrierlint needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.installed

demo: $(VENV)/.installed  ## find, explain and confirm the defect of OSv #1117 in fixtures/osv; leaves demo.html and demo.sarif
	$(BIN)/barrierlint check --exit-zero --model osv --format text --format sarif=demo.sarif --format html=demo.html fixtures/osv/mmu.cc --

check: $(VENV)/.installed-dev  ## lint, types, layers, docs, tests: all that a change must pass
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/docs.py --check
	$(BIN)/mkdocs build --quiet --strict --site-dir $(VENV)/site
	$(BIN)/python -m pytest -q -n $(WORKERS)

test: $(VENV)/.installed-dev  ## the tests alone
	$(BIN)/python -m pytest -q -n $(WORKERS)

long: $(VENV)/.installed-dev  ## the randomised tests for longer, from another seed; takes some minutes
	BARRIERLINT_SEQUENCES=$${BARRIERLINT_SEQUENCES:-100000} WALKER_PAIRS=$${WALKER_PAIRS:-1000000} WALKER_SEED=$${WALKER_SEED:-$$(date +%s)} \
		$(BIN)/python -m pytest -q -n $(WORKERS) tests/sim/test_agreement.py tests/sim_walker

fuzz: $(VENV)/.installed-dev  ## every parser on mutated inputs, from another seed; what is found stays in fixtures/fuzz
	BARRIERLINT_FUZZ=$${BARRIERLINT_FUZZ:-20000} BARRIERLINT_SEED=$${SEED:-$$(date +%s)} $(BIN)/python -m pytest -q -n $(WORKERS) tests/fuzz

browser: $(VENV)/.installed-dev  ## the HTML report's tests in headless Chromium (Debian: apt-get install chromium)
	$(PIP) --editable '.[dev,browser]'
	$(BIN)/python -m pytest -q -rs tests/browser

validators: $(VENV)/.installed-dev  ## SARIF logs against Microsoft's multitool as well (needs npm)
	npm install --no-save --silent @microsoft/sarif-multitool-linux
	$(BIN)/python -m pytest -q -rs tests/report/test_validators.py

bench: $(VENV)/.installed-dev  ## how the simulator's time grows, against herd7 where there is one
	$(BIN)/python -m benchmarks.sim_growth --herd

speed: $(VENV)/.installed-dev  ## CPU time beside clang, clang-tidy and cppcheck, which it installs (Debian, root); writes benchmarks/speed/RESULTS.md
	$(BIN)/python -m benchmarks.speed --install

docs: $(VENV)/.installed-dev  ## write docs/rules, help texts and the output of shown commands anew
	$(BIN)/python tools/docs.py

site: $(VENV)/.installed-dev  ## build docs/ into site/
	$(BIN)/mkdocs build --strict

pictures: $(VENV)/.installed-dev  ## make docs/images anew (needs a Chromium)
	$(PIP) --editable '.[dev,browser]'
	$(BIN)/python tools/pictures.py

format: $(VENV)/.installed-dev  ## format and fix what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove the virtual environment and all caches
	rm -rf $(VENV) demo.html demo.sarif .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
