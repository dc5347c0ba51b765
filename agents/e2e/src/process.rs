//! Child processes that never outlive the run: killed when dropped, and by the kernel if this process dies first.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

/// A running child.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
}

/// A command that dies with this process: `setpriv` asks the kernel for it before it becomes the program.
#[must_use]
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig").arg("KILL").arg("--").arg(program);
    command
}

impl Running {
    /// Starts a child with its output in a file.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let out =
            std::fs::File::create(log).with_context(|| format!("making {}", log.display()))?;
        let err = out.try_clone().with_context(|| format!("opening {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self { name: name.to_owned(), child })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its exit status if it has ended.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("asking for {}", self.name))
    }

    /// Asks it to stop (SIGTERM) and waits.
    ///
    /// # Errors
    /// If it does not stop within the time.
    pub fn stop(&mut self, within: Duration) -> Result<ExitStatus> {
        signal(self.id(), "TERM")?;
        let started = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if started.elapsed() > within {
                bail!("{} did not stop within {} s", self.name, within.as_secs());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills it (SIGKILL) and waits for its end.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        if self.ended()?.is_none() {
            self.child.kill().with_context(|| format!("killing {}", self.name))?;
        }
        self.child.wait().with_context(|| format!("waiting for {}", self.name))?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Sends a signal by name.
///
/// # Errors
/// If there is no such process.
pub fn signal(process_id: u32, name: &str) -> Result<()> {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(process_id.to_string())
        .stderr(Stdio::null())
        .status()
        .context("calling kill")?;
    ensure!(status.success(), "process {process_id} could not be signalled");
    Ok(())
}

/// Runs a command to its end within a time limit and returns what it printed.
///
/// # Errors
/// If it cannot be started, fails, or takes longer; the error carries its last lines.
pub fn run(name: &str, command: &mut Command, log: &Path, within: Duration) -> Result<String> {
    let mut child = Running::start(name, command, log)?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.ended()? {
            break status;
        }
        if started.elapsed() > within {
            child.kill()?;
            bail!("{name} did not end within {} s; see {}", within.as_secs(), log.display());
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let output = std::fs::read_to_string(log).unwrap_or_default();
    if !status.success() {
        let mut tail: Vec<&str> = output.lines().rev().take(25).collect();
        tail.reverse();
        bail!("{name} failed ({status}); see {}\n{}", log.display(), tail.join("\n"));
    }
    Ok(output)
}
