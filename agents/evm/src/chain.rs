//! A chain in the process: the state of all contracts, and transactions on it.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use alloy_sol_types::SolCall;
use revm::{
    Context, Database, DatabaseCommit, ExecuteEvm, MainBuilder, MainContext,
    context::{BlockEnv, CfgEnv, TxEnv, result::ExecutionResult},
    database::{CacheDB, EmptyDB},
    primitives::hardfork::SpecId,
};

const GAS: u64 = 1 << 40;

/// What a call answered, or what it reverted with; a halt counts as a revert without data.
pub type Answer = Result<Bytes, Bytes>;

/// All contracts of a chain. A copy is a chain of its own from there on.
#[derive(Clone, Debug)]
pub struct Chain {
    database: CacheDB<EmptyDB>,
    /// Unix time of every call until it is changed.
    pub now: u64,
    /// Height of the last block: each transaction that stays has one of its own.
    pub height: u64,
    has_size_limits: bool,
}

impl Chain {
    /// A chain without contracts.
    #[must_use]
    pub fn new(now: u64) -> Self {
        Self { database: CacheDB::new(EmptyDB::new()), now, height: 1, has_size_limits: true }
    }

    /// Lets contracts be larger than Ethereum does.
    #[must_use]
    pub fn without_size_limits(self) -> Self {
        Self { has_size_limits: false, ..self }
    }

    /// Creates a contract.
    ///
    /// # Errors
    /// If its constructor fails.
    pub fn create(&mut self, code: Bytes) -> Result<Address, String> {
        let result = self.run(Address::ZERO, TxKind::Create, code, true);
        result.created_address().ok_or_else(|| format!("a contract could not be created: {result}"))
    }

    /// A transaction; what it did stays if it succeeds.
    ///
    /// # Errors
    /// What it reverted with.
    pub fn send(&mut self, from: Address, to: Address, data: Bytes) -> Answer {
        self.spend(from, to, data).0
    }

    /// The same, with the gas that it used, less what was refunded.
    pub fn spend(&mut self, from: Address, to: Address, data: Bytes) -> (Answer, u64) {
        self.height += 1;
        let result = self.run(from, TxKind::Call(to), data, true);
        let gas = result.tx_gas_used();
        (answer(result), gas)
    }

    /// Hash that contracts see of the block before the one that calls are in.
    pub fn parent_hash(&mut self) -> B256 {
        let parent = self.height.saturating_sub(1);
        // The database cannot fail.
        self.database.block_hash(parent).unwrap_or_else(|error| match error {})
    }

    /// A call that leaves nothing behind.
    ///
    /// # Errors
    /// What it reverted with.
    pub fn ask(&mut self, from: Address, to: Address, data: Bytes) -> Answer {
        answer(self.run(from, TxKind::Call(to), data, false))
    }

    /// A call that must succeed, decoded; leaves nothing behind.
    pub fn view<C: SolCall>(&mut self, to: Address, call: &C) -> C::Return {
        let data = self.ask(Address::ZERO, to, call.abi_encode().into());
        let data = data.unwrap_or_else(|data| panic!("{} reverts with {data}", C::SIGNATURE));
        C::abi_decode_returns(&data).unwrap_or_else(|error| panic!("{}: {error}", C::SIGNATURE))
    }

    /// A transaction that must succeed.
    pub fn must<C: SolCall>(&mut self, from: Address, to: Address, call: &C) {
        let answer = self.send(from, to, call.abi_encode().into());
        answer.unwrap_or_else(|data| panic!("{} reverts with {data}", C::SIGNATURE));
    }

    fn run(&mut self, from: Address, kind: TxKind, data: Bytes, stays: bool) -> ExecutionResult {
        let mut configuration = CfgEnv::new_with_spec(SpecId::PRAGUE).with_chain_id(31_337);
        configuration.disable_nonce_check = true;
        configuration.disable_eip3607 = true;
        if !self.has_size_limits {
            configuration.limit_contract_code_size = Some(usize::MAX);
            configuration.limit_contract_initcode_size = Some(usize::MAX);
        }
        let block = BlockEnv {
            number: U256::from(self.height),
            timestamp: U256::from(self.now),
            gas_limit: GAS,
            ..BlockEnv::default()
        };
        let transaction = TxEnv {
            caller: from,
            gas_limit: GAS,
            kind,
            data,
            chain_id: Some(31_337),
            ..TxEnv::default()
        };
        let mut evm = Context::mainnet()
            .with_db(&mut self.database)
            .with_cfg(configuration)
            .with_block(block)
            .build_mainnet();
        // The database cannot fail and the transaction is well formed.
        let done = evm.transact(transaction).unwrap_or_else(|error| panic!("{error}"));
        if stays && done.result.is_success() {
            self.database.commit(done.state);
        }
        done.result
    }
}

fn answer(result: ExecutionResult) -> Answer {
    match result {
        ExecutionResult::Success { output, .. } => Ok(output.into_data()),
        ExecutionResult::Revert { output, .. } => Err(output),
        ExecutionResult::Halt { .. } => Err(Bytes::new()),
    }
}
