#!/bin/sh
# Runs all tests. What they need outside this folder – a temporary folder and, for root, the user under
# which PostgreSQL runs – is gone afterwards.
set -u
temporary=$(mktemp -d)
known=$(id -u pgserver 2>/dev/null || true)
tidy() {
    rm -rf "$temporary"
    if [ "$(id -u)" = 0 ] && [ -z "$known" ] && id pgserver >/dev/null 2>&1; then
        userdel --remove pgserver >/dev/null 2>&1 || true
    fi
}
trap tidy EXIT
trap 'exit 130' INT TERM
TMPDIR=$temporary XDG_RUNTIME_DIR=$temporary .venv/bin/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder "$@"
