//! Where rates are taken from that no venue's curve tells, as sentences under a table.

use alloy::primitives::Address;
use vagus_allocator::{RateBase, RateInput};

use super::number::{rate, time};

/// One sentence for each, or nothing.
pub fn notes(inputs: &[RateInput], at: u64, name: impl Fn(Address) -> String) -> Vec<String> {
    inputs.iter().map(|input| note(input, at, name(input.strategy))).collect()
}

/// That the rates of these strategies are means of the horizon; none if there are none.
#[must_use]
pub fn mean_note(names: &[String]) -> Option<String> {
    let strategies = match names {
        [] => return None,
        [one] => format!("{one}: rates are"),
        [rest @ .., last] => format!("{} and {last}: rates are", rest.join(", ")),
    };
    Some(format!(
        "{strategies} the mean of the horizon, as the venue's model moves them if nobody acts."
    ))
}

fn note(input: &RateInput, at: u64, name: String) -> String {
    let base = match &input.base {
        RateBase::Curve => format!("{name}: by its venue's curve"),
        RateBase::Flat { yearly_ray } => {
            format!(
                "{name}: {} as the configuration states it, whatever is held",
                rate(*yearly_ray)
            )
        }
        RateBase::History(history) => {
            let count = history.samples.len();
            match history.yearly_ray_down(at) {
                Some(yearly) => format!(
                    "{name}: {} by the past of its share price ({count} samples), whatever is held",
                    rate(yearly)
                ),
                None => format!(
                    "{name}: not known; its past has {count} samples, {} are asked for",
                    history.min_samples.max(2)
                ),
            }
        }
    };
    match &input.reward {
        None => format!("{base}."),
        Some(reward) if at < reward.expires_at => format!(
            "{base}; and {} of rewards until {}, says the configuration: {}.",
            rate(reward.yearly_ray),
            time(reward.expires_at),
            reward.source
        ),
        Some(reward) => {
            format!("{base}; its rewards ended {}: {}.", time(reward.expires_at), reward.source)
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::U256;
    use vagus_allocator::{History, Reward, Sample};

    use super::*;

    #[test]
    fn each_source_has_its_sentence() {
        let ray = |bps: u64| U256::from(bps) * U256::from(10_u64).pow(U256::from(23));
        let input = |base| RateInput { strategy: Address::ZERO, base, reward: None };
        let sample = |at: u64| Sample { block: at, at, assets: U256::from(10_000_000 + at) };
        let samples = vec![sample(0), sample(86_400)];
        let past = |min_samples| {
            let samples = samples.clone();
            input(RateBase::History(History { min_samples, max_age_seconds: 10, samples }))
        };
        let reward =
            Reward { yearly_ray: ray(120), source: "campaign".to_owned(), expires_at: 86_401 };
        let rewarded = RateInput { reward: Some(reward), ..input(RateBase::Curve) };
        let flat = input(RateBase::Flat { yearly_ray: ray(350) });
        let told = notes(&[flat, past(2), past(3), rewarded.clone()], 86_400, |_| "A".to_owned());
        assert_eq!(
            told,
            [
                "A: 3.50 % as the configuration states it, whatever is held.",
                "A: 315.36 % by the past of its share price (2 samples), whatever is held.",
                "A: not known; its past has 2 samples, 3 are asked for.",
                "A: by its venue's curve; and 1.20 % of rewards until 1970-01-02 00:00:01 UTC, says the configuration: \
                 campaign.",
            ]
        );
        let ended = notes(&[rewarded], 86_401, |_| "A".to_owned());
        assert!(ended[0].contains("its rewards ended"), "{ended:?}");
    }
}
