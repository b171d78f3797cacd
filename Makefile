# Every target sets up what it needs. CI runs `make check` before the tests.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: apply test browser check format docs regenerate notebooks stress bench clean
.DEFAULT_GOAL := apply

$(READY): pyproject.toml
	@echo "setting up $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[dev,docs]"
	@touch $@

apply: $(READY)
	@$(BIN)/reconciler apply --yes
	@echo
	@echo "plan again, to show that no changes are left:"
	@$(BIN)/reconciler plan --detailed-exitcode

test: $(READY) browser
	@$(BIN)/python -m pytest -n auto --dist loadgroup

# Install Chromium if it is missing.
browser:
	@tests/notebook/browser.sh

check: $(READY)
	$(BIN)/ruff format --check reconciler tests notebooks
	$(BIN)/ruff check reconciler tests notebooks
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format reconciler tests notebooks
	$(BIN)/ruff check --fix reconciler tests notebooks

# Build the documentation site in docs/_build/html.
docs: $(READY)
	@$(BIN)/python -m sphinx -q -W --keep-going -n -d docs/_build/doctrees docs docs/_build/html

# Update the outputs, tables and pictures in the README and the documentation.
regenerate: $(READY)
	@$(BIN)/python -m tests.docs.generate

# Run the notebooks, store them with their output, and redraw the README's picture of the panel.
notebooks: $(READY) browser
	@$(BIN)/python -m tests.notebook.store_notebooks
	@$(BIN)/python -m tests.notebook.panel_picture

# Run the property tests with random seeds and STRESS_EXAMPLES times as many examples (default: 15); start new rounds for STRESS_MINUTES
# (default: one round).
stress: $(READY)
	@$(BIN)/python -m tests.support.stress

bench: $(READY)
	$(BIN)/python -m tests.benchmarks.endpoint
	$(BIN)/python -m tests.benchmarks.race
	$(BIN)/python -m tests.benchmarks.manifest

clean:
	rm -rf $(VENV) .reconciler build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
