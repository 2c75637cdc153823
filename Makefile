# minirt: everything that a reader or a contributor does is one of these commands. `make` alone lists them.
#
# The virtual environment is Python's own, in .venv. A stamp in it remembers what was installed, so that a second
# run starts at once; a change of pyproject.toml installs again.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
FIRST_NOTEBOOK := notebooks/00_start_here.ipynb
NOTEBOOKS := $(wildcard notebooks/*.ipynb)

# The newest Python that is at least 3.11 and can make a virtual environment. `make PYTHON=... lab` overrides it.
PYTHON ?= $(shell for candidate in python3.13 python3.12 python3.11 python3 python; do \
	if $$candidate -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then command -v $$candidate; break; fi; done)

# What the user may pass on:
#   make bench ROWS=echo PEERS=asyncio,uvloop ROUNDS=3 JSON=figures.json
#   make notebooks NAMES="04 05" FRESH=1
#   make lab LAB_FLAGS=--port=9999
#   make test PYTEST_FLAGS=-x
#   make nbval KERNEL=minirt
#   make kernels IPYKERNEL="6.31.* 7.3.*" PART=kernel
#   make classroom STUDENTS=30
#   make hub HUB_FLAGS=--url=http://127.0.0.1:9000
ROWS ?=
PEERS ?=
ROUNDS ?=
JSON ?=
NAMES ?=
FRESH ?=
LAB_FLAGS ?=
PYTEST_FLAGS ?=
KERNEL ?=
IPYKERNEL ?=
PART ?=
STUDENTS ?=
HUB_FLAGS ?=

# Root may run Lab, and a machine without a display gets the address printed in place of a browser window.
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)
WITHOUT_DISPLAY := $(if $(or $(filter Darwin,$(shell uname -s)),$(DISPLAY),$(WAYLAND_DISPLAY)),,--no-browser)

# In the environment, where it touches no settings of the user's: those of Binder. A notebook that is saved while a program
# runs keeps its view, so that a page that is opened another day can say what became of it.
LAB_SETTINGS := $(VENV)/share/jupyter/lab/settings
# A notebook that is only opened is not modified.
SERVER_SETTINGS = mkdir -p $(VENV)/etc/jupyter && cp binder/jupyter_server_config.py $(VENV)/etc/jupyter/

# Tests that wait for nothing, or choose their poll themselves, or try what stands above the runtime and asks nothing else
# of a poll (kernels, views, exercises): run once, by `make test`.
WITHOUT_A_POLL := quotes environment without_epoll notebooks classroom site binder_link layers benchmarks release \
	architecture errors urls messages charsets addresses labels chrome findings tape texts completion real_node peers \
	kernel extension faults_j_magics faults_j_program faults_j_again faults_j_third other_kernels check clicks \
	exercises order_quiz quiz view_size packing picture image state script readme main_example console growth \
	orders report signatures simulation slow tasks tee terminal timeline watch awaiting_laws live trace clock derived \
	node_times knobs notebook_tags in_page form built built_parts node_cells callbacks identity values policies timers laws main \
	types simulated_machine

# The tests wait more than they work: they share the processors. Those of one file stay together.
SIDE_BY_SIDE := -n auto --maxprocesses=4 --dist=worksteal
BY_FILE := -n 2 --dist=loadfile

.PHONY: help lab test thorough page quick lint format bench notebooks nbval quotes architecture binder-link kernels hub classroom coverage \
	chromium site release clean

help: ## list the commands
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

lab: $(VENV)/installed-lab ## install what a reader needs and open JupyterLab on the first notebook
	@mkdir -p $(LAB_SETTINGS) && cp binder/overrides.json $(LAB_SETTINGS)/
	@$(SERVER_SETTINGS)
	exec $(BIN)/jupyter lab $(AS_ROOT) $(WITHOUT_DISPLAY) --ServerApp.root_dir="$(CURDIR)" \
		--LabApp.default_url="$(if $(wildcard $(FIRST_NOTEBOOK)),/lab/tree/$(FIRST_NOTEBOOK),/lab)" $(LAB_FLAGS)

test: lint chromium ## install what the tests need, the system's Chromium included where that is allowed; run everything
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not browser" $(PYTEST_FLAGS)
	@# a second time on poll(), which is what serves where there is no epoll
	$(if $(filter Linux,$(shell uname -s)),MINIRT_POLL=selectors $(BIN)/python -m pytest -q $(SIDE_BY_SIDE) -m "not browser" \
		-k "not node_prints_today and not in_simulated_time_too" $(WITHOUT_A_POLL:%=--ignore=tests/test_%.py) $(PYTEST_FLAGS))
	@# in processes of their own: what drives the browser keeps an event loop running there
	$(BIN)/python -m pytest $(BY_FILE) -m "browser and not thorough" $(PYTEST_FLAGS)
	@$(MAKE) --no-print-directory nbval

thorough: $(VENV)/installed-test chromium ## the tests of browsers, and of their Python, that `make test` leaves out for time
	$(BIN)/python -m pytest $(BY_FILE) -m "browser and thorough" $(PYTEST_FLAGS)

page: $(VENV)/installed-test ## run the chapters as the pages do, in Pyodide under Node, and say what differs: NAMES="04 05" chooses
	@$(BIN)/python -m tests.in_page --list $(NAMES)

quick: $(VENV)/installed-test ## the unit tests: no browser, no notebook run
	$(BIN)/python -m pytest -q $(SIDE_BY_SIDE) -m "not browser and not slow" $(PYTEST_FLAGS)

lint: $(VENV)/installed-test ## ruff, mypy --strict, codespell
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy --no-error-summary
	$(BIN)/codespell *.md CITATION.cff Makefile pyproject.toml .github classroom minirt site tests $(wildcard notebooks)

format: $(VENV)/installed-test ## let ruff fix and format the code; the notebooks are left alone
	$(BIN)/ruff check --quiet --fix --exclude '*.ipynb' .
	$(BIN)/ruff format --quiet .

bench: $(VENV)/installed-bench ## the benchmarks: ROWS=... PEERS=... ROUNDS=... JSON=FILE
	$(BIN)/python -m tests.benchmarks $(if $(ROWS),--rows "$(ROWS)") $(if $(PEERS),--peers "$(PEERS)") \
		$(if $(ROUNDS),--rounds "$(ROUNDS)") $(if $(JSON),--json "$(JSON)")

peers: $(VENV)/installed-test ## other people's tests on minirt's asyncio loop and on the standard one: SUITES="cpython anyio tornado uvloop twisted nest_asyncio" PYTHONS=...
	@for suite in $(or $(SUITES),cpython); do for python in $(or $(PYTHONS),$(BIN)/python); do \
		$(BIN)/python -m tests.peers.run $$suite $$python || exit 1; done; done

notebooks: $(VENV)/installed-test ## run the notebooks and keep their outputs: NAMES="04 05" chooses, FRESH=1 renews every output
	$(BIN)/python -m tests.notebooks $(NAMES) $(if $(FRESH),--fresh)

nbval: $(VENV)/installed-test ## run the notebooks and compare each output with the one that is kept
ifeq ($(NOTEBOOKS),)
	@echo "nbval: no notebooks yet"
else
	$(BIN)/python -m pytest -q $(BY_FILE) --nbval $(if $(KERNEL),--nbval-kernel-name=$(KERNEL),--nbval-current-env) --nbval-cell-timeout=60 \
		--nbval-sanitize-with=tests/nbval_sanitize.cfg $(PYTEST_FLAGS) $(NOTEBOOKS)
endif

quotes: $(VENV)/installed-test ## fill the quote cells of the notebooks from the package, and the glossary from tests/words.toml
	$(BIN)/python -m tests.quotes --write
	$(BIN)/python -m tests.words --write

architecture: $(VENV)/installed-test ## draw the floors of the package, site/architecture.svg, from tests/layers.py
	$(BIN)/python -m tests.architecture --write

binder-link: | $(VENV)/bin/python ## the README's links to Binder and to the pages, and the project's addresses, from this repository's own
	@$(BIN)/python -m tests.binder_link

site: $(VENV)/installed-site ## the chapters as pages in build/site, whose cells run in the browser (to build those: Node 20 with npm)
	@rm -rf build/site
	@$(BIN)/python site/build.py build/site

release: $(VENV)/installed-release ## build the sdist and the wheel into dist, check them, and say what to tag; uploads nothing
	@$(BIN)/python -m tests.release dist

kernels: $(VENV)/installed-test chromium ## the extension and the view on other kernels: IPYKERNEL="6.31.* 7.3.*" PART=view choose
	@$(BIN)/python -m tests.other_kernels --versions "$(IPYKERNEL)" $(if $(PART),--part $(PART)) $(PYTEST_FLAGS)

hub: $(VENV)/installed-classroom ## JupyterHub for a class on this machine, with classroom/jupyterhub_config.py: HUB_FLAGS=...
	@$(SERVER_SETTINGS)
	exec $(BIN)/python -m jupyterhub --config=classroom/jupyterhub_config.py $(HUB_FLAGS)

classroom: $(VENV)/installed-classroom ## rehearse a class: STUDENTS=10 log in at once and run chapter 06; their time and memory
	@exec $(BIN)/python -m tests.classroom $(if $(STUDENTS),--students $(STUDENTS))

coverage: $(VENV)/installed-test ## line and branch coverage of the package by the unit tests
	$(BIN)/python -m coverage run -m pytest -q -m "not browser" $(PYTEST_FLAGS)
	$(BIN)/python -m coverage report

# Browser tests drive the system's Chromium. Debian's package is installed where that is allowed; elsewhere they are skipped.
chromium:
	@if command -v chromium >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then as_root=env; elif sudo -n true 2>/dev/null; then as_root="sudo -n env"; else \
		echo "chromium is missing and may not be installed from here: browser tests are skipped"; exit 0; fi; \
	echo "installing chromium for the browser tests"; \
	log=$$(mktemp); \
	if ! { $$as_root apt-get update -qq && \
		$$as_root DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; \
	} >"$$log" 2>&1 </dev/null; then \
		cat "$$log"; echo "chromium could not be installed: browser tests are skipped"; fi; \
	rm -f "$$log"

clean: ## remove .venv, the caches and everything else that was made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov build dist *.egg-info
	find . -name .git -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "minirt needs Python 3.11 or newer with its venv module (Debian: apt install python3-venv)," >&2; \
		echo "and found none. If you have one: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; exit 1; fi
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

# Matplotlib's font cache is built here, so that the first plot of a notebook is neither late nor prints that it is.
$(VENV)/installed-lab: pyproject.toml | $(VENV)/bin/python
	@echo "installing minirt and JupyterLab into $(VENV) (about half a minute the first time)"
	@$(PIP_INSTALL) --editable ".[lab]"
	@$(BIN)/python -c "import matplotlib.font_manager" 2>/dev/null
	@touch $@

$(VENV)/installed-test: pyproject.toml | $(VENV)/bin/python
	@echo "installing minirt, JupyterLab and the tests' tools into $(VENV) (about half a minute the first time)"
	@$(PIP_INSTALL) --editable ".[lab,test]"
	@$(BIN)/python -c "import matplotlib.font_manager" 2>/dev/null
	@touch $(VENV)/installed-lab $(VENV)/installed-site $(VENV)/installed-release $@

$(VENV)/installed-site: pyproject.toml | $(VENV)/bin/python
	@echo "installing minirt and the site's tools into $(VENV)"
	@$(PIP_INSTALL) --editable ".[site]"
	@touch $@

$(VENV)/installed-release: pyproject.toml | $(VENV)/bin/python
	@echo "installing minirt and what a release is checked with into $(VENV)"
	@$(PIP_INSTALL) --editable ".[release]"
	@touch $@

$(VENV)/installed-bench: pyproject.toml | $(VENV)/bin/python
	@echo "installing minirt and its peers into $(VENV)"
	@$(PIP_INSTALL) --editable ".[lab,bench]"
	@touch $@

# The proxy is Node's. It goes into the environment, beside Python, so that `make clean` removes it, too.
$(VENV)/installed-classroom: pyproject.toml | $(VENV)/bin/python
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && command -v npm >/dev/null || { \
		echo "JupyterHub's proxy needs Node 20 or newer, with npm: https://nodejs.org has both" >&2; exit 1; }
	@echo "installing minirt, JupyterHub and its proxy into $(VENV) (about half a minute the first time)"
	@$(PIP_INSTALL) --editable ".[lab,classroom]"
	@npm install --global --prefix "$(CURDIR)/$(VENV)" --loglevel=error --no-audit --no-fund --no-update-notifier \
		configurable-http-proxy@5 >/dev/null
	@$(BIN)/python -c "import matplotlib.font_manager" 2>/dev/null
	@touch $(VENV)/installed-lab $@
