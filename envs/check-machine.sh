#!/bin/sh
# Says plainly what is missing on this machine before anything is installed.
PYTHON=${PYTHON:-python3}
missing=0
say() { echo "setup: $1" >&2; missing=1; }

if ! command -v "$PYTHON" >/dev/null; then
    say "Python is missing. Install it: apt-get install python3 python3-venv python3-dev"
else
    "$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' ||
        say "Python 3.11, 3.12 or 3.13 is needed; $PYTHON is $("$PYTHON" -V 2>&1). Name another: make PYTHON=python3.12 ..."
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        say "$PYTHON cannot make environments. Install it: apt-get install python3-venv"
    header=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("include"))' 2>/dev/null)/Python.h
    [ -f "$header" ] || say "Python's headers are missing. Install them: apt-get install python3-dev"
fi
command -v "${CXX:-c++}" >/dev/null || command -v g++ >/dev/null ||
    say "A C++ compiler is missing. Install one: apt-get install g++"
exit $missing
