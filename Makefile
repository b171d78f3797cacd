# Every target sets up what it needs. A `##` comment is the target's line in the help.
export PYTHON ?= python3

VENV    := .venv
BIN     := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
READY   := $(VENV)/.ready

LOCK    := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade \
           --custom-compile-command "make lock"

.PHONY: help apply test wheel-test oldest-test coverage browser check check-workflows check-release build format docs regenerate notebooks stress bench lock clean
.DEFAULT_GOAL := help

help: ## Show this help.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(RUNTIME): pyproject.toml requirements/build.txt requirements/runtime.txt
	@requirements/install.sh build.txt runtime.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(READY): $(RUNTIME) requirements/dev.txt
	@requirements/install.sh dev.txt
	@touch $@

apply: $(RUNTIME) ## Apply desired_state.toml to the embedded registry, then plan again.
	@$(BIN)/reconciler apply --yes
	@echo
	@echo "plan again, to show that no changes are left:"
	@$(BIN)/reconciler plan --detailed-exitcode

test: $(READY) browser ## Run the tests.
	@$(BIN)/python -m pytest -n auto --dist loadgroup --max-worker-restart=0

wheel-test: $(READY) ## Build the wheel and the sdist, and test them in empty environments.
	@$(BIN)/python -m pytest -m packaging tests/packaging

# Not in CI's main run: the lower bounds change rarely.
oldest-test: $(READY) ## Run the tests of the core with the oldest supported versions, in .venv-oldest.
	@$(BIN)/python -m tests.packaging.oldest

coverage: $(READY) browser ## Run the tests and measure which lines of the package they run; takes three times as long.
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -n auto --dist loadgroup --max-worker-restart=0
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

browser: ## Install Chromium for the tests of the panel, if it is missing.
	@tests/notebook/browser.sh

PYTHON_CODE := reconciler tests notebooks docs/conf.py .github .githooks

check: $(READY) check-workflows ## Check format, style, types, imports and workflows.
	$(BIN)/ruff format --check $(PYTHON_CODE)
	$(BIN)/ruff check $(PYTHON_CODE)
	$(BIN)/mypy
	$(BIN)/mypy .github/*.py .github/actions/*/*.py .githooks/*.py
	$(BIN)/lint-imports

GITLAB    := .github/examples/gitlab-ci.yml .github/examples/gitlab-environments.yml
EXAMPLES  := $(filter-out $(GITLAB),$(wildcard .github/examples/*.yml))
WORKFLOWS := .github/workflows/*.yml $(EXAMPLES)
SCHEMA    := $(BIN)/check-jsonschema --quiet --builtin-schema

# No network is needed.
check-workflows: $(READY) ## Find security mistakes in the workflows, and compare YAML files with their schemas.
	$(BIN)/zizmor --offline --quiet --no-progress --strict-collection --collect=all --config .github/zizmor.yml .github $(EXAMPLES)
	$(SCHEMA) vendor.github-workflows $(WORKFLOWS)
	$(SCHEMA) vendor.github-actions .github/actions/*/action.yml
	$(SCHEMA) vendor.dependabot .github/dependabot.yml
	$(SCHEMA) vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/feature.yml
	$(SCHEMA) vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(SCHEMA) vendor.gitlab-ci --data-transform gitlab-ci $(GITLAB)

build: $(READY) ## Build the sdist and the wheel in dist/.
	@rm -rf dist
	@$(BIN)/python -m hatchling build

check-release: ## Check TAG, the version, the changelog and placeholders: make check-release TAG=v1.2.3
	@$(PYTHON) .github/check_release.py "$(TAG)"

format: $(READY) ## Format the code and apply automatic fixes.
	$(BIN)/ruff format $(PYTHON_CODE)
	$(BIN)/ruff check --fix $(PYTHON_CODE)

docs: $(READY) ## Build the documentation in docs/_build/html.
	@echo "building the documentation …"
	@$(BIN)/python -m sphinx -q -W --keep-going -n -d docs/_build/doctrees docs docs/_build/html
	@echo "open docs/_build/html/index.html"

regenerate: $(READY) ## Update the outputs, tables and pictures in the README and the documentation.
	@$(BIN)/python -m tests.docs.generate

notebooks: $(READY) browser ## Run the notebooks, store their output, and redraw the README's picture of the panel.
	@$(BIN)/python -m tests.notebook.store_notebooks
	@$(BIN)/python -m tests.notebook.panel_picture

# STRESS_EXAMPLES is the factor for the number of examples (default: 20); new rounds start for STRESS_MINUTES (default: one round).
stress: $(READY) ## Run the property tests with many random examples.
	@$(BIN)/python -m tests.support.stress

bench: $(READY) ## Run the benchmarks.
	$(BIN)/python -m tests.benchmarks.endpoint
	$(BIN)/python -m tests.benchmarks.race
	$(BIN)/python -m tests.benchmarks.manifest
	$(BIN)/python -m tests.benchmarks.loading
	$(BIN)/python -m tests.benchmarks.plan_ratios
	$(BIN)/python -m tests.benchmarks.incremental
	$(BIN)/python -m tests.benchmarks.nights
	$(BIN)/python -m tests.benchmarks.million --devices 100000
	$(BIN)/python -m tests.benchmarks.rollout
	$(BIN)/python -m tests.benchmarks.startup

# dev.txt is the whole resolution; the other files pin the same versions, except oldest.txt, which pins the lower bounds.
lock: $(READY) ## Renew the pinned versions in requirements/.
	@$(LOCK) --extra dev --extra docs --output-file requirements/dev.txt pyproject.toml
	@$(LOCK) --constraint requirements/dev.txt --output-file requirements/runtime.txt pyproject.toml
	@$(LOCK) --constraint requirements/dev.txt --extra all --output-file requirements/all.txt pyproject.toml
	@$(LOCK) --constraint requirements/dev.txt --extra docs --output-file requirements/docs.txt pyproject.toml
	@$(LOCK) --constraint requirements/dev.txt --output-file requirements/build.txt requirements/build.in
	@$(LOCK) --resolution lowest-direct --extra all --output-file requirements/oldest.txt pyproject.toml

clean: ## Delete the environment, the embedded registry, and everything that was built.
	rm -rf $(VENV) .venv-oldest .reconciler build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage .coverage.*
