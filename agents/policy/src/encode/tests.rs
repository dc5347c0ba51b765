use alloy_primitives::{B256, b256, keccak256};
use proptest::prelude::*;

use super::*;
use crate::{
    ALL_ASSETS, Move, Rebalance, rebalance_digest,
    testing::{address, any_policy},
};

/// The document of `test/guard/Encoding.t.sol`, where the same constants stand: every member has a value of its own.
fn fixed() -> Policy {
    let strategy = |n: u16, status, groups| StrategyPolicy {
        strategy: address(u64::from(n)),
        status,
        max_weight_bps: n + 1,
        min_weight_bps: n + 2,
        cap: u128::from(n) + 3,
        price_band_bps: n + 4,
        reference_assets: u128::from(n) + 5,
        reference_shares: u128::from(n) + 6,
        groups,
    };
    Policy {
        schema_version: 1,
        limits: Limits {
            mode: Mode::ExitOnly,
            cooldown_seconds: 2,
            window_seconds: 3,
            max_turnover_bps: 4,
            max_loss_bps: 5,
            min_idle_bps: 6,
            max_growth_wad: 7,
            max_drawdown_bps: 8,
            entry_halt_seconds: 9,
            seasoning_seconds: 10,
            max_nav_age_seconds: 11,
            policy_delay_seconds: 12,
            deposit_cap: 13,
            management_fee_bps: 14,
            performance_fee_bps: 15,
            fee_recipient: address(16),
        },
        strategies: vec![
            strategy(17, StrategyStatus::ExitOnly, 1),
            strategy(24, StrategyStatus::WrittenOff, 0),
        ],
        groups: vec![GroupPolicy {
            name: B256::right_padding_from(b"lending"),
            max_weight_bps: 31,
            cap: 32,
        }],
        agents: vec![AgentPolicy {
            agent: address(33),
            expires_at: 34,
            scope: 3,
            max_turnover_bps: 35,
            max_loss_bps: 36,
        }],
        objective: Objective {
            kind: ObjectiveKind::TargetWeights,
            hurdle_bps: 37,
            horizon_seconds: 38,
            band_bps: 39,
            target_weights_bps: vec![40, 41],
        },
    }
}

#[test]
fn encoding_and_hash_are_the_guards() {
    assert_eq!(encode(&fixed()).len(), 1_888);
    assert_eq!(
        hash(&fixed()),
        b256!("461c9ca1bc8699a97ffb0912452fb1a758bf5acd21be2b3f755cbdcd4320705e")
    );
}

#[test]
fn digest_is_the_guards() {
    let rebalance = Rebalance {
        policy_version: 1,
        nonce: 2,
        vault_count: 3,
        deadline: 4,
        decision: keccak256("decision"),
        moves: vec![
            Move { index: 5, is_deposit: false, assets: ALL_ASSETS },
            Move { index: 6, is_deposit: true, assets: 7 },
        ],
    };
    assert_eq!(
        rebalance_digest(&rebalance, address(51), 31_337, address(50)),
        b256!("5105228113c93a0f7f711982bda97c175fffd04c9178ff613bc62d86eb1bc833")
    );
}

#[test]
fn what_is_out_of_range_has_no_policy() {
    let mut policy = fixed();
    policy.agents[0].expires_at = (1 << 40) - 1;
    assert_eq!(decode(&encode(&policy)).unwrap(), policy);
    policy.agents[0].expires_at = 1 << 40;
    assert!(matches!(decode(&encode(&policy)), Err(DecodeError::OutOfRange { .. })));

    // The mode is the second word after the offset of the tuple; four stands for no mode.
    let mut encoding = encode(&fixed());
    assert_eq!(encoding[95], Mode::ExitOnly as u8);
    encoding[95] = 3;
    assert!(matches!(decode(&encoding), Err(DecodeError::OutOfRange { field: "mode", value: 3 })));
}

#[test]
fn only_the_one_encoding_decodes() {
    let mut longer = encode(&fixed());
    longer.extend([0; 32]);
    assert!(decode(&longer).is_err());
    assert!(decode(&longer[..longer.len() - 64]).is_err());
    assert!(decode(&[]).is_err());
}

proptest! {
    #[test]
    fn policies_survive_the_round_trip(policy in any_policy()) {
        let encoding = encode(&policy);
        prop_assert_eq!(decode(&encoding).unwrap(), policy.clone());
        prop_assert_eq!(hash(&policy), keccak256(encoding));
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..4_096)) {
        prop_assert!(decode(&bytes).is_err());
    }

    #[test]
    fn damaged_encodings_decode_to_what_they_say_or_not_at_all(
        policy in any_policy(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut encoding = encode(&policy);
        for (place, byte) in damage {
            let place = place.index(encoding.len());
            encoding[place] = byte;
        }
        if let Ok(decoded) = decode(&encoding) {
            prop_assert_eq!(encode(&decoded), encoding);
        }
    }
}
