#!/usr/bin/env bash
# Runs a project's Solidity tests and makes sure that they ran: forge is content when it finds none.
# Usage: tools/forge-tests.sh LEAST COMMAND…
set -euo pipefail
cd "$(dirname "$0")/.."

least=$1; shift
log=$(mktemp); trap 'rm -f "$log"' EXIT
# Forge's own status: that of the last command is grep's, which has nothing to say if all is well.
set +e
"$@" test 2>&1 | tee "$log" | grep -vE '^(\[PASS\]|Ran [0-9]+ tests? for|Suite result: ok)|^[|╭╰+]|^$'
status=${PIPESTATUS[0]}
set -e
[ "$status" -eq 0 ] || { grep -E '^\[FAIL|Encountered|Error' "$log" >&2 || true; exit "$status"; }
passed=$(grep -oE '[0-9]+ tests passed' "$log" | tail -n 1 | cut -d' ' -f1)
[ "${passed:-0}" -ge "$least" ] || { echo "forge ran ${passed:-0} tests, expected at least $least" >&2; exit 1; }
