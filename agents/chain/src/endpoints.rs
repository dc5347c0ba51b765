//! Several endpoints of one chain as one: the preferred one is asked, another when that one is silent, behind, or makes
//! no sense. Transactions go to all, or to a private endpoint alone.
//!
//! What an endpoint says about the chain is never overruled by another's answer: where that matters,
//! [`Endpoints::confirm`] asks all of them the same question and demands one answer.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use alloy::primitives::{Address, B256, Bytes, U256};
use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};
use vagus_policy::{Policy, Snapshot};

use self::{
    quorum::Testimony,
    score::{Fault, Scores},
};
use crate::{
    BlockAt, Call, Chain, ChainError, ChainReader, ChainResult, ChainWriter, Header, LogFilter,
    PlacedLog, Query, Reading, SendAnswer, Sighting, Simulation, Tag, Tally, TransactionReceipt,
    Witness,
};

/// How often one that has not seen a block yet is asked again before another is, and the first wait; it doubles.
const LATE_TRIES: u32 = 4;
const LATE_WAIT: Duration = Duration::from_millis(100);
/// A head that stands still for longer makes an endpoint suspect, unless the chain's profile says otherwise.
const DEFAULT_STALE_AFTER: Duration = Duration::from_secs(120);

/// The endpoints of one chain, at least one.
#[derive(Debug)]
pub struct Endpoints {
    list: Vec<Arc<dyn Chain>>,
    /// Where transactions go instead; it is asked nothing else.
    private: Option<Arc<dyn Chain>>,
    quorum: usize,
    current: AtomicUsize,
    scores: Mutex<Scores>,
    // Scores know times as durations since then.
    began: Instant,
}

/// What follows from an endpoint's answer.
enum Next {
    Take,
    AskAgain(Duration),
    AskAnother,
}

/// Asks one endpoint, again while it is late and within bounds.
macro_rules! ask {
    ($self:ident, $place:expr, $method:ident ( $($argument:expr),* )) => {{
        let mut tries = 0;
        loop {
            let answer = $self.list[$place].$method($($argument),*).await;
            match $self.judge($place, answer.as_ref().err(), tries) {
                Next::Take => break Ok(answer),
                Next::AskAgain(wait) => tokio::time::sleep(wait).await,
                Next::AskAnother => break Err(answer),
            }
            tries = tries.saturating_add(1);
        }
    }};
}

/// Asks one endpoint after the other until one answers; if none does, gives back the first one's failure.
macro_rules! first_that_answers {
    ($self:ident, $method:ident ( $($argument:expr),* )) => {{
        let mut failure = None;
        for place in $self.order() {
            match ask!($self, place, $method($($argument),*)) {
                Ok(answer) => {
                    $self.current.store(place, Ordering::Relaxed);
                    return answer;
                }
                Err(answer) => failure = failure.or(answer.err()),
            }
        }
        Err(failure.unwrap_or_else(nobody))
    }};
}

mod end;
mod head;
mod quorum;
mod score;

fn nobody() -> ChainError {
    ChainError::Unreachable {
        endpoint: "The chain".to_owned(),
        cause: "there is no endpoint".to_owned(),
    }
}

impl Endpoints {
    /// In order of preference. Before money moves, all of them have to agree.
    #[must_use]
    pub fn new(list: Vec<Arc<dyn Chain>>) -> Self {
        Self {
            quorum: list.len(),
            current: AtomicUsize::new(0),
            scores: Mutex::new(Scores::new(list.len(), DEFAULT_STALE_AFTER)),
            began: Instant::now(),
            private: None,
            list,
        }
    }

    /// With another number of endpoints that have to agree before money moves.
    #[must_use]
    pub fn with_quorum(mut self, quorum: usize) -> Self {
        self.quorum = quorum;
        self
    }

    /// With a private endpoint, to which transactions go and to no other.
    #[must_use]
    pub fn with_private(mut self, private: Option<Arc<dyn Chain>>) -> Self {
        self.private = private;
        self
    }

    /// Hands a transaction to every endpoint, the private one too; the best of their answers.
    ///
    /// # Errors
    /// If none answers: it may have been taken all the same.
    pub async fn send_everywhere(&self, raw: &Bytes) -> ChainResult<SendAnswer> {
        let rank = |answer: &ChainResult<SendAnswer>| match answer {
            Ok(SendAnswer::Accepted) => 0,
            Ok(_) => 1,
            Err(_) => 2,
        };
        let all = self.private.iter().chain(&self.list);
        let answers = join_all(all.map(|endpoint| endpoint.send_raw(raw))).await;
        answers.into_iter().min_by_key(rank).unwrap_or_else(|| Err(nobody()))
    }

    /// With another time for which a head may stand still.
    #[must_use]
    pub fn with_stale_after(mut self, stale_after: Duration) -> Self {
        self.scores = Mutex::new(Scores::new(self.list.len(), stale_after));
        self
    }

    /// All of them, in order of preference.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<dyn Chain>> {
        self.list.clone()
    }

    /// The endpoint that answered last, for questions that belong together.
    #[must_use]
    pub fn current(&self) -> Option<Arc<dyn Chain>> {
        let place = self.current.load(Ordering::Relaxed);
        self.list.get(place).or_else(|| self.list.first()).cloned()
    }

    /// How often each endpoint was asked each method, by host.
    #[must_use]
    pub fn tallies_by_endpoint(&self) -> Vec<(String, Vec<(&'static str, Tally)>)> {
        let all = self.list.iter().chain(&self.private);
        all.map(|one| (one.endpoint(), one.tallies())).collect()
    }

    /// Whether more than one endpoint has to say the same before money moves.
    #[must_use]
    pub const fn asks_others(&self) -> bool {
        self.quorum >= 2
    }

    /// Demands that enough endpoints see the vault of a snapshot as it stands there, with the same bytes, and that none
    /// sees it otherwise, before money moves on it.
    ///
    /// # Errors
    /// [`ChainError::Disagrees`] if one answers otherwise, [`ChainError::NoQuorum`] if too few answer.
    pub async fn confirm(
        &self,
        lens: Address,
        query: Query,
        header: &Header,
        expected: &Snapshot,
    ) -> ChainResult<()> {
        if !self.asks_others() {
            return Ok(());
        }
        let testimonies = (0..self.list.len()).map(|place| async move {
            let said = self.testify(place, lens, query, header).await;
            Testimony { endpoint: self.list[place].endpoint(), said }
        });
        quorum::judge(join_all(testimonies).await, header, expected, self.quorum)
    }

    /// Transactions of an account up to a block, by as many endpoints as have to agree, and denied by none. On what one says
    /// alone a nonce would be chosen that can never be used, or given up that is still ours.
    ///
    /// # Errors
    /// [`ChainError::Disagrees`] if one answers otherwise, [`ChainError::NoQuorum`] if too few answer.
    pub async fn agreed_count(&self, account: Address, block: B256) -> ChainResult<u64> {
        let block = Some(block);
        if !self.asks_others() {
            return self.transaction_count(account, block).await;
        }
        let answers = (0..self.list.len()).map(|place| async move {
            let said = ask!(self, place, transaction_count(account, block));
            (self.list[place].endpoint(), said.unwrap_or_else(|late| late))
        });
        quorum::agree(join_all(answers).await, &format!("the nonce of {account}"), self.quorum)
    }

    async fn testify(
        &self,
        place: usize,
        lens: Address,
        query: Query,
        header: &Header,
    ) -> ChainResult<(Option<Header>, Witness)> {
        let own = BlockAt::Hash(header.block.hash);
        let witness =
            ask!(self, place, witness(lens, query, header)).unwrap_or_else(|late| late)?;
        let own = ask!(self, place, header(own)).unwrap_or_else(|late| late)?;
        Ok((own, witness))
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn scores(&self) -> MutexGuard<'_, Scores> {
        // A poisoned lock only means that another task died between two whole scores.
        self.scores.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn order(&self) -> Vec<usize> {
        self.scores().order(self.now())
    }

    /// Notes what came of a question, and says what to do next.
    fn judge(&self, place: usize, error: Option<&ChainError>, tries: u32) -> Next {
        if let Some(ChainError::Late { .. }) = error
            && tries < LATE_TRIES
        {
            return Next::AskAgain(LATE_WAIT.saturating_mul(2u32.saturating_pow(tries)));
        }
        let endpoint = self.list[place].endpoint();
        match error.filter(|error| error.is_endpoints_own()) {
            Some(error) => {
                if self.scores().failed(place, self.now()) && self.list.len() > 1 {
                    tracing::warn!("{endpoint} is asked last from now on: {error}");
                }
                Next::AskAnother
            }
            None => {
                if self.scores().answered(place) {
                    tracing::info!("{endpoint} answers again");
                }
                Next::Take
            }
        }
    }
}

#[async_trait]
impl ChainReader for Endpoints {
    fn endpoint(&self) -> String {
        self.current().map_or_else(String::new, |current| current.endpoint())
    }

    async fn chain_id(&self) -> ChainResult<u64> {
        first_that_answers!(self, chain_id())
    }

    async fn head(&self, tag: Tag) -> ChainResult<Header> {
        match tag {
            Tag::Latest => self.newest().await,
            Tag::Finalized => first_that_answers!(self, head(tag)),
        }
    }

    /// A block that is named by its hash exists somewhere: one that does not have it is late.
    async fn header(&self, at: BlockAt) -> ChainResult<Option<Header>> {
        let BlockAt::Hash(_) = at else { return first_that_answers!(self, header(at)) };
        let (mut is_unknown, mut failure) = (false, None);
        for place in self.order() {
            for tries in 0..=LATE_TRIES {
                match ask!(self, place, header(at)) {
                    Ok(Ok(None)) => is_unknown = true,
                    Ok(answer) => return answer,
                    Err(answer) => {
                        failure = failure.or(answer.err());
                        break;
                    }
                }
                if tries < LATE_TRIES {
                    sleep(LATE_WAIT.saturating_mul(2u32.saturating_pow(tries))).await;
                }
            }
        }
        if is_unknown { Ok(None) } else { Err(failure.unwrap_or_else(nobody)) }
    }

    async fn code_hash(&self, account: Address, block: &Header) -> ChainResult<B256> {
        first_that_answers!(self, code_hash(account, block))
    }

    async fn code(&self, account: Address, block: &Header) -> ChainResult<Bytes> {
        first_that_answers!(self, code(account, block))
    }

    async fn storage(&self, account: Address, slot: B256, block: &Header) -> ChainResult<B256> {
        first_that_answers!(self, storage(account, slot, block))
    }

    async fn snapshots(
        &self,
        lens: Address,
        queries: &[Query],
        block: &Header,
    ) -> ChainResult<Vec<Sighting>> {
        first_that_answers!(self, snapshots(lens, queries, block))
    }

    async fn witness(&self, lens: Address, query: Query, block: &Header) -> ChainResult<Witness> {
        first_that_answers!(self, witness(lens, query, block))
    }

    async fn execution(
        &self,
        guard: Address,
        decision: B256,
        range: (u64, u64),
    ) -> ChainResult<Option<B256>> {
        first_that_answers!(self, execution(guard, decision, range))
    }

    async fn policy(&self, guard: Address, block: u64, hash: B256) -> ChainResult<Policy> {
        first_that_answers!(self, policy(guard, block, hash))
    }

    async fn logs(&self, filter: &LogFilter) -> ChainResult<Vec<PlacedLog>> {
        first_that_answers!(self, logs(filter))
    }

    async fn read(&self, contract: Address, input: &Bytes, block: &Header) -> ChainResult<Reading> {
        first_that_answers!(self, read(contract, input, block))
    }

    async fn simulate(&self, call: &Call, block: &Header, at: u64) -> ChainResult<Simulation> {
        first_that_answers!(self, simulate(call, block, at))
    }
}

#[async_trait]
impl ChainWriter for Endpoints {
    async fn transaction_count(&self, account: Address, block: Option<B256>) -> ChainResult<u64> {
        first_that_answers!(self, transaction_count(account, block))
    }

    async fn balance(&self, account: Address) -> ChainResult<U256> {
        first_that_answers!(self, balance(account))
    }

    async fn receipt(&self, transaction: B256) -> ChainResult<Option<TransactionReceipt>> {
        first_that_answers!(self, receipt(transaction))
    }

    /// To the private endpoint alone if there is one, whatever it answers; else to every endpoint at once.
    async fn send_raw(&self, raw: &Bytes) -> ChainResult<SendAnswer> {
        match &self.private {
            Some(private) => private.send_raw(raw).await,
            None => self.send_everywhere(raw).await,
        }
    }
}

#[cfg(test)]
mod tests;
