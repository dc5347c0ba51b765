//! Keepers under load: `load bench`, `load soak`. Figures go to a file, progress to the terminal.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use serde_json::Value;
use vagus_e2e::{
    load::{bench, soak},
    paths,
};

/// A keeper as a process, under many vaults and many blocks.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// File that the figures are written to.
    #[arg(long)]
    out: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// How long the keeper itself takes for a block.
    Bench {
        /// Numbers of vaults.
        #[arg(long, value_delimiter = ',', default_value = "1,10,100")]
        vaults: Vec<usize>,
        /// Fewest blocks with moves, and without, behind each percentile.
        #[arg(long, default_value_t = bench::LEAST_SAMPLES)]
        samples: usize,
    },
    /// Thousands of blocks: memory, journal, calls, and what became of every block.
    Soak {
        /// Blocks of each chain.
        #[arg(long, default_value_t = 10_000)]
        blocks: u64,
        /// Chains.
        #[arg(long, default_value_t = 2)]
        chains: u64,
        /// Vaults of each chain.
        #[arg(long, default_value_t = 25)]
        vaults: usize,
    },
}

// One thread: children are tied to the thread that starts them and die with it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(Arguments { out, verb }: Arguments) -> Result<()> {
    let folder = paths::run_folder("load")?;
    let figures = match verb {
        Verb::Bench { vaults, samples } => bench::run(&folder, &vaults, samples).await?,
        Verb::Soak { blocks, chains, vaults } => {
            soak::run(&folder, soak::Plan { blocks, chains, vaults }).await?
        }
    };
    write(&out, &figures)?;
    anstream::println!("{figures:#}");
    Ok(())
}

fn write(out: &Path, figures: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(figures)?;
    std::fs::write(out, text + "\n").with_context(|| format!("writing {}", out.display()))
}
