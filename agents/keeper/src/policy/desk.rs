//! One treasury as `keeper policy` looks at it: the vault, its guard's roles, and what is in force.

use std::path::Path;

use alloy::primitives::{Address, U256};
use vagus_allocator::{Earning, Horizon, RateInput};
use vagus_chain::{
    ChainReader as _, Header, Tag,
    governance::{Questions, Roles, StrategyReading},
    guard::PendingPolicy,
};
use vagus_policy::{
    AgentState, Policy, Snapshot, StrategyState,
    compare::InForce,
    review::{Facts, Venue},
    toml::{Context, Document, read},
};

use crate::{
    config::Config,
    exit::{Exit, Failure},
    world::{self, ChainWorld, VaultWorld, chain_failure},
};

/// What is in force.
#[derive(Debug)]
pub(super) struct Adopted {
    pub(super) policy: Policy,
    /// In the policy's order.
    pub(super) agents: Vec<AgentState>,
}

impl Adopted {
    /// A bit for each agent whose mandate has ended.
    pub(super) fn ended_mandates(&self) -> u16 {
        let ended = self.agents.iter().enumerate().filter(|(_, state)| state.is_revoked);
        ended.fold(0, |mask, (place, _)| mask | 1_u16.checked_shl(place as u32).unwrap_or(0))
    }
}

/// One treasury at one block.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) config: Config,
    pub(super) world: ChainWorld,
    pub(super) vault: VaultWorld,
    pub(super) head: Header,
    pub(super) snapshot: Snapshot,
    pub(super) roles: Roles,
    pub(super) adopted: Option<Adopted>,
    pub(super) context: Context,
}

impl Desk {
    /// Looks at a vault of a configuration.
    pub(super) async fn open(config: &Path, vault: Option<&str>) -> Result<Self, Failure> {
        let config = Config::load(config)?;
        let chosen = config.select(vault)?;
        let [one] = chosen.as_slice() else {
            let names: Vec<_> = chosen.iter().map(|vault| vault.name.as_str()).collect();
            let names = names.join(", ");
            return Err(Failure::new(
                Exit::Usage,
                format_args!(
                    "The configuration names several vaults ({names}); expected --vault NAME."
                ),
            ));
        };
        let mut world = world::open(&config, Some(&one.name)).await?.pop().ok_or_else(no_vault)?;
        let vault = world.vaults.first().cloned().ok_or_else(no_vault)?;
        // Nobody acts here, and a mandate is no condition.
        world.vaults.truncate(1);
        let head = world.endpoints.head(Tag::Latest).await.map_err(|e| chain_failure(&e))?;
        let sightings = world.sightings(&head).await.map_err(|e| chain_failure(&e))?;
        let seen = sightings.first().ok_or_else(no_vault)?;
        let snapshot = vault.recognised(seen).map_err(|cause| {
            let name = &vault.config.name;
            Failure::new(
                Exit::VaultUnread,
                format_args!("Vault {name} could not be read: {cause}."),
            )
        })?;
        let snapshot = snapshot.clone();
        let questions = Questions::new(&world.endpoints, &head);
        let guard = vault.entry.guard;
        let roles = questions.roles(guard).await.map_err(|e| chain_failure(&e))?;
        let policy = world.policy(&snapshot).await.map_err(|e| chain_failure(&e))?;
        let adopted = match policy {
            None => None,
            Some(policy) => {
                let agents = questions.agents(guard, &policy).await;
                Some(Adopted { agents: agents.map_err(|e| chain_failure(&e))?, policy })
            }
        };
        let context = context(&vault, &snapshot);
        Ok(Self { config, world, vault, head, snapshot, roles, adopted, context })
    }

    pub(super) fn questions(&self) -> Questions<'_> {
        Questions::new(&self.world.endpoints, &self.head)
    }

    /// Unix time of the block.
    pub(super) fn at(&self) -> u64 {
        self.head.block.timestamp
    }

    pub(super) fn in_force(&self) -> Option<InForce<'_>> {
        let adopted = self.adopted.as_ref()?;
        Some(InForce {
            policy: &adopted.policy,
            mode: self.snapshot.vault.guard_state.mode,
            ended_mandates: adopted.ended_mandates(),
        })
    }

    /// What waits, with its document.
    pub(super) async fn pending(&self) -> Result<Option<(PendingPolicy, Policy)>, Failure> {
        let Some(waits) = self.roles.pending else { return Ok(None) };
        let guard = self.vault.entry.guard;
        let document = self.world.endpoints.policy(guard, waits.submitted_block, waits.hash).await;
        Ok(Some((waits, document.map_err(|e| chain_failure(&e))?)))
    }

    /// The Governor of the deployment, if its timelock is the owner.
    pub(super) fn governor(&self) -> Option<Address> {
        let entry = &self.vault.entry;
        entry.governor.filter(|_| entry.timelock == Some(self.roles.owner))
    }

    /// The owner in words.
    pub(super) fn owner_in_words(&self) -> String {
        let owner = self.roles.owner;
        if let Some(governor) = self.governor() {
            return format!("the owner {owner}, the timelock behind the Governor {governor}");
        }
        format!("the owner {owner}")
    }

    /// A strategy that the treasury knows, as the block has it.
    pub(super) fn known(&self, strategy: Address) -> Option<&StrategyState> {
        self.snapshot.vault.strategies.iter().find(|state| state.strategy == strategy)
    }

    /// A strategy that it does not know.
    pub(super) async fn look_at(&self, strategy: Address) -> Result<StrategyReading, Failure> {
        let vault = self.vault.entry.vault;
        self.questions().strategy(strategy, vault).await.map_err(|e| chain_failure(&e))
    }

    /// What the configuration says of strategies' income, with what the chain tells of their past.
    pub(super) async fn rates(&self, snapshot: &Snapshot) -> Result<Vec<RateInput>, Failure> {
        let rates = self.world.rates_now(&self.vault, snapshot, &self.head).await;
        rates.map_err(|error| chain_failure(&error))
    }

    /// What a review of a document can know here.
    pub(super) async fn facts(&self, document: &Document) -> Result<Facts, Failure> {
        let entry = &self.vault.entry;
        let mut facts = Facts {
            at: Some(self.at()),
            ceilings: Some(self.roles.ceilings.clone()),
            own: vec![(entry.vault, "vault"), (entry.guard, "guard"), (entry.conduit, "conduit")],
            ..Facts::default()
        };
        let rates = self.rates(&self.snapshot).await?;
        for listed in &document.policy.strategies {
            let strategy = listed.strategy;
            let rate = rates.iter().find(|rate| rate.strategy == strategy);
            let venue = match self.known(strategy) {
                Some(state) => Venue {
                    unfit: None,
                    rate_ray: rate_ray(state, rate, Horizon::of(&document.policy, self.at())),
                    price: (!state.shares.is_zero())
                        .then_some((state.convert_assets, state.shares)),
                    has_reference: !state.reference_price.is_zero(),
                },
                None => {
                    let reading = self.look_at(strategy).await?;
                    let told = document.context.share_decimals(strategy);
                    Venue {
                        unfit: unfit(&reading, entry.asset, told),
                        price: reading.price,
                        ..Venue::default()
                    }
                }
            };
            facts.venues.insert(strategy, venue);
        }
        Ok(facts)
    }
}

/// Its yearly rate over a horizon at our position, if its curve is known.
fn rate_ray(state: &StrategyState, rate: Option<&RateInput>, horizon: Horizon) -> Option<U256> {
    let position = u128::try_from(state.convert_assets).ok()?;
    let earning = Earning::of(state, rate, position, horizon).ok().flatten()?;
    earning.rate_ray(position).ok()
}

/// Why a contract can be no strategy of a vault over an asset.
fn unfit(reading: &StrategyReading, asset: Address, told_decimals: Option<u8>) -> Option<String> {
    match reading.asset {
        None => return Some("is no ERC-4626: it does not say what its asset is".to_owned()),
        Some(other) if other != asset => {
            return Some(format!("holds {other}, and the asset of the vault is {asset}"));
        }
        Some(_) => {}
    }
    match (told_decimals, reading.decimals) {
        (Some(told), Some(found)) if told != found => {
            Some(format!("has shares of {found} decimals, and the file says {told}"))
        }
        _ => None,
    }
}

/// Names of the configuration, symbols where it has none.
fn context(vault: &VaultWorld, snapshot: &Snapshot) -> Context {
    let state = &snapshot.vault;
    let mut context = Context::new(state.asset.symbol.clone(), state.asset.decimals);
    let symbols: Vec<&str> = state.strategies.iter().map(|one| one.symbol.as_str()).collect();
    for strategy in &state.strategies {
        let named = vault.config.strategies.get(&strategy.strategy);
        let is_only = symbols.iter().filter(|symbol| **symbol == strategy.symbol).count() == 1;
        let name = named.cloned().or_else(|| is_only.then(|| strategy.symbol.clone()));
        if let Some(name) = name.filter(|name| !context.names.contains_key(name)) {
            context = context.with_strategy(name, strategy.strategy, strategy.decimals);
        }
    }
    context
}

fn no_vault() -> Failure {
    Failure::new(Exit::Internal, "A vault without a chain.")
}

/// Reads a file.
pub(super) fn file(path: &Path, context: Option<&Context>) -> Result<Document, Failure> {
    let text = text_of(path)?;
    read(&text, &path.display().to_string(), context)
        .map_err(|error| Failure::new(Exit::PolicyInvalid, format_args!("{error}.")))
}

/// The text of a file.
pub(super) fn text_of(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        let path = path.display();
        Failure::new(Exit::Usage, format_args!("{path}: the policy cannot be read: {error}."))
    })
}
