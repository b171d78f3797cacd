# Every target sets up what it needs. CI runs `make check` before the tests.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: apply test browser check format docs notebooks stress bench clean
.DEFAULT_GOAL := apply

$(READY): pyproject.toml
	@echo "setting up $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[dev]"
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

docs: $(READY)
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
	rm -rf $(VENV) .reconciler build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
