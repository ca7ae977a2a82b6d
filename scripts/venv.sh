#!/bin/sh
# Creates .venv with the given Python. Debian ships venv in a package of its own: install it where we may.
set -eu
python=${1:-}
[ -n "$python" ] || { echo "no Python 3.11 or newer found: install it, or set PYTHON=…" >&2; exit 2; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "$python is older than 3.11: set PYTHON to a newer one" >&2; exit 2; }
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -y -qq "$package"
    else
        echo "Python's venv is missing: run 'sudo apt-get install $package', then again" >&2; exit 2
    fi
fi
"$python" -m venv --clear .venv
