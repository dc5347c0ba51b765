//! The world to look at and to play in: `world demo`, `world chain`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use vagus_e2e::{demo, playground};

/// A local chain with real venues, a treasury and a keeper.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Runs the main job from an empty chain to its end, told as it happens.
    Demo,
    /// Builds the same world, adopts the policy and leaves it standing until interrupted.
    Chain,
}

// One thread: children are tied to the thread that starts them and die with it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let verb = Arguments::parse().verb;
    let told: Result<()> = tokio::select! {
        told = async { match verb {
            Verb::Demo => demo::run().await,
            Verb::Chain => playground::run().await,
        }} => told,
        signal = interrupted() => {
            anstream::eprintln!("\nstopped by {signal}; nothing is left running");
            return ExitCode::from(130);
        }
    };
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("world: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn interrupted() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => "an interrupt",
        _ = terminate.recv() => "a request to terminate",
        _ = hangup.recv() => "the terminal's end",
    }
}
