# make run    a talking server: a virtual environment, the embedded stack, its weights, and the server
# make test-clients   a whole round with every client of the Realtime API that we know, each in an environment of its own
# make test-backends   every backend in an environment of its own, on real weights or tiny ones: some 15 GB, once; one: make test-backend-torch
# make test-fuzz      events in any order, and half an hour of hostile frames: make test-fuzz SECONDS=60
# make test-local   the microphone and loudspeaker of mode=local, as devices of PulseAudio: needs it and PortAudio from the system
# make test-churn   5,000 clients that come and go over every mode of the network: nothing of them stays
# make test-simulation   a million simulated conversations, in about an hour: make test-simulation SEEDS=0-50000 LEVEL=engine
# make test   everything that must hold: lint, types, and all tests, with real models and a wheel in an empty environment
PYTHON ?= python3
VENV ?= .venv
ARGS ?=
PYTEST_ARGS ?=
SECONDS ?= 1800
TIMES ?= 5000
SEEDS ?= 0-1000000
LEVEL ?= reducer
JOBS ?= 2

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
CLIENTS := $(VENV)/clients
BACKENDS := $(VENV)/backends
TESTS := OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_ARGS)
# What only computes gives way to what is timed.
MEEKLY := OMP_NUM_THREADS=1 nice -n 10
SIMULATION := $(MEEKLY) $(BIN)/python -m s2s.testing.simulation
# Which of the targets that run at once says a line.
NAMED ?=
said = $(if $(NAMED),2>&1 | sed -u 's/^/$@: /')

.DEFAULT_GOAL := run
SHELL := bash
.SHELLFLAGS := -o pipefail -c
.PHONY: run test test-clients test-backends resolve test-fuzz test-local test-churn test-simulation static simulation fuzz lint types unit slow embedded wheel
.PHONY: constraints clean

run: $(VENV)/.embedded  ## serve: make run ARGS="stt=moonshine mode.realtime.port=9000"
	$(BIN)/s2s-run $(ARGS)

# The longest first: it speaks at the pace of sound, beside targets that keep one core busy at most.
test: $(VENV)/.test $(CLIENTS)/openai-1/.done
	$(MAKE) --no-print-directory --keep-going -j$(JOBS) NAMED=1 embedded static simulation unit slow fuzz

test-clients: $(CLIENTS)/openai-1/.done $(CLIENTS)/openai-2/.done $(CLIENTS)/pipecat/.done $(CLIENTS)/livekit/.done $(CLIENTS)/node/.done
	$(TESTS) -s tests/clients/test_clients.py tests/clients/test_snippets.py

test-backends: resolve $(patsubst tests/backends/%/environment.txt,test-backend-%,$(wildcard tests/backends/*/environment.txt))

test-backend-%: $(BACKENDS)/%/.done
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BACKENDS)/$*/bin/python -m pytest $(PYTEST_ARGS) -s -W default -p no:cacheprovider tests/backends/$*

EXTRAS := $(shell sed -n '/^\[project.optional-dependencies\]/,/^\[/s/^\([a-z0-9-]*\) = .*/\1/p' pyproject.toml)

resolve: $(patsubst %,resolve-%,$(EXTRAS))  ## every extra on Linux, macOS and Windows, from the oldest Python on

resolve-%: | $(VENV)/bin/python
	@$(BIN)/python -c "import uv" 2>/dev/null || $(PIP) install uv
	@$(BIN)/uv pip compile --universal --python-version 3.10 --quiet --extra $* --output-file /dev/null pyproject.toml
	@echo "$*: resolves"

test-backend-nemo: $(VENV)/.test  # whose Python has no NeMo

test-fuzz: $(VENV)/.test
	$(BIN)/python -m tests.fuzz.conversation
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz.socket --seconds $(SECONDS)

test-local: $(VENV)/.test
	$(TESTS) -s tests/embedded/test_local.py

test-churn: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz.churn --times $(TIMES)

test-simulation: $(VENV)/.test
	$(SIMULATION) --level $(LEVEL) --seeds $(SEEDS) --processes $(JOBS)

static: lint types

lint: $(VENV)/.test
	$(MEEKLY) $(BIN)/ruff check $(said)
	$(MEEKLY) $(BIN)/ruff format --check $(said)

types: $(VENV)/.test
	$(MEEKLY) $(BIN)/mypy $(said)

simulation: $(VENV)/.test  ## 20,000 conversations of the reducer and 500 of the whole engine, in virtual time
	$(SIMULATION) --level reducer --seeds 0-20000 $(said)
	$(SIMULATION) --level engine --seeds 0-500 $(said)

fuzz: $(VENV)/.test  ## a minute of hostile frames
	$(MEEKLY) $(BIN)/python -m tests.fuzz.socket --seconds 60 2>&1 | { grep --line-buffered -v "INFO: Instr" || true; } $(said)

unit: $(VENV)/.test  ## what needs no weights
	$(TESTS) -m "not embedded and not slow and not backends" $(said)

slow: $(VENV)/.test  ## a wheel in an empty environment
	$(TESTS) -m "slow and not embedded and not backends" $(said)

embedded: $(VENV)/.test  ## what runs the real models; devices have a target of their own, since they wait for nobody
	$(TESTS) -m "embedded and not clients and not backends" --ignore tests/embedded/test_local.py $(said)

wheel: $(VENV)/.test  ## dist/*.whl
	$(BIN)/python -m build --wheel --no-isolation

constraints:  ## take the newest versions; needs uv on the path
	uv pip compile --universal --python-version 3.10 --upgrade --no-emit-index-url --no-header --no-annotate --quiet \
		--extra embedded --extra test --output-file constraints/test.txt pyproject.toml
	uv pip compile --universal --python-version 3.10 --upgrade --no-emit-index-url --no-header --no-annotate --quiet \
		--extra embedded --constraint constraints/test.txt --output-file constraints/embedded.txt pyproject.toml

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The install is editable, so a changed line of conf/ counts at the next start. A stamp is as new as what it was made from.
$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("s2s needs Python 3.10 or later: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.embedded: pyproject.toml constraints/embedded.txt | $(VENV)/bin/python
	@echo "installing the embedded stack into $(VENV): about a minute, once"
	$(PIP) install --constraint constraints/embedded.txt --editable '.[embedded]'
	@touch $@

$(VENV)/.test: pyproject.toml constraints/test.txt | $(VENV)/bin/python
	@echo "installing the embedded stack and the tools of the tests into $(VENV): about a minute, once"
	$(PIP) install --constraint constraints/test.txt --editable '.[embedded,test]'
	@touch $@ $(VENV)/.embedded

$(CLIENTS)/node/.done: $(wildcard tests/clients/node/*) | $(VENV)/bin/python
	mkdir -p $(CLIENTS)/node
	cp tests/clients/node/* $(CLIENTS)/node/
	cd $(CLIENTS)/node && npm install --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@

$(CLIENTS)/%/.done: tests/clients/environments/%.txt | $(VENV)/bin/python
	$(BIN)/python -m venv $(CLIENTS)/$*
	$(CLIENTS)/$*/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(BACKENDS)/%/.done: tests/backends/%/environment.txt tests/backends/common.txt pyproject.toml | $(VENV)/bin/python
	test -x $(BACKENDS)/$*/bin/python || $(BIN)/python -m venv $(BACKENDS)/$*
	$(BACKENDS)/$*/bin/python -m pip install --quiet --disable-pip-version-check \
		--requirement $< --requirement tests/backends/common.txt --editable '.[embedded]'
	test ! -f tests/backends/$*/prepare.sh || bash tests/backends/$*/prepare.sh $(BACKENDS)/$*
	@touch $@
