//! What a vault has at the end of a block, and what it is worth there, by the tokens' and the strategies' own word.

use alloy::primitives::{Address, B256, Bytes, I256, U256};
use futures_util::future::try_join_all;
use vagus_attribution::{Delta, Price};
use vagus_chain::{ChainError, ChainReader, ChainResult, Header, Reading, events};

use super::ledger::{AMOUNT_BITS, Contracts, ExitList};

/// Digits by which a whole share is multiplied where no share is held and the price has to be asked for.
const PROBE_DIGITS: u64 = 6;
/// What an ERC-20 has that does not tell its decimals.
const COMMON_DECIMALS: u64 = 18;

/// A block of the report, read.
#[derive(Clone, Debug)]
pub(crate) struct Balances {
    /// The block.
    pub(crate) header: Header,
    /// What the vault has of everything, counted or not.
    pub(crate) held: Delta,
    /// Price of each strategy.
    pub(crate) prices: Vec<Price>,
}

/// How a vault is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    pub(crate) chain: &'a dyn ChainReader,
    pub(crate) contracts: Contracts,
}

impl Asker<'_> {
    fn odd(&self, contract: Address, what: &str) -> ChainError {
        let cause = format!("{contract} does not answer {what} as it should");
        ChainError::Malformed { endpoint: self.chain.endpoint(), method: "eth_call", cause }
    }

    /// A number; none if the contract fails, answers something else or is not there.
    async fn number(&self, of: Address, input: Bytes, at: &Header) -> ChainResult<Option<U256>> {
        Ok(match self.chain.read(of, &input, at).await? {
            Reading::Answer(answer) => events::decode_number(&answer),
            Reading::Fails => None,
        })
    }

    /// The vault's own balance of the asset. The asset was there before the vault, so an endpoint that answers nothing has no state of
    /// the block: that is an error, and never a zero.
    ///
    /// # Errors
    /// Those of the chain, and if the asset does not tell a balance.
    pub(crate) async fn idle(&self, at: &Header) -> ChainResult<I256> {
        let (asset, input) =
            (self.contracts.asset, events::encode_balance_of(self.contracts.vault));
        let idle = self.number(asset, input, at).await?;
        let idle = idle.filter(|idle| idle.bit_len() <= AMOUNT_BITS);
        let idle = idle.and_then(|idle| I256::try_from(idle).ok());
        idle.ok_or_else(|| self.odd(asset, "balanceOf"))
    }

    /// A strategy that is not there yet holds nothing; none if it fails or answers something else.
    async fn balance(&self, strategy: Address, at: &Header) -> ChainResult<Option<I256>> {
        let input = events::encode_balance_of(self.contracts.vault);
        let balance = match self.chain.read(strategy, &input, at).await? {
            Reading::Answer(answer) if answer.is_empty() => Some(U256::ZERO),
            Reading::Answer(answer) => events::decode_number(&answer),
            Reading::Fails => None,
        };
        let balance = balance.filter(|balance| balance.bit_len() <= AMOUNT_BITS);
        Ok(balance.and_then(|balance| I256::try_from(balance).ok()))
    }

    /// Shares held, and their price: of the whole position; of many shares where none is held. What cannot be read is worth
    /// nothing, as the vault counts it; if not even the shares can be told, none are held until they can be again, and both
    /// changes show as flows that no event explains.
    async fn position(&self, strategy: Address, at: &Header) -> ChainResult<(I256, Price)> {
        let Some(held) = self.balance(strategy, at).await? else {
            return Ok((I256::ZERO, Price::NOTHING));
        };
        let mut shares = U256::try_from(held).unwrap_or_default();
        if shares.is_zero() {
            let decimals = self.number(strategy, events::encode_decimals(), at).await?;
            let decimals = decimals.and_then(|number| u64::try_from(number).ok());
            let digits = decimals.unwrap_or(COMMON_DECIMALS).min(36) + PROBE_DIGITS;
            shares = U256::from(10).pow(U256::from(digits));
        }
        let input = events::encode_convert_to_assets(shares);
        let assets = self.number(strategy, input, at).await?;
        // The vault has no room for more.
        let assets = assets.filter(|assets| assets.bit_len() <= 128);
        Ok((held, assets.map_or(Price::NOTHING, |assets| Price { assets, shares })))
    }

    /// Everything at the end of a block.
    ///
    /// # Errors
    /// Those of the chain, and if the asset does not tell a balance.
    pub(crate) async fn balances(
        &self,
        strategies: &[Address],
        header: Header,
    ) -> ChainResult<Balances> {
        let idle = self.idle(&header).await?;
        let positions = strategies.iter().map(|one| self.position(*one, &header));
        let positions = try_join_all(positions).await?;
        let (shares, prices) = positions.into_iter().unzip();
        Ok(Balances { header, held: Delta { idle, shares }, prices })
    }

    /// The vault's strategies at the end of a block; none before it was there.
    ///
    /// # Errors
    /// Those of the chain, and if the vault answers something else.
    pub(crate) async fn exit_list(&self, at: &Header) -> ChainResult<ExitList> {
        let vault = self.contracts.vault;
        match self.chain.read(vault, &events::encode_exit_list(), at).await? {
            Reading::Answer(answer) if answer.is_empty() => Ok(Vec::new()),
            Reading::Answer(answer) => {
                events::decode_exit_list(&answer).ok_or_else(|| self.odd(vault, "exitList"))
            }
            Reading::Fails => Err(self.odd(vault, "exitList")),
        }
    }

    /// Version of the policy in force at the end of a block; zero before there was one.
    ///
    /// # Errors
    /// Those of the chain, and if the guard answers something else.
    pub(crate) async fn policy_version(&self, at: &Header) -> ChainResult<u64> {
        let guard = self.contracts.guard;
        match self.chain.read(guard, &events::encode_guard_state(), at).await? {
            Reading::Answer(answer) if answer.is_empty() => Ok(0),
            Reading::Answer(answer) => {
                events::decode_policy_version(&answer).ok_or_else(|| self.odd(guard, "guardState"))
            }
            Reading::Fails => Err(self.odd(guard, "guardState")),
        }
    }

    /// The vault's own word for its live value at the end of a block; none before it was there.
    ///
    /// # Errors
    /// Those of the chain.
    pub(crate) async fn live_assets(&self, at: &Header) -> ChainResult<Option<U256>> {
        match self.chain.read(self.contracts.vault, &events::encode_nav_state(), at).await? {
            Reading::Answer(answer) => Ok(events::decode_live_assets(&answer)),
            Reading::Fails => Ok(None),
        }
    }

    /// What so many of the vault's own shares are worth at the end of a block, by its own word; none if it does not say.
    ///
    /// # Errors
    /// Those of the chain.
    pub(crate) async fn worth(&self, shares: U256, at: &Header) -> ChainResult<Option<U256>> {
        self.number(self.contracts.vault, events::encode_convert_to_assets(shares), at).await
    }

    /// Decimals of the asset.
    ///
    /// # Errors
    /// Those of the chain.
    pub(crate) async fn asset_decimals(&self, at: &Header) -> ChainResult<u8> {
        let number = self.number(self.contracts.asset, events::encode_decimals(), at).await?;
        Ok(number.and_then(|number| u8::try_from(number).ok()).unwrap_or(18))
    }

    /// Symbol of a token for people; empty if it has none.
    ///
    /// # Errors
    /// Those of the chain.
    pub(crate) async fn symbol(&self, token: Address, at: &Header) -> ChainResult<String> {
        match self.chain.read(token, &events::encode_symbol(), at).await? {
            Reading::Answer(answer) => Ok(events::decode_symbol(&answer).unwrap_or_default()),
            Reading::Fails => Ok(String::new()),
        }
    }

    /// An event's block has to be the one that is read.
    ///
    /// # Errors
    /// [`ChainError::Reorganised`].
    pub(crate) fn same_block(&self, header: &Header, named: B256) -> ChainResult<()> {
        if header.block.hash == named {
            return Ok(());
        }
        Err(ChainError::Reorganised { endpoint: self.chain.endpoint(), block: named })
    }
}
