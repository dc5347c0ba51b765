//! `quality problems`: draws problems, solves them, and writes them down for a reference to solve as well.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, ValueEnum};
use serde_json::json;
use vagus_allocator::program::{Found, search, verify};
use vagus_quality::{Class, Instance, Traits};

/// Draws problems, solves them, and writes them down for a reference to solve as well: one JSON object per line.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// File that they are written to.
    #[arg(long)]
    out: PathBuf,
    /// Which problems.
    #[arg(long, value_enum, default_value = "general")]
    class: ClassName,
    /// Numbers of strategies; a problem is of one of them in turn.
    #[arg(long, value_delimiter = ',', default_value = "8,16,24,32")]
    strategies: Vec<usize>,
    /// Segments of each strategy's curve.
    #[arg(long, default_value_t = 32)]
    segments: usize,
    /// Number of problems.
    #[arg(long, default_value_t = 1_000)]
    count: u64,
    /// First seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Times that each is solved; the median counts.
    #[arg(long, default_value_t = 1)]
    repeats: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ClassName {
    /// Concave curves, nested groups, legs that cost nothing.
    Exact,
    /// Kinks, crossing groups, gas, smallest moves.
    General,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("quality: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let class = match arguments.class {
        ClassName::Exact => Class::Exact,
        ClassName::General => Class::General,
    };
    ensure!(
        !arguments.strategies.is_empty() && arguments.repeats > 0,
        "--strategies and --repeats: expected at least one"
    );
    let name = arguments.out.display();
    let mut out =
        BufWriter::new(File::create(&arguments.out).with_context(|| format!("writing {name}"))?);
    for number in 0..arguments.count {
        let seed = arguments.seed + number;
        let turn = usize::try_from(number)? % arguments.strategies.len();
        let instance = Instance::draw(seed, class, arguments.strategies[turn], arguments.segments);
        let (found, took) = timed(&instance, arguments.repeats);
        let problem = &instance.problem;
        let bound = verify(problem, &found).with_context(|| format!("problem {seed}"))?;
        let Traits { binds_group, binds_turnover, crosses_kink, moves } = instance.traits(&found);
        let strategies: Vec<_> = problem
            .strategies
            .iter()
            .map(|one| {
                let side = |side: &vagus_allocator::program::Side| {
                    json!({ "least": side.least.to_string(), "ends": texts(&side.ends), "slopes": texts(&side.slopes) })
                };
                json!({ "in": side(&one.inward), "out": side(&one.outward), "groups": one.groups })
            })
            .collect();
        let line = json!({
            "seed": seed,
            "strategies": strategies,
            "idle": problem.idle.to_string(),
            "turnover": problem.turnover.to_string(),
            "groups": texts(&problem.groups),
            "leg_cost": problem.leg_cost.to_string(),
            "most_legs": problem.most_legs.min(1_000_000),
            "tolerance": problem.tolerance.to_string(),
            "income": instance.income.to_string(),
            "ours": {
                "value": found.value.to_string(), "moves": texts(&found.moves), "bound": bound.to_string(), "nodes": found.nodes,
                "nanoseconds": u64::try_from(took.as_nanos())?,
            },
            "traits": { "group": binds_group, "turnover": binds_turnover, "kink": crosses_kink, "moves": moves },
        });
        writeln!(out, "{line}")?;
    }
    out.flush().with_context(|| format!("writing {name}"))
}

/// A plan, and the median of the times that it took.
fn timed(instance: &Instance, repeats: usize) -> (Found, Duration) {
    let mut times = Vec::with_capacity(repeats);
    let mut found = Found::default();
    for _ in 0..repeats {
        let began = Instant::now();
        found = search(std::hint::black_box(&instance.problem));
        times.push(began.elapsed());
    }
    times.sort_unstable();
    (found, times[repeats / 2])
}

fn texts(numbers: &[i128]) -> Vec<String> {
    numbers.iter().map(ToString::to_string).collect()
}
