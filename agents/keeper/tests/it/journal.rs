//! `keeper journal` from outside.

use std::{fs, path::Path, process::Output};

use vagus_journal::SqlJournal;
use vagus_keeper::exit::Exit;

use crate::bad_input::{Desk, run};

fn journal(desk: &Desk, verb: &str, file: &Path, more: &[&str]) -> Output {
    let (config, file) = (desk.config.display().to_string(), file.display().to_string());
    run(&[&["journal", verb, "--config", &config, &file], more].concat())
}

pub(crate) fn assert_ends(output: &Output, exit: Exit, parts: &[&str]) {
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(exit.number().into()), "{said}");
    for part in parts {
        assert!(said.contains(part), "expected {part:?} in: {said}");
    }
}

#[tokio::test]
async fn a_journal_is_copied_and_put_back_and_nothing_is_overwritten() {
    let desk = Desk::new(|text| text);
    let here = desk.folder.path().join("journal.db");
    let copy = desk.folder.path().join("copy.sqlite");
    let none = journal(&desk, "backup", &copy, &[]);
    assert_ends(&none, Exit::Journal, &["journal.db", "cannot be opened"]);
    assert!(!here.exists() && !copy.exists(), "something was made of nothing");

    let open = SqlJournal::connect(&format!("sqlite:{}", here.display())).await.unwrap();
    let done = journal(&desk, "backup", &copy, &["--json"]);
    assert_ends(&done, Exit::Ok, &["\"schema\":1", "\"records\":0"]);
    let again = journal(&desk, "backup", &copy, &[]);
    assert_ends(&again, Exit::Journal, &["copy.sqlite", "there already"]);
    let running = journal(&desk, "restore", &copy, &[]);
    assert_ends(&running, Exit::Journal, &["journal.db", "in use by another process"]);
    open.close().await;

    fs::rename(&here, desk.folder.path().join("aside.db")).unwrap();
    let before = fs::read(&copy).unwrap();
    let back = journal(&desk, "restore", &copy, &[]);
    assert_ends(&back, Exit::Ok, &["restored from", "0 records"]);
    assert!(here.exists());
    assert_eq!(fs::read(&copy).unwrap(), before, "the copy was changed");
    let missing = journal(&desk, "restore", &desk.folder.path().join("nowhere"), &[]);
    assert_ends(&missing, Exit::Journal, &["nowhere", "cannot be opened"]);
}

#[test]
fn help_shows_by_example() {
    for verb in ["backup", "restore", "adopt"] {
        let help = run(&["journal", verb, "--help"]);
        assert_ends(&help, Exit::Ok, &["Examples:", &format!("keeper journal {verb} --config")]);
    }
}

#[test]
fn a_hash_is_asked_for_by_its_digits() {
    let desk = Desk::new(|text| text);
    let config = desk.config.display().to_string();
    for wrong in ["0x1234567", "12345678g", "", "--json"] {
        let output = run(&["journal", "show", "--config", &config, wrong]);
        assert_ends(&output, Exit::Usage, &["DECISION"]);
    }
    let wrong = run(&["journal", "list", "--config", &config, "--reason", "Because"]);
    assert_ends(&wrong, Exit::Usage, &["Because", "docs/codes.md"]);
    // Without a journal there is nothing to show, and none is made.
    let none = run(&["journal", "list", "--config", &config]);
    assert_ends(&none, Exit::Journal, &["journal.db"]);
    assert!(!desk.folder.path().join("journal.db").exists());
}
