//! Where things are in the repository, and a folder of its own for each run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The repository's root.
#[must_use]
pub fn root() -> PathBuf {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_dir.ancestors().nth(2).unwrap_or(crate_dir).to_path_buf()
}

/// A Foundry binary from the installed packages.
///
/// # Errors
/// If it is not installed.
pub fn foundry(tool: &str) -> Result<PathBuf> {
    let path = root().join("node_modules/.bin").join(tool);
    ensure!(path.exists(), "{tool} is not installed at {}; run `make setup`", path.display());
    Ok(path)
}

/// The keeper binary: beside the running one, or in the debug folder.
///
/// # Errors
/// If it was not built.
pub fn keeper() -> Result<PathBuf> {
    let beside =
        std::env::current_exe().context("this program's own place")?.with_file_name("keeper");
    if beside.exists() {
        return Ok(beside);
    }
    let built = root().join("target/debug/keeper");
    ensure!(built.exists(), "the keeper is not built at {}; run `make agents`", built.display());
    Ok(built)
}

/// A new folder under `target/` for one run: `target/<kind>/<process id>-<n>`.
///
/// # Errors
/// If it cannot be made.
pub fn run_folder(kind: &str) -> Result<PathBuf> {
    let parent = root().join("target").join(kind);
    std::fs::create_dir_all(&parent).with_context(|| format!("making {}", parent.display()))?;
    let folder = tempfile::Builder::new()
        .prefix(&format!("{}-", std::process::id()))
        .tempdir_in(&parent)
        .with_context(|| format!("making a folder in {}", parent.display()))?;
    Ok(folder.keep())
}
