#!/usr/bin/env bash
# Writes target/vectors: random states of the real venues with the venues' own answers. Made anew only when the
# venues' sources changed.
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=target/vectors/.stamp
want=$(find venues/src venues/test contracts/strategies -name '*.sol' -print0 | sort -z | xargs -0 sha256sum | sha256sum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then exit 0; fi
mkdir -p target/vectors
echo "asking the venues for 10,000 rates each"
VENUES_VECTORS=target/vectors venues/forge.sh test --match-path 'venues/test/RateVectors.t.sol'
echo "$want" > "$stamp"
