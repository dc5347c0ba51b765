#!/usr/bin/env bash
# npm packages: contract libraries, compilers, and on Linux x86_64 the Foundry binaries.
set -euo pipefail
cd "$(dirname "$0")/.."
echo "installing packages"
npm ci --silent --no-fund --no-audit
# Elsewhere the binaries are the machine's own; the same paths lead to them.
for tool in forge anvil cast; do
  [ -x "node_modules/.bin/$tool" ] || ln -sf "$(command -v "$tool")" "node_modules/.bin/$tool"
done
