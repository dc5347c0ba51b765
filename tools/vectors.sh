#!/usr/bin/env bash
# Writes target/vectors: random states of the real venues with the venues' own answers. Made anew only when the
# venues' sources changed.
set -euo pipefail
cd "$(dirname "$0")/.."

lines=10000
stamp=target/vectors/.stamp
want=$(find venues/src venues/test contracts/strategies contracts/lens contracts/interfaces package-lock.json -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then exit 0; fi

rm -rf target/vectors
mkdir -p target/vectors
echo "asking each venue for $lines rates"
VENUES_VECTORS=target/vectors venues/forge.sh test --match-contract RateVectors
# forge is content when it finds no test; the vectors are not.
for venue in aave:1 morpho:1 markets:5; do
  file=${venue%:*}.jsonl
  want_lines=$((lines / ${venue#*:}))
  have=$(wc -l < "target/vectors/$file")
  [ "$have" -ge "$want_lines" ] || { echo "vectors: $file has $have lines, expected $want_lines" >&2; exit 1; }
done
echo "$want" > "$stamp"
