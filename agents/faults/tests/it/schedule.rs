//! Schedules come from their seeds, and few of them name every kind of fault often enough.

use std::collections::BTreeMap;

use vagus_faults::{Schedule, StoreKind, What, floors};
use vagus_schedules::AnswerFault;

#[test]
fn a_seed_is_a_schedule() {
    for seed in 0..1_000 {
        assert_eq!(Schedule::of(seed), Schedule::of(seed));
        assert_ne!(Schedule::of(seed).events, Schedule::of(seed + 1).events);
    }
}

#[test]
fn a_falsified_answer_comes_only_where_two_endpoints_have_to_agree() {
    for schedule in (0..1_000).map(Schedule::of) {
        assert!(schedule.quorum <= schedule.endpoints);
        for event in &schedule.events {
            if matches!(event.what, What::Answer { fault: AnswerFault::Falsified, .. }) {
                assert_eq!((schedule.endpoints, schedule.quorum), (2, 2), "{schedule:?}");
            }
        }
    }
}

/// Not all that is planned comes about: a call may not be made so often. There has to be room for that.
#[test]
fn two_hundred_schedules_plan_more_than_the_floors() {
    let mut planned: BTreeMap<String, u64> = BTreeMap::new();
    for schedule in (0..200).map(Schedule::of) {
        for event in &schedule.events {
            let mut kind = event.what.kind();
            if kind == "database paused" && schedule.store == StoreKind::Sqlite {
                kind = "database locked".to_owned();
            }
            *planned.entry(kind).or_default() += 1;
        }
        for crash in &schedule.crashes {
            *planned.entry(format!("crash {}", crash.place)).or_default() += 1;
        }
    }
    for (kind, floor) in floors(true, true) {
        let count = planned.get(&kind).copied().unwrap_or_default();
        assert!(count > floor, "{kind}: {count} planned, {floor} have to be met");
    }
}
