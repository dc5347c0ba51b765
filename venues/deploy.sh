#!/bin/sh
# Builds a world of lending venues on a local anvil: venues/deploy.sh RPC_URL WORLD_FILE OUT_FILE
#
# WORLD_FILE lies under venues/worlds or target, OUT_FILE under target; both are relative to the current directory. What
# forge keeps of the broadcast goes beside OUT_FILE, so that several worlds can be built at once.
#
# Every transaction gets a block of its own, one second after the block before: started with the same --timestamp, two
# chains end with the same addresses and block hashes. The interval stays set; evm_mine and evm_setNextBlockTimestamp with
# an explicit time go before it.
set -eu
if [ $# -ne 3 ]; then
    echo "usage: venues/deploy.sh RPC_URL WORLD_FILE OUT_FILE" >&2
    exit 2
fi
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
rpc=$1
if [ ! -r "$2" ]; then
    echo "venues/deploy.sh: cannot read the world file $2" >&2
    exit 2
fi
mkdir -p "$(dirname -- "$3")"
out=$(CDPATH= cd -- "$(dirname -- "$3")" && pwd)

"$here/../node_modules/.bin/cast" rpc --rpc-url "$rpc" anvil_setBlockTimestampInterval 1 >/dev/null
# The script deploys Morpho from its artifact, which only a build of everything makes.
"$here/forge.sh" build --quiet venues/src venues/script
# The multiplier: forge estimates in one block, where no interest accrues; in its own block a transaction needs more.
# The time limit: forge waits for ever when a chain stops answering.
# What forge notes of a deployment stays beside the addresses, in a cache folder of its own: a copy, so that nothing is
# compiled again.
mkdir -p "$out/cache-venues"
cp "$here/cache/solidity-files-cache.json" "$out/cache-venues/"
VENUES_CACHE=$out/cache-venues VENUES_WORLD=$2 VENUES_OUT=$out/$(basename -- "$3") FOUNDRY_BROADCAST=$out/broadcast-venues \
    timeout 120 "$here/forge.sh" script venues/script/DeployVenues.s.sol --rpc-url "$rpc" \
    --broadcast --slow --gas-estimate-multiplier 300
