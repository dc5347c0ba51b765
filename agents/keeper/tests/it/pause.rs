//! `keeper pause` and `keeper resume` from outside.

use alloy::primitives::Address;
use vagus_journal::{InterventionAction, ReadJournal as _, SqlJournal};
use vagus_keeper::exit::Exit;

use crate::{
    bad_input::{Desk, run},
    journal::assert_ends,
};

fn say(desk: &Desk, verb: &str, vault: &str, reason: &str, more: &[&str]) -> std::process::Output {
    let config = desk.config.display().to_string();
    let options = ["--vault", vault, "--person", "Ada", "--reason", reason];
    run(&[&[verb, "--config", &config], &options[..], more].concat())
}

#[tokio::test]
async fn a_vault_is_paused_and_resumed_beside_a_keeper_and_without_a_chain() {
    let desk = Desk::new(|text| text);
    // Before a keeper ever ran.
    let first = say(&desk, "pause", "treasury", "to begin with", &[]);
    assert_ends(&first, Exit::Ok, &["vault treasury: paused"]);
    // And while one has the file open.
    let file = desk.folder.path().join("journal.db");
    let open = SqlJournal::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    let second = say(&desk, "resume", "treasury", "all is well", &["--json"]);
    assert_ends(&second, Exit::Ok, &["\"schema\":1", "\"action\":\"resume\"", "all is well"]);
    let third = say(&desk, "pause", "treasury", "not quite", &[]);
    assert_ends(&third, Exit::Ok, &["vault treasury: paused"]);
    // The deployment file of the desk names this vault, on chain 1.
    let vault = Address::repeat_byte(3);
    let made = open.interventions(1, vault).await.unwrap();
    let told: Vec<_> = made.iter().map(|made| (made.action, made.reason.as_str())).collect();
    assert_eq!(
        told,
        [
            (InterventionAction::Pause, "to begin with"),
            (InterventionAction::Resume, "all is well"),
            (InterventionAction::Pause, "not quite"),
        ]
    );
    assert!(made.iter().all(|made| made.person == "Ada" && made.made_at > 1_700_000_000));
    let standing = open.standings(1).await.unwrap();
    assert_eq!(standing[0].pause(), made.last());
}

#[test]
fn what_is_not_said_changes_nothing() {
    let desk = Desk::new(|text| text);
    let other = say(&desk, "pause", "treasure", "a slip", &[]);
    assert_ends(&other, Exit::Usage, &["treasure", "it names treasury"]);
    for empty in ["", "  ", "two\nlines"] {
        let silent = say(&desk, "pause", "treasury", empty, &[]);
        assert_ends(&silent, Exit::Usage, &["--reason", "expected one line of text"]);
    }
    assert!(!desk.folder.path().join("journal.db").exists());
    for verb in ["pause", "resume"] {
        let help = run(&[verb, "--help"]);
        assert_ends(&help, Exit::Ok, &["Examples:", &format!("keeper {verb} --config")]);
    }
}
