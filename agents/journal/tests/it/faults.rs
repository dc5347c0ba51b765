//! What can happen to a journal that is open: a clear error that says what, where and what to do, nothing done by half,
//! nothing lost that was told done, and, where that can be, going on once the fault is over.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use alloy_primitives::B256;
use sqlx::Connection as _;
use vagus_journal::{
    ErrorKind, Journal as _, JournalError, JournalReader, Leases as _, Patience, ReadJournal as _,
    RecordQuery, SqlJournal,
};

use crate::fixture::{CHAIN, LONG, Place, VAULT, hold, keys, notes, rebalance};

const SMALL: &str = "VAGUS_TEST_SMALL_DISK";
const SOON: Patience =
    Patience { answer: Duration::from_millis(600), standing: Duration::from_millis(400) };

fn assert_says(error: &JournalError, kind: ErrorKind, parts: &[&str]) {
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    for part in parts {
        assert!(text.contains(part), "expected {part:?} in: {text}");
    }
    assert!(!text.contains('\n'), "{text}");
}

/// Writes a record at a block; told done when it comes back.
async fn write(journal: &SqlJournal, number: u64) -> Result<(), JournalError> {
    journal.observe_hold(&hold(VAULT, number), &notes()).await?;
    journal.close_runs().await.map(drop)
}

/// Not a test: what is done on a small file system.
#[tokio::test]
#[ignore = "run by the test below on a file system of its own"]
async fn child() {
    let Ok(folder) = std::env::var(SMALL) else { return };
    let folder = PathBuf::from(folder);
    // What is freed later.
    std::fs::write(folder.join("ballast"), vec![0; 300_000]).unwrap();
    let file = folder.join("journal.sqlite");
    let journal = SqlJournal::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    let mut done = 99;
    let error = loop {
        match write(&journal, done + 1).await {
            Ok(()) => done += 1,
            Err(error) => break error,
        }
    };
    assert!(done > 105, "{done}: {error}");
    let place = file.display().to_string();
    assert_says(&error, ErrorKind::Retry, &["no room left", &place, "Free space"]);
    // Still so when tried again, and everything that was told done can be read.
    assert!(write(&journal, done + 1).await.is_err());
    let decided = journal.last_decided_block(CHAIN, VAULT).await.unwrap().unwrap().number;
    assert!(decided == done || decided == done + 1, "{decided}, told {done}");
    assert!(journal.verify_chain(CHAIN, VAULT).await.unwrap().is_intact());
    // Space is freed: the same journal goes on, without a restart.
    std::fs::remove_file(folder.join("ballast")).unwrap();
    for number in done + 1..done + 5 {
        write(&journal, number).await.unwrap();
    }
    let report = journal.verify_chain(CHAIN, VAULT).await.unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.records, done + 5 - 100);
    println!("went on after {done}");
}

#[test]
fn a_full_disk_loses_nothing_and_is_waited_out() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    let mount = format!("mount -t tmpfs -o size=1200k tmpfs {at}");
    let probe = Command::new("unshare").args(["-rm", "sh", "-c", &mount]).output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        eprintln!("no small file system can be made here: a full disk is not tried");
        return;
    }
    let test = std::env::current_exe().unwrap();
    let run =
        format!("{mount} && exec {} --exact faults::child --ignored --nocapture", test.display());
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", &run])
        .env(SMALL, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("went on after"), "{output:?}");
}

#[tokio::test]
async fn a_file_that_somebody_else_locks_is_busy_and_then_goes_on() {
    let place = Place::sqlite();
    let journal = SqlJournal::connect_with(&place.url, SOON).await.unwrap();
    write(&journal, 100).await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(place.file());
    let mut other = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let error = write(&journal, 101).await.unwrap_err();
    let file = place.file().display().to_string();
    assert_says(&error, ErrorKind::Retry, &["busy", &file, "Look for another program"]);
    assert_eq!(journal.last_decided_block(CHAIN, VAULT).await.unwrap().unwrap().number, 100);
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    write(&journal, 101).await.unwrap();
    assert!(journal.verify_chain(CHAIN, VAULT).await.unwrap().is_intact());
}

#[tokio::test]
async fn waiting_for_a_lock_holds_nothing_else_up() {
    const TURNS: u32 = 10;
    let place = Place::sqlite();
    let journal = SqlJournal::connect_with(&place.url, SOON).await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(place.file());
    let mut other = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    // One thread for both: it has its turns while the write waits.
    let mut turns = 0;
    let writing = write(&journal, 100);
    tokio::pin!(writing);
    let written = loop {
        tokio::select! {
            written = &mut writing => break written,
            () = tokio::time::sleep(Duration::from_millis(5)) => {
                turns += 1;
                if turns == TURNS {
                    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
                }
            }
        }
    };
    written.unwrap();
    assert!(turns >= TURNS, "it was written after {turns} turns, under a lock of somebody else's");
    assert_eq!(journal.last_decided_block(CHAIN, VAULT).await.unwrap().unwrap().number, 100);
}

#[tokio::test]
async fn a_file_that_is_damaged_while_it_is_open_stops_everything() {
    let place = Place::sqlite();
    let journal = place.open().await;
    let mut head = B256::ZERO;
    // More than the connection keeps in memory.
    for number in 100..600 {
        head = journal.append_decision(&rebalance(VAULT, head, number)).await.unwrap();
    }
    journal.close().await;
    // Nobody has it open: what is read is whole.
    let bytes = std::fs::read(place.file()).unwrap();
    let journal = place.open().await;
    let mut damaged = bytes.clone();
    for page in 1..bytes.len() / 4_096 {
        damaged[page * 4_096..page * 4_096 + 64].fill(0xff);
    }
    std::fs::write(place.file(), &damaged).unwrap();
    let error = journal.records(CHAIN, VAULT, RecordQuery::default()).await.unwrap_err();
    let file = place.file().display().to_string();
    // The database finds it, or the journal does in what the database gave it.
    assert_says(&error, ErrorKind::Fatal, &["damaged", "restore a copy"]);
    let error = JournalReader::open_read_only(&place.file()).await.unwrap_err();
    assert_says(&error, ErrorKind::Fatal, &["damaged", &file]);
    // Its connections are gone then, and write nothing into what is put back.
    journal.close().await;
    // What is put back is whole.
    let _ = std::fs::remove_file(place.file().with_extension("sqlite-wal"));
    let _ = std::fs::remove_file(place.file().with_extension("sqlite-shm"));
    std::fs::write(place.file(), &bytes).unwrap();
    let journal = place.open().await;
    let report = journal.verify_chain(CHAIN, VAULT).await.unwrap();
    assert_eq!((report.records, report.head, report.is_intact()), (500, head, true));
}

/// A server of the test's own, to be stopped, paused and started again.
struct Server {
    script: Child,
    url: String,
    folder: PathBuf,
}

impl Server {
    fn start() -> Option<Self> {
        if std::env::var_os("VAGUS_TEST_POSTGRES_URL").is_none() {
            eprintln!("VAGUS_TEST_POSTGRES_URL is not set: no server is stopped");
            return None;
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/with-postgres.sh");
        let wait = "echo \"$VAGUS_TEST_POSTGRES_URL\"; sleep 600";
        let mut script = Command::new(script)
            .args(["sh", "-c", wait])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(script.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        let folder = PathBuf::from(url.split_once("host=").unwrap().1);
        Some(Self { script, url, folder })
    }

    /// The server's own process and those of its sessions.
    fn processes(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        let main = text.lines().next().unwrap().to_owned();
        let sessions =
            std::fs::read_to_string(format!("/proc/{main}/task/{main}/children")).unwrap();
        let sessions = sessions.split_whitespace().map(str::to_owned);
        std::iter::once(main.clone()).chain(sessions).collect()
    }

    fn signal(&self, name: &str) {
        for process in self.processes() {
            // A session may have ended meanwhile.
            let _ = Command::new("kill").args([name, &process]).stderr(Stdio::null()).status();
        }
    }

    /// As when the machine under it is gone. Gives back how it is started again.
    fn kill(&self) -> Vec<String> {
        let main = self.processes().remove(0);
        let program = std::fs::read_link(format!("/proc/{main}/exe")).unwrap();
        let line = std::fs::read_to_string(format!("/proc/{main}/cmdline")).unwrap();
        let mut words: Vec<_> =
            line.split('\0').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        words[0] = program.display().to_string();
        assert!(Command::new("kill").args(["-QUIT", &main]).status().unwrap().success());
        let gone = self.folder.join("data/postmaster.pid");
        let waited = Instant::now();
        while gone.exists() {
            assert!(waited.elapsed() < Duration::from_secs(20), "the server does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
        words
    }

    fn start_again(&self, words: &[String]) -> Child {
        let is_root = std::fs::metadata("/proc/self").unwrap();
        let is_root = std::os::unix::fs::MetadataExt::uid(&is_root) == 0;
        let mut command = if is_root {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]).args(words);
            command
        } else {
            let mut command = Command::new(&words[0]);
            command.args(&words[1..]);
            command
        };
        command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    async fn journal(&self) -> SqlJournal {
        let journal = SqlJournal::connect_with(&self.url, SOON).await.unwrap();
        let session = journal.join("test").await.unwrap();
        let mut leases = Vec::new();
        for key in keys() {
            leases.extend(journal.acquire(session, key, LONG).await.unwrap());
        }
        journal.under(&leases)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal("-CONT");
        // The script ends its server and removes its folder.
        let _ = Command::new("kill").args(["-TERM", &self.script.id().to_string()]).status();
        let _ = self.script.wait();
        let _ = std::io::stdout().flush();
    }
}

#[tokio::test]
async fn a_server_that_is_paused_is_waited_for_and_nothing_is_lost() {
    let Some(server) = Server::start() else { return };
    let journal = server.journal().await;
    write(&journal, 100).await.unwrap();
    server.signal("-STOP");
    let asked = Instant::now();
    let error = write(&journal, 101).await.unwrap_err();
    assert!(asked.elapsed() < Duration::from_secs(5), "an answer was waited for without end");
    assert_says(&error, ErrorKind::Retry, &["no answer in time", "postgres on", "nothing is sent"]);
    // A keeper that starts meanwhile says so too.
    let error = SqlJournal::connect_with(&server.url, SOON).await.unwrap_err();
    assert_says(&error, ErrorKind::Fatal, &["cannot be opened", "no answer"]);
    server.signal("-CONT");
    let mut tries = 0;
    while let Err(error) = write(&journal, 102).await {
        assert_eq!(error.kind(), ErrorKind::Retry, "{error}");
        tries += 1;
        assert!(tries < 50, "{error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let report = journal.verify_chain(CHAIN, VAULT).await.unwrap();
    assert!(report.is_intact(), "{report:?}");
    let records = journal.records(CHAIN, VAULT, RecordQuery::default()).await.unwrap();
    let blocks: Vec<_> = records.iter().map(|r| r.record.first().block().number).collect();
    // What had no answer was done or not, once.
    assert!(matches!(blocks[..], [100, 102] | [100, 101, 102] | [100]), "{blocks:?}");
    drop(journal);
}

#[tokio::test]
async fn a_server_that_is_gone_is_waited_for_and_nothing_is_lost() {
    let Some(server) = Server::start() else { return };
    let journal = server.journal().await;
    write(&journal, 100).await.unwrap();
    let words = server.kill();
    for _ in 0..3 {
        let error = write(&journal, 101).await.unwrap_err();
        assert_says(&error, ErrorKind::Retry, &["postgres on", "nothing is sent", "server"]);
    }
    let error = SqlJournal::connect_with(&server.url, SOON).await.unwrap_err();
    assert_says(&error, ErrorKind::Fatal, &["postgres on", "cannot be opened"]);
    let mut again = server.start_again(&words);
    let mut tries = 0;
    while let Err(error) = write(&journal, 101).await {
        assert_eq!(error.kind(), ErrorKind::Retry, "{error}");
        tries += 1;
        assert!(tries < 100, "{error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let report = journal.verify_chain(CHAIN, VAULT).await.unwrap();
    assert!(report.is_intact() && report.records == 2, "{report:?}");
    drop(journal);
    drop(server);
    again.wait().unwrap();
}

#[tokio::test]
async fn a_session_that_the_server_ends_is_another_one_at_the_next_try() {
    let Some(place) = Place::postgres_only().await else { return };
    let journal = place.open().await;
    write(&journal, 100).await.unwrap();
    for number in 101..106 {
        place
            .meddle(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .await;
        if let Err(error) = write(&journal, number).await {
            assert_says(
                &error,
                ErrorKind::Retry,
                &["the connection was lost", "Check the database"],
            );
            write(&journal, number).await.unwrap();
        }
    }
    let report = journal.verify_chain(CHAIN, VAULT).await.unwrap();
    assert!(report.is_intact() && report.records == 6, "{report:?}");
}

#[tokio::test]
async fn a_server_without_room_or_made_read_only_says_so() {
    let Some(place) = Place::postgres_only().await else { return };
    let journal = place.open().await;
    write(&journal, 100).await.unwrap();
    // As a disk without room answers, from inside the server.
    place
        .meddle(
            "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$; \
             CREATE TRIGGER no_room BEFORE INSERT ON records FOR EACH ROW EXECUTE FUNCTION no_room()",
        )
        .await;
    let error = write(&journal, 101).await.unwrap_err();
    assert_says(&error, ErrorKind::Retry, &["no room left", " on ", "Free space"]);
    place.meddle("DROP TRIGGER no_room ON records").await;
    write(&journal, 102).await.unwrap();
    assert!(journal.verify_chain(CHAIN, VAULT).await.unwrap().is_intact());
    // As after a failover to a standby, for every new session.
    journal.close().await;
    let name = place.ask("SELECT current_database()::text").await;
    let journal = place.unleased().await;
    place.meddle(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    drop(journal);
    let error = SqlJournal::connect(&place.url).await.unwrap_err();
    assert_says(&error, ErrorKind::Fatal, &["read-only"]);
}
