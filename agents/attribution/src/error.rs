//! What is wrong with a history, one sentence each.

/// Why a history cannot be attributed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttributionError {
    /// Amounts, shares and prices have to fit their product into 255 bits.
    #[error(
        "{what} at block {block} is out of range; expected amounts whose products are below 2^255."
    )]
    OutOfRange {
        /// Which number.
        what: &'static str,
        /// Block.
        block: u64,
    },
    /// A list is not as long as the list of strategies, or a place does not exist.
    #[error("{what} has {found} entries; expected {expected}.")]
    Misaligned {
        /// Which list.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it should have.
        expected: usize,
    },
    /// Points or events are not in the order in which they happened, or there is no opening and no end.
    #[error("{what} are out of order at place {place}; expected the order in which they happened.")]
    Unordered {
        /// Which list.
        what: &'static str,
        /// First place that is not after the one before it.
        place: usize,
    },
    /// More went out than there was.
    #[error("More of strategy {venue:?} (none: idle) went out than was held, by block {block}.")]
    Negative {
        /// Place of the strategy; none for idle.
        venue: Option<usize>,
        /// Block.
        block: u64,
    },
    /// Shares held times price is no whole amount, or the price has no shares under it.
    #[error(
        "The price of strategy {venue} at block {block} does not value what is held at a whole amount; expected assets of the \
         whole position over its shares."
    )]
    NotWhole {
        /// Place of the strategy.
        venue: usize,
        /// Block.
        block: u64,
    },
}

/// Result of an attribution.
pub type Result<T> = std::result::Result<T, AttributionError>;
