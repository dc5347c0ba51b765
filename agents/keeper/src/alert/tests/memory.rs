//! What outlives a keeper: restarts, heirs, a journal that fails, and notices that were on their way.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::watch as channel;
use vagus_chain::AgentKey;
use vagus_journal::{
    AlertChange, AlertStore, JournalError, MemoryJournal, Result as JournalResult, StoredAlerts,
};

use super::*;
use crate::{alert::watch::Watch, board::Board, config::AlertsConfig, testing, world::ChainWorld};

/// Books over one store, each a keeper, with a clock that the test moves.
struct Keepers {
    store: MemoryJournal,
    now: u64,
}

impl Keepers {
    fn new() -> Self {
        Self { store: MemoryJournal::default(), now: 1_000_000 }
    }

    fn keeper(name: &str) -> Book {
        Book::new(name, Timing::new(at(240 * MINUTE)))
    }

    /// One look of a keeper; everything that it tells is delivered at once.
    async fn look(&self, book: &mut Book, found: &[Condition]) -> Vec<Notice> {
        let notices = self.look_undelivered(book, found).await;
        for notice in &notices {
            for alert in &notice.alerts {
                book.delivered(&alert.identity, notice.change);
            }
        }
        notices
    }

    async fn look_undelivered(&self, book: &mut Book, found: &[Condition]) -> Vec<Notice> {
        let stored = self.store.alerts().await.expect("in memory");
        book.take_in(at(self.now), &stored.alerts, |_| true);
        let notices = book.step(at(self.now), found.to_vec());
        let changes = book.changes();
        let made = self.store.change_alerts(&changes).await.expect("in memory");
        book.settle(&changes, &made, notices)
    }

    /// Looks of several keepers every five seconds.
    async fn run(
        &mut self,
        seconds: u64,
        books: &mut [(&mut Book, &[Condition])],
    ) -> Vec<(Change, String)> {
        let (mut said, until) = (Vec::new(), self.now + seconds);
        while self.now < until {
            for (book, found) in books.iter_mut() {
                for notice in self.look(book, found).await {
                    let alerts = notice.alerts.iter();
                    said.extend(
                        alerts.map(|a| (notice.change, format!("{}/{}", a.keeper, a.identity))),
                    );
                }
            }
            self.now += 5;
        }
        said
    }
}

fn opened(id: &str) -> Vec<(Change, String)> {
    vec![(Change::Opened, id.to_owned())]
}

fn resolved(id: &str) -> Vec<(Change, String)> {
    vec![(Change::Resolved, id.to_owned())]
}

#[tokio::test]
async fn a_restart_neither_repeats_nor_loses_the_end() {
    let stale = [condition(AlertKind::StaleHead, "a")];
    let mut keepers = Keepers::new();
    let mut book = Keepers::keeper("k");
    assert_eq!(keepers.run(60, &mut [(&mut book, &stale)]).await, opened("k/StaleHead/a"));
    for away in [1, 120, 100_000] {
        keepers.now += away;
        let mut book = Keepers::keeper("k");
        // Nothing is on the board yet, then it still lasts.
        assert_eq!(keepers.run(60, &mut [(&mut book, &[])]).await, [], "{away}");
        let said = keepers.run(60, &mut [(&mut book, &stale)]).await;
        let repeated = (Change::Repeated, "k/StaleHead/a".to_owned());
        let expected = if away == 100_000 { vec![repeated] } else { vec![] };
        assert_eq!(said, expected, "{away}");
    }
    // It ends while nobody looks: five minutes after the start that is told, once, and then forgotten.
    keepers.now += 3_600;
    let mut book = Keepers::keeper("k");
    assert_eq!(keepers.run(300, &mut [(&mut book, &[])]).await, []);
    assert_eq!(keepers.run(5, &mut [(&mut book, &[])]).await, resolved("k/StaleHead/a"));
    assert_eq!(keepers.run(1_000, &mut [(&mut book, &[])]).await, []);
    assert!(keepers.store.alerts().await.expect("in memory").alerts.is_empty());
    assert!(book.is_empty());
}

#[tokio::test]
async fn what_nobody_was_told_of_yet_goes_on_waiting_after_a_restart() {
    let held = [condition(AlertKind::VaultHeld, "a")];
    let mut keepers = Keepers::new();
    let mut book = Keepers::keeper("k");
    assert_eq!(keepers.run(40 * 60, &mut [(&mut book, &held)]).await, []);
    let mut book = Keepers::keeper("k");
    // What was written down last may be a minute old.
    assert_eq!(keepers.run(19 * 60, &mut [(&mut book, &held)]).await, []);
    assert_eq!(keepers.run(2 * 60, &mut [(&mut book, &held)]).await, opened("k/VaultHeld/a"));
    // Not if it ended meanwhile.
    let mut keepers = Keepers::new();
    let mut book = Keepers::keeper("k");
    assert_eq!(keepers.run(40 * 60, &mut [(&mut book, &held)]).await, []);
    let mut book = Keepers::keeper("k");
    assert_eq!(keepers.run(10 * 60, &mut [(&mut book, &[])]).await, []);
    assert!(keepers.store.alerts().await.expect("in memory").alerts.is_empty());
}

#[tokio::test]
async fn the_heir_goes_on_and_tells_the_end_under_the_first_ones_name() {
    let mut vault = condition(AlertKind::NoMandate, "a");
    vault.vault = Some("main".to_owned());
    let mandate = [vault];
    let id = "first/NoMandate/a/main";
    let (mut first, mut heir) = (Keepers::keeper("first"), Keepers::keeper("heir"));
    let mut keepers = Keepers::new();
    let both: &mut [(&mut Book, &[Condition])] = &mut [(&mut first, &mandate), (&mut heir, &[])];
    // The other one sees nothing of it, and does not end it while the first one looks.
    assert_eq!(keepers.run(3_600, both).await, opened(id));
    // The first one dies; the heir takes its vault over within the time that an alert may pause.
    assert_eq!(keepers.run(60, &mut [(&mut heir, &[])]).await, []);
    assert_eq!(keepers.run(600, &mut [(&mut heir, &mandate)]).await, []);
    assert_eq!(keepers.run(600, &mut [(&mut heir, &[])]).await, resolved(id));
    // Nobody takes it over, and it is not seen any more: whoever is left tells the end.
    let mut keepers = Keepers::new();
    let both: &mut [(&mut Book, &[Condition])] = &mut [(&mut first, &mandate), (&mut heir, &[])];
    assert_eq!(keepers.run(100, both).await, opened(id));
    assert_eq!(keepers.run(600, &mut [(&mut heir, &[])]).await, resolved(id));
}

#[tokio::test]
async fn what_several_keepers_see_is_told_by_one_of_them() {
    let stale = [condition(AlertKind::StaleHead, "a")];
    let mut keepers = Keepers::new();
    let (mut one, mut two) = (Keepers::keeper("one"), Keepers::keeper("two"));
    let both: &mut [(&mut Book, &[Condition])] = &mut [(&mut one, &stale), (&mut two, &stale)];
    assert_eq!(keepers.run(3_600, both).await, opened("one/StaleHead/a"));
    // It is over when neither sees it.
    let both: &mut [(&mut Book, &[Condition])] = &mut [(&mut one, &[]), (&mut two, &stale)];
    assert_eq!(keepers.run(3_600, both).await, []);
    let both: &mut [(&mut Book, &[Condition])] = &mut [(&mut one, &[]), (&mut two, &[])];
    assert_eq!(keepers.run(3_600, both).await, resolved("one/StaleHead/a"));
}

#[tokio::test]
async fn what_was_on_its_way_when_the_keeper_died_is_told_again() {
    let stale = [condition(AlertKind::StaleHead, "a")];
    let mut keepers = Keepers::new();
    let mut book = Keepers::keeper("k");
    keepers.look_undelivered(&mut book, &stale).await;
    keepers.now += 10;
    let said = keepers.look_undelivered(&mut book, &stale).await;
    assert_eq!(told(&said), [(Change::Opened, vec!["StaleHead/a"])]);
    // While it is in its hands it is not told again by it, however long a channel takes.
    keepers.now += 1_000;
    assert_eq!(keepers.look_undelivered(&mut book, &stale).await, []);
    // Nor by the next one before three minutes have passed since it was told.
    let mut keepers = Keepers::new();
    let mut book = Keepers::keeper("k");
    keepers.look_undelivered(&mut book, &stale).await;
    keepers.now += 10;
    assert_eq!(keepers.look_undelivered(&mut book, &stale).await.len(), 1);
    let mut next = Keepers::keeper("k");
    keepers.now += 179;
    assert_eq!(keepers.look_undelivered(&mut next, &stale).await, []);
    keepers.now += 1;
    let said = keepers.look(&mut next, &stale).await;
    assert_eq!(told(&said), [(Change::Opened, vec!["StaleHead/a"])]);
    // The end as well: nobody forgets it before it was delivered.
    keepers.now += 300;
    let said = keepers.look_undelivered(&mut next, &[]).await;
    assert_eq!(told(&said), [(Change::Resolved, vec!["StaleHead/a"])]);
    let mut third = Keepers::keeper("k");
    keepers.now += 180;
    let said = keepers.look(&mut third, &[]).await;
    assert_eq!(told(&said), [(Change::Resolved, vec!["StaleHead/a"])]);
    keepers.now += 5;
    assert_eq!(keepers.look(&mut third, &[]).await, []);
    assert!(keepers.store.alerts().await.expect("in memory").alerts.is_empty());
}

/// A store that can be taken away.
#[derive(Default)]
pub(super) struct Failing {
    inner: MemoryJournal,
    fails: AtomicBool,
    /// By how much its clock is ahead, milliseconds.
    pub(super) ahead_ms: AtomicU64,
}

impl Failing {
    fn answer(&self) -> JournalResult<()> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(JournalError::NoAnswer { place: "test".to_owned() });
        }
        Ok(())
    }
}

#[async_trait]
impl AlertStore for Failing {
    async fn alerts(&self) -> JournalResult<StoredAlerts> {
        self.answer()?;
        let mut stored = self.inner.alerts().await?;
        stored.now_ms += self.ahead_ms.load(Ordering::Relaxed);
        Ok(stored)
    }

    async fn change_alerts(&self, changes: &[AlertChange]) -> JournalResult<Vec<Option<u64>>> {
        self.answer()?;
        self.inner.change_alerts(changes).await
    }
}

/// A keeper's watch over a board whose chain may have ended, with real channels and short times.
pub(super) struct Watched {
    pub(super) board: Arc<Board>,
    pub(super) store: Arc<Failing>,
    pub(super) inbox: Inbox,
    config: AlertsConfig,
}

/// Short times.
pub(super) fn timing(repeat: Duration) -> Timing {
    Timing { group: Duration::from_millis(20), repeat, resolve: Duration::from_millis(400) }
}

impl Watched {
    async fn new() -> Self {
        Self::of(&testing::world(&AgentKey::random()).1).await
    }

    pub(super) async fn of(world: &ChainWorld) -> Self {
        let inbox = Inbox::open().await;
        let channel = format!(
            "[[alerts.channels]]\nkind = \"webhook\"\nurl = \"http://{}/\"\n",
            inbox.address
        );
        let config = config(&channel).expect("sound").alerts;
        let board = Arc::new(Board::new(std::slice::from_ref(world)));
        Self { board, store: Arc::default(), inbox, config }
    }

    pub(super) fn set_ended(&self, has_ended: bool) {
        for view in self.board.views() {
            self.board.change_chain(&view.name, |view| view.has_ended = has_ended);
        }
    }

    /// Starts one; it ends with the sender.
    pub(super) fn start(&self, name: &str) -> channel::Sender<bool> {
        let (stop, stopped) = channel::channel(false);
        let (_, config) = channel::channel(self.config.clone());
        let watch = Watch::begin(config, name.to_owned(), self.store.clone(), timing);
        let look_every = Duration::from_millis(10);
        tokio::spawn(watch.run(self.board.clone(), look_every, stopped));
        stop
    }

    pub(super) async fn told(&self, count: usize) -> Vec<(String, String)> {
        let got = self.inbox.wait_for(count).await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        got.iter()
            .map(|(_, body)| (text(&body["change"]), text(&body["alerts"][0]["id"])))
            .collect()
    }
}

#[tokio::test]
async fn a_keeper_that_is_started_again_goes_on_with_what_it_told() {
    let watched = Watched::new().await;
    watched.set_ended(true);
    let first = watched.start("keeper-a");
    let chain = watched.board.views()[0].name.clone();
    let id = format!("keeper-a/ChainEnded/{chain}");
    assert_eq!(watched.told(1).await, [("opened".to_owned(), id.clone())]);
    tokio::time::sleep(Duration::from_millis(100)).await;
    first.send_replace(true);
    tokio::time::sleep(Duration::from_millis(50)).await;
    // Another one, for longer than an alert may pause: it still lasts, and nobody is told anything.
    let heir = watched.start("keeper-b");
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(watched.told(1).await.len(), 1);
    // It ends while no keeper runs; the next one tells that, under the name by which it is known.
    heir.send_replace(true);
    tokio::time::sleep(Duration::from_millis(50)).await;
    watched.set_ended(false);
    let _last = watched.start("keeper-c");
    assert_eq!(watched.told(2).await[1], ("resolved".to_owned(), id));
}

#[tokio::test]
async fn a_journal_that_fails_keeps_nobody_from_being_told() {
    let watched = Watched::new().await;
    watched.store.fails.store(true, Ordering::Relaxed);
    watched.set_ended(true);
    let _keeper = watched.start("keeper-a");
    assert_eq!(watched.told(1).await[0].0, "opened");
    // When it can be used again, what was told is written down and not told again.
    watched.store.fails.store(false, Ordering::Relaxed);
    for _ in 0..500 {
        if !watched.store.inner.alerts().await.expect("in memory").alerts.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(watched.store.inner.alerts().await.expect("in memory").alerts.len(), 1);
    assert_eq!(watched.told(1).await.len(), 1);
    watched.set_ended(false);
    assert_eq!(watched.told(2).await[1].0, "resolved");
}
