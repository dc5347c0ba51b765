# Vagus. `make demo` and `make test` need nothing else; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help setup contracts venues agents demo chain test test-contracts test-invariants test-conformance test-venues test-agents \
        test-differential test-fleet test-features test-schedules test-faults soak-faults planted-faults planted-keeper-faults test-e2e vectors fmt lint abi check-abi code-hashes check-code-hashes corpus bench-gas check-gas bench-allocator check-allocator bench-keeper bench-backtest bench-income check-income soak \
        check check-deploy check-defences check-properties prove check-proofs mutate check-mutants coverage clean

# Everything that builds takes this lock, so that two runs at once do not build into each other.
LOCK := flock target/.setup.lock
FORGE := node_modules/.bin/forge
# The whole treasury in one debug build; the same profile for the demo and for every test.
CARGO := cargo
STAMPS := target/stamps
# A server of its own for the time of a command.
POSTGRES := agents/journal/tests/with-postgres.sh

CONTRACT_SOURCES := $(shell find contracts script test -name '*.sol' 2>/dev/null) foundry.toml tools/solc
BENCH_SOURCES := $(wildcard bench/contracts/*.sol)
VENUE_SOURCES := $(shell find venues -name '*.sol' -not -path '*/out/*' -not -path '*/cache/*' 2>/dev/null) \
                 $(shell find contracts/strategies -name '*.sol' 2>/dev/null) venues/foundry.toml

help: ## List every target
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: contracts venues agents ## Install packages, compilers and binaries, and build everything

$(STAMPS)/node: package.json package-lock.json
	@mkdir -p $(STAMPS) target
	@tools/check-machine.sh
	@$(LOCK) tools/install-packages.sh
	@touch $@

$(STAMPS)/contracts: $(STAMPS)/node $(CONTRACT_SOURCES)
	@echo "building contracts"
	@$(LOCK) $(FORGE) build --quiet contracts script test/differential
	@touch $@

$(STAMPS)/bench: $(STAMPS)/contracts $(BENCH_SOURCES)
	@$(LOCK) $(FORGE) build --quiet bench/contracts
	@touch $@

$(STAMPS)/venues: $(STAMPS)/node $(VENUE_SOURCES)
	@echo "building venues (Aave V3, Morpho Blue)"
	@$(LOCK) venues/forge.sh build --quiet
	@touch $@

contracts: $(STAMPS)/contracts ## Build the contracts
venues: $(STAMPS)/venues ## Build the lending venues

agents: $(STAMPS)/node ## Build the keeper and the tools around it
	@$(LOCK) $(CARGO) build --quiet --workspace --bins

demo: setup ## Run the main job from an empty chain to its end, told as it happens
	@exec target/debug/world demo

chain: setup ## Start the same world and leave it standing until interrupted
	@exec target/debug/world chain

test: ## Set up and run every test: Solidity, venues, Rust, end to end
	@tools/test.sh

test-contracts: contracts ## Solidity tests
	@FOUNDRY_NO_MATCH_PATH='test/{conformance/**,invariant/*.invariant.t.sol}' tools/forge-tests.sh 500 $(FORGE)

test-conformance: contracts ## The numbered rules of ERC-4626, with and without isolation, and that none is missing
	@$(LOCK) node tools/check-conformance.mjs

test-invariants: contracts ## Invariant campaigns over money, venues and governance
	@tools/campaigns.sh Money Venues Governance

test-invariants-deep: contracts ## Invariant campaigns five times as long as in `make test`; SEED=0x… for others
	@FOUNDRY_PROFILE=deep $(FORGE) test --match-path 'test/invariant/**' $(if $(SEED),--fuzz-seed $(SEED))

test-venues: venues ## Venue tests, and our strategy against the real Morpho
	@tools/forge-tests.sh 60 venues/forge.sh

vectors: venues ## Write 10,000 rate vectors per venue, asked of the venues themselves
	@tools/vectors.sh

test-agents: setup vectors ## Rust tests, the differential test included
	@VAGUS_VECTORS=$(CURDIR)/target/vectors $(POSTGRES) --if-present $(CARGO) test --quiet --workspace --exclude vagus-e2e

test-fleet: $(STAMPS)/node ## 1,000 interleavings of keepers on one PostgreSQL, paused beyond their leases; the counts are printed
	@VAGUS_FLEET_SCHEDULES=1000 $(POSTGRES) $(CARGO) test --quiet -p vagus-journal --test it fleet -- --nocapture

test-differential: contracts ## Rust rules against the compiled guard, 100,000 cases; the counts are printed
	@VAGUS_DIFFERENTIAL_CASES=100000 $(CARGO) test --quiet -p vagus-differential rust_and_solidity -- --nocapture

test-features: $(STAMPS)/node ## What is built in on demand: keys in management services and traces, linted and tested
	@$(CARGO) clippy --quiet -p vagus-chain -p vagus-keeper --all-targets --features vagus-keeper/aws-kms,vagus-keeper/gcp-kms,vagus-keeper/otlp -- -D warnings
	@$(CARGO) test --quiet -p vagus-chain --features aws-kms --lib kms
	@$(CARGO) test --quiet -p vagus-keeper --features otlp --lib otlp

test-schedules: $(STAMPS)/node ## 10,000 schedules of faults for the keeper, on a chain in process; the counts are printed
	@VAGUS_SCHEDULES=10000 $(CARGO) test --quiet -p vagus-schedules -- --nocapture

test-faults: setup ## 200 schedules of faults for the keeper as a process, on real chains and databases; the counts are printed
	@target/debug/faults --schedules 200

soak-faults: setup ## The same with thousands, or SCHEDULES=n of them, from seed FIRST=n on
	@target/debug/faults --schedules $(or $(SCHEDULES),2000) --first $(or $(FIRST),200)

planted-keeper-faults: $(STAMPS)/node ## Faults planted into a copy of the keeper; every one is found, and in which tier of tests is told in a table
	@node tools/planted-keeper-faults.mjs

planted-faults: contracts ## Faults planted into a copy of the Rust rules; the differential test finds every one
	@node tools/planted-faults.mjs

test-e2e: setup ## The story, the kills and the bad input, on real chains
	@$(POSTGRES) --if-present $(CARGO) test --quiet -p vagus-e2e

fmt: ## Format everything
	@$(FORGE) fmt && $(FORGE) fmt bench && venues/forge.sh fmt && $(CARGO) fmt --all

lint: $(STAMPS)/node ## Formatting and lints, as CI demands them
	@tools/lint.sh

abi: contracts ## Write agents/chain/abi from the build
	@node tools/export-abi.mjs

check-abi: contracts ## Compare agents/chain/abi with the build
	@node tools/export-abi.mjs --check

code-hashes: contracts ## Write deployments/code-hashes.json from the build
	@node tools/export-code-hashes.mjs

check-code-hashes: contracts ## Compare deployments/code-hashes.json with the build
	@node tools/export-code-hashes.mjs --check

bench-gas: $(STAMPS)/bench ## Measure gas and write bench/gas.json and bench/README.md
	@node tools/bench-gas.mjs

check-gas: $(STAMPS)/bench ## Measure gas again and compare with bench/gas.json and the targets
	@node tools/bench-gas.mjs --check

corpus: $(STAMPS)/node ## Record what this version of the algorithm decides, once for each version
	@WRITE_CORPUS=1 $(CARGO) test --quiet -p vagus-allocator --test it corpus
	@WRITE_CORPUS=1 $(CARGO) test --quiet -p vagus-journal --test it corpus

bench-allocator: $(STAMPS)/node ## Time the search for plans beside HiGHS and write bench/allocator.json; on a quiet machine
	@tools/quality.sh bench

check-allocator: $(STAMPS)/node ## 1,200 random problems: every plan between what was promised and the optimum that HiGHS finds
	@tools/quality.sh check

bench-keeper: setup ## Measure what the keeper itself takes for a block and write bench/keeper.json; on a quiet machine
	@$(LOCK) $(CARGO) build --quiet --release -p vagus-keeper -p vagus-e2e --bin keeper --bin load
	@target/release/load --out bench/keeper.json bench

bench-backtest: $(STAMPS)/node ## Measure how fast a backtest goes through a history and write bench/backtest.json
	@$(LOCK) $(CARGO) build --quiet --release -p vagus-backtest --example measure
	@target/release/examples/measure > target/backtest.json
	@mv target/backtest.json bench/backtest.json

bench-income: contracts venues ## What the allocator earns beside other ways to allocate, in 16 years of real venues; writes bench/income.json
	@$(LOCK) $(CARGO) build --quiet -p vagus-income --bin income
	@target/debug/income bench

check-income: contracts venues ## Two of these years again, compared with bench/income.json
	@$(LOCK) $(CARGO) build --quiet -p vagus-income --bin income
	@target/debug/income check "four Morpho markets" "tiny treasury"

soak: setup ## 10,000 blocks of 2 chains with 50 vaults and write bench/soak.json: memory, journal, calls, every block; then thousands of schedules of faults
	@$(LOCK) $(CARGO) build --quiet --release -p vagus-keeper -p vagus-e2e --bin keeper --bin load
	@target/release/load --out bench/soak.json soak
	@$(MAKE) --no-print-directory soak-faults

check-deploy: agents ## The container file's instructions, and its build in an empty folder; DEBUG=1 without optimisations
	@node tools/check-container.mjs $(if $(DEBUG),--debug)

check: $(STAMPS)/node ## Static analysis of the contracts
	@tools/check.sh

prove: $(STAMPS)/node ## Prove the theorems about buckets, prices, conversions and comparisons
	@tools/prove.sh

check-proofs: $(STAMPS)/node ## Plant one fault at a time and see the theorem about it refuted
	@tools/prove.sh --faults

mutate: $(STAMPS)/node ## Break vault and guard 180 times; the tests have to notice every time
	@node tools/mutate.mjs

check-mutants: $(STAMPS)/node ## The same with the first 30 of them, as CI does
	@node tools/mutate.mjs --first 30

coverage: contracts ## See that the tests reach every line and branch of vault and guard; before a release
	@node tools/check-coverage.mjs

check-properties: $(STAMPS)/node ## Plant one fault at a time and see its property fail; PART=K/N for one part of them
	@node tools/check-properties.mjs $(if $(PART),--part $(PART))

check-defences: $(STAMPS)/node ## Take out one defence at a time and see the incident's test fail
	@node tools/check-defences.mjs

clean: ## Remove everything that was built
	rm -rf target out cache venues/out venues/cache node_modules
