#!/usr/bin/env bash
# Every test, one suite after the other, with the time each took. The first failure ends it.
set -euo pipefail
cd "$(dirname "$0")/.."

names=(); seconds=()
suite() {
  local name=$1; shift
  echo; echo "== $name"
  local started=$SECONDS
  "$@"
  names+=("$name"); seconds+=($((SECONDS - started)))
}

suite "set-up" make --no-print-directory setup
suite "contracts" make --no-print-directory test-contracts
suite "invariants" make --no-print-directory test-invariants
suite "conformance" make --no-print-directory test-conformance
suite "ABI against the build" make --no-print-directory check-abi
suite "Code hashes against the build" make --no-print-directory check-code-hashes
suite "venues" make --no-print-directory test-venues
suite "rate vectors" make --no-print-directory vectors
suite "agents" make --no-print-directory test-agents
suite "end to end" make --no-print-directory test-e2e

echo; echo "all suites passed"
for i in "${!names[@]}"; do printf '  %-24s %5d s\n' "${names[$i]}" "${seconds[$i]}"; done
