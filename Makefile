# The project's commands; `make help` lists them. The only things needed beforehand are
# Python 3.11 or newer, git and make: everything else is installed into .venv/.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check
PIP_TOOLS := 7.6.2
AUDIT_TOOLS := pip-audit==2.10.1 cyclonedx-bom==7.5.0

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test gym install lint types format bench fidelity precision migrations contracts audit clean pins

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: install ## a synthetic market through the whole pipeline (two minutes)
	$(BIN)/r2k demo

# By file, so that a costly fixture of a file is built once and not in both processes; files with
# slow tests first (r2k_pipeline_tests/conftest.py), so that both processes end together.
test: lint types ## every check and every test
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

# The sets of which `make test` runs a fast part, at full length: hours, not minutes.
gym: install ## 28 incidents, hundreds of kills, 20,000 damaged inputs for every reader
	$(BIN)/r2k gym --markdown docs/disaster_gym.md
	R2K_GYM=1 $(BIN)/pytest -n 2 --dist loadfile r2k_pipeline_tests/crash
	FUZZ_INPUTS=20000 $(BIN)/pytest -n 2 --dist load r2k_pipeline_tests/hostile/test_fuzz_readers.py

install: $(INSTALLED) ## create .venv/ with the pinned packages, if it is not up to date

lint: install ## style, format and import directions
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: install ## strict types over the whole tree
	$(BIN)/mypy

format: install ## rewrite the code in the project's format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: install ## time and peak memory of the real build; ratios against other engines
	$(BIN)/python benchmarks/real_build.py
	$(BIN)/python benchmarks/check_share.py
	$(BIN)/python benchmarks/decision_speed.py
	$(BIN)/python benchmarks/engine_ratios.py

# The real listings and lists belong to others and stand beside the checkout, if anywhere.
FIDELITY_HOME ?= .r2k/fidelity
fidelity: install ## the score against the real index, from ../shared (minutes the first time)
	$(BIN)/r2k ingest us-stock-symbols --path ../shared/data/us_universe --home $(FIDELITY_HOME)
	$(BIN)/r2k build --home $(FIDELITY_HOME)
	$(BIN)/r2k fidelity --truth ../shared/data/truth --home $(FIDELITY_HOME)

precision: install ## faults injected into real listings: how many are caught, and false alarms
	$(BIN)/python benchmarks/repair_precision.py

migrations: install ## forty synthetic years: moves between large and small before and since the band
	$(BIN)/python benchmarks/synthetic_migrations.py --companies 3450

contracts: install ## write down what the contracts promise as released
	$(BIN)/python -m r2k_pipeline.contracts.released

audit: install ## known holes in the pinned packages, and a bill of materials (build/sbom.cdx.json)
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install -qq $(AUDIT_TOOLS)
	$(VENV)/audit/bin/python benchmarks/dependency_audit.py

clean: ## remove .venv/, caches and builds
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Pins are resolved on the oldest supported Python and name every file of a version, so that
# each platform finds its own. Only the default index is asked: extra ones of this machine
# would add hashes that no other machine can match. Existing pins stay unless UPGRADE=--upgrade.
pins: ## resolve pyproject.toml anew into constraints.txt (UPGRADE=--upgrade for newer versions)
	$(PYTHON) -m venv $(VENV)/pins
	$(VENV)/pins/bin/python -m pip install -qq pip-tools==$(PIP_TOOLS)
	env -u PIP_FIND_LINKS -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null \
		$(VENV)/pins/bin/pip-compile --quiet $(UPGRADE) --generate-hashes --strip-extras --allow-unsafe \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-annotate --no-header \
		--all-extras --build-deps-for editable --build-deps-for wheel --output-file constraints.txt pyproject.toml
	sed -i.bak '/^#/d; /^$$/d' constraints.txt && rm constraints.txt.bak

# The file names the whole resolved set, hence --no-deps: nothing else can slip in.
$(INSTALLED): constraints.txt pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit( \
		f"Python {v.major}.{v.minor} at {sys.executable} is too old\nstate: nothing was installed\n" \
		"remedy: make PYTHON=/path/to/python3.11 (or newer)")'
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "remedy: install the venv module (Debian: python3-venv)" >&2; exit 1; }
	@echo "Installing the pinned packages into $(VENV)/ (about a minute)"
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install -qq --no-deps --require-hashes -r constraints.txt
	@$(PIP) install -qq --no-deps --no-build-isolation -e .
	@$(PIP) check --quiet
	@touch $@
