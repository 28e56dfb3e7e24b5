# Set-up is part of every target: a fresh clone needs `make demo` and nothing before it.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
SETUP := $(VENV)/.set-up-done
CORES ?= all

.PHONY: demo new-study test test-slow test-slurm report lint format bench setup clean

demo: setup
	$(BIN)/snakemake --cores $(CORES)

new-study: setup
	$(BIN)/python -m microcalc.new_study "$(NAME)"

report: demo
	$(BIN)/snakemake --cores $(CORES) --report results/demo/report/appendix.html

test: setup
	$(BIN)/pytest

test-slow: setup
	$(BIN)/pytest -m slow

test-slurm: setup
	$(BIN)/pytest -m slurm

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/mypy
	$(BIN)/snakemake --lint

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow/rules

bench: setup
	$(BIN)/python benchmarks/run.py

setup: $(SETUP)

$(SETUP): pyproject.toml envs/constraints.txt envs/build.txt
	@PYTHON="$(PYTHON)" sh envs/check-machine.sh
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --requirement envs/build.txt
	$(BIN)/python -m pip install --quiet --no-build-isolation --constraint envs/constraints.txt --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps $(PYMRMR_FLAGS) pymrmr==0.1.11
	touch $@

# pymrmr ships a stale generated C++ file, which is made again from its Cython source.
PYMRMR_FLAGS := --config-settings=--global-option=build_ext --config-settings=--global-option=--force

clean:
	rm -rf $(VENV) results/demo .snakemake
