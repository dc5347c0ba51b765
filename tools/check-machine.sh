#!/usr/bin/env bash
# Says in one sentence what is missing on this machine, before anything is installed.
set -euo pipefail
fail() { echo "setup: $1" >&2; exit 1; }

for tool in git cc node npm cargo flock setpriv; do
  command -v "$tool" >/dev/null || fail "'$tool' was not found; the README lists what a machine needs"
done
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' \
  || fail "Node $(node --version) is too old; 20.19 or later is needed"
[ "$(uname -sm)" = "Linux x86_64" ] || for tool in forge anvil cast; do
  command -v "$tool" >/dev/null || fail "on $(uname -sm) no $tool comes with the packages; install Foundry 1.7.1 first"
done
