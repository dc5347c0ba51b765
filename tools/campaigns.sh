#!/usr/bin/env bash
# Runs invariant campaigns. What forge draws is not the same in two runs, even of one seed. A property that breaks fails
# the run at once. A run in which some action or case never came up shows nothing and is drawn again, three times at most.
# Usage: tools/campaigns.sh NAME…
set -euo pipefail
cd "$(dirname "$0")/.."

# What came up in a draw does not get clearer by shortening it, and that takes minutes.
export FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT=0
log=$(mktemp); trap 'rm -f "$log"' EXIT
for name in "$@"; do
  for seed in 0x7661677573 0x1 0x2 0x3; do
    rm -rf cache/invariant
    if node_modules/.bin/forge test --match-path "test/invariant/$name.invariant.t.sol" --fuzz-seed "$seed" > "$log" 2>&1 \
      && grep -qE '^Suite result: ok\. [1-9]' "$log"; then
      echo "$name: every property held in every state that was reached"
      continue 2
    fi
    grep -qE '^\[FAIL: never' "$log" || { grep -vE '^[|╭╰+]' "$log" | sed -n 1,80p >&2; exit 1; }
    echo "$name, seed $seed: $(grep -m 1 -oE 'never [^]]*' "$log"); drawn again"
  done
  echo "$name: in four draws something never came up" >&2
  exit 1
done
