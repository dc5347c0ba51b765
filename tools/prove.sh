#!/usr/bin/env bash
# Proves the theorems in test/symbolic, or with --faults plants faults and sees the theorems fail. Installs halmos on first
# use, at the versions that are pinned.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=target/prove/venv
pins=tools/prove/requirements.txt
if ! cmp -s "$pins" "$venv/installed"; then
  echo "installing halmos"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$pins"
  cp "$pins" "$venv/installed"
fi
if [ $# -eq 0 ]; then
  "$venv/bin/python" tools/prove/check_translation.py
fi
exec "$venv/bin/python" tools/prove/prove.py "$@"
