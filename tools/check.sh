#!/usr/bin/env bash
# Static analysis of contracts/ by slither. A finding is fixed, or answered at its place in the code; anything else is a
# failure. Works on a copy, because slither empties the build folder it finds.
set -euo pipefail
cd "$(dirname "$0")/.."

# Not asked, with the reason:
excluded=(
  assembly            # each block says why it is there, and forge lint and the tests look at what it does
  low-level-calls     # likewise; the failures that matter are tested
  naming-convention   # names are forge lint's
  timestamp           # every limit runs on the block's time; what a proposer can shift is in SECURITY.md
  uninitialized-local # Solidity starts every local at zero, and structs are filled by the functions they go to
)

venv=target/check/venv
tools/venv.sh "$venv" tools/check/requirements.txt

copy=target/check/project
rm -rf "$copy"
mkdir -p "$copy/tools"
cp -r contracts foundry.toml "$copy"
cp tools/solc "$copy/tools"
ln -s ../../../node_modules "$copy/node_modules"
export PATH="$PWD/node_modules/.bin:$PWD/$venv/bin:$PATH"
cd "$copy"
IFS=,
if ! slither . --filter-paths node_modules --exclude "${excluded[*]}" > ../slither.log 2>&1; then
  cat ../slither.log >&2
  echo "check: fix what slither found, or answer it in the code: // slither-disable-next-line <detector>, with the reason above" >&2
  exit 1
fi
tail -n 1 ../slither.log
