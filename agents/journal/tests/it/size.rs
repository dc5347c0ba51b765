//! How much a journal holds.

use vagus_journal::{Journal, JournalReader, ReadJournal as _};

use crate::fixture::{CHAIN, OTHER_VAULT, Place, VAULT, hold, notes, rebalance};

#[tokio::test]
async fn what_it_holds_is_counted_as_it_lies_there() {
    for place in Place::all().await {
        let journal = place.open().await;
        let reader = JournalReader::connect(&place.url).await.unwrap();
        assert_eq!(reader.size().await.unwrap().records, 0);
        let first =
            journal.append_decision(&rebalance(VAULT, Default::default(), 100)).await.unwrap();
        journal.append_decision(&rebalance(VAULT, first, 101)).await.unwrap();
        journal.append_decision(&rebalance(OTHER_VAULT, Default::default(), 100)).await.unwrap();
        // A hold that lasts is no record yet.
        journal.observe_hold(&hold(OTHER_VAULT, 101), &notes()).await.unwrap();
        assert_eq!(reader.size().await.unwrap().records, 3);
        journal.close_runs().await.unwrap();
        let size = reader.size().await.unwrap();
        assert_eq!(size.records, 4);
        assert_eq!(reader.verify_chain(CHAIN, VAULT).await.unwrap().records, 2);
        if place.is_sqlite {
            let file = place.file();
            let log = format!("{}-wal", file.display());
            let length = |path: &std::path::Path| std::fs::metadata(path).unwrap().len();
            assert!(length(log.as_ref()) > 0, "what was not written back yet");
            assert_eq!(size.bytes, length(&file) + length(log.as_ref()));
        } else {
            // An empty database takes some megabytes.
            assert!(size.bytes > 1_000_000, "{}", size.bytes);
        }
    }
}
