//! Whatever is changed behind the journal's back is found.

use alloy_primitives::B256;
use vagus_journal::{Breach, Journal as _, ReadJournal as _};

use crate::fixture::{CHAIN, Place, VAULT, hold, notes, rebalance};

/// Four records, the second of which is a run of holds, and an open run.
async fn written(place: &Place) -> Vec<B256> {
    let journal = place.open().await;
    let mut hashes = Vec::new();
    let mut append = async |number| {
        let head = journal.head_hash(CHAIN, VAULT).await.unwrap();
        hashes.push(journal.append_decision(&rebalance(VAULT, head, number)).await.unwrap());
    };
    append(100).await;
    for number in [101, 102] {
        journal.observe_hold(&hold(VAULT, number), &notes()).await.unwrap();
    }
    append(103).await;
    append(104).await;
    journal.observe_hold(&hold(VAULT, 105), &notes()).await.unwrap();
    let report = journal.verify_chain(CHAIN, VAULT).await.unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.records, 4);
    journal.close().await;
    hashes
}

async fn breaches_after(sql: &str) -> Vec<Vec<Breach>> {
    let mut all = Vec::new();
    for place in Place::all().await {
        written(&place).await;
        place.meddle(sql).await;
        let journal = place.open().await;
        all.push(journal.verify_chain(CHAIN, VAULT).await.unwrap().breaches);
    }
    all
}

#[tokio::test]
async fn an_altered_record_is_found() {
    let alter = "UPDATE records SET body = REPLACE(body, '\"gas_price_wei\":\"2000000014\"', \
                 '\"gas_price_wei\":\"2000000015\"') WHERE sequence = 2";
    for breaches in breaches_after(alter).await {
        assert!(matches!(breaches[..], [Breach::Altered { sequence: 2, .. }]), "{breaches:?}");
    }
    for breaches in breaches_after("UPDATE records SET body = '{}' WHERE sequence = 1").await {
        let [Breach::Altered { sequence: 1, .. }, Breach::Unreadable { sequence: 1, .. }] =
            breaches[..]
        else {
            panic!("{breaches:?}");
        };
    }
}

/// Altered together with the hash it is stored under: then the next one does not follow.
#[tokio::test]
async fn an_altered_record_under_its_new_hash_is_found() {
    for place in Place::all().await {
        let hashes = written(&place).await;
        let journal = place.open().await;
        let mut record = journal.record(hashes[1]).await.unwrap().unwrap().record;
        journal.close().await;
        record.header.lens_code_hash = B256::ZERO;
        let (body, hash) = (record.to_canonical().unwrap(), record.hash().unwrap());
        let alter =
            format!("UPDATE records SET body = '{body}', hash = '{hash:#x}' WHERE sequence = 2");
        if !place.is_sqlite {
            place
                .meddle("ALTER TABLE transactions DROP CONSTRAINT transactions_decision_fkey")
                .await;
            place.meddle("ALTER TABLE outcomes DROP CONSTRAINT outcomes_decision_fkey").await;
        }
        place.meddle(&alter).await;
        let breaches = place.open().await.verify_chain(CHAIN, VAULT).await.unwrap().breaches;
        assert!(matches!(breaches[..], [Breach::Unlinked { sequence: 3, .. }]), "{breaches:?}");
    }
}

#[tokio::test]
async fn a_dropped_record_is_found() {
    for breaches in breaches_after("DELETE FROM records WHERE sequence = 2").await {
        let [Breach::Missing { sequence: 2 }, Breach::Unlinked { sequence: 3, .. }] = breaches[..]
        else {
            panic!("{breaches:?}");
        };
    }
    // The first one.
    for breaches in breaches_after("DELETE FROM records WHERE sequence = 0").await {
        let [Breach::Missing { sequence: 0 }, Breach::Unlinked { sequence: 1, .. }] = breaches[..]
        else {
            panic!("{breaches:?}");
        };
    }
    // The last one: nothing follows it but the note of the head and the open run.
    for breaches in breaches_after("DELETE FROM records WHERE sequence = 3").await {
        let [Breach::Missing { sequence: 3 }, Breach::WrongHead { .. }, Breach::OpenRun { .. }] =
            breaches[..]
        else {
            panic!("{breaches:?}");
        };
    }
}

#[tokio::test]
async fn reordered_records_are_found() {
    let swap = "UPDATE records SET sequence = 9 WHERE sequence = 2; \
                UPDATE records SET sequence = 2 WHERE sequence = 3; \
                UPDATE records SET sequence = 3 WHERE sequence = 9";
    for breaches in breaches_after(swap).await {
        let unlinked = |b: &Breach| matches!(b, Breach::Unlinked { .. });
        assert_eq!(breaches.iter().filter(|b| unlinked(b)).count(), 2, "{breaches:?}");
        assert!(breaches.iter().any(|b| matches!(b, Breach::WrongHead { .. })), "{breaches:?}");
    }
}

#[tokio::test]
async fn a_record_listed_as_something_else_is_found() {
    for (column, value, what) in [
        ("kind", "'hold'", "kind"),
        ("reason", "'Optimal'", "reason"),
        ("first_block", "99", "first block"),
        ("last_block", "999", "last block"),
    ] {
        let sql = format!("UPDATE records SET {column} = {value} WHERE sequence = 2");
        for breaches in breaches_after(&sql).await {
            assert_eq!(breaches, [Breach::Mislisted { sequence: 2, what }]);
        }
    }
}

#[tokio::test]
async fn a_record_is_hashed_again_when_it_is_read() {
    for place in Place::all().await {
        let hashes = written(&place).await;
        place.meddle("UPDATE records SET body = REPLACE(body, '\"nonce\":4', '\"nonce\":5')").await;
        let error = place.open().await.record(hashes[1]).await.unwrap_err().to_string();
        assert!(error.contains("its text hashes to"), "{error}");
    }
}
