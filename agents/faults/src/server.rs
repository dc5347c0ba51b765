//! A PostgreSQL server of the run's own, to be paused and to have time pass in it.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use vagus_e2e::paths;

/// A server that ends with this value.
#[derive(Debug)]
pub struct Server {
    script: Child,
    /// Address of its first database.
    pub url: String,
}

impl Server {
    /// Starts one; none on a machine without PostgreSQL, unless it is required.
    ///
    /// # Errors
    /// If it is required and not there, or does not start.
    pub fn start() -> Result<Option<Self>> {
        let script = paths::root().join("agents/journal/tests/with-postgres.sh");
        let mut script = Command::new(script)
            .args([
                "--if-present",
                "sh",
                "-c",
                "echo \"$VAGUS_TEST_POSTGRES_URL\"; exec sleep infinity",
            ])
            .env_remove("VAGUS_TEST_POSTGRES_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting with-postgres.sh")?;
        let mut url = String::new();
        let said = script.stdout.take().context("a script without output")?;
        BufReader::new(said).read_line(&mut url)?;
        let server = Self { script, url: url.trim().to_owned() };
        if server.url.is_empty() {
            let is_required = std::env::var("VAGUS_POSTGRES").is_ok_and(|it| it == "required");
            ensure!(!is_required, "PostgreSQL is required and did not start");
            return Ok(None);
        }
        Ok(Some(server))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = signal(&self.url, "-CONT");
        // The script ends its server and removes its folder.
        let _ = Command::new("kill").args(["-TERM", &self.script.id().to_string()]).status();
        let _ = self.script.wait();
    }
}

/// Folder of a server, from its address.
fn folder(url: &str) -> Result<PathBuf> {
    Ok(PathBuf::from(url.split_once("host=").context("an address without a folder")?.1))
}

/// Signals a server and all its sessions.
///
/// # Errors
/// If it is not there.
pub(crate) fn signal(url: &str, name: &str) -> Result<()> {
    let text = std::fs::read_to_string(folder(url)?.join("data/postmaster.pid"))?;
    let main = text.lines().next().context("a server without a process")?;
    let sessions = std::fs::read_to_string(format!("/proc/{main}/task/{main}/children"))?;
    let all = std::iter::once(main).chain(sessions.split_whitespace());
    // A session may have ended meanwhile.
    let _ = Command::new("kill").arg(name).args(all).stderr(Stdio::null()).status()?;
    Ok(())
}
