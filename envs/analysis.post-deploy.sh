#!/bin/sh
# Adds pymrmr to the environment whose Python is first on PATH. Snakemake runs this after it has made
# the conda environment beside this file, and `make setup` runs it in .venv. pymrmr ships a stale
# generated C++ file, which must be made again from its Cython source: the flags for that cannot be
# written in an environment's `pip:` section.
set -eu
command -v c++ >/dev/null || command -v g++ >/dev/null || {
    echo "pymrmr needs a C++ compiler, and there is none: install g++, or load your site's module of it" >&2
    exit 1
}
python -m pip install --quiet --no-build-isolation --no-deps \
    --config-settings=--global-option=build_ext --config-settings=--global-option=--force \
    pymrmr==0.1.11
