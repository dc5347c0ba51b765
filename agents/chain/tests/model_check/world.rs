//! The world around the life cycle, small enough to be enumerated: one account, a pool, a chain that reorganises, an
//! endpoint that lags and loses answers, and somebody else who has the key.

use alloy::primitives::B256;
use vagus_chain::lifecycle::{FeePolicy, Fees, Head, Inclusion};

pub(crate) const NONCE: u64 = 7;
/// A block this deep is final.
pub(crate) const FINALITY: usize = 1;
/// Block time of height h is h, so blocks above this one are late.
pub(crate) const DEADLINE: u64 = 1;
pub(crate) const LOW_FEE: u128 = 1;
pub(crate) const HIGH_FEE: u128 = 5;
pub(crate) const POLICY: FeePolicy = FeePolicy {
    max_fee_wei: 12,
    priority_fee_wei: 1,
    cancel_max_fee_wei: 14,
    rebroadcast_blocks: 1,
};

/// A signed transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tx {
    /// 0 is somebody else's.
    pub id: u8,
    pub nonce: u64,
    pub fees: Fees,
    pub is_cancel: bool,
}

impl Tx {
    pub(crate) const fn is_ours(&self) -> bool {
        self.id != 0
    }

    pub(crate) fn hash(&self) -> B256 {
        hash_of(self.id)
    }
}

pub(crate) fn hash_of(id: u8) -> B256 {
    B256::with_last_byte(id)
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Block {
    /// Which branch made it: tells blocks of one height apart.
    pub branch: u8,
    pub base_fee_wei: u128,
    pub tx: Option<(Tx, bool)>,
}

/// What is true.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    /// From height 0; never empty.
    pub chain: Vec<Block>,
    /// At most one of each nonce.
    pub pool: Vec<Tx>,
    pub branch: u8,
    /// Highest height that was ever final.
    pub finalized: usize,
}

impl World {
    pub(crate) fn new() -> Self {
        let first = Block { branch: 0, base_fee_wei: LOW_FEE, tx: None };
        Self { chain: vec![first], pool: Vec::new(), branch: 0, finalized: 0 }
    }

    pub(crate) const fn height(&self) -> usize {
        self.chain.len() - 1
    }

    /// Everything mined up to a height: where, what, and whether it succeeded.
    pub(crate) fn mined(&self, up_to: usize) -> impl Iterator<Item = (usize, &Block, Tx, bool)> {
        let blocks = self.chain.iter().enumerate().take(up_to.saturating_add(1));
        blocks.filter_map(|(number, block)| block.tx.map(|(tx, is_ok)| (number, block, tx, is_ok)))
    }

    /// The account's count at a height.
    pub(crate) fn count(&self, up_to: usize) -> u64 {
        NONCE + self.mined(up_to).count() as u64
    }

    /// Whether a nonce is used.
    pub(crate) fn has_used(&self, nonce: Option<u64>) -> bool {
        nonce.is_some_and(|nonce| self.count(self.height()) > nonce)
    }

    /// A block. It takes what is in the pool if that has the next nonce and pays the base fee.
    pub(crate) fn mine(&mut self, base_fee_wei: u128, takes: bool, succeeds: bool) {
        let next = self.count(self.height());
        let time = self.chain.len() as u64;
        let can = |tx: &&Tx| takes && tx.nonce == next && tx.fees.max_fee_wei >= base_fee_wei;
        let tx = self.pool.iter().find(can).copied();
        let tx = tx.map(|tx| (tx, !tx.is_ours() || tx.is_cancel || (succeeds && time <= DEADLINE)));
        self.chain.push(Block { branch: self.branch, base_fee_wei, tx });
        let next = self.count(self.height());
        self.pool.retain(|tx| tx.nonce >= next);
        self.finalized = self.finalized.max(self.height().saturating_sub(FINALITY));
    }

    /// The newest block is replaced by none. What was in it returns to the pool, or is lost: somebody else's too, which leaves
    /// a gap below our nonce if ours was claimed behind it.
    pub(crate) fn reorganise(&mut self, returns: bool) {
        let Some(block) = self.chain.pop() else { return };
        self.branch += 1;
        if let Some((tx, _)) = block.tx
            && returns
        {
            self.put(tx);
        }
    }

    /// Into the pool, in the place of any other with its nonce.
    pub(crate) fn put(&mut self, tx: Tx) {
        self.pool.retain(|held| held.nonce != tx.nonce);
        self.pool.push(tx);
    }

    /// One pool with the rule of geth for replacements: 10 % more on both fees. Whether it took the bytes or had them.
    pub(crate) fn offer(&mut self, tx: Tx) -> Offered {
        if tx.nonce < self.count(self.height()) {
            return Offered::TooLow;
        }
        if let Some(held) = self.pool.iter().find(|held| held.nonce == tx.nonce) {
            if held.id == tx.id {
                return Offered::Known;
            }
            let beats = |new: u128, old: u128| new > old && new * 10 >= old * 11;
            let is_better = beats(tx.fees.max_fee_wei, held.fees.max_fee_wei)
                && beats(tx.fees.priority_fee_wei, held.fees.priority_fee_wei);
            if !is_better {
                return Offered::Underpriced;
            }
        }
        self.put(tx);
        Offered::Taken
    }

    /// What an endpoint shows that is so many blocks behind.
    pub(crate) fn head(&self, lag: usize) -> Head {
        let seen = self.height().saturating_sub(lag).max(self.finalized);
        Head {
            number: seen as u64,
            timestamp: seen as u64,
            base_fee_wei: self.chain[seen].base_fee_wei,
            finalized_number: self.finalized.min(seen.saturating_sub(FINALITY)) as u64,
        }
    }

    pub(crate) fn receipt(&self, hashes: &[B256], seen: usize) -> Option<Inclusion> {
        let ours = |(_, _, tx, _): &(usize, &Block, Tx, bool)| hashes.contains(&tx.hash());
        self.mined(seen).find(ours).map(|(number, block, tx, is_success)| Inclusion {
            hash: tx.hash(),
            block_number: number as u64,
            block_hash: B256::left_padding_from(&[block.branch, number as u8]),
            is_success,
            gas_used: 1,
            effective_gas_price_wei: block.base_fee_wei,
        })
    }
}

/// What the pool said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    Taken,
    Known,
    Underpriced,
    TooLow,
}
