//! The keeper's command line: reads a configuration, then runs, plans or reports.

// As in the library: clients of key services are futures many calls deep.
#![recursion_limit = "256"]

use std::{process::ExitCode, sync::Arc, time::Duration};

use clap::{CommandFactory as _, Parser, error::ErrorKind};
use tokio::{runtime::Handle, sync::watch as channel};
use vagus_journal::{InterventionAction, SqlJournal};
use vagus_keeper::{
    alert, attribution, backtest,
    board::Board,
    cli::{Cli, Command, Common, Exporting, JournalCommand, Moving, Run, Status, Tracing},
    config::Config,
    doctor,
    exit::{Exit, Failure},
    http, init, journal, keys, log,
    mode::Mode,
    otlp::Traces,
    page::Page,
    pause, person, plan, policy,
    reload::Reload,
    report::Reporter,
    run, status, trace, version, watch, world,
};

#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; they go to stdout.
            let is_asked =
                matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let _ = error.print();
            return code(if is_asked { Exit::Ok } else { Exit::Usage });
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return end(Err(Failure::new(Exit::Internal, format_args!("No runtime: {error}."))));
        }
    };
    let traces = match traces(&cli.command, runtime.handle()) {
        Ok(traces) => traces,
        Err(failure) => return end(Err(failure)),
    };
    log::begin(traces.as_ref());
    let code = runtime.block_on(async {
        match cli.command {
            // Its end is a verdict.
            Command::Trace(wanted) => traced(&wanted).await,
            command => end(work(command).await),
        }
    });
    if let Some(traces) = traces {
        traces.end();
    }
    // A question to an endpoint that hangs must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    code
}

/// Where steps are told to, of what goes on by itself.
fn traces(command: &Command, runtime: &Handle) -> Result<Option<Traces>, Failure> {
    match command {
        Command::Run(run) => Traces::of(&Config::load(&run.common.config)?, runtime),
        _ => Ok(None),
    }
}

/// Prints a trace, and ends with what it came to.
async fn traced(wanted: &Tracing) -> ExitCode {
    let told = match trace::trace(wanted).await {
        Ok(told) => told,
        Err(failure) => return end(Err(failure)),
    };
    if !told.text.is_empty() {
        print(&told.text);
    }
    if let Some(sentence) = &told.sentence {
        complain(sentence);
    }
    ExitCode::from(told.verdict.number())
}

async fn work(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(run) => keep(run).await,
        Command::Plan(common) => {
            let config = Config::load(&common.config)?;
            let world::Reached { worlds, unreached } =
                world::reach(&config, common.vault.as_deref()).await?;
            show(plan::plan(&worlds, common.json).await?)?;
            lacking(unreached)
        }
        Command::Status(Status { common, watch, shadow, treasury }) => {
            let config = load(&common.config, shadow)?;
            let Some(seconds) = watch else {
                let world::Reached { worlds, unreached } =
                    world::reach(&config, common.vault.as_deref()).await?;
                let journal = &config.journal;
                let page = if treasury {
                    status::overview(&worlds, journal, common.json).await?
                } else {
                    status::status(&worlds, journal, common.json).await?
                };
                show(page)?;
                return lacking(unreached);
            };
            let worlds = world::open(&config, common.vault.as_deref()).await?;
            let every = Duration::from_secs(seconds);
            watch::watch(&worlds, &config.journal, common.json, every, signals()?).await
        }
        Command::Move(wanted) => carry_out(wanted).await,
        Command::Pause(wanted) => {
            print(&pause::intervene(&wanted, InterventionAction::Pause).await?);
            Ok(())
        }
        Command::Resume(wanted) => {
            print(&pause::intervene(&wanted, InterventionAction::Resume).await?);
            Ok(())
        }
        Command::Version(wanted) => {
            let version = version::version();
            if wanted.json {
                print(&to_json(&version)?);
            } else {
                print(&version.text());
            }
            Ok(())
        }
        Command::Completions(wanted) => {
            let mut out = Vec::new();
            clap_complete::generate(wanted.shell, &mut Cli::command(), "keeper", &mut out);
            print(String::from_utf8_lossy(&out).trim_end());
            Ok(())
        }
        Command::Trace(_) => Err(Failure::new(Exit::Internal, "A trace ends with a verdict.")),
        Command::Doctor(common) => {
            let config = Config::load(&common.config)?;
            let findings = doctor::examine(&config, common.vault.as_deref()).await?;
            print(&doctor::report(&findings, common.json)?);
            if doctor::is_ok(&findings) {
                return Ok(());
            }
            Err(Failure::new(Exit::Unfit, "The doctor found what keeps the keeper from working."))
        }
        Command::Init(wanted) => {
            let (mut answers, mut questions) = (std::io::stdin().lock(), std::io::stderr());
            let mut person = init::Person { answers: &mut answers, questions: &mut questions };
            print(&init::init(&wanted.file, &mut person).await?);
            Ok(())
        }
        Command::Policy(wanted) => show(policy::work(wanted.command).await?),
        Command::Report(wanted) => {
            print(attribution::report(&wanted).await?.trim_end());
            Ok(())
        }
        Command::Backtest(wanted) => {
            // Nothing is asked, and it takes its time: its threads are its own.
            let text = tokio::task::block_in_place(|| backtest::backtest(&wanted))?;
            print(&text);
            Ok(())
        }
        Command::Journal(journal) => {
            print(&work_on_journal(journal.command).await?);
            Ok(())
        }
    }
}

/// A configuration, with the journal of its shadow if that is meant.
fn load(file: &std::path::Path, is_shadow: bool) -> Result<Config, Failure> {
    let config = Config::load(file)?;
    Ok(if is_shadow { Mode::Shadow.applied(&config, 0) } else { config })
}

/// A page, and the end that it means.
fn show(page: Page) -> Result<(), Failure> {
    print(&page.text);
    page.missing.map_or(Ok(()), Err)
}

fn to_json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::new(Exit::Internal, error))
}

async fn work_on_journal(command: JournalCommand) -> Result<String, Failure> {
    match command {
        JournalCommand::List(listing) => {
            journal::list(&load(&listing.common.config, listing.shadow)?, &listing).await
        }
        JournalCommand::Show(showing) => {
            let config = load(&showing.config, showing.shadow)?;
            journal::show(&config, &showing.decision, showing.json).await
        }
        JournalCommand::Export(Exporting { showing, file, bare }) => {
            let config = load(&showing.config, showing.shadow)?;
            journal::export(&config, &showing.decision, &file, bare, showing.json).await
        }
        JournalCommand::History(wanted) => backtest::history(&wanted).await,
        JournalCommand::Backup(copy) => {
            journal::backup(&Config::load(&copy.config)?, &copy.file, copy.json).await
        }
        JournalCommand::Restore(copy) => {
            journal::restore(&Config::load(&copy.config)?, &copy.file, copy.json).await
        }
        JournalCommand::Adopt(adopt) => {
            let Common { config, vault, json } = adopt.common;
            journal::adopt(&Config::load(&config)?, vault.as_deref(), &adopt.note, json).await
        }
    }
}

async fn keep(run: Run) -> Result<(), Failure> {
    let Run { common, accept_rewritten, unsafe_raw_key, shadow, propose, sign_within } = run;
    let loaded = Config::load(&common.config)?;
    let mode = match propose {
        _ if shadow => Mode::Shadow,
        Some(folder) => Mode::Propose(folder),
        None => Mode::Act,
    };
    let config = mode.applied(&loaded, sign_within);
    for name in &accept_rewritten {
        if !config.chains.iter().any(|chain| chain.name == *name) {
            return Err(Failure::new(
                Exit::Usage,
                format_args!("--accept-rewritten {name}: the configuration names no such chain."),
            ));
        }
    }
    config.select(common.vault.as_deref())?;
    let stop = signals()?;
    let key = match mode {
        Mode::Act => keys::open(&config.agent, unsafe_raw_key).await?,
        _ => keys::watched(&config.agent),
    };
    vagus_keeper::crash::panic_if_told("configured", &(&config, &key));
    // An address that is taken is found before anything is asked or sent.
    let listener = match &config.http {
        Some(http) => Some((http::bind(http).await?, http)),
        None => None,
    };
    let mut worlds = Vec::new();
    for world::Looked { world, unreached } in world::look(&config, common.vault.as_deref()).await? {
        if let Some(failure) = unreached {
            tracing::error!("chain {}: {failure} The other chains go on.", world.config.name);
        }
        worlds.push(world);
    }
    let journal = SqlJournal::connect_with(config.journal.expose(), config.fleet.patience())
        .await
        .map_err(|error| Failure::new(Exit::Journal, format_args!("The {error}.")))?;
    let reporter =
        Reporter::new(common.json, Box::new(anstream::AutoStream::auto(std::io::stdout())));
    let board = Arc::new(Board::new(&worlds));
    let reporter = reporter.with_board(board.clone());
    let (reload, channels) = Reload::new(common.config.clone(), loaded, board.clone());
    let mut name = config.fleet.name.clone();
    if mode == Mode::Shadow {
        name.push_str(" (shadow)");
    }
    let journal = Arc::new(journal);
    let told = journal.clone();
    tokio::spawn(alert::watch_board(board.clone(), channels.alerts, name, told, stop.clone()));
    reload.listen(stop.clone())?;
    if let Some((listener, http)) = listener {
        let served = http::Served::new(board, &config.journal, http);
        tokio::spawn(http::serve(listener, Arc::new(served), stop.clone()));
    }
    let options = run::RunOptions {
        mode,
        fleet: config.fleet.clone(),
        retention: config.retention,
        accepted_rewrites: accept_rewritten,
        reload: Some(channels.chains),
    };
    run::run(worlds, journal, options, key, Arc::new(reporter), stop).await
}

/// A person's move, to the block that carries it.
async fn carry_out(wanted: Moving) -> Result<(), Failure> {
    let Moving { file, config, dry_run, unsafe_raw_key, json } = wanted;
    let file = person::MoveFile::load(&file)?;
    let config = Config::load(&config)?;
    let mut worlds = world::open(&config, Some(&file.vault)).await?;
    let Some(world) = worlds.pop() else {
        return Err(Failure::new(Exit::Internal, "A vault without a chain."));
    };
    let wanted = Arc::new(person::examine(&world, &file).await?);
    if dry_run {
        print(&person::told(&file, &wanted, None, json)?);
        return Ok(());
    }
    let stop = signals()?;
    let key = keys::open(&config.agent, unsafe_raw_key).await?;
    let journal = SqlJournal::connect_with(config.journal.expose(), config.fleet.patience())
        .await
        .map_err(|error| Failure::new(Exit::Journal, format_args!("The {error}.")))?;
    // The document on stdout is the end's alone.
    let reporter = Arc::new(Reporter::new(json, Box::new(std::io::stderr())));
    let options = run::RunOptions {
        fleet: config.fleet.clone(),
        retention: config.retention,
        ..run::RunOptions::default()
    };
    let outcome =
        run::carry_out(world, Arc::new(journal), options, key, reporter, wanted.clone(), stop)
            .await?;
    print(&person::told(&file, &wanted, Some(outcome), json)?);
    Ok(())
}

/// Becomes true at SIGTERM or SIGINT.
fn signals() -> Result<channel::Receiver<bool>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| {
        signal(kind).map_err(|error| {
            Failure::new(Exit::Internal, format_args!("Signals cannot be listened to: {error}."))
        })
    };
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let (told, stop) = channel::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("told to stop; ending what is under way");
        told.send_replace(true);
        told.closed().await;
    });
    Ok(stop)
}

fn print(text: &str) {
    use std::io::Write as _;
    // A reader that has gone away is no error of ours.
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// The last line on stderr: one sentence.
fn complain(sentence: &impl std::fmt::Display) {
    use std::io::Write as _;
    let _ = writeln!(anstream::stderr(), "keeper: {sentence}");
}

/// What was shown is not all: says of each chain why it is missing, and ends with the last of them.
fn lacking(mut unreached: Vec<Failure>) -> Result<(), Failure> {
    let last = unreached.pop();
    for failure in &unreached {
        complain(failure);
    }
    last.map_or(Ok(()), Err)
}

fn end(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => code(Exit::Ok),
        Err(failure) => {
            complain(&failure);
            code(failure.exit)
        }
    }
}

fn code(exit: Exit) -> ExitCode {
    ExitCode::from(exit.number())
}
