# Set-up is part of every target: a fresh clone needs `make demo` and nothing before it.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
SETUP := $(VENV)/.set-up-done
CLUSTER := $(VENV)/.cluster-set-up-done
RADIOMICS := $(VENV)/.radiomics-set-up-done
AUDIT := $(VENV)/audit
INSTALL = $(BIN)/python -m pip install --quiet --constraint envs/constraints.txt
CORES ?= all

.PHONY: demo ingest new-study check verify crate docs freeze-split test test-slow test-slurm test-radiomics report lint audit format bench simulations setup cluster clean

demo: setup
	$(BIN)/snakemake --cores $(CORES)

new-study: setup
	$(BIN)/python -m microcalc.ingest.new_study "$(NAME)"

# make check CONFIG=studies/my-study/config.yaml, also of a file that Snakemake cannot read at all
check: setup
	$(if $(CONFIG),,$(error which study? make check CONFIG=studies/my-study/config.yaml))
	@$(BIN)/python -m microcalc.config.yaml_file "$(CONFIG)"
	$(BIN)/snakemake check --cores 1 --configfile "$(CONFIG)"

# make verify, make crate; of another study than the demo with CONFIG=studies/my-study/config.yaml
verify crate: setup
	@$(BIN)/snakemake $@ --cores 1 $(if $(CONFIG),--configfile "$(CONFIG)")

# make freeze-split CONFIG=studies/my-study/config.yaml
freeze-split: setup
	$(if $(CONFIG),,$(error which study? make freeze-split CONFIG=studies/my-study/config.yaml))
	$(BIN)/snakemake freeze_split --cores 1 --configfile "$(CONFIG)"

# make ingest NAME=cmmd SOURCE=/data/CMMD, and where they are needed TARGET=... SPACING_MM=...
ingest: setup
	$(BIN)/snakemake ingest --cores 1 --config "ingest=$(NAME)" "source=$(SOURCE)" \
	$(if $(TARGET),"target=$(TARGET)") $(if $(SPACING_MM),"spacing_mm=$(SPACING_MM)")

report: demo
	$(BIN)/snakemake --cores $(CORES) --report results/demo/report/appendix.html

test: setup
	$(BIN)/pytest

test-slow: setup
	$(BIN)/pytest -m slow

test-slurm: cluster
	$(BIN)/pytest -m slurm -n 0

test-radiomics: $(RADIOMICS)
	$(BIN)/pytest -m radiomics

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/mypy
	$(BIN)/snakemake --lint

# Not in lint: what is known of a package changes while the package does not.
audit: $(AUDIT)/.set-up-done
	$(AUDIT)/bin/python envs/audit.py $(AUDIT)/bin/pip-audit envs/constraints.txt

$(AUDIT)/.set-up-done: envs/audit.txt
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet --requirement envs/audit.txt
	touch $@

# What is written of the config's models elsewhere.
docs: setup
	$(BIN)/python -m microcalc.config.reference

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow/rules

# What statistical choices stand on; ONLY=name runs one.
simulations: setup
	$(BIN)/python simulations/run.py $(ONLY)

# With what it compares ours to.
bench: cluster
	$(INSTALL) --no-build-isolation --editable '.[dev,cluster,bench]'
	$(BIN)/python benchmarks/run.py

setup: $(SETUP)

$(SETUP): pyproject.toml envs/constraints.txt envs/build.txt envs/analysis.post-deploy.sh
	@PYTHON="$(PYTHON)" sh envs/check-machine.sh
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --upgrade --requirement envs/build.txt
	$(INSTALL) --no-build-isolation --editable '.[dev]'
	PATH="$$(cd $(BIN) && pwd):$$PATH" sh envs/analysis.post-deploy.sh
	touch $@

# Snakemake's plugin for SLURM, which every start of Snakemake loads: 0.6 s.
cluster: $(CLUSTER)

$(CLUSTER): $(SETUP)
	$(INSTALL) --no-build-isolation --editable '.[dev,cluster]'
	touch $@

# Of another license, and with ITK the size of all else: only who asks for it has it.
$(RADIOMICS): $(SETUP)
	$(INSTALL) --no-build-isolation --editable '.[dev,radiomics]'
	touch $@

clean:
	rm -rf $(VENV) results/demo .snakemake
