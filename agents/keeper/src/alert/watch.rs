//! The loop that looks, remembers and tells: board and journal in, notices out.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, unbounded_channel},
        watch,
    },
    time::Instant,
};
use vagus_journal::AlertStore;

use super::{Book, Condition, Delivered, Notice, Sender, Timing, conditions};
use crate::{board::Board, config::AlertsConfig};

/// How often the board is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often the journal is asked while nothing is wrong: another keeper may have left something open.
const READ_EVERY: Duration = Duration::from_secs(60);

/// Looks at a board and tells people, until told to stop. What was told is kept in the journal; one that fails keeps
/// nobody from being told.
pub async fn watch_board(
    board: Arc<Board>,
    config: watch::Receiver<AlertsConfig>,
    keeper: String,
    store: Arc<dyn AlertStore>,
    stop: watch::Receiver<bool>,
) {
    Watch::begin(config, keeper, store, Timing::new).run(board, LOOK_EVERY, stop).await;
}

/// Everything between two looks.
pub(super) struct Watch {
    config: watch::Receiver<AlertsConfig>,
    keeper: String,
    store: Arc<dyn AlertStore>,
    timing: fn(Duration) -> Timing,
    book: Book,
    clock: Clock,
    has_failed: bool,
}

impl Watch {
    pub(super) fn begin(
        mut config: watch::Receiver<AlertsConfig>,
        keeper: String,
        store: Arc<dyn AlertStore>,
        timing: fn(Duration) -> Timing,
    ) -> Self {
        let repeat = config.borrow_and_update().repeat();
        let book = Book::new(&keeper, timing(repeat));
        let clock = Clock::started();
        Self { config, keeper, store, timing, book, clock, has_failed: false }
    }

    pub(super) async fn run(
        mut self,
        board: Arc<Board>,
        look_every: Duration,
        mut stop: watch::Receiver<bool>,
    ) {
        let (told, mut delivered) = unbounded_channel();
        let now = self.config.borrow().clone();
        let mut sender = Sender::start(&now, &self.keeper, told.clone());
        loop {
            if self.config.has_changed().unwrap_or(false) {
                let now = self.config.borrow_and_update().clone();
                sender = Sender::start(&now, &self.keeper, told.clone());
                self.book.set_timing((self.timing)(now.repeat()));
            }
            // Without a channel nobody is told, and there is nothing to remember.
            if !self.config.borrow().channels.is_empty() {
                for notice in self.look(&board, &mut delivered).await {
                    sender.send(&notice);
                }
            }
            tokio::select! {
                _ = stop.wait_for(|is_stopped| *is_stopped) => return,
                () = tokio::time::sleep(look_every) => {}
            }
        }
    }

    /// One look. Gives back what is to be told now, which is stored already.
    async fn look(
        &mut self,
        board: &Board,
        delivered: &mut UnboundedReceiver<Delivered>,
    ) -> Vec<Notice> {
        let views = board.views();
        let wrong = conditions(&views, Instant::now());
        if !wrong.is_empty() || !self.book.is_empty() || self.clock.read_age() >= READ_EVERY {
            let watches = |condition: &Condition| {
                let mut chains = views.iter().filter(|view| view.name == condition.chain);
                chains.any(|view| {
                    let is_it = |name: &String| view.vaults.iter().any(|vault| vault.name == *name);
                    condition.vault.as_ref().is_none_or(is_it)
                })
            };
            match self.store.alerts().await {
                Ok(stored) => {
                    self.clock.read(Duration::from_millis(stored.now_ms));
                    self.book.take_in(self.clock.now(), &stored.alerts, watches);
                    self.has_failed = false;
                }
                Err(error) => self.failed(&error),
            }
        }
        while let Ok(Delivered { identities, change }) = delivered.try_recv() {
            for identity in identities {
                self.book.delivered(&identity, change);
            }
        }
        let notices = self.book.step(self.clock.now(), wrong);
        let changes = self.book.changes();
        if changes.is_empty() {
            return notices;
        }
        match self.store.change_alerts(&changes).await {
            Ok(made) => self.book.settle(&changes, &made, notices),
            // Better told twice than never; what was told is written down when that is possible again.
            Err(error) => {
                self.failed(&error);
                notices
            }
        }
    }

    fn failed(&mut self, error: &vagus_journal::JournalError) {
        if !self.has_failed {
            tracing::warn!("alerts: what was told is not remembered: the {error}");
        }
        self.has_failed = true;
    }
}

/// The journal's clock, between two looks at it.
struct Clock {
    at: Duration,
    since: Instant,
    has_read: bool,
}

impl Clock {
    /// This machine's, until the journal was read.
    fn started() -> Self {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { at, since: Instant::now(), has_read: false }
    }

    fn read(&mut self, at: Duration) {
        (self.at, self.since, self.has_read) = (at, Instant::now(), true);
    }

    fn now(&self) -> Duration {
        self.at.saturating_add(self.since.elapsed())
    }

    fn read_age(&self) -> Duration {
        if self.has_read { self.since.elapsed() } else { Duration::MAX }
    }
}
