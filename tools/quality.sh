#!/usr/bin/env bash
# Plans of the allocator beside the optimum that HiGHS finds.
#
#   tools/quality.sh check    1,000 general problems and 200 of the exact class: none better than the optimum, none worse than promised
#   tools/quality.sh bench    times and gaps by number of strategies, written to bench/allocator.json
set -euo pipefail
cd "$(dirname "$0")/.."

venv=target/quality/venv
mkdir -p target/quality
tools/venv.sh "$venv" tools/quality/requirements.txt
flock target/.setup.lock cargo build --quiet --release -p vagus-quality --bin quality
problems() { target/release/quality --out "target/quality/$1.jsonl" "${@:2}"; }
case "${1-}" in
  check)
    problems general --count 1000
    problems exact --class exact --count 200
    exec "$venv/bin/python" tools/quality/highs.py check target/quality/{general,exact}.jsonl
    ;;
  bench)
    # One number of strategies after the other, so that each runs on a warm cache of its own.
    rm -f target/quality/bench.jsonl
    for strategies in 4 16 32 64 256 1024; do
      count=$((strategies > 64 ? 5 : 60))
      problems "bench-$strategies" --strategies "$strategies" --count "$count" --repeats 9
      cat "target/quality/bench-$strategies.jsonl" >> target/quality/bench.jsonl
    done
    exec "$venv/bin/python" tools/quality/highs.py bench target/quality/bench.jsonl bench/allocator.json
    ;;
  *)
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
