//! A vault with its guard, deployed by the factory, and documents put in force by the owner.

use alloy_primitives::{Address, B256, Bytes, keccak256};
use alloy_sol_types::{SolCall, SolValue};
use vagus_policy::{Ceilings, Policy, encode};

use crate::{Answer, Artifact, Chain};

/// Owner of every guard.
pub const OWNER: Address = Address::repeat_byte(0x0a);

#[allow(missing_docs, unreachable_pub, missing_debug_implementations)]
mod sol {
    alloy_sol_types::sol! {
        struct Ceilings {
            uint16 maxTurnoverBps; uint16 maxLossBps; uint32 minWindowSeconds; uint32 minPolicyDelaySeconds;
            uint32 maxPolicyDelaySeconds; uint16 maxManagementFeeBps; uint16 maxPerformanceFeeBps; uint32 graceSeconds;
        }
        struct TreasuryParameters {
            address asset; string name; string symbol; uint8 decimalsOffset; address owner; address guardian;
            Ceilings ceilings; bytes32 salt;
        }
        interface Factory {
            function deployVault(TreasuryParameters calldata parameters, bytes calldata vaultCode) external returns (address vault);
            function deployGuard(TreasuryParameters calldata parameters, bytes calldata guardCode) external returns (address guard);
        }
    }
}

/// Where a treasury is.
#[derive(Clone, Copy, Debug)]
pub struct Treasury {
    /// The vault.
    pub vault: Address,
    /// Its guard.
    pub guard: Address,
    submit: [u8; 4],
    activate: [u8; 4],
}

impl Treasury {
    /// Deploys vault and guard by the real factory. `decimals_offset` is the vault's scale of shares.
    ///
    /// # Errors
    /// If the build is missing or the factory refuses.
    pub fn deploy(
        chain: &mut Chain,
        asset: Address,
        decimals_offset: u8,
        guardian: Address,
        ceilings: &Ceilings,
    ) -> Result<Self, String> {
        let vault_code = Artifact::read("TreasuryVault")?.creation_code()?;
        let guard_artifact = Artifact::read("PolicyGuard")?;
        let guard_code = guard_artifact.creation_code()?;
        let hashes = (keccak256(&vault_code), keccak256(&guard_code)).abi_encode();
        let factory = Artifact::read("TreasuryFactory")?.creation_code()?;
        let factory = chain.create([&factory[..], &hashes].concat().into())?;
        let parameters = sol::TreasuryParameters {
            asset,
            name: "Treasury".to_owned(),
            symbol: "TRS".to_owned(),
            decimalsOffset: decimals_offset,
            owner: OWNER,
            guardian,
            ceilings: sol::Ceilings {
                maxTurnoverBps: ceilings.max_turnover_bps,
                maxLossBps: ceilings.max_loss_bps,
                minWindowSeconds: ceilings.min_window_seconds,
                minPolicyDelaySeconds: ceilings.min_policy_delay_seconds,
                maxPolicyDelaySeconds: ceilings.max_policy_delay_seconds,
                maxManagementFeeBps: ceilings.max_management_fee_bps,
                maxPerformanceFeeBps: ceilings.max_performance_fee_bps,
                graceSeconds: ceilings.grace_seconds,
            },
            salt: B256::ZERO,
        };
        let of_vault =
            sol::Factory::deployVaultCall { parameters: parameters.clone(), vaultCode: vault_code };
        let of_guard = sol::Factory::deployGuardCall { parameters, guardCode: guard_code };
        let mut deploy = |call: Vec<u8>| {
            let answer = chain.send(OWNER, factory, call.into());
            let answer = answer.map_err(|data| format!("the factory reverts with {data}"))?;
            Address::abi_decode(&answer).map_err(|error| error.to_string())
        };
        Ok(Self {
            vault: deploy(of_vault.abi_encode())?,
            guard: deploy(of_guard.abi_encode())?,
            submit: guard_artifact.selector("submitPolicy")?,
            activate: guard_artifact.selector("activatePolicy")?,
        })
    }

    /// Puts a document in force through the owner, at once or after the delay in force.
    pub fn adopt(&self, chain: &mut Chain, policy: &Policy, delay_seconds: u32) {
        let document = encode(policy);
        let submitted = chain.send(OWNER, self.guard, joined(self.submit, &document));
        let submitted =
            submitted.unwrap_or_else(|data| panic!("submitPolicy: {data}\n{policy:#?}"));
        // The second word says whether it took effect at once.
        if submitted.get(63) == Some(&0) {
            chain.now += u64::from(delay_seconds);
            let activated = chain.send(OWNER, self.guard, joined(self.activate, &document));
            activated.unwrap_or_else(|data| panic!("activatePolicy: {data}\n{policy:#?}"));
        }
    }

    /// What the guard answers to an account that submits a document, and nothing of it stays.
    pub fn try_submit(&self, chain: &mut Chain, from: Address, policy: &Policy) -> Answer {
        chain.ask(from, self.guard, joined(self.submit, &encode(policy)))
    }
}

fn joined(selector: [u8; 4], document: &[u8]) -> Bytes {
    [&selector[..], document].concat().into()
}
