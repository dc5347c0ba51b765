#!/usr/bin/env bash
# venv.sh FOLDER REQUIREMENTS [ARGUMENT OF PIP]...: a Python environment with exactly these requirements, made anew when they
# changed or when making it had not come to its end.
set -euo pipefail
venv=$1 pins=$2
shift 2
cmp -s "$pins" "$venv/installed" && exit 0
echo "installing what $pins names"
rm -rf "$venv"
if ! { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check "$@" -r "$pins"; }; then
  # What is behind it is seldom said: a full disk shows as an exit code of ensurepip.
  echo "venv.sh: no Python environment in $venv; free there: $(df -Ph "$(dirname "$venv")" | awk 'NR == 2 { print $4 }')" >&2
  exit 1
fi
cp "$pins" "$venv/installed"
