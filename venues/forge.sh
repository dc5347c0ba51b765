#!/bin/sh
# Runs forge on the venues project, from any current directory: venues/forge.sh build, venues/forge.sh test, ...
# Paths in the arguments are relative to the repository root.
#
# forge looks for compilers under $XDG_DATA_HOME/svm, unless the home folder holds a .svm folder, which then wins even
# when it is empty. Hence both variables are set, for this call alone.
# Relative paths in VENUES_WORLD, VENUES_OUT and VENUES_VECTORS are taken from the caller's directory. VENUES_CACHE, an
# absolute path, names another cache folder than venues/cache.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)

absolute() {
    case $1 in
    /*) printf '%s' "$1" ;;
    *) printf '%s/%s' "$PWD" "$1" ;;
    esac
}
if [ -n "${VENUES_WORLD:-}" ]; then VENUES_WORLD=$(absolute "$VENUES_WORLD"); export VENUES_WORLD; fi
if [ -n "${VENUES_OUT:-}" ]; then VENUES_OUT=$(absolute "$VENUES_OUT"); export VENUES_OUT; fi
if [ -n "${VENUES_VECTORS:-}" ]; then VENUES_VECTORS=$(absolute "$VENUES_VECTORS"); export VENUES_VECTORS; fi

# Settings meant for the main project must not reach this one.
unset FOUNDRY_OUT FOUNDRY_CACHE_PATH FOUNDRY_SOLC FOUNDRY_PROFILE FOUNDRY_SRC FOUNDRY_TEST FOUNDRY_SCRIPT
# The linter notes changed files as compiled without compiling them, and a test run after it would find no tests.
if [ "${1:-}" = lint ]; then
    export FOUNDRY_OUT="$here/cache/lint/out" FOUNDRY_CACHE_PATH="$here/cache/lint/cache"
fi
if [ -n "${VENUES_CACHE:-}" ]; then export FOUNDRY_CACHE_PATH="$VENUES_CACHE"; fi
mkdir -p "$here/cache/home"
export HOME="$here/cache/home" XDG_DATA_HOME="$here/compilers"
export FOUNDRY_CONFIG="$here/foundry.toml"
cd "$here/.."
exec node_modules/.bin/forge "$@"
