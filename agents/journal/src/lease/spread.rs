//! Who should hold what: the same answer in every keeper that sees the same, so that nobody has to be asked.

use std::collections::{BTreeMap, BTreeSet};

use super::{LeaseKey, Scope, Service, Session};

/// Gives every lease that a live session could hold to one of them. Vaults and keys are spread apart. Nothing moves
/// from a live holder that has no more than its share, which is its part of all leases, rounded so that the shares
/// differ by one at most. Where every session could hold everything, nobody gets more than ⌈leases ÷ sessions⌉; a lease
/// that few could hold goes to one of those, whatever its share.
#[must_use]
pub fn spread(services: &[Service]) -> BTreeMap<LeaseKey, Session> {
    let mut wanted = BTreeMap::new();
    for scope in [Scope::Vault, Scope::Key] {
        spread_scope(services.iter().filter(|service| service.key.scope == scope), &mut wanted);
    }
    wanted
}

fn spread_scope<'a>(
    services: impl Iterator<Item = &'a Service>,
    wanted: &mut BTreeMap<LeaseKey, Session>,
) {
    let mut able: BTreeMap<LeaseKey, BTreeSet<Session>> = BTreeMap::new();
    let mut holders: BTreeMap<LeaseKey, Session> = BTreeMap::new();
    let mut load: BTreeMap<Session, usize> = BTreeMap::new();
    for service in services {
        able.entry(service.key).or_default().insert(service.session);
        load.entry(service.session).or_default();
        if let Some(holder) = service.holder {
            holders.insert(service.key, holder);
        }
    }
    if load.is_empty() {
        return;
    }
    let share = able.len() / load.len();
    // So many sessions may hold one more.
    let mut larger_shares = able.len() % load.len();
    let mut open: Vec<(usize, LeaseKey)> = Vec::new();
    for (key, sessions) in &able {
        let holder = holders.get(key).filter(|holder| sessions.contains(holder));
        let held = holder.and_then(|holder| load.get_mut(holder).map(|held| (*holder, held)));
        match held {
            Some((holder, held)) if *held < share || (*held == share && larger_shares > 0) => {
                larger_shares -= usize::from(*held == share);
                *held += 1;
                wanted.insert(*key, holder);
            }
            _ => open.push((sessions.len(), *key)),
        }
    }
    // Those that fewest could hold first.
    open.sort_unstable();
    for (_, key) in open {
        let least = able[&key].iter().min_by_key(|session| (load[*session], **session)).copied();
        // Every lease here came with a session that could hold it.
        if let Some(session) = least {
            *load.entry(session).or_default() += 1;
            wanted.insert(key, session);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use alloy_primitives::Address;
    use proptest::prelude::*;

    use super::*;

    fn vault(n: u8) -> LeaseKey {
        LeaseKey::vault(u64::from(n % 2), Address::repeat_byte(n))
    }

    /// All sessions could hold everything.
    fn services(vaults: u8, sessions: u64, holder: impl Fn(u8) -> Option<u64>) -> Vec<Service> {
        let of = |n: u8| {
            let holder = holder(n).map(Session);
            (1..=sessions).map(move |s| Service { key: vault(n), session: Session(s), holder })
        };
        (0..vaults).flat_map(of).collect()
    }

    fn loads(wanted: &BTreeMap<LeaseKey, Session>) -> BTreeMap<Session, usize> {
        wanted.values().fold(BTreeMap::new(), |mut loads, session| {
            *loads.entry(*session).or_default() += 1;
            loads
        })
    }

    #[test]
    fn what_is_even_does_not_move() {
        let services = services(4, 2, |n| Some(u64::from(n % 2) + 1));
        let wanted = spread(&services);
        for service in services {
            assert_eq!(wanted.get(&service.key).copied(), service.holder);
        }
    }

    #[test]
    fn a_newcomer_gets_its_share_and_no_more_moves() {
        let wanted = spread(&services(5, 2, |_| Some(1)));
        assert_eq!(loads(&wanted), BTreeMap::from([(Session(1), 3), (Session(2), 2)]));
        // Two and two of four, with a third that has nothing: one moves.
        let wanted = spread(&services(4, 3, |n| Some(u64::from(n % 2) + 1)));
        assert_eq!(loads(&wanted).into_values().max(), Some(2));
        assert_eq!(loads(&wanted).len(), 3);
    }

    #[test]
    fn what_only_one_could_hold_goes_to_that_one() {
        let mut services = services(2, 2, |_| Some(2));
        for n in 2..6 {
            services.push(Service { key: vault(n), session: Session(1), holder: None });
        }
        let wanted = spread(&services);
        for n in 2..6 {
            assert_eq!(wanted.get(&vault(n)), Some(&Session(1)));
        }
        assert_eq!(wanted.len(), 6);
    }

    #[test]
    fn keys_and_vaults_are_spread_apart() {
        let mut services = services(2, 2, |_| None);
        for session in [Session(1), Session(2)] {
            let key = LeaseKey::key(1, Address::repeat_byte(9));
            services.push(Service { key, session, holder: Some(Session(2)) });
        }
        let wanted = spread(&services);
        assert_eq!(wanted[&LeaseKey::key(1, Address::repeat_byte(9))], Session(2));
        assert_ne!(wanted[&vault(0)], wanted[&vault(1)]);
    }

    proptest! {
        #[test]
        fn nobody_has_more_than_its_share_and_nothing_is_left(
            vaults in 0u8..40,
            sessions in 1u64..7,
            holders in proptest::collection::vec(0u64..9, 40),
        ) {
            // Holders from 0 to 8: some are free, some are held by sessions that are gone.
            let holder = |n: u8| Some(holders[usize::from(n)]).filter(|holder| *holder > 0);
            let services = services(vaults, sessions, holder);
            let wanted = spread(&services);
            prop_assert_eq!(wanted.len(), usize::from(vaults));
            let loads = loads(&wanted);
            let (count, live) = (usize::from(vaults), usize::try_from(sessions).unwrap());
            for session in 1..=sessions {
                let load = loads.get(&Session(session)).copied().unwrap_or_default();
                prop_assert!(load <= count.div_ceil(live) && load >= count / live);
            }
            // Once it is so, it stays so.
            let settled = services.iter().map(|service| Service { holder: wanted.get(&service.key).copied(), ..*service });
            prop_assert_eq!(spread(&settled.collect::<Vec<_>>()), wanted);
        }

        #[test]
        fn everything_that_somebody_could_hold_is_held_by_one_who_could(
            pairs in proptest::collection::vec((0u8..20, 1u64..6, proptest::option::of(1u64..7)), 0..60),
        ) {
            let services: Vec<_> = pairs.iter().map(|(n, session, holder)| Service {
                key: vault(*n), session: Session(*session), holder: holder.map(Session),
            }).collect();
            let wanted = spread(&services);
            for service in &services {
                let session = wanted[&service.key];
                prop_assert!(services.iter().any(|s| s.key == service.key && s.session == session));
            }
        }
    }
}
