//! `faults`: schedules of faults on real chains and real databases, or one of them again.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use vagus_e2e::{paths, trial::Base};
use vagus_faults::{Schedule, Server, Stage, StoreKind, Surroundings, floors, play};
use vagus_schedules::{Ran, Tally};

/// Schedules on one chain, before another one is started: anvil keeps what it went back from, and forgets states of blocks
/// that are there when it has kept 500.
const SCHEDULES_PER_CHAIN: u64 = 9;
/// From so many schedules on, every kind of fault has to have been met.
const ENOUGH: u64 = 200;
/// Workers: each has a chain, a keeper and a database.
const WORKERS: usize = 2;
/// Where the part inside finds what was prepared outside.
const INSIDE: &str = "VAGUS_FAULTS_INSIDE";
/// `required`: a machine on which no small disk can be made fails, instead of filling none.
const DISKS_SWITCH: &str = "VAGUS_SMALL_DISKS";
/// Size of a journal's disk.
const DISK: &str = "size=24m";

/// Schedules of faults for the keeper as a process.
#[derive(Debug, Parser)]
struct Options {
    /// How many.
    #[arg(long, default_value_t = ENOUGH)]
    schedules: u64,
    /// The first one's seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// One schedule alone, with all that is known of it.
    #[arg(long, conflicts_with_all = ["schedules", "first"])]
    seed: Option<u64>,
    /// Wakes planted faults of these numbers in the keeper, which is a copy that has them, one after the other, and plays
    /// until each is found: `--planted 1,6`.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', conflicts_with = "seed")]
    planted: Vec<u32>,
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    match std::env::var_os(INSIDE) {
        None => outside(),
        Some(folder) => inside(&options, Path::new(&folder)),
    }
}

/// Starts servers and makes small disks, in a namespace of its own, where this program runs once more.
fn outside() -> Result<ExitCode> {
    let folder = paths::run_folder("faults")?;
    let mut servers = Vec::new();
    for _ in 0..WORKERS {
        servers.extend(Server::start()?);
    }
    let mut mounts = String::new();
    for place in 0..WORKERS {
        let disk = disk(&folder, place);
        std::fs::create_dir_all(&disk)?;
        mounts.push_str(&format!("mount -t tmpfs -o {DISK} tmpfs '{}' && ", disk.display()));
    }
    let share = ["-m", "-rm"].into_iter().find(|flags| {
        let script = format!("{mounts} true");
        let probe = Command::new("unshare").args([flags, "sh", "-c", &script]).output();
        probe.is_ok_and(|probe| probe.status.success())
    });
    let program = std::env::current_exe()?;
    let mut command = match share {
        Some(flags) => {
            let mut command = Command::new("unshare");
            command.args([flags, "sh", "-c", &format!("{mounts} exec \"$0\" \"$@\"")]).arg(program);
            command.env("VAGUS_FAULTS_DISKS", "small");
            command
        }
        None => {
            let is_required = std::env::var(DISKS_SWITCH).is_ok_and(|it| it == "required");
            ensure!(
                !is_required,
                "no small file system can be made here, and {DISKS_SWITCH} requires it"
            );
            eprintln!("no small file system can be made here: disks of files are not filled");
            Command::new(program)
        }
    };
    let urls: Vec<&str> = servers.iter().map(|server| server.url.as_str()).collect();
    let status = command
        .args(std::env::args_os().skip(1))
        .env(INSIDE, &folder)
        .env("VAGUS_FAULTS_SERVERS", urls.join(" "))
        .status()
        .context("running inside")?;
    if status.success() {
        let _ = std::fs::remove_dir_all(&folder);
        return Ok(ExitCode::SUCCESS);
    }
    println!("kept: {}", folder.display());
    Ok(ExitCode::FAILURE)
}

fn disk(folder: &Path, place: usize) -> PathBuf {
    folder.join(format!("disk-{place}"))
}

/// What all workers share.
#[derive(Debug)]
struct Work {
    base: Base,
    folder: PathBuf,
    next: AtomicU64,
    end: u64,
    is_told: bool,
    tally: Mutex<Tally>,
    failed: Mutex<Vec<u64>>,
}

fn inside(options: &Options, folder: &Path) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(options, folder))
}

async fn run(options: &Options, folder: &Path) -> Result<ExitCode> {
    let began = Instant::now();
    let servers = std::env::var("VAGUS_FAULTS_SERVERS").unwrap_or_default();
    let servers: Vec<String> = servers.split_whitespace().map(str::to_owned).collect();
    let is_small = std::env::var_os("VAGUS_FAULTS_DISKS").is_some();
    let built = folder.join("base");
    std::fs::create_dir_all(&built)?;
    let base = Base::build(&built).await?;
    println!("the world stands after {:.0?}", began.elapsed());
    let (first, count) = match options.seed {
        Some(seed) => (seed, 1),
        None => (options.first, options.schedules),
    };
    let work = Arc::new(Work {
        base,
        folder: folder.to_path_buf(),
        next: AtomicU64::new(if options.planted.is_empty() { first } else { 0 }),
        end: first + count,
        is_told: options.seed.is_some(),
        tally: Mutex::default(),
        failed: Mutex::default(),
    });
    let mut workers = tokio::task::JoinSet::new();
    let planted = &options.planted;
    let most = if planted.is_empty() { usize::try_from(count)? } else { planted.len() };
    for place in 0..WORKERS.min(most) {
        let server = servers.get(place).cloned();
        let surroundings = Surroundings { disk: disk(folder, place), is_small, server };
        let desk = Desk { work: work.clone(), place, surroundings, stage: None, played: 0 };
        if planted.is_empty() {
            workers.spawn(desk.play_all());
        } else {
            workers.spawn(desk.find_all(planted.clone(), first..first + count));
        }
    }
    while let Some(done) = workers.join_next().await {
        done??;
    }
    if !planted.is_empty() {
        let failed = work.failed.lock().unwrap_or_else(|e| e.into_inner()).clone();
        println!("in {:.0?}", began.elapsed());
        return Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let tally = work.tally.lock().unwrap_or_else(|e| e.into_inner()).clone();
    let failed = work.failed.lock().unwrap_or_else(|e| e.into_inner()).clone();
    print!("{tally}");
    println!("in {:.0?}", began.elapsed());
    let mut missing = Vec::new();
    if count >= ENOUGH {
        missing = tally.below(&floors(!servers.is_empty(), is_small));
        missing.iter().for_each(|one| println!("met too seldom: {one}"));
    }
    if failed.is_empty() && missing.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    for seed in failed {
        println!("found something: target/debug/faults --seed {seed}");
    }
    Ok(ExitCode::FAILURE)
}

/// Where a worker works.
#[derive(Debug)]
struct Desk {
    work: Arc<Work>,
    place: usize,
    surroundings: Surroundings,
    stage: Option<Stage>,
    played: u64,
}

impl Desk {
    /// Plays one schedule after the other.
    async fn play_all(mut self) -> Result<()> {
        loop {
            let seed = self.work.next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.work.end {
                return Ok(());
            }
            let (schedule, began) = (Schedule::of(seed), Instant::now());
            let ran = self.play(&schedule, 0).await?;
            let stage = self.stage.as_ref().context("a stage")?;
            tell(&self.work, &schedule, stage, &ran, began);
            self.work.tally.lock().unwrap_or_else(|e| e.into_inner()).add(&ran);
        }
    }

    /// Finds one planted fault after the other. What none of the schedules finds has failed.
    async fn find_all(mut self, planted: Vec<u32>, seeds: std::ops::Range<u64>) -> Result<()> {
        loop {
            let place = usize::try_from(self.work.next.fetch_add(1, Ordering::Relaxed))?;
            let Some(&fault) = planted.get(place) else { return Ok(()) };
            let mut found = None;
            for seed in seeds.clone() {
                let ran = self.play(&Schedule::of(seed), fault).await?;
                found = ran.findings.first().map(|finding| (seed, finding.to_string()));
                if found.is_some() {
                    break;
                }
            }
            match found {
                Some((seed, finding)) => println!("planted {fault}: seed {seed}: {finding}"),
                None => {
                    println!("planted {fault}: not found");
                    self.work.failed.lock().unwrap_or_else(|e| e.into_inner()).push(fault.into());
                }
            }
        }
    }

    async fn play(&mut self, schedule: &Schedule, planted: u32) -> Result<Ran> {
        if self.played.is_multiple_of(SCHEDULES_PER_CHAIN) {
            drop(self.stage.take());
            let folder = self.work.folder.join(format!("stage-{}-{}", self.place, self.played));
            let stage = Stage::open(&self.work.base, &folder, self.surroundings.clone()).await?;
            self.stage = Some(stage);
        }
        self.played += 1;
        let stage = self.stage.as_mut().context("a stage")?;
        stage.planted = planted;
        let of = format!("schedule {}", schedule.seed);
        play(stage, schedule).await.context(of)
    }
}

fn tell(work: &Work, schedule: &Schedule, stage: &Stage, ran: &Ran, began: Instant) {
    let seed = schedule.seed;
    let store = if schedule.store == StoreKind::Sqlite { "SQLite" } else { "PostgreSQL" };
    if work.is_told || std::env::var_os("VAGUS_FAULTS_TOLD").is_some() {
        println!(
            "{seed}: {:.1?}, {store}, {} executed, {} restarts",
            began.elapsed(),
            ran.executed,
            ran.restarts
        );
    }
    if work.is_told || !ran.findings.is_empty() {
        println!("{schedule:#?}\n{ran:#?}\n{:#?}", stage.notes());
    }
    if !ran.findings.is_empty() {
        println!("found something: target/debug/faults --seed {seed}");
        work.failed.lock().unwrap_or_else(|e| e.into_inner()).push(seed);
    }
}
