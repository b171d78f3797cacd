# Every target sets up what it needs. CI runs `make check` before the tests.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: apply test coverage browser check check-workflows check-release build format docs regenerate notebooks stress bench clean
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

# Run the tests and measure which lines of the package they run; takes about three times as long as `make test`.
coverage: $(READY) browser
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -n auto --dist loadgroup
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

# Install Chromium if it is missing.
browser:
	@tests/notebook/browser.sh

check: $(READY) check-workflows
	$(BIN)/ruff format --check reconciler tests notebooks
	$(BIN)/ruff check reconciler tests notebooks
	$(BIN)/mypy
	$(BIN)/lint-imports

# Find security mistakes in the workflows, and compare GitHub's and GitLab's files with their schemas. No network is needed.
EXAMPLES  := .github/examples/plan.yml .github/examples/apply.yml .github/examples/drift.yml
WORKFLOWS := .github/workflows/*.yml $(EXAMPLES)
SCHEMA    := $(BIN)/check-jsonschema --quiet --builtin-schema

check-workflows: $(READY)
	$(BIN)/zizmor --offline --quiet --no-progress --strict-collection --collect=all --config .github/zizmor.yml .github $(EXAMPLES)
	$(SCHEMA) vendor.github-workflows $(WORKFLOWS)
	$(SCHEMA) vendor.github-actions .github/actions/*/action.yml
	$(SCHEMA) vendor.dependabot .github/dependabot.yml
	$(SCHEMA) vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/feature.yml
	$(SCHEMA) vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(SCHEMA) vendor.gitlab-ci --data-transform gitlab-ci .github/examples/gitlab-ci.yml

# Build the sdist and the wheel in dist/.
build: $(READY)
	@rm -rf dist
	@$(BIN)/python -m hatchling build

# Check that TAG, the version and the changelog agree: make check-release TAG=v1.2.3
check-release:
	@$(PYTHON) .github/check_release.py "$(TAG)"

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
	rm -rf $(VENV) .reconciler build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage .coverage.*
