//! `keeper policy`: what governance votes on, as a file that people read, check, try and vote on.
//!
//! What a document means is decided in the policy crate; here it meets the chain. One module for each verb, `desk` reads
//! the treasury, `act` makes transactions and lets them out, `render::policy` writes the pages.

mod act;
mod begin;
mod desk;
mod diff;
mod preview;
mod send;
mod show;
mod side;
mod validate;

pub use act::Call as ActCall;
pub use diff::{Comparison, Wait};
pub use preview::{Breach, Outlook, Preview, Spent};
pub use show::{Pending, Shown};
pub use side::Side;
pub use validate::{Placed, Promised, Review};

use serde::Serialize;

use crate::{
    JSON_SCHEMA_VERSION,
    cli::PolicyCommand,
    exit::{Exit, Failure},
    page::Page,
    verify,
};

/// Does what is asked; gives back what is shown, and the end that it means.
///
/// # Errors
/// If it cannot be done: one sentence, and nothing was written or sent.
pub async fn work(command: PolicyCommand) -> Result<Page, Failure> {
    match command {
        PolicyCommand::Validate(wanted) => validate::validate(&wanted).await,
        PolicyCommand::Show(wanted) => show::show(&wanted).await,
        PolicyCommand::Pending(wanted) => show::pending(&wanted).await,
        PolicyCommand::Diff(wanted) => diff::diff(&wanted).await,
        PolicyCommand::Propose(wanted) => act::propose(&wanted).await,
        PolicyCommand::Activate(wanted) => act::activate(&wanted).await,
        PolicyCommand::Veto(wanted) => act::veto(&wanted).await,
        PolicyCommand::New(wanted) => begin::begin(&wanted).await,
        PolicyCommand::Preview(wanted) => preview::preview(&wanted).await,
        PolicyCommand::Verify(wanted) => verify::verify(&wanted).await,
    }
}

/// A page with nothing amiss, in the form that is asked for.
fn page<T: Serialize>(
    view: &T,
    is_json: bool,
    text: impl FnOnce(&T) -> String,
) -> Result<Page, Failure> {
    let text = if is_json { json(view)? } else { text(view) };
    Ok(Page { text, missing: None })
}

/// A document for machines.
fn json(view: &impl Serialize) -> Result<String, Failure> {
    #[derive(Serialize)]
    struct Document<'a, T> {
        schema: u32,
        #[serde(flatten)]
        view: &'a T,
    }
    serde_json::to_string_pretty(&Document { schema: JSON_SCHEMA_VERSION, view })
        .map_err(|error| Failure::new(Exit::Internal, error))
}
