//! Notes the commit that the binary is built from.

use std::process::Command;

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn main() {
    // A build without the repository, as in a container, is told.
    println!("cargo:rerun-if-env-changed=VAGUS_COMMIT");
    for place in ["HEAD", "index"] {
        if let Some(file) = git(&["rev-parse", "--git-path", place]) {
            println!("cargo:rerun-if-changed={file}");
        }
    }
    if let Some(branch) = git(&["symbolic-ref", "-q", "HEAD"])
        && let Some(file) = git(&["rev-parse", "--git-path", &branch])
    {
        println!("cargo:rerun-if-changed={file}");
    }
    let told = std::env::var("VAGUS_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = told.or_else(|| git(&["rev-parse", "HEAD"])).unwrap_or("unknown".to_owned());
    println!("cargo:rustc-env=VAGUS_COMMIT={commit}");
}
