#!/usr/bin/env bash
# Proves the theorems in test/symbolic, or with --faults plants faults and sees the theorems fail. Installs halmos on first
# use, at the versions that are pinned.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=target/prove/venv
tools/venv.sh "$venv" tools/prove/requirements.txt --no-deps
if [ $# -eq 0 ]; then
  "$venv/bin/python" tools/prove/check_translation.py
fi
exec "$venv/bin/python" tools/prove/prove.py "$@"
