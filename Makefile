# make demo · make test · make lint · make study · make small_model · make human · make slurm
# Each sets up what it needs, once. VENV=/some/where puts the environment elsewhere.

VENV ?= .venv
override VENV := $(abspath $(VENV))
export VENV
PY := $(VENV)/bin/python
RECIPE := egs2/samos/mos1

.PHONY: help setup demo study small_model human test test_slow fuzz integration slurm bench lint clean

help:
	@echo "make setup        install everything into $(VENV) and fetch ESPnet's scripts"
	@echo "make demo         train and compare both models on the mini corpus"
	@echo "make study        the same in earnest: seeds, controls, other predictors"
	@echo "make small_model  train the model that comes with the package"
	@echo "make human FOLDER=\"data/a data/b\"  score clips that people rated with our model and others"
	@echo "make test         run the tests"
	@echo "make test_slow    run those that take minutes"
	@echo "make fuzz         read mutated files for a few minutes"
	@echo "make integration  train ESPnet's own recipes with our frontends"
	@echo "make slurm        run the recipe through a Slurm cluster that is started for it"
	@echo "make bench        measure time and memory, into benchmarks/results"
	@echo "make lint         ruff, import-linter, mypy and shellcheck"
	@echo "make clean        remove what the recipe made (not $(VENV))"

setup: $(VENV)/.ready

$(VENV)/.ready: setup.py tools/setup.sh
	tools/setup.sh

demo: setup
	cd $(RECIPE) && local/demo.sh

study: setup
	cd $(RECIPE) && local/study.sh

small_model: setup
	$(PY) -m pip install --quiet --disable-pip-version-check -e ".[espnet,broad]"
	cd $(RECIPE) && local/small_model.sh

# FOLDER: data directories, or a folder of them; ARGS="--model exp/mine" and the like
human: setup
	@test -n "$(FOLDER)" || { \
	    echo "make human: name the clips: make human FOLDER=path/to/data (docs/rated.md)" >&2; \
	    exit 2; }
	OMP_NUM_THREADS=1 $(VENV)/bin/samos evaluate $(FOLDER) \
	    --output_dir $(RECIPE)/exp/rated $(ARGS)

test: setup
	OMP_NUM_THREADS=1 $(PY) -m pytest --numprocesses auto --dist loadfile

test_slow: setup
	OMP_NUM_THREADS=1 $(PY) -m pytest -m slow

fuzz: setup
	OMP_NUM_THREADS=1 $(PY) -m tests.fuzz

integration: setup
	$(PY) -m pip install --quiet --disable-pip-version-check -e ".[espnet,demo,integration,mini]"
	$(PY) -m pytest -m integration -rs tests/integration

slurm: setup
	$(PY) -m pytest -m slurm -rs tests/slurm

bench: setup
	$(PY) -m benchmarks.everything

# cmd.sh is ESPnet's
SHELL_SCRIPTS := $(filter-out %/cmd.sh,$(shell git ls-files '*.sh')) local/cmd.sh .ci/run

lint: setup
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(VENV)/bin/lint-imports --no-cache
	$(VENV)/bin/mypy
	$(VENV)/bin/shellcheck $(SHELL_SCRIPTS)

clean:
	rm -rf $(RECIPE)/data $(RECIPE)/dump $(RECIPE)/exp $(RECIPE)/downloads
