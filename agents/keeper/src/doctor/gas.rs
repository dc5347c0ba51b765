//! Whether the account can pay for what it is to send.

use alloy::primitives::U256;
use vagus_chain::{ChainWriter as _, Endpoints, Header};

use super::Findings;
use crate::{
    config::{ChainConfig, Config, FeeModel, VaultConfig},
    data_fee::DataFee,
    render::number::decimal,
    world::ChainWorld,
};

/// Rebalances at the fee cap that an account should be able to pay for before somebody is told.
const COMFORTABLE_REBALANCES: u64 = 10;

pub(super) async fn gas(
    findings: &mut Findings,
    area: &str,
    config: &Config,
    chain: &ChainConfig,
    vaults: &[&VaultConfig],
    endpoints: &Endpoints,
    head: &Header,
) {
    const SUBJECT: &str = "gas";
    let account = config.agent.account.address;
    let balance = match endpoints.balance(account).await {
        Ok(balance) => balance,
        Err(error) => {
            findings.fail(area, SUBJECT, error.to_string(), "ask the endpoint's operator");
            return;
        }
    };
    let data_fee = data_fee(config, chain, vaults, endpoints, head).await;
    let limit = vaults.iter().map(|vault| vault.gas.limit).max().unwrap_or_default();
    let gas_wei = chain.fees.worst_case_wei(limit);
    // As the alert counts it: while nobody tells what bytes cost, the gas alone.
    let data_wei = data_fee.most_wei_up().unwrap_or_default();
    let most = U256::from(gas_wei.saturating_add(data_wei));
    let shown = |wei| decimal(wei, 18, 6);
    let bytes = match data_fee {
        DataFee::None => String::new(),
        DataFee::Unknown => ", and what its bytes cost nobody tells".to_owned(),
        DataFee::Known { is_gas: true, .. } => ", its bytes among it".to_owned(),
        DataFee::Known { is_gas: false, .. } => {
            format!(", {} of that for its bytes", shown(U256::from(data_wei)))
        }
    };
    let found = format!(
        "{account} has {} of the native token; a rebalance takes up to {}{bytes}",
        shown(balance),
        shown(most)
    );
    let comfortable = most.saturating_mul(U256::from(COMFORTABLE_REBALANCES));
    if balance < most {
        findings.fail(area, SUBJECT, found, "send it native tokens: it cannot pay for a rebalance");
    } else if data_fee == DataFee::Unknown {
        let remedy = "correct fee_model, or take an endpoint that has the chain's fee oracle: without that price \
                      nothing is moved for income";
        findings.warn(area, SUBJECT, found, remedy);
    } else if balance < comfortable {
        findings.warn(area, SUBJECT, found, "send it native tokens soon");
    } else {
        findings.ok(area, SUBJECT, found);
    }
}

/// What bytes cost at the newest block. A deployment file that cannot be read is found with its vault.
async fn data_fee(
    config: &Config,
    chain: &ChainConfig,
    vaults: &[&VaultConfig],
    endpoints: &Endpoints,
    head: &Header,
) -> DataFee {
    if chain.profile.fee_model == FeeModel::L1 {
        return DataFee::None;
    }
    for vault in vaults {
        let asked = Endpoints::new(endpoints.all()).with_quorum(chain.quorum);
        let Ok(world) = ChainWorld::of(config, chain, asked, &[*vault]) else { continue };
        return world.data_fee(head).await.unwrap_or(DataFee::Unknown);
    }
    DataFee::None
}
