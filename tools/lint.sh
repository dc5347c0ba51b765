#!/usr/bin/env bash
# Formatting and lints. Anything to say is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

forge=node_modules/.bin/forge
$forge fmt --check
$forge fmt --check bench
venues/forge.sh fmt --check
# In a build folder of its own: lint marks files as compiled that it only parsed, and tests of them would not be found.
FOUNDRY_OUT=out-lint FOUNDRY_CACHE_PATH=cache-lint $forge lint --deny warnings
FOUNDRY_OUT=out-lint FOUNDRY_CACHE_PATH=cache-lint $forge lint --deny warnings bench/contracts
node tools/check-layouts.mjs
cargo fmt --all -- --check
cargo clippy --quiet --workspace --all-targets -- -D warnings
# Advisories need a database from the network; licences, bans and sources do not.
if cargo deny --version >/dev/null 2>&1; then
  cargo deny --log-level error check licenses bans sources
  cargo deny --log-level error --features vagus-keeper/aws-kms,vagus-keeper/otlp check licenses bans sources
  # Google's client brings the TLS stack that is banned; nobody gets it but who asks for it.
  cargo deny --log-level error --all-features check licenses sources
else
  echo "lint: cargo-deny is not installed, licences and sources were not checked"
fi
