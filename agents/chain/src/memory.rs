//! A chain in process, for tests: blocks, reorganisations, a pool, and a guard that obeys the rules in Rust.
//!
//! It executes rebalances alone, by moving assets one to one between idle and strategies. Everything else that happens
//! in its world is done by the test, between two blocks, to the state itself.

mod liar;
mod model;
mod node;
mod page;

use std::{collections::VecDeque, sync::Mutex};

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use async_trait::async_trait;
use vagus_policy::{Policy, Snapshot};

use crate::{
    BlockAt, Call, ChainError, ChainReader, ChainResult, ChainWriter, Header, LogFilter, PlacedLog,
    Query, Reading, SendAnswer, Sighting, Simulation, Tag, TransactionReceipt, Unseen, Witness,
};

pub use liar::Liar;
pub use model::Model;

/// What an endpoint does wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It answers nothing; a transaction handed in is lost.
    Unreachable,
    /// It answers nothing, but a transaction handed in has arrived.
    AnswerLost,
    /// It has not seen the block.
    Late,
    /// It refuses.
    Refused(String),
}

/// The chain. Share it in an `Arc`; every method locks it for a moment.
#[derive(Debug)]
pub struct MemoryChain {
    model: Mutex<Model>,
    faults: Mutex<VecDeque<(&'static str, Fault)>>,
    is_down: Mutex<bool>,
}

impl MemoryChain {
    /// A chain whose newest block holds this snapshot's vault, under this policy.
    #[must_use]
    pub fn new(policy: Policy, snapshot: Snapshot) -> Self {
        Self {
            model: Mutex::new(Model::new(policy, snapshot)),
            faults: Mutex::default(),
            is_down: Mutex::new(false),
        }
    }

    /// Looks at the model, or changes it between two blocks.
    pub fn with<T>(&self, look: impl FnOnce(&mut Model) -> T) -> T {
        look(&mut self.model.lock().unwrap_or_else(|e| e.into_inner()))
    }

    /// Answers a JSON-RPC request as a node would that is `lag` blocks behind: the response, whole.
    #[must_use]
    pub fn answer(&self, request: &serde_json::Value, lag: usize) -> serde_json::Value {
        let method = request["method"].as_str().unwrap_or_default();
        let mut response = self.with(|model| match lag {
            0 => node::answer(model, method, &request["params"]),
            // What is handed in arrives, whatever the node has seen itself.
            _ if method == "eth_sendRawTransaction" => {
                node::answer(model, method, &request["params"])
            }
            lag => node::answer(&mut model.behind(lag), method, &request["params"]),
        });
        response["jsonrpc"] = "2.0".into();
        response["id"] = request["id"].clone();
        response
    }

    /// The next request of a method meets this fault.
    pub fn fail_next(&self, method: &'static str, fault: Fault) {
        self.faults.lock().unwrap_or_else(|e| e.into_inner()).push_back((method, fault));
    }

    /// Forgets the faults that were not met yet.
    pub fn clear_faults(&self) {
        self.faults.lock().unwrap_or_else(|e| e.into_inner()).clear();
    }

    /// Whether every request is unanswered from now on.
    pub fn set_down(&self, is_down: bool) {
        *self.is_down.lock().unwrap_or_else(|e| e.into_inner()) = is_down;
    }

    fn fault(&self, method: &'static str) -> Option<Fault> {
        if *self.is_down.lock().unwrap_or_else(|e| e.into_inner()) {
            return Some(Fault::Unreachable);
        }
        let mut faults = self.faults.lock().unwrap_or_else(|e| e.into_inner());
        let place = faults.iter().position(|(of, _)| *of == method)?;
        faults.remove(place).map(|(_, fault)| fault)
    }

    fn ask(&self, method: &'static str) -> ChainResult<()> {
        let endpoint = self.endpoint();
        match self.fault(method) {
            None => Ok(()),
            Some(Fault::Unreachable | Fault::AnswerLost) => {
                Err(ChainError::Unreachable { endpoint, cause: "connection refused".to_owned() })
            }
            Some(Fault::Late) => Err(ChainError::Late { endpoint, block: B256::ZERO }),
            Some(Fault::Refused(message)) => {
                Err(ChainError::Refused { endpoint, method, code: -32_000, message, data: None })
            }
        }
    }

    /// The past of tokens and vaults is no part of the model.
    fn not_modelled(&self, method: &'static str) -> ChainError {
        let (endpoint, message) = (self.endpoint(), "it is not modelled".to_owned());
        ChainError::Refused { endpoint, method, code: -32_601, message, data: None }
    }

    fn sight(&self, query: &Query, block: &Header) -> Sighting {
        if self.fault("unseen").is_some() {
            return Err(Unseen { vault: query.vault, cause: "it is broken".to_owned() });
        }
        self.with(|model| model.snapshot(block.block.hash, query.vault, query.agent)).ok_or_else(
            || Unseen { vault: query.vault, cause: "there is no such vault".to_owned() },
        )
    }

    fn canonical(&self, header: &Header) -> ChainResult<()> {
        let hash = header.block.hash;
        match self.with(|model| model.header(BlockAt::Number(header.block.number))) {
            Some(now) if now.block.hash == hash => Ok(()),
            Some(_) => Err(ChainError::Reorganised { endpoint: self.endpoint(), block: hash }),
            None => Err(ChainError::Late { endpoint: self.endpoint(), block: hash }),
        }
    }
}

#[async_trait]
impl ChainReader for MemoryChain {
    fn endpoint(&self) -> String {
        "memory".to_owned()
    }

    async fn chain_id(&self) -> ChainResult<u64> {
        self.ask("chain_id")?;
        Ok(self.with(|model| model.chain_id()))
    }

    async fn head(&self, tag: Tag) -> ChainResult<Header> {
        self.ask("head")?;
        Ok(self.with(|model| match tag {
            Tag::Latest => model.head(),
            Tag::Finalized => model.finalized(),
        }))
    }

    async fn header(&self, at: BlockAt) -> ChainResult<Option<Header>> {
        self.ask("header")?;
        Ok(self.with(|model| model.header(at)))
    }

    async fn code_hash(&self, account: Address, block: &Header) -> ChainResult<B256> {
        self.ask("code_hash")?;
        self.canonical(block)?;
        Ok(self.with(|model| model.code_hash(account)))
    }

    async fn code(&self, account: Address, block: &Header) -> ChainResult<Bytes> {
        self.ask("code")?;
        self.canonical(block)?;
        Ok(self.with(|model| model.code(account)))
    }

    /// Nothing of this world keeps anything in slots.
    async fn storage(&self, _account: Address, _slot: B256, block: &Header) -> ChainResult<B256> {
        self.ask("storage")?;
        self.canonical(block)?;
        Ok(B256::ZERO)
    }

    async fn snapshots(
        &self,
        _lens: Address,
        queries: &[Query],
        block: &Header,
    ) -> ChainResult<Vec<Sighting>> {
        self.ask("snapshots")?;
        self.canonical(block)?;
        Ok(queries.iter().map(|query| self.sight(query, block)).collect())
    }

    async fn witness(&self, _lens: Address, query: Query, block: &Header) -> ChainResult<Witness> {
        self.ask("witness")?;
        self.canonical(block)?;
        let sighting = self.sight(&query, block);
        let digest = keccak256(format!("{sighting:?}"));
        Ok(Witness { sighting, digest })
    }

    async fn policy(&self, guard: Address, block: u64, hash: B256) -> ChainResult<Policy> {
        self.ask("policy")?;
        self.with(|model| model.policy(hash)).ok_or_else(|| ChainError::PolicyNotFound {
            endpoint: self.endpoint(),
            guard,
            block,
            hash,
        })
    }

    async fn execution(
        &self,
        guard: Address,
        decision: B256,
        (first, last): (u64, u64),
    ) -> ChainResult<Option<B256>> {
        self.ask("execution")?;
        let receipts = self.with(|model| model.receipts().to_vec());
        let is_it = |receipt: &&TransactionReceipt| {
            let event = crate::guard::find_rebalanced(guard, &receipt.logs);
            (first..=last).contains(&receipt.block_number)
                && event.is_some_and(|event| event.decision == decision)
        };
        Ok(receipts.iter().find(is_it).map(|receipt| receipt.hash))
    }

    async fn logs(&self, _filter: &LogFilter) -> ChainResult<Vec<PlacedLog>> {
        Err(self.not_modelled("logs"))
    }

    async fn read(
        &self,
        _contract: Address,
        _input: &Bytes,
        _block: &Header,
    ) -> ChainResult<Reading> {
        Err(self.not_modelled("read"))
    }

    async fn simulate(&self, call: &Call, block: &Header, at: u64) -> ChainResult<Simulation> {
        if let Some(Fault::Refused(message)) = self.fault("simulate_fails") {
            return Ok(Simulation::Fails { message, data: Bytes::new() });
        }
        self.ask("simulate")?;
        self.canonical(block)?;
        Ok(self.with(|model| model.simulate(call, block.block.hash, at)))
    }
}

#[async_trait]
impl ChainWriter for MemoryChain {
    async fn transaction_count(&self, account: Address, block: Option<B256>) -> ChainResult<u64> {
        self.ask("transaction_count")?;
        Ok(self.with(|model| model.transaction_count(account, block)))
    }

    async fn balance(&self, _account: Address) -> ChainResult<U256> {
        self.ask("balance")?;
        Ok(U256::from(10u64).pow(U256::from(18)))
    }

    async fn receipt(&self, transaction: B256) -> ChainResult<Option<TransactionReceipt>> {
        self.ask("receipt")?;
        Ok(self.with(|model| model.receipt(transaction)))
    }

    async fn send_raw(&self, raw: &Bytes) -> ChainResult<SendAnswer> {
        match self.fault("send_raw") {
            None => Ok(self.with(|model| model.hand_in(raw))),
            Some(Fault::Refused(message)) => Ok(SendAnswer::Refused(message)),
            Some(fault) => {
                if fault == Fault::AnswerLost {
                    self.with(|model| model.hand_in(raw));
                }
                Err(ChainError::Unreachable {
                    endpoint: self.endpoint(),
                    cause: "the connection broke".to_owned(),
                })
            }
        }
    }
}

/// A policy and a vault with nothing in them, at block 0 of chain 31337.
#[cfg(test)]
pub(crate) fn empty_world() -> (Policy, Snapshot) {
    use vagus_policy::{
        AssetInfo, BlockRef, Checkpoint, GuardState, Limits, Mode, NavState, Objective,
        ObjectiveKind, VaultState,
    };

    let policy = Policy {
        schema_version: 1,
        limits: Limits {
            mode: Mode::Active,
            cooldown_seconds: 0,
            window_seconds: 1,
            max_turnover_bps: 0,
            max_loss_bps: 0,
            min_idle_bps: 0,
            max_growth_wad: 0,
            max_drawdown_bps: 0,
            entry_halt_seconds: 1,
            seasoning_seconds: 1,
            max_nav_age_seconds: 1,
            policy_delay_seconds: 1,
            deposit_cap: 0,
            management_fee_bps: 0,
            performance_fee_bps: 0,
            fee_recipient: Address::ZERO,
        },
        strategies: vec![],
        groups: vec![],
        agents: vec![],
        objective: Objective {
            kind: ObjectiveKind::Yield,
            hurdle_bps: 0,
            horizon_seconds: 1,
            band_bps: 0,
            target_weights_bps: vec![],
        },
    };
    let snapshot = Snapshot {
        lens_version: crate::LENS_VERSION,
        chain_id: 31_337,
        block: BlockRef {
            number: 0,
            hash: B256::repeat_byte(0xee),
            parent_hash: B256::ZERO,
            timestamp: 1,
        },
        base_fee_wei: 0,
        vault: VaultState {
            vault: Address::repeat_byte(2),
            guard: Address::repeat_byte(4),
            asset: AssetInfo {
                address: Address::repeat_byte(1),
                symbol: "USDC".to_owned(),
                decimals: 6,
            },
            idle: Default::default(),
            nav: NavState::default(),
            checkpoint: Checkpoint::default(),
            guard_state: GuardState {
                policy_version: 0,
                policy_hash: B256::ZERO,
                policy_block: 0,
                mode: Mode::Active,
                rebalance_count: 0,
                turnover: Default::default(),
                loss: Default::default(),
            },
            agent: Default::default(),
            strategies: vec![],
        },
    };
    (policy, snapshot)
}
