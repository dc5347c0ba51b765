//! One side of a comparison, as it is named on the command line.

use std::{convert::Infallible, path::PathBuf, str::FromStr};

use alloy::primitives::U256;

/// What is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// What is in force.
    OnChain,
    /// What waits.
    Pending,
    /// What a proposal of the Governor would submit; none if its number is none.
    Proposal(Option<U256>),
    /// A file.
    File(PathBuf),
}

impl FromStr for Side {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match (text, text.strip_prefix("proposal:")) {
            ("on-chain", _) => Self::OnChain,
            ("pending", _) => Self::Pending,
            // Decimal, or hexadecimal after 0x.
            (_, Some(number)) => Self::Proposal(number.parse().ok().filter(|_| !number.is_empty())),
            (path, None) => Self::File(path.into()),
        })
    }
}

impl Side {
    /// Whether it needs a chain.
    #[must_use]
    pub const fn is_of_a_chain(&self) -> bool {
        !matches!(self, Self::File(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_is_a_word_a_proposal_or_a_file() {
        let side = |text: &str| text.parse::<Side>().unwrap();
        assert_eq!(side("on-chain"), Side::OnChain);
        assert_eq!(side("pending"), Side::Pending);
        assert_eq!(side("proposal:17"), Side::Proposal(Some(U256::from(17))));
        assert_eq!(side("proposal:0x11"), Side::Proposal(Some(U256::from(17))));
        assert_eq!(side("proposal:x"), Side::Proposal(None));
        assert_eq!(side("proposal:"), Side::Proposal(None));
        assert_eq!(side("./pending"), Side::File("./pending".into()));
    }
}
