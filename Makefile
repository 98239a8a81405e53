# Each target makes the virtual environment that it needs and keeps it up to date: .venv holds gdpeer compiled (plain Python
# where there is no C compiler), .venv-demo, .venv-pure and .venv-fuzz hold it uncompiled. `make PYTHON=python3.12 test` takes another Python.

PYTHON ?= $(or $(shell for python in python3.14 python3.13 python3.12 python3.11 python3; do \
	  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$python; break; }; \
	done),python3)
SOURCES := $(shell find src -type f ! -name '*.pyc' ! -path '*.egg-info/*' 2>/dev/null)
BUILD := pyproject.toml setup.py tools/environment.py $(wildcard README.md) $(SOURCES)

# A Python that was named is taken even when the environments are up to date.
FORCE := $(if $(filter file,$(origin PYTHON)),,force)

# Some containers set this. Each of the many Python processes would then compile the modules that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: force help demo roll arena rooms test test-all engines unit lint conformance soak streams fuzz fuzz-asan mutants bench instructions bench-all docs dist clean python-found
.DEFAULT_GOAL := help

help:
	@echo "make demo         a chat server with a web page: gdpeer chat"
	@echo "make roll         a game in turns with a web page in Python: gdpeer roll"
	@echo "make arena        a game in real time with bots and a web page in Python: gdpeer arena"
	@echo "make rooms        a lobby page in the browser, where people open and join rooms of both games: gdpeer serve"
	@echo "make test         the proof: checks, unit tests in both forms, engines, browser, conformance, docs"
	@echo "make test-all     what make test leaves out: other Pythons, a part of the long conformance sections, more inputs"
	@echo "make unit         the unit and property tests, compiled and uncompiled"
	@echo "make lint         ruff, mypy, import-linter, codespell"
	@echo "make conformance  the long sections of the conformance suite (9, 12, 13); with ARGS='--front aio' through asyncio"
	@echo "make soak         the long forms of the tests of load and trust, an hour and a half at most, then the next three; figures in build/trust"
	@echo "make streams      100,000 random streams each, read as websockets and wsproto read them"
	@echo "make fuzz         ten million cases for the parsers, guided by coverage, an hour at most"
	@echo "make fuzz-asan    the cases that were found, and tests of the parsers, under AddressSanitizer"
	@echo "make mutants      300 changes of single expressions, each to be noticed by a test; half an hour on two idle cores"
	@echo "make bench        gdpeer beside other WebSocket libraries, as server and client, in one run"
	@echo "make instructions instruction counts of the hot paths, beside their budget (needs valgrind)"
	@echo "make bench-all    all measurements, and the page about them (about an hour)"
	@echo "make docs         the documentation, in build/docs"
	@echo "make dist         the source distribution and the wheels, each tried in an empty environment"
	@echo "make clean        remove what the targets made"

demo: .venv-demo/.demo
	@$(FASTER)
	@.venv-demo/bin/gdpeer chat $(ARGS)

# The page of a game needs Pyodide; without npm the game is open all the same, and says what the page lacks.
roll arena rooms: .venv-demo/.demo
	@[ -e .cache/node/node_modules/pyodide ] || ! command -v npm >/dev/null || { mkdir -p .cache/node && \
	  echo "gdpeer: installing Pyodide" && npm install --silent --no-audit --no-fund --prefix .cache/node pyodide@314; } || true
	@$(FASTER)
	@GDPEER_PYODIDE=$${GDPEER_PYODIDE:-.cache/node/node_modules/pyodide} .venv-demo/bin/gdpeer \
	  $(if $(filter rooms,$@),serve gdpeer.demos.rooms:hall,$@) $(ARGS)

FASTER := echo "gdpeer: this runs uncompiled, to start at once; pip install '.[cli]' compiles it, which makes it several times faster"

# At a time: one environment compiles while the other and the engines wait for the network.
test:
	@$(MAKE) --no-print-directory -j3 .venv/.test .venv-pure/.test engines
	@.venv/bin/python -m tools.run_tests $(ARGS)

# What cannot be fetched is named when the proof ends.
engines: | python-found
	@$(PYTHON) -m tools.godot install >/dev/null || true
	@$(PYTHON) -m tools.servers install >/dev/null || true

test-all: .venv/.dist .venv-pure/.test
	@.venv/bin/python -m tools.run_tests extended $(ARGS)

unit: .venv/.test .venv-pure/.test
	@.venv/bin/python -m tools.run_tests unit property $(ARGS)

lint: .venv/.test
	@.venv/bin/python -m tools.run_tests lint $(ARGS)

conformance: .venv/.test
	@.venv/bin/python -m tests.conformance.run --sections long $(ARGS)

soak: .venv/.test
	@GDPEER_LONG=1 .venv/bin/python -m pytest -q --session-timeout=6000 tests/soak tests/trust $(ARGS)
	@GDPEER_EXAMPLES=10000 .venv/bin/python -m pytest -q --timeout 7200 tests/property/test_rooms.py
	@GDPEER_EXAMPLES=10000 .venv/bin/python -m pytest -q -s --timeout 14400 -k promises tests/property/test_cluster.py
	@$(MAKE) streams ARGS=
	@$(MAKE) fuzz ARGS="--seconds 1800"
	@$(MAKE) fuzz-asan ARGS=

streams: .venv/.test
	@GDPEER_EXAMPLES=100000 .venv/bin/python -m pytest -q -s --timeout 7200 -k c2 \
	  tests/property/test_against_websockets.py tests/property/test_against_wsproto.py $(ARGS)

fuzz: .venv-fuzz/.fuzz
	@.venv-fuzz/bin/python -m tests.fuzz.run $(ARGS)

mutants: .venv-mutants/.test
	@.venv-mutants/bin/python -m tools.mutants $(ARGS)

ASAN := PYTHONPATH=build/checked PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0 \
  LD_PRELOAD=$$($(CC) -print-file-name=libasan.so)

fuzz-asan: .venv/.test
	@echo "gdpeer: compiling with checks" && \
	  GDPEER_CHECKED=1 GDPEER_COMPILE=must .venv/bin/python setup.py -q build --build-lib build/checked
	@$(ASAN) .venv/bin/python -m tests.fuzz.replay --checked
	@$(ASAN) .venv/bin/python -m pytest -q --timeout 600 tests/unit/protocol tests/unit/variant $(ARGS)

bench: .venv/.bench .venv-pure/.test
	@.venv/bin/python -m bench.run $(ARGS)

instructions: .venv/.test
	@.venv/bin/python -m bench.instructions $(ARGS)

bench-all: .venv/.bench .venv-pure/.test
	@.venv/bin/python -m bench.all $(ARGS)

docs: .venv/.test
	@.venv/bin/python -m tools.run_tests docs $(ARGS)

.venv-demo/.demo: $(BUILD)
	@echo "gdpeer: preparing .venv-demo" && $(PYTHON) tools/environment.py .venv-demo --form pure --groups cluster,metrics && touch $@

.venv/.test: $(BUILD)
	@echo "gdpeer: preparing .venv" && $(PYTHON) tools/environment.py .venv --groups test,lint,docs && touch $@

.venv/.bench: .venv/.test
	@echo "gdpeer: installing what is measured with" && \
	  $(PYTHON) tools/environment.py .venv --groups test,lint,docs,bench && touch $@

.venv/.dist: .venv/.test
	@echo "gdpeer: installing what is published with" && \
	  $(PYTHON) tools/environment.py .venv --groups test,lint,docs,dist && touch $@

.venv-pure/.test: $(BUILD)
	@echo "gdpeer: preparing .venv-pure" && $(PYTHON) tools/environment.py .venv-pure --form pure --groups test && touch $@

.venv-fuzz/.fuzz: $(BUILD)
	@echo "gdpeer: preparing .venv-fuzz" && $(PYTHON) tools/environment.py .venv-fuzz --form pure --groups fuzz && touch $@

.venv-mutants/.test: $(BUILD)
	@echo "gdpeer: preparing .venv-mutants" && $(PYTHON) tools/environment.py .venv-mutants --form pure --groups test,mutants && touch $@

.venv-demo/.demo .venv/.test .venv-pure/.test .venv-mutants/.test .venv-fuzz/.fuzz: $(FORCE) | python-found

python-found:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "gdpeer needs Python 3.11 or newer ($(PYTHON) is not). Name one: make PYTHON=/path/to/python3" >&2; exit 1; }

# Builds what is published, and tries each of it in an empty environment.
dist: .venv/.dist
	@.venv/bin/python -m tools.dist $(ARGS)

clean:
	rm -rf build dist .venv .venv-demo .venv-pure .venv-mutants .venv-fuzz .venv-py .venv*.lock .cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
	rm -rf src/*.egg-info
