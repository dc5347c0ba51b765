//! Measures how fast a history is gone through, and prints what `bench/backtest.json` holds.
//!
//! From the text of each line to its record's hash: eight strategies, curve inputs that change at each of them, the venues'
//! formulas for a portfolio of its own. One thread; its time is the one that it had a core for, so that a machine that does
//! other things too measures the same. The history is generated and made text before the clock starts.

use std::{process::ExitCode, time::Instant};

use vagus_backtest::{
    Backtest, Rules,
    generate::Generator,
    history::{Reader, Writer},
};

#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Error = Box<dyn std::error::Error>;

const SEED: u64 = 2_026;
const STRATEGIES: usize = 8;
/// Lines, an hour apart.
const LINES: usize = 40_000;
const BLOCKS_BETWEEN: u64 = 300;
/// What has to be reached.
const LEAST_A_MINUTE: u128 = 100_000;
const LEAST_PLANS_PERCENT: u64 = 20;
const NANOS_A_MINUTE: u128 = 60_000_000_000;

/// Nanoseconds for which this thread had a core.
fn on_core_nanos() -> Result<u128, Error> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

fn measure() -> Result<bool, Error> {
    let generator = Generator::new(SEED, STRATEGIES, BLOCKS_BETWEEN);
    let policy = generator.policy();
    let mut writer = Writer::new(generator.head());
    let mut text = vec![writer.head()?];
    for block in generator.take(LINES) {
        text.push(writer.block(&block)?);
    }
    text.push(writer.end());
    let bytes: usize = text.iter().map(|line| line.len() + 1).sum();
    let mut reader = Reader::new(&text[0])?;
    for line in &text[1..] {
        reader.read(line)?;
    }
    let summary = reader.finish()?;

    let (begin, began_nanos) = (Instant::now(), on_core_nanos()?);
    let mut reader = Reader::new(&text[0])?;
    let mut backtest = Backtest::new(&summary, Rules::of(policy));
    for line in &text[1..=LINES] {
        reader.pass(line)?;
        backtest.step(reader.block()?)?;
    }
    let outcome = backtest.finish()?;
    let (took, took_nanos) = (begin.elapsed(), on_core_nanos()? - began_nanos);

    let followed = outcome.followed;
    let a_minute = u128::from(followed.decided) * NANOS_A_MINUTE / took_nanos.max(1);
    let plans_percent = followed.plans * 100 / followed.decided.max(1);
    let document = serde_json::json!({
        "schema": 1,
        "strategies": STRATEGIES,
        "seed": SEED,
        "decisions": followed.decided,
        "plans": followed.plans,
        "plans_percent": plans_percent,
        "executed": followed.executed,
        "records_hashed": followed.records,
        "bytes_per_line": bytes / (LINES + 2),
        "seconds_on_core": u64::try_from(took_nanos / 1_000_000_000)?,
        "seconds": took.as_secs(),
        "decisions_per_minute_and_core": u64::try_from(a_minute)?,
        "last_record": outcome.head,
    });
    println!("{document:#}");
    Ok(a_minute >= LEAST_A_MINUTE && plans_percent >= LEAST_PLANS_PERCENT)
}

fn main() -> ExitCode {
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!(
                "expected at least {LEAST_A_MINUTE} decisions a minute and core and {LEAST_PLANS_PERCENT} % with a plan"
            );
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
