//! `make bench-income` and `make check-income`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use vagus_income::{
    contenders::Contender,
    figures::{Figure, Figures, LEAST_HELD},
    history::{HISTORIES, History},
    run, tables,
};

const FIGURES: &str = "bench/income.json";

/// What the allocator earns beside other ways to allocate, on histories that the real venue contracts make.
#[derive(Parser)]
struct Arguments {
    /// Folder of the repository.
    #[arg(long, default_value = ".")]
    root: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Goes through all histories and writes bench/income.json and the tables of bench/README.md and README.md.
    Bench,
    /// Writes the tables anew from bench/income.json.
    Tables,
    /// Goes through some histories again and compares them with bench/income.json.
    Check {
        /// Names of histories.
        #[arg(required = true)]
        histories: Vec<String>,
    },
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// Goes through a history with everybody, and tells how it goes.
fn go_through(history: &History) -> Result<BTreeMap<String, Figure>> {
    let began = Instant::now();
    let (world, steps) = run::open(history)?;
    let mut figures = BTreeMap::new();
    for contender in Contender::ALL {
        let figure = Figure::of(history, &run::year(&world, &steps, contender)?)?;
        eprintln!(
            "{:>2} of {}  {:27} {:17} {:>9} %  {:>4} rebalances, {:>3} refused, gas {:>8}",
            history.seed,
            HISTORIES.len(),
            history.name,
            contender.name(),
            figure.income_percent,
            figure.rebalances,
            figure.refused,
            figure.gas_assets,
        );
        figures.insert(contender.name().to_owned(), figure);
    }
    eprintln!("{:10}{} s", "", began.elapsed().as_secs());
    Ok(figures)
}

fn bench(root: &Path) -> Result<()> {
    let mut figures = Figures::default();
    for history in &HISTORIES {
        figures.histories.insert(history.name.to_owned(), go_through(history)?);
    }
    let held = figures.held()?;
    write(&root.join(FIGURES), &(serde_json::to_string_pretty(&figures)? + "\n"))?;
    write_tables(root, &figures)?;
    eprintln!("holding is best in {} of {} histories", held.len(), HISTORIES.len());
    ensure!(held.len() >= LEAST_HELD, "expected holding to be best in at least {LEAST_HELD}");
    Ok(())
}

fn write_tables(root: &Path, figures: &Figures) -> Result<()> {
    for (file, table) in
        [("bench/README.md", tables::all(figures)?), ("README.md", tables::lost(figures)?)]
    {
        let path = root.join(file);
        let text = tables::placed(&read(&path)?, &table).with_context(|| file.to_owned())?;
        write(&path, &text)?;
    }
    Ok(())
}

fn committed(root: &Path) -> Result<Figures> {
    Figures::read(&read(&root.join(FIGURES))?)
        .with_context(|| format!("{FIGURES}: run `make bench-income`"))
}

fn check(root: &Path, names: &[String]) -> Result<()> {
    let figures = committed(root)?;
    for name in names {
        let history = HISTORIES.iter().find(|history| history.name == name);
        let history = history.with_context(|| format!("there is no history \"{name}\""))?;
        let found = go_through(history)?;
        ensure!(
            figures.histories.get(history.name) == Some(&found),
            "\"{name}\" comes out otherwise than in {FIGURES}: run `make bench-income` if that is meant",
        );
    }
    Ok(())
}

fn main() -> Result<()> {
    let Arguments { root, command } = Arguments::parse();
    match command {
        Command::Bench => bench(&root),
        Command::Tables => write_tables(&root, &committed(&root)?),
        Command::Check { histories } => check(&root, &histories),
    }
}
