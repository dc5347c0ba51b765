//! Everything that can be wrong with a journal when it is opened is one clear sentence.

use vagus_journal::{Journal as _, JournalReader, ReadJournal as _, SqlJournal};

use crate::fixture::{CHAIN, Place, VAULT, block, hold, notes};

async fn refusal(url: &str) -> String {
    SqlJournal::connect(url).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_url_of_another_kind_is_named_without_its_password() {
    for url in
        ["mysql://u:secret@host/db", "journal.sqlite", "sqlite:", "postgres://u:secret@[bad/db"]
    {
        let error = refusal(url).await;
        assert!(error.contains("expected a url of the form"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
    let error = refusal("postgres://u:secret@localhost:1/db").await;
    assert!(error.contains("journal db on localhost: cannot be opened"), "{error}");
    assert!(!error.contains("secret"), "{error}");
}

#[tokio::test]
async fn one_process_at_a_time() {
    let place = Place::sqlite();
    let journal = place.open().await;
    let error = refusal(&place.url).await;
    assert!(error.contains("in use by another process"), "{error}");
    assert!(error.contains(&format!("({})", std::process::id())), "{error}");
    // By another name of the same file, too.
    let link = place.file().with_file_name("link.sqlite");
    std::os::unix::fs::symlink(place.file(), &link).unwrap();
    let error = refusal(&format!("sqlite://{}", link.display())).await;
    assert!(error.contains("in use by another process"), "{error}");
    journal.observe_hold(&hold(VAULT, 100), &notes()).await.unwrap();
    drop(journal);
    let again = place.open().await;
    assert_eq!(again.last_decided_block(CHAIN, VAULT).await.unwrap(), Some(block(100)));
}

#[tokio::test]
async fn what_is_not_there_or_not_a_file_cannot_be_opened() {
    let place = Place::sqlite();
    let folder = place.file().parent().unwrap().to_owned();
    let error = refusal(&format!("sqlite:{}", folder.display())).await;
    assert!(error.contains("it is a directory, expected a file"), "{error}");
    let error = refusal(&format!("sqlite:{}/nowhere/journal.sqlite", folder.display())).await;
    assert!(error.contains("not writable"), "{error}");
    assert!(!folder.join("nowhere").exists());
}

#[tokio::test]
async fn what_is_no_journal_is_left_as_it_is() {
    let place = Place::sqlite();
    let text =
        "not a database, whatever its name may be, and long enough to be looked at".repeat(20);
    std::fs::write(place.file(), &text).unwrap();
    let error = refusal(&place.url).await;
    assert!(error.contains("damaged, or not a journal"), "{error}");
    let error = JournalReader::open_read_only(&place.file()).await.unwrap_err().to_string();
    assert!(error.contains("damaged, or not a journal"), "{error}");
    assert_eq!(std::fs::read_to_string(place.file()).unwrap(), text);
    // A database of something else.
    let place = Place::sqlite();
    place.open().await.close().await;
    std::fs::remove_file(place.file()).unwrap();
    std::fs::write(place.file(), "").unwrap();
    place.meddle("CREATE TABLE recipes (name TEXT)").await;
    let error = refusal(&place.url).await;
    assert!(error.contains("it holds tables of something else"), "{error}");
}

#[tokio::test]
async fn a_damaged_file_is_found_before_anything_is_written() {
    let place = Place::sqlite();
    let journal = place.open().await;
    for number in 100..140 {
        journal.observe_hold(&hold(VAULT, number), &notes()).await.unwrap();
        journal.close_runs().await.unwrap();
    }
    journal.close().await;
    let mut bytes = std::fs::read(place.file()).unwrap();
    let pages = bytes.len() / 4_096;
    // The heads of all pages but the first, which is the schema's.
    for page in 1..pages {
        bytes[page * 4_096..page * 4_096 + 16].fill(0xff);
    }
    std::fs::write(place.file(), &bytes).unwrap();
    let error = refusal(&place.url).await;
    assert!(error.contains("damaged, or not a journal"), "{error}");
    assert_eq!(std::fs::read(place.file()).unwrap(), bytes);
}

#[tokio::test]
async fn a_newer_schema_is_for_a_newer_keeper() {
    for place in Place::all().await {
        place.open().await.close().await;
        let columns = "version, description, installed_on, success, checksum, execution_time";
        let digest = if place.is_sqlite { "x'00'" } else { "'\\x00'" };
        place
            .meddle(&format!(
                "INSERT INTO _sqlx_migrations ({columns}) \
                 VALUES (9, 'later', CURRENT_TIMESTAMP, true, {digest}, 0)"
            ))
            .await;
        let expected = "written by a newer keeper (schema 9, this one knows up to 5)";
        let error = refusal(&place.url).await;
        assert!(error.contains(expected), "{error}");
        let error = JournalReader::connect(&place.url).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_reader_waits_for_a_keeper_to_set_the_journal_up() {
    let place = Place::sqlite();
    std::fs::write(place.file(), "").unwrap();
    let error = JournalReader::open_read_only(&place.file()).await.unwrap_err().to_string();
    assert!(error.contains("not been set up by a keeper yet"), "{error}");
    assert_eq!(std::fs::read(place.file()).unwrap().len(), 0);
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let place = Place::sqlite();
    let journal = place.open().await;
    journal.observe_hold(&hold(VAULT, 100), &notes()).await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(place.file()).read_only(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let error = sqlx::query("DELETE FROM open_runs").execute(&pool).await.unwrap_err().to_string();
    assert!(error.contains("readonly"), "{error}");
}
