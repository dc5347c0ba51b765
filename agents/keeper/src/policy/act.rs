//! `keeper policy propose`, `activate` and `veto`: one call to the guard, behind a Governor's proposal where that is how the
//! owner acts; shown, written down for a Safe, or sent.
//!
//! What would fail is found by asking the guard, before anything is written or sent.

use alloy::primitives::{Address, B256, Bytes, U256};
use serde::Serialize;
use vagus_chain::{
    Call as ChainCall, ChainReader as _, Simulation,
    governance::{encode_propose, proposal_id},
    guard::{describe_revert, encode_activate_policy, encode_submit_policy, encode_veto_policy},
};
use vagus_policy::{compare::Effect, encode, review::Severity};

use super::{
    desk::{self, Desk},
    diff::{Comparison, Wait},
    send::{self, Sent},
    show::none,
    validate::placed,
};
use crate::{
    cli::{Acting, Office, Proposing, Vetoing, Way},
    exit::{Exit, Failure},
    page::Page,
    proposal,
    render::{
        self,
        number::{span, time},
    },
    world::chain_failure,
};

/// What is to be done, and how it left.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    /// Name of the vault in the configuration.
    pub vault: String,
    /// EIP-155 id.
    pub chain_id: u64,
    /// What it does, in a few words.
    pub title: String,
    /// Identity of the policy that it is about.
    pub hash: B256,
    /// Contract that is called.
    pub to: Address,
    /// With which data.
    pub data: Bytes,
    /// Who has to call it; none if anybody may.
    pub from: Option<Address>,
    /// The proposal behind it, if it is the Governor's.
    pub proposal: Option<GovernorProposal>,
    /// For people.
    pub description: String,
    /// File that a Safe imports, if it was written.
    pub safe_file: Option<String>,
    /// Transaction, if it was sent.
    pub sent: Option<Sent>,
}

/// A proposal of one call.
#[derive(Clone, Debug, Serialize)]
pub struct GovernorProposal {
    /// Its number, in decimals.
    #[serde(with = "vagus_policy::decimal")]
    pub id: U256,
    /// What it calls.
    pub target: Address,
    /// With which data.
    pub calldata: Bytes,
}

pub(super) async fn propose(wanted: &Proposing) -> Result<Page, Failure> {
    let desk = Desk::open(&wanted.of.config, wanted.of.vault.as_deref()).await?;
    let document = desk::file(&wanted.file, Some(&desk.context))?;
    let file = wanted.file.display();
    let found = placed(&document, &desk.facts(&document).await?);
    let errors = found.iter().filter(|it| it.finding.severity == Severity::Error);
    if let Some(first) = errors.clone().next() {
        let finding = &first.finding;
        let others = match errors.count() - 1 {
            0 => String::new(),
            more => format!("; {more} more: see keeper policy validate"),
        };
        return Err(Failure::new(
            Exit::PolicyInvalid,
            format_args!(
                "{file}:{}:{}: {}: {}; {}{others}.",
                first.line, first.column, finding.key, finding.problem, finding.advice
            ),
        ));
    }
    let wait = Wait::Unsubmitted {
        delay_seconds: desk.roles.policy_delay_seconds,
        grace_seconds: Some(desk.roles.ceilings.grace_seconds),
    };
    let name = wanted.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let compared = Comparison::new(
        ("what is in force".to_owned(), desk.in_force()),
        (name, &document.policy),
        &document.context,
        wait,
    );
    if compared.before_hash == Some(compared.after_hash) && compared.changes.is_empty() {
        return Err(Failure::new(
            Exit::Refused,
            format_args!("{file}: this policy is in force already, {}.", compared.after_hash),
        ));
    }
    if wanted.office == Office::Guardian && !compared.is_at_once {
        let waiting = compared.changes.iter().find(|change| change.effect == Effect::Waits);
        let which = waiting.map_or_else(
            || "no policy is in force".to_owned(),
            |change| format!("{} {} has to wait", change.of, change.limit),
        );
        return Err(Failure::new(
            Exit::Refused,
            format_args!(
                "{file}: the guardian may only tighten, and {which}; expected --as owner."
            ),
        ));
    }
    let title = match &wanted.title {
        Some(title) if title.contains(char::is_control) => {
            return Err(Failure::new(Exit::Usage, "--title: expected one line of text."));
        }
        Some(title) => title.clone(),
        None => format!("Policy of {}", desk.vault.config.name),
    };
    let description = render::policy::description(
        &title,
        &compared,
        desk.vault.entry.guard,
        desk.world.config.chain_id,
        &found,
    );
    let data = encode_submit_policy(&encode(&document.policy));
    let call =
        of_office(&desk, wanted.office, title, compared.after_hash, data, description).await?;
    finish(&desk, call, &wanted.way, wanted.of.json).await
}

pub(super) async fn activate(wanted: &Acting) -> Result<Page, Failure> {
    let desk = Desk::open(&wanted.of.config, wanted.of.vault.as_deref()).await?;
    let waits = desk.pending().await?;
    let (waits, policy) = waits.ok_or_else(|| none(&desk, "no policy waits"))?;
    let refused =
        |why: String| Failure::new(Exit::Refused, format_args!("Policy {} {why}.", waits.hash));
    if desk.at() < waits.activatable_at {
        let left = span(waits.activatable_at - desk.at());
        let from = time(waits.activatable_at);
        return Err(refused(format!("can be put in force from {from} on, in {left}")));
    }
    if desk.at() > waits.expires_at {
        let until = time(waits.expires_at);
        return Err(refused(format!(
            "could be put in force until {until}; it has to be submitted anew"
        )));
    }
    let data = encode_activate_policy(&encode(&policy));
    let anybody = desk.config.agent.account.address;
    try_out(&desk, anybody, desk.vault.entry.guard, &data).await?;
    let title = format!("Put policy of {} in force", desk.vault.config.name);
    let description = format!(
        "Policy {} has waited for its delay. Anybody may put it in force until {}.",
        waits.hash,
        time(waits.expires_at)
    );
    let call = call(&desk, title, waits.hash, data, None, description);
    finish(&desk, call, &wanted.way, wanted.of.json).await
}

pub(super) async fn veto(wanted: &Vetoing) -> Result<Page, Failure> {
    let desk = Desk::open(&wanted.of.config, wanted.of.vault.as_deref()).await?;
    let waits = desk.roles.pending.ok_or_else(|| none(&desk, "no policy waits"))?;
    let title = format!("Veto of a policy of {}", desk.vault.config.name);
    let description = format!(
        "# {title}\n\nEnds policy {}, which could be put in force from {} to {}. What is in force stays.",
        waits.hash,
        time(waits.activatable_at),
        time(waits.expires_at)
    );
    let data = encode_veto_policy();
    let call = of_office(&desk, wanted.office, title, waits.hash, data, description).await?;
    finish(&desk, call, &wanted.way, wanted.of.json).await
}

/// A call to the guard by right of an office, tried out; for an owner behind a Governor the proposal of it.
async fn of_office(
    desk: &Desk,
    office: Office,
    title: String,
    hash: B256,
    data: Bytes,
    description: String,
) -> Result<Call, Failure> {
    let guard = desk.vault.entry.guard;
    let from = match office {
        Office::Owner => desk.roles.owner,
        Office::Guardian => desk.roles.guardian,
    };
    if from.is_zero() {
        let who = if office == Office::Owner { "owner" } else { "guardian" };
        return Err(none(desk, &format!("its guard {guard} has no {who}")));
    }
    try_out(desk, from, guard, &data).await?;
    let Some(governor) = desk.governor().filter(|_| office == Office::Owner) else {
        return Ok(call(desk, title, hash, data, Some(from), description));
    };
    let proposal = GovernorProposal {
        id: proposal_id(guard, &data, &description),
        target: guard,
        calldata: data.clone(),
    };
    let data = encode_propose(guard, &data, &description);
    let call = call(desk, title, hash, data, None, description);
    Ok(Call { to: governor, proposal: Some(proposal), ..call })
}

fn call(
    desk: &Desk,
    title: String,
    hash: B256,
    data: Bytes,
    from: Option<Address>,
    description: String,
) -> Call {
    Call {
        vault: desk.vault.config.name.clone(),
        chain_id: desk.world.config.chain_id,
        title,
        hash,
        to: desk.vault.entry.guard,
        data,
        from,
        proposal: None,
        description,
        safe_file: None,
        sent: None,
    }
}

/// What the call would do now; a failure says why it would be refused.
async fn try_out(desk: &Desk, from: Address, to: Address, data: &Bytes) -> Result<(), Failure> {
    let gas = desk.vault.config.gas.limit;
    let call = ChainCall { from, to, input: data.clone(), gas, returns: false };
    let at = desk.at().saturating_add(desk.world.config.profile.block_seconds.into());
    let answer = desk.world.endpoints.simulate(&call, &desk.head, at).await;
    match answer.map_err(|e| chain_failure(&e))? {
        Simulation::Succeeds(_) => Ok(()),
        Simulation::Fails { message, data } => {
            let words = if data.is_empty() { message } else { describe_revert(&data) };
            Err(Failure::new(
                Exit::Refused,
                format_args!("{to} refuses this of {from}: {words}. Nothing was written or sent."),
            ))
        }
    }
}

/// Lets the call out in the way that is wanted.
async fn finish(desk: &Desk, mut call: Call, way: &Way, is_json: bool) -> Result<Page, Failure> {
    if let Some(file) = &way.safe {
        if file.exists() {
            return Err(Failure::new(
                Exit::Usage,
                format_args!("{}: it is there already; expected a new file.", file.display()),
            ));
        }
        let created_at_ms = desk.at().saturating_mul(1_000);
        let batch = proposal::batch_of_call(
            (call.chain_id, created_at_ms),
            (&call.title, &call.description),
            call.from,
            (call.to, &call.data),
        );
        proposal::write_whole(file, &batch)?;
        call.safe_file = Some(file.display().to_string());
    }
    if way.send {
        let key = send::key(&desk.config, way).await?;
        if let Some(from) = call.from
            && key.address() != from
        {
            return Err(Failure::new(
                Exit::Key,
                format_args!(
                    "The key is of account {}, but only {from} may do this; expected --keystore of that account, or \
                     --safe.",
                    key.address()
                ),
            ));
        }
        try_out(desk, key.address(), call.to, &call.data).await?;
        call.sent = Some(send::send(desk, &key, call.to, call.data.clone()).await?);
    }
    super::page(&call, is_json, render::policy::call)
}
