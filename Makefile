# make site and make test each do all their set-up in .venv on a machine with Python 3.11 to 3.13.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE := tools/dlatlas/site/node
PIP := PIP_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet

.PHONY: site serve gates outlet test test-all evidence mutants bench lint links clean help

help:            ## list these targets
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/: .*##/\t/' | expand -t 12

site: $(VENV)/.site ## build the site into site/
	$(BIN)/dlatlas site build

serve: $(VENV)/.site ## build the site and open it on http://127.0.0.1:8000
	$(BIN)/dlatlas site serve

test: $(VENV)/.dev ## run the tests (about five minutes on two cores)
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: $(VENV)/.dev ## run the tests, the slow ones too
	$(BIN)/python -m pytest -n 2

evidence: $(VENV)/.dev ## run the reference tests and store what they measured
	$(BIN)/python -m pytest -n 2 tests/refimpl --evidence --deselect tests/refimpl/test_evidence.py

mutants: $(VENV)/.dev ## plant faults in the reference implementations, report those that no test sees, store the counts (hours; goes on where it stopped)
	$(BIN)/python -m dlatlas.evidence.mutants --evidence

bench: $(VENV)/.dev ## time the reference implementations against the built-ins
	$(BIN)/dlatlas bench

gates: site ## check the built site in a browser: accessibility, keyboard, Lighthouse and more
	$(BIN)/dlatlas site check

outlet: $(VENV)/.site ## build the same Markdown with another program, which proves that the way out of MkDocs stays open
	$(PIP) zensical==0.0.73
	$(BIN)/python -m dlatlas.site.outlet

lint: $(VENV)/.dev ## check the catalog and the code's style
	$(BIN)/dlatlas lint
	$(BIN)/dlatlas fmt --check
	$(BIN)/ruff check

links: $(VENV)/.site ## check every address of the catalog
	$(BIN)/dlatlas links check

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.site: $(VENV)/bin/python pyproject.toml constraints.txt $(NODE)/package-lock.json
	$(PIP) -e '.[site]'
	PATH="$(abspath $(BIN)):$$PATH" npm ci --prefix $(NODE) --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

$(VENV)/.dev: $(VENV)/.site
	$(PIP) -e '.[dev]'
	@touch $@

clean:           ## remove what was built, not the environment
	rm -rf build site
