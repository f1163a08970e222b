# Two commands: `make demo` and `make test`. Each does all the set-up it needs; what is done is not done again.

ifneq ($(words $(CURDIR)),1)
$(error expected a folder whose path has no space, got '$(CURDIR)': MicroPython cannot be built there; move it)
endif

PYTHON ?= python3
MICROPY_DIR ?=

B := build
S := $(B)/stamps
SETUP := host_tools/setup
VENV := .venv
BIN := $(VENV)/bin
FIRMWARE := $(shell find firmware boards/unix -name '*.py' -o -name 'mpconfigvariant.*' -o -name '*.[ch]' -o -name '*.mk')

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help setup demo test lint bench fuzz lock clean distclean FORCE

help:
	@echo 'make demo     a smoke alarm reaches its server; writes build/demo/report.html'
	@echo 'make test     lint, type check and all tests'
	@echo 'make bench    speed and heap of the AT layer, heap of profiles, ten years in virtual time; writes build/bench/*.json'
	@echo 'make fuzz     ten million random and mutated bytes through the AT parser (BYTES=..., SEED=...)'
	@echo 'make lint     ruff, mypy, and mpy-cross over all firmware'
	@echo 'make setup    only what the others do first: MicroPython in build/, Python packages in .venv'
	@echo 'make lock     renew host_tools/requirements.lock with the newest Python packages that pyproject.toml allows'
	@echo 'make clean    delete what was built, keep downloads and .venv; make distclean deletes these as well'
	@echo
	@echo 'MICROPY_DIR=/path/to/micropython   build from a checkout (1.25.0 or newer), not Debian'\''s source package'
	@echo 'PYTHON=python3.12                  the Python to use, 3.11 or newer'

setup: $(B)/micropython/.ready $(VENV)/.ready

demo: setup
	@mkdir -p $(B)/demo
	$(BIN)/cellkit demo --out $(B)/demo

test: setup $(S)/system-test lint
	@echo '== pytest'
	$(BIN)/pytest tests

lint: setup
	@echo '== ruff'
	$(BIN)/ruff check .
	@echo '== mypy'
	$(BIN)/mypy --config-file host_tools/pyproject.toml --cache-dir $(B)/mypy host_tools/cellkit host_tools/setup
	@echo '== mpy-cross'
	@$(PYTHON) $(SETUP)/compile_all.py firmware boards/unix tests/firmware

bench: setup
	@mkdir -p $(B)/bench
	$(BIN)/python tests/bench/run.py
	$(BIN)/python tests/bench/profiles.py
	$(BIN)/python tests/bench/sim.py

lock: $(S)/system-build
	$(PYTHON) $(SETUP)/environment.py lock

BYTES ?= 10000000
SEED ?= $(shell date +%s)

fuzz: setup
	MICROPYPATH=.frozen:firmware:tests/firmware $(B)/micropython/micropython -X heapsize=4M \
	  tests/firmware/fuzz_parser.py $(BYTES) $(SEED)

clean:
	rm -rf $(B)/micropython $(B)/stamps $(B)/logs $(B)/demo $(B)/bench $(B)/mypy $(B)/ruff

distclean: clean
	rm -rf $(B) $(VENV)

# --- set-up: each step leaves a stamp -----------------------------------------------------------------------------------

# Written only when its text changes: another place, Python or source tree is a reason to build again.
$(S)/place: FORCE
	@mkdir -p $(S); text='$(CURDIR) '"$$($(PYTHON) --version 2>&1; command -v $(PYTHON))"; \
	  [ "$$(cat $@ 2>/dev/null)" = "$$text" ] || echo "$$text" > $@

$(S)/tree: FORCE
	@mkdir -p $(S); text='tree $(MICROPY_DIR)'; [ "$$(cat $@ 2>/dev/null)" = "$$text" ] || echo "$$text" > $@

# A stamp is as old as the start of its step, so that an edit during the step counts.
STEP = @mkdir -p $(S) $(@D); touch $(S)/began
DONE = && mv $(S)/began $@

$(S)/system-build: $(SETUP)/system.py $(S)/place
	$(STEP); $(PYTHON) $(SETUP)/system.py build $(DONE)

$(S)/system-test: $(SETUP)/system.py $(S)/place
	$(STEP); $(PYTHON) $(SETUP)/system.py test $(DONE)

$(B)/micropython/.ready: $(SETUP)/micropython.py $(SETUP)/apt_sources.py $(FIRMWARE) $(S)/place $(S)/tree | $(S)/system-build
	$(STEP); $(PYTHON) $(SETUP)/micropython.py $(if $(MICROPY_DIR),--micropy-dir '$(MICROPY_DIR)') $(DONE)

# The stamp stands in the environment itself: deleting .venv is enough to have it made anew.
$(VENV)/.ready: host_tools/requirements.lock host_tools/pyproject.toml $(SETUP)/environment.py $(S)/place | $(S)/system-build
	$(STEP); $(PYTHON) $(SETUP)/environment.py $(DONE)
