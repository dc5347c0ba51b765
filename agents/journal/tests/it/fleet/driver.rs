//! Who goes on, and what happens between: by the seed.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{Connection as _, PgConnection};
use tokio::sync::{
    Semaphore,
    mpsc::{UnboundedReceiver, unbounded_channel},
};
use vagus_draw::Draw;
use vagus_journal::SqlJournal;

use super::{
    check::check,
    holder::{Holder, LEASE},
    world::{Gate, InProcess},
};
use crate::fixture::Place;

const HOLDERS: usize = 3;
/// Chains of schedules, so that none sees another's.
const FIRST_CHAIN: u64 = 1_000_000;
/// After so long the server is asked whether a holder waits for another's lock.
const LOOK_AFTER: Duration = Duration::from_millis(3);

/// What happened, over all schedules.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    schedules: u64,
    statements: u64,
    /// Holders that were let go on after their leases had run out while they stood at a statement.
    paused_beyond: u64,
    refused: u64,
    ended_sessions: u64,
    blocked: u64,
    executed: u64,
    cancelled: u64,
    takeovers: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} schedules, {} statements, {} pauses beyond a lease, {} takeovers, {} writes refused, \
             {} waits for a lock, {} sessions ended, {} decisions executed, {} cancelled",
            self.schedules,
            self.statements,
            self.paused_beyond,
            self.takeovers,
            self.refused,
            self.blocked,
            self.ended_sessions,
            self.executed,
            self.cancelled
        )
    }
}

impl Counts {
    pub(super) fn add(&mut self, more: &Self) {
        self.schedules += more.schedules;
        self.statements += more.statements;
        self.paused_beyond += more.paused_beyond;
        self.refused += more.refused;
        self.ended_sessions += more.ended_sessions;
        self.blocked += more.blocked;
        self.executed += more.executed;
        self.cancelled += more.cancelled;
        self.takeovers += more.takeovers;
    }

    pub(super) fn assert_floors(&self) {
        let floors = [
            ("pauses beyond a lease", self.paused_beyond, self.schedules),
            ("takeovers", self.takeovers, self.schedules),
            ("writes refused", self.refused, self.schedules / 2),
            ("sessions ended", self.ended_sessions, 50),
            ("waits for a lock", self.blocked, 20),
            ("decisions executed", self.executed, self.schedules / 2),
            ("decisions cancelled", self.cancelled, 50),
        ];
        for (what, count, floor) in floors {
            assert!(count >= floor, "{what}: {count}, expected at least {floor}: {self}");
        }
    }
}

pub(super) struct Driver {
    /// Of each schedule.
    pub(super) steps: u64,
    pub(super) counts: Counts,
    place: Place,
    admin: PgConnection,
    journals: Vec<SqlJournal>,
    clock: u64,
}

/// One holder as the driver sees it.
struct Held {
    permits: Arc<Semaphore>,
    is_waiting: bool,
    /// The clock when it came to its statement.
    since: u64,
    task: tokio::task::JoinHandle<()>,
}

impl Held {
    const fn arrive(&mut self, clock: u64) {
        self.is_waiting = true;
        self.since = clock;
    }
}

impl Driver {
    pub(super) async fn open(place: Place) -> Self {
        let mut journals = Vec::new();
        for _ in 0..=HOLDERS {
            journals.push(place.unleased().await);
        }
        place.set_clock(0).await;
        let admin = PgConnection::connect(&place.url).await.unwrap();
        Self {
            steps: 70,
            counts: Counts::default(),
            place,
            admin,
            journals,
            clock: 1_700_000_000_000,
        }
    }

    /// The planted fault: leases that are granted and timed as they should be, and fence nothing.
    pub(super) async fn plant_no_fence(&self) {
        let sql = "CREATE OR REPLACE FUNCTION holds_lease(of_chain BIGINT, of_scope TEXT, \
                   of_account TEXT, by_session BIGINT, by_token BIGINT) RETURNS BIGINT \
                   LANGUAGE sql VOLATILE AS 'SELECT 1::BIGINT'";
        self.place.meddle(sql).await;
    }

    pub(super) async fn schedule(&mut self, seed: u64) -> Result<(), String> {
        let mut draw = Draw::new(seed);
        let chain_id = FIRST_CHAIN + seed;
        let world = Arc::new(InProcess::default());
        world.clock.store(self.clock, Ordering::SeqCst);
        let wrong = Arc::new(Mutex::new(None));
        let refused = Arc::new(AtomicU64::new(0));
        let (arrived, mut arrivals) = unbounded_channel();
        let mut holders: Vec<Held> = Vec::new();
        for holder in 0..HOLDERS {
            let permits = Arc::new(Semaphore::new(0));
            let gate =
                Arc::new(Gate { holder, arrived: arrived.clone(), permits: permits.clone() });
            let journal = self.journals[holder].clone().with_pauses(gate.clone());
            let mut holder = Holder::new(journal, chain_id, world.clone(), gate);
            (holder.refused, holder.wrong) = (refused.clone(), wrong.clone());
            let task = tokio::spawn(holder.work());
            holders.push(Held { permits, is_waiting: false, since: self.clock, task });
        }
        // Everybody comes to the first statement.
        while !holders.iter().all(|holder| holder.is_waiting) {
            let holder = arrivals.recv().await.expect("holders live");
            holders[holder].is_waiting = true;
        }
        for _ in 0..self.steps {
            self.step(&mut draw, &world, &mut holders, &mut arrivals).await;
        }
        // All are killed where they stand; one that starts anew has to end what they began.
        for holder in &holders {
            holder.task.abort();
        }
        for holder in holders {
            let ended = holder.task.await;
            if let Err(error) = ended
                && error.is_panic()
            {
                return Err(format!("a holder ended: {error}"));
            }
        }
        self.end_standing_sessions().await;
        let journal = self.drain(chain_id, &world, &mut draw).await?;
        self.counts.schedules += 1;
        self.counts.refused += refused.load(Ordering::SeqCst);
        let chain = std::mem::take(&mut *world.chain.lock().unwrap());
        let found = check(&journal, chain_id, &chain).await?;
        if let Some(wrong) = wrong.lock().unwrap().take() {
            return Err(wrong);
        }
        self.counts.executed += found.executed;
        self.counts.cancelled += found.cancelled;
        let sql = format!(
            "SELECT (SUM(token) - COUNT(*))::text FROM leases WHERE chain_id = {}",
            chain_id
        );
        self.counts.takeovers += self.place.ask(&sql).await.parse::<u64>().unwrap();
        Ok(())
    }

    async fn step(
        &mut self,
        draw: &mut Draw,
        world: &InProcess,
        holders: &mut [Held],
        arrivals: &mut UnboundedReceiver<usize>,
    ) {
        match draw.below(100) {
            // Now and then long enough for every lease to run out.
            0..4 => self.turn_clock(world, draw.below(2 * LEASE)).await,
            4..9 => self.turn_clock(world, draw.below(LEASE / 2)).await,
            9..20 => world.chain.lock().unwrap().mine(draw),
            20 => self.end_standing_sessions().await,
            _ => {
                // The same one goes on for a while, the others stand.
                let chosen = usize::try_from(draw.below(HOLDERS as u64)).unwrap();
                for _ in 0..=draw.below(12) {
                    if !self.let_go_on(chosen, holders, arrivals).await {
                        break;
                    }
                }
            }
        }
    }

    async fn let_go_on(
        &mut self,
        chosen: usize,
        holders: &mut [Held],
        arrivals: &mut UnboundedReceiver<usize>,
    ) -> bool {
        // Whoever waited for a lock may have got it meanwhile.
        while let Ok(arrived) = arrivals.try_recv() {
            holders[arrived].arrive(self.clock);
        }
        let holder = &mut holders[chosen];
        if !holder.is_waiting {
            return false;
        }
        self.counts.statements += 1;
        self.counts.paused_beyond += u64::from(self.clock - holder.since > LEASE);
        holder.is_waiting = false;
        holder.permits.add_permits(1);
        while !holders[chosen].is_waiting {
            match tokio::time::timeout(LOOK_AFTER, arrivals.recv()).await {
                Ok(Some(arrived)) => holders[arrived].arrive(self.clock),
                Ok(None) => return false,
                // It waits for a lock that one of those holds who stand; or it is gone, which is found at the end.
                Err(_) => {
                    let others = holders.iter().filter(|holder| !holder.is_waiting).count();
                    if self.waits_for_locks().await >= others || holders[chosen].task.is_finished()
                    {
                        self.counts.blocked += 1;
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Sessions of this database that wait for a lock.
    async fn waits_for_locks(&mut self) -> usize {
        let sql = "SELECT COUNT(*) FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let waiting: i64 = sqlx::query_scalar(sql).fetch_one(&mut self.admin).await.unwrap();
        usize::try_from(waiting).unwrap()
    }

    async fn turn_clock(&mut self, world: &InProcess, milliseconds: u64) {
        self.clock += milliseconds;
        world.clock.store(self.clock, Ordering::SeqCst);
        let sql = sqlx::query("UPDATE test_clock SET ms = $1");
        let clock = i64::try_from(self.clock).unwrap();
        sql.bind(clock).execute(&mut self.admin).await.unwrap();
    }

    /// As the server does it with sessions that stand inside a transaction for too long.
    async fn end_standing_sessions(&mut self) {
        let sql = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE datname = current_database() AND state = 'idle in transaction'";
        let ended: i64 = sqlx::query_scalar(sql).fetch_one(&mut self.admin).await.unwrap();
        self.counts.ended_sessions += u64::try_from(ended).unwrap();
    }

    /// A keeper that nobody holds up takes over and works until nothing is in flight.
    async fn drain(
        &mut self,
        chain_id: u64,
        world: &Arc<InProcess>,
        draw: &mut Draw,
    ) -> Result<SqlJournal, String> {
        let journal = self.journals[HOLDERS].clone();
        let (arrived, _) = unbounded_channel();
        let gate = Arc::new(Gate { holder: 0, arrived, permits: Arc::new(Semaphore::new(0)) });
        let mut heir = Holder::new(journal.clone(), chain_id, world.clone(), gate);
        self.turn_clock(world, 2 * LEASE).await;
        for _ in 0..40 {
            heir.round_without_deciding().await;
            let in_flight = heir.in_flight().await;
            if in_flight == 0 {
                return Ok(journal);
            }
            world.chain.lock().unwrap().mine(draw);
            self.turn_clock(world, LEASE / 4).await;
        }
        Err("what was in flight has not ended".to_owned())
    }
}
