//! The newest head, and whether an old one still stands, as several endpoints see them.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;

use super::{Endpoints, Fault, Next, nobody};
use crate::{BlockAt, BlockId, ChainError, ChainResult, Header, Tag};

impl Endpoints {
    /// Whether a block that was final is still part of the chain: no if as many endpoints as have to agree say otherwise, or
    /// all there are, and none says so.
    ///
    /// # Errors
    /// [`ChainError::Disagrees`] if some say so and some do not; otherwise whatever keeps the others from answering.
    pub async fn stands(&self, block: BlockId) -> ChainResult<bool> {
        let at = BlockAt::Number(block.number);
        let answers = (0..self.list.len()).map(|place| async move {
            ask!(self, place, header(at)).unwrap_or_else(|failed| failed)
        });
        let (mut standing, mut gone, mut silence) = (None, None, None);
        let mut otherwise = 0_usize;
        for (place, answer) in join_all(answers).await.into_iter().enumerate() {
            let endpoint = self.list[place].endpoint();
            match answer {
                Ok(Some(header)) if header.block.hash == block.hash => standing = Some(endpoint),
                Ok(Some(header)) => {
                    gone = Some((endpoint, header.block.hash));
                    otherwise = otherwise.saturating_add(1);
                }
                Ok(None) => {
                    silence.get_or_insert(ChainError::Late { endpoint, block: block.hash });
                }
                Err(error) => {
                    silence.get_or_insert(error);
                }
            }
        }
        match (standing, gone, silence) {
            (Some(_), None, _) => Ok(true),
            // One alone could lie while the others are silent.
            (None, Some(_), Some(silence)) if otherwise < self.quorum => Err(silence),
            (None, Some(_), _) => Ok(false),
            (Some(_), Some((endpoint, found)), _) => Err(ChainError::Disagrees {
                endpoint,
                subject: format!("the final block {}", block.number),
                expected: block.hash.to_string(),
                found: found.to_string(),
            }),
            (None, None, silence) => Err(silence.unwrap_or_else(nobody)),
        }
    }

    /// The newest head, of the preferred endpoint whose head moves.
    pub(super) async fn newest(&self) -> ChainResult<Header> {
        let mut failure = None;
        // Of those that stand still, the highest.
        let mut standing: Option<(usize, Header)> = None;
        for place in self.order() {
            let header = match ask!(self, place, head(Tag::Latest)) {
                Ok(answer) => answer?,
                Err(answer) => {
                    failure = failure.or(answer.err());
                    continue;
                }
            };
            let number = header.block.number;
            let now = self.now();
            let mut scores = self.scores();
            scores.saw_head(place, number, now);
            let is_behind = scores.best_of_others(place).is_some_and(|best| number < best);
            if scores.is_set_back_as_stalled(place) && !is_behind {
                scores.moves_again(place);
            }
            let still = scores.stands_still(place, now) || scores.is_set_back_as_stalled(place);
            if !still || self.list.len() == 1 {
                if let Some((stalled, old)) = standing
                    && old.block.number < number
                {
                    if !scores.is_set_back_as_stalled(stalled) {
                        let endpoint = self.list[stalled].endpoint();
                        tracing::warn!("{endpoint} stands still at block {}", old.block.number);
                    }
                    scores.set_back(stalled, Fault::Stalled, now);
                }
                if standing.is_none_or(|(_, old)| old.block.number < number) {
                    self.current.store(place, Ordering::Relaxed);
                    return Ok(header);
                }
            }
            if standing.is_none_or(|(_, old)| old.block.number < number) {
                standing = Some((place, header));
            }
        }
        match standing {
            Some((place, header)) => {
                self.current.store(place, Ordering::Relaxed);
                Ok(header)
            }
            None => Err(failure.unwrap_or_else(nobody)),
        }
    }
}
