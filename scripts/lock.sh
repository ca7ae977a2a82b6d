#!/bin/sh
# Locks all dependencies with hashes, without naming where they come from.
set -eu
python3 -m venv .venv/lock
.venv/lock/bin/python -m pip --disable-pip-version-check install --quiet pip-tools
options="--quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links
  --no-emit-trusted-host --no-header --no-annotate --resolver=backtracking"
# hatchling and editables build the editable install itself, without a download at install time.
.venv/lock/bin/pip-compile $options --extra build --output-file requirements.lock pyproject.toml
# What the image runs on: nothing to build with, and the same versions as those that are tested.
.venv/lock/bin/pip-compile $options --extra postgres --extra xlsx --extra docx --output-file requirements-image.lock pyproject.toml
.venv/lock/bin/pip-compile $options --extra build --extra postgres --extra xlsx --extra docx --extra dev --output-file requirements-dev.lock pyproject.toml
