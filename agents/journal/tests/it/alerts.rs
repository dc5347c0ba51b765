//! What is remembered of alerts: on both databases and in memory, across restarts, by several keepers at once.

use std::sync::Arc;

use serde_json::{Value, json};
use vagus_journal::{AlertChange, AlertStore, MemoryJournal};

use crate::fixture::Place;

fn change(identity: &str, expected: Option<u64>, body: Option<Value>) -> AlertChange {
    AlertChange { identity: identity.to_owned(), expected, body }
}

async fn one(
    store: &dyn AlertStore,
    identity: &str,
    expected: Option<u64>,
    body: Option<Value>,
) -> Option<u64> {
    store.change_alerts(&[change(identity, expected, body)]).await.unwrap()[0]
}

async fn stored(store: &dyn AlertStore) -> Vec<(String, u64, Value)> {
    let found = store.alerts().await.unwrap();
    found.alerts.into_iter().map(|alert| (alert.identity, alert.version, alert.body)).collect()
}

/// What every store does.
async fn keeps_its_word(store: &dyn AlertStore) {
    assert_eq!(stored(store).await, []);
    let (first, second) = (json!({"n": 1}), json!({"n": 2}));
    // What is forgotten and was never there is no quarrel.
    assert_eq!(one(store, "b", None, None).await, Some(0));
    let version = one(store, "b", None, Some(first.clone())).await.expect("new");
    assert_eq!(stored(store).await, [("b".to_owned(), version, first.clone())]);
    // It is there: who thought that it is not comes too late.
    assert_eq!(one(store, "b", None, Some(second.clone())).await, None);
    let next = one(store, "b", Some(version), Some(second.clone())).await.expect("as it was read");
    assert!(next > version);
    // Whoever read the one before comes too late, to change and to forget.
    assert_eq!(one(store, "b", Some(version), Some(first.clone())).await, None);
    assert_eq!(one(store, "b", Some(version), None).await, None);
    assert_eq!(stored(store).await, [("b".to_owned(), next, second.clone())]);
    // Each on its own terms: one that comes too late takes no other with it.
    let many = [
        change("c", None, Some(first.clone())),
        change("b", Some(version), Some(first.clone())),
        change("a", None, Some(second.clone())),
    ];
    let done = store.change_alerts(&many).await.unwrap();
    assert!(done[0].is_some() && done[1].is_none() && done[2].is_some(), "{done:?}");
    let there: Vec<String> =
        stored(store).await.into_iter().map(|(identity, ..)| identity).collect();
    assert_eq!(there, ["a", "b", "c"]);
    // What was forgotten and is there again is not mistaken for what it was.
    assert_eq!(one(store, "b", Some(next), None).await, Some(0));
    assert_eq!(one(store, "b", Some(next), Some(first.clone())).await, None);
    let again = one(store, "b", None, Some(first)).await.expect("new");
    assert_ne!(again, next);
}

#[tokio::test]
async fn a_change_is_made_to_what_was_read_or_not_at_all() {
    for place in Place::all().await {
        keeps_its_word(&place.open().await).await;
    }
    keeps_its_word(&MemoryJournal::default()).await;
}

#[tokio::test]
async fn what_is_remembered_outlives_the_process_and_times_are_the_databases() {
    for place in Place::all().await {
        let journal = place.open().await;
        let body = json!({"summary": "it's \"so\"; naïve"});
        let version = one(&journal, "StaleHead/a", None, Some(body.clone())).await.expect("new");
        let before = journal.alerts().await.unwrap().now_ms;
        journal.close().await;
        let journal = place.open().await;
        assert_eq!(stored(&journal).await, [("StaleHead/a".to_owned(), version, body)]);
        let now = journal.alerts().await.unwrap().now_ms;
        assert!(now >= before && before > 1_700_000_000_000, "{before} {now}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_change_the_same_at_once_one_does() {
    for place in Place::all().await {
        let journal = Arc::new(place.open().await);
        let mut version = None;
        for round in 0..20_u64 {
            let tries = (0..8_u64).map(|keeper| {
                let journal = journal.clone();
                // In both orders, which must not hold them up for ever.
                let mut changes = [
                    change("a", version, Some(json!([round, keeper]))),
                    change("b", version, Some(json!([round, keeper]))),
                ];
                if keeper % 2 == 1 {
                    changes.reverse();
                }
                tokio::spawn(async move {
                    let done = journal.change_alerts(&changes).await.unwrap();
                    done.into_iter().filter(Option::is_some).count()
                })
            });
            let mut won = 0;
            for one in tries.collect::<Vec<_>>() {
                won += one.await.unwrap();
            }
            assert_eq!(won, 2, "one of each");
            let found = stored(&*journal).await;
            assert_eq!(found[0].2, found[1].2, "the same keeper came first for both");
            assert_eq!(found[0].1, found[1].1, "both went the same way");
            version = Some(found[0].1);
        }
    }
}
