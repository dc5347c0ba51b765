//! The world behind the in-process chain.

use std::collections::HashMap;

use alloy::{
    consensus::{Transaction, TxEnvelope},
    eips::eip2718::Decodable2718,
    primitives::{Address, B256, Bytes, TxKind, U256, keccak256},
    sol_types::{SolCall, SolError, SolEvent},
};
use vagus_policy::{
    BlockRef, Curve, Move, Policy, Rebalance, Receipt, Refusal, Snapshot, VaultState, check,
    predict,
};

use crate::{
    BlockAt, Call, EventLog, Header, SendAnswer, Simulation, TransactionReceipt,
    bindings::guard::IPolicyGuard,
};

/// What `rebalance` returns.
fn returned(receipt: &Receipt) -> Bytes {
    let legs = receipt
        .legs
        .iter()
        .map(|leg| IPolicyGuard::LegReceipt {
            assets: leg.assets,
            valueBefore: leg.value_before,
            valueAfter: leg.value_after,
            sharesBefore: leg.shares_before,
            sharesAfter: leg.shares_after,
        })
        .collect();
    let members = receipt
        .members
        .iter()
        .map(|member| IPolicyGuard::MemberReading {
            index: member.index,
            isReadable: member.is_readable,
            value: member.value,
            shares: member.shares,
        })
        .collect();
    IPolicyGuard::rebalanceCall::abi_encode_returns(&IPolicyGuard::Receipt {
        nav: receipt.nav,
        base: receipt.base,
        idleBefore: receipt.idle_before,
        idleAfter: receipt.idle_after,
        legs,
        members,
    })
    .into()
}

fn is_checkpoint(state: &VaultState, to: Option<Address>, input: &[u8]) -> bool {
    to == Some(state.vault) && *input == crate::guard::encode_checkpoint()[..]
}

/// One block with the state after it.
#[derive(Clone, Debug)]
struct Block {
    header: Header,
    state: VaultState,
    counts: HashMap<Address, u64>,
    receipts: Vec<TransactionReceipt>,
    transactions: Vec<((Address, u64), TxEnvelope)>,
}

/// The world: one vault, its guard's policies, the agents' accounts.
#[derive(Clone, Debug)]
pub struct Model {
    chain_id: u64,
    lens_version: u32,
    policies: HashMap<B256, Policy>,
    blocks: Vec<Block>,
    forgotten: Vec<Header>,
    pool: HashMap<(Address, u64), TxEnvelope>,
    finalized: u64,
    branch: u64,
    /// Whether blocks carry what the pool holds.
    pub is_mining: bool,
    /// Whether rebalances revert when they are mined, for no reason that a call would show.
    pub is_reverting: bool,
    /// Time from which the guard refuses every rebalance, for a reason that is none of the rules.
    pub refuses_from: Option<u64>,
    /// Part of what is moved that a leg costs and nothing foresees, bps.
    pub unforeseen_cost_bps: u64,
    /// What the oracle of an OP Stack chain answers, and what a transaction is charged, wei; none: there is no oracle.
    pub data_fee_wei: Option<u128>,
    /// Base fee of the blocks to come, wei per gas.
    pub base_fee_wei: u128,
    /// State on which the next block builds; tests change it freely.
    pub state: VaultState,
}

impl Model {
    pub(super) fn new(policy: Policy, snapshot: Snapshot) -> Self {
        let header = Header { block: snapshot.block, base_fee_wei: snapshot.base_fee_wei };
        let mut model = Self {
            chain_id: snapshot.chain_id,
            lens_version: snapshot.lens_version,
            policies: HashMap::new(),
            blocks: vec![Block {
                header,
                state: snapshot.vault.clone(),
                counts: HashMap::new(),
                receipts: Vec::new(),
                transactions: Vec::new(),
            }],
            forgotten: Vec::new(),
            pool: HashMap::new(),
            finalized: snapshot.block.number,
            branch: 0,
            is_mining: true,
            data_fee_wei: None,
            is_reverting: false,
            refuses_from: None,
            unforeseen_cost_bps: 0,
            base_fee_wei: snapshot.base_fee_wei,
            state: snapshot.vault,
        };
        let hash = model.learn(policy);
        model.state.guard_state.policy_hash = hash;
        if let Some(block) = model.blocks.first_mut() {
            block.state.guard_state.policy_hash = hash;
        }
        model
    }

    /// Knows a document from now on; it is in force when a test puts its hash and a new version into the state.
    pub fn learn(&mut self, policy: Policy) -> B256 {
        let hash = vagus_policy::hash(&policy);
        self.policies.insert(hash, policy);
        hash
    }

    pub(super) fn policy(&self, hash: B256) -> Option<Policy> {
        self.policies.get(&hash).cloned()
    }

    pub(super) fn chain_id(&self) -> u64 {
        self.chain_id
    }

    fn top(&self) -> &Block {
        // The first block is never removed.
        &self.blocks[self.blocks.len().saturating_sub(1)]
    }

    /// The newest header.
    #[must_use]
    pub fn head(&self) -> Header {
        self.top().header
    }

    /// The header that is called final.
    #[must_use]
    pub fn finalized(&self) -> Header {
        self.header(BlockAt::Number(self.finalized)).unwrap_or_else(|| self.head())
    }

    /// Calls a height final.
    pub fn finalize(&mut self, number: u64) {
        self.finalized = number;
    }

    pub(super) fn header(&self, at: BlockAt) -> Option<Header> {
        let headers = self.blocks.iter().map(|block| block.header);
        match at {
            BlockAt::Hash(hash) => headers
                .chain(self.forgotten.iter().copied())
                .find(|header| header.block.hash == hash),
            BlockAt::Number(number) => {
                let mut headers = headers;
                headers.find(|header| header.block.number == number)
            }
        }
    }

    /// Transactions in the pool.
    #[must_use]
    pub fn pool_size(&self) -> usize {
        self.pool.len()
    }

    /// Receipts of all mined transactions, oldest first.
    #[must_use]
    pub fn receipts(&self) -> Vec<TransactionReceipt> {
        self.blocks.iter().flat_map(|block| block.receipts.iter().cloned()).collect()
    }

    /// Drops every transaction that waits, as a restarted node does.
    pub fn drop_pool(&mut self) {
        self.pool.clear();
    }

    pub(super) fn code(&self, account: Address) -> Bytes {
        Bytes::copy_from_slice(account.as_slice())
    }

    pub(super) fn code_hash(&self, account: Address) -> B256 {
        keccak256(self.code(account))
    }

    /// The same world without its newest blocks, as a node sees it that is behind.
    pub(super) fn behind(&self, blocks: usize) -> Self {
        let mut behind = self.clone();
        behind.blocks.truncate(self.blocks.len().saturating_sub(blocks).max(1));
        behind
    }

    pub(super) fn snapshot(&self, hash: B256, vault: Address, agent: Address) -> Option<Snapshot> {
        let block = self.blocks.iter().find(|block| block.header.block.hash == hash)?;
        if block.state.vault != vault {
            return None;
        }
        let mut state = block.state.clone();
        if state.agent.agent != agent {
            state.agent = vagus_policy::AgentState { agent, ..Default::default() };
        }
        Some(Snapshot {
            lens_version: self.lens_version,
            chain_id: self.chain_id,
            block: block.header.block,
            base_fee_wei: block.header.base_fee_wei,
            vault: state,
        })
    }

    /// Mines a block so many seconds after the last one, with what the pool holds and the state as the test left it.
    pub fn mine(&mut self, seconds: u64) -> Header {
        let parent = self.top().clone();
        let number = parent.header.block.number.saturating_add(1);
        let block = BlockRef {
            number,
            hash: keccak256([number.to_be_bytes(), self.branch.to_be_bytes()].concat()),
            parent_hash: parent.header.block.hash,
            timestamp: parent.header.block.timestamp.saturating_add(seconds),
        };
        let header = Header { block, base_fee_wei: self.base_fee_wei };
        let mut mined = Block {
            header,
            state: self.state.clone(),
            counts: parent.counts,
            receipts: Vec::new(),
            transactions: Vec::new(),
        };
        if self.is_mining {
            self.mine_pool(&mut mined);
        }
        self.state = mined.state.clone();
        self.blocks.push(mined);
        header
    }

    fn mine_pool(&mut self, block: &mut Block) {
        loop {
            let next = self.pool.iter().find(|((sender, nonce), transaction)| {
                block.counts.get(sender).copied().unwrap_or_default() == *nonce
                    && TxEnvelope::max_fee_per_gas(transaction) >= block.header.base_fee_wei
            });
            let Some(key) = next.map(|(key, _)| *key) else { return };
            let Some(transaction) = self.pool.remove(&key) else { return };
            block.counts.insert(key.0, key.1.saturating_add(1));
            let receipt = self.execute(block, key.0, &transaction);
            block.receipts.push(receipt);
            block.transactions.push((key, transaction));
        }
    }

    fn execute(
        &self,
        block: &mut Block,
        sender: Address,
        transaction: &TxEnvelope,
    ) -> TransactionReceipt {
        let at = block.header.block.timestamp;
        let mut receipt = TransactionReceipt {
            hash: *transaction.tx_hash(),
            block_number: block.header.block.number,
            block_hash: block.header.block.hash,
            is_success: true,
            gas_used: 21_000,
            gas_price_wei: transaction
                .effective_gas_price(u64::try_from(block.header.base_fee_wei).ok()),
            data_fee_wei: self.data_fee_wei.unwrap_or_default(),
            logs: Vec::new(),
        };
        if is_checkpoint(&block.state, transaction.kind().to().copied(), transaction.input()) {
            receipt.is_success = !self.is_reverting;
            if receipt.is_success {
                block.state.nav.refreshed_at = at;
            }
            return receipt;
        }
        if transaction.kind() != TxKind::Call(block.state.guard) {
            return receipt;
        }
        receipt.gas_used = 500_000;
        let mut state = block.state.clone();
        match self.rebalance(&mut state, sender, transaction.input(), at) {
            Ok(_) if self.is_reverting => receipt.is_success = false,
            Ok((log, _)) => {
                receipt.logs.push(log);
                block.state = state;
            }
            Err(_) => receipt.is_success = false,
        }
        receipt
    }

    pub(super) fn simulate(&self, call: &Call, hash: B256, at: u64) -> Simulation {
        let Some(block) = self.blocks.iter().find(|block| block.header.block.hash == hash) else {
            return Simulation::Fails { message: "no such block".to_owned(), data: Bytes::new() };
        };
        if call.to == crate::data_fee::OP_ORACLE {
            return match self.data_fee_wei {
                Some(fee_wei) => Simulation::Succeeds(U256::from(fee_wei).to_be_bytes_vec().into()),
                None => Simulation::Fails { message: "no oracle".to_owned(), data: Bytes::new() },
            };
        }
        if is_checkpoint(&block.state, Some(call.to), &call.input) {
            return Simulation::Succeeds(Bytes::new());
        }
        let mut state = block.state.clone();
        match self.rebalance(&mut state, call.from, &call.input, at) {
            Ok((_, receipt)) => Simulation::Succeeds(returned(&receipt)),
            Err(Some(refusal)) => Simulation::Fails {
                message: "execution reverted".to_owned(),
                data: IPolicyGuard::Refused {
                    rule: refusal.rule as u8,
                    observed: refusal.observed,
                    limit: refusal.limit,
                }
                .abi_encode()
                .into(),
            },
            Err(None) => {
                Simulation::Fails { message: "execution reverted".to_owned(), data: Bytes::new() }
            }
        }
    }

    fn rebalance(
        &self,
        state: &mut VaultState,
        sender: Address,
        input: &[u8],
        at: u64,
    ) -> Result<(EventLog, Receipt), Option<Refusal>> {
        if self.refuses_from.is_some_and(|from| at >= from) {
            return Err(None);
        }
        let asked = IPolicyGuard::rebalanceCall::abi_decode(input).map_err(|_| None)?.rebalance_;
        let plan = Rebalance {
            policy_version: asked.policyVersion,
            nonce: asked.nonce,
            vault_count: asked.vaultCount,
            deadline: asked.deadline,
            decision: asked.decision,
            moves: asked
                .moves
                .iter()
                .map(|leg| Move { index: leg.index, is_deposit: leg.isDeposit, assets: leg.assets })
                .collect(),
        };
        let policy = self.policies.get(&state.guard_state.policy_hash).ok_or(None)?;
        if sender != state.agent.agent {
            state.agent = vagus_policy::AgentState { agent: sender, ..Default::default() };
        }
        let mut receipt = predict(policy, state, &plan.moves);
        for leg in &mut receipt.legs {
            let cost = leg.assets * U256::from(self.unforeseen_cost_bps) / U256::from(10_000);
            leg.value_after = leg.value_after.saturating_sub(cost);
        }
        let checked = check(policy, state, &plan, at, &receipt).map_err(Some)?;
        for (leg, done) in plan.moves.iter().zip(&receipt.legs) {
            let Some(strategy) = state.strategies.get_mut(usize::from(leg.index)) else { continue };
            strategy.redeem_assets = done.value_after;
            strategy.convert_assets = done.value_after;
            strategy.shares = done.shares_after;
            strategy.max_withdraw_assets = done.value_after;
            if let Curve::AaveV3(curve) = &mut strategy.curve {
                let moved = |of: U256| {
                    of.saturating_add(done.value_after).saturating_sub(done.value_before)
                };
                curve.virtual_balance = moved(curve.virtual_balance);
                curve.total_a_token_supply = moved(curve.total_a_token_supply);
            }
        }
        state.idle = receipt.idle_after;
        state.guard_state.turnover = checked.vault_turnover;
        state.guard_state.loss = checked.vault_loss;
        state.guard_state.rebalance_count = checked.rebalance_count;
        state.agent.turnover = checked.agent_turnover;
        state.agent.loss = checked.agent_loss;
        state.agent.nonce = checked.nonce;
        state.agent.last_rebalance_at = at;
        let event = IPolicyGuard::Rebalanced {
            agent: sender,
            nonce: plan.nonce,
            decision: plan.decision,
            rebalanceCount: checked.rebalance_count,
            turnoverAssets: checked.turnover_assets,
            lossAssets: checked.loss_assets,
        }
        .encode_log_data();
        let log =
            EventLog { address: state.guard, topics: event.topics().to_vec(), data: event.data };
        Ok((log, receipt))
    }

    /// Takes the newest blocks back; their transactions are forgotten by the pool as well.
    pub fn roll_back(&mut self, depth: usize) {
        self.take_back(depth);
    }

    /// Takes the newest blocks back; their transactions wait in the pool again, unless another waits there.
    pub fn roll_back_into_pool(&mut self, depth: usize) {
        for (key, transaction) in self.take_back(depth) {
            self.pool.entry(key).or_insert(transaction);
        }
    }

    fn take_back(&mut self, depth: usize) -> Vec<((Address, u64), TxEnvelope)> {
        let kept = self.blocks.len().saturating_sub(depth).max(1);
        let taken: Vec<Block> = self.blocks.drain(kept..).collect();
        self.forgotten.extend(taken.iter().map(|block| block.header));
        self.branch = self.branch.saturating_add(1);
        self.state = self.top().state.clone();
        taken.into_iter().flat_map(|block| block.transactions).collect()
    }

    /// Headers of the present chain, oldest first.
    #[must_use]
    pub fn headers(&self) -> Vec<Header> {
        self.blocks.iter().map(|block| block.header).collect()
    }

    /// Nonce and hash of every transaction of an account in the present chain, in order.
    #[must_use]
    pub fn mined(&self, account: Address) -> Vec<(u64, B256)> {
        let all = self.blocks.iter().flat_map(|block| &block.transactions);
        let own = all.filter(|((sender, _), _)| *sender == account);
        own.map(|((_, nonce), transaction)| (*nonce, *transaction.tx_hash())).collect()
    }

    /// The next nonce of an account, what waits in the pool included.
    #[must_use]
    pub fn next_nonce(&self, account: Address) -> u64 {
        let mut next = self.transaction_count(account, None);
        while self.pool.contains_key(&(account, next)) {
            next = next.saturating_add(1);
        }
        next
    }

    /// Changes what every block says of the vault until it is put back, as a lying endpoint would. Gives back the truth.
    pub fn falsify(&mut self) -> Vec<U256> {
        let truth = self.blocks.iter().map(|block| block.state.idle).collect();
        for block in &mut self.blocks {
            block.state.idle = block.state.idle.saturating_mul(U256::from(3));
        }
        truth
    }

    /// Puts the truth back.
    pub fn restore(&mut self, truth: Vec<U256>) {
        for (block, idle) in self.blocks.iter_mut().zip(truth) {
            block.state.idle = idle;
        }
    }

    /// State after the newest block.
    #[must_use]
    pub fn latest_state(&self) -> &VaultState {
        &self.top().state
    }

    pub(super) fn transaction_count(&self, account: Address, block: Option<B256>) -> u64 {
        let at = match block {
            None => Some(self.top()),
            Some(hash) => self.blocks.iter().find(|block| block.header.block.hash == hash),
        };
        at.and_then(|block| block.counts.get(&account).copied()).unwrap_or_default()
    }

    pub(super) fn receipt(&self, hash: B256) -> Option<TransactionReceipt> {
        self.blocks
            .iter()
            .flat_map(|block| &block.receipts)
            .find(|receipt| receipt.hash == hash)
            .cloned()
    }

    pub(super) fn hand_in(&mut self, raw: &[u8]) -> SendAnswer {
        let Ok(transaction) = TxEnvelope::decode_2718_exact(raw) else {
            return SendAnswer::Refused("it cannot be decoded".to_owned());
        };
        let signed = transaction.as_eip1559();
        let recovered = signed.map(|signed| {
            signed.signature().recover_address_from_prehash(&signed.signature_hash())
        });
        let Some(Ok(sender)) = recovered else {
            return SendAnswer::Refused("its signature is wrong, or it is not EIP-1559".to_owned());
        };
        if transaction.chain_id() != Some(self.chain_id) || transaction.value() != U256::ZERO {
            return SendAnswer::Refused("it is of another chain, or pays".to_owned());
        }
        let nonce = transaction.nonce();
        if nonce < self.transaction_count(sender, None) {
            return match self.receipt(*transaction.tx_hash()) {
                Some(_) => SendAnswer::Accepted,
                None => SendAnswer::NonceTooLow,
            };
        }
        if let Some(waiting) = self.pool.get(&(sender, nonce)) {
            let is_same = waiting.tx_hash() == transaction.tx_hash();
            let enough = waiting.max_fee_per_gas().saturating_mul(11).div_ceil(10);
            if !is_same && transaction.max_fee_per_gas() < enough {
                return SendAnswer::Underpriced;
            }
        }
        self.pool.insert((sender, nonce), transaction);
        SendAnswer::Accepted
    }
}
