//! What `keeper plan` tells a treasury manager, kept as files that a person reviewed.
//! `UPDATE_GOLDEN=1` writes them anew.

use std::path::{Path, PathBuf};

use vagus_e2e::{keeper::Keeper, paths, playground};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Hashes depend on every contract's bytecode; what people read does not.
fn without_hashes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("(0x") {
        let (before, hash) = rest.split_at(at + 3);
        let digits = hash.chars().take_while(char::is_ascii_hexdigit).count();
        out.push_str(before);
        out.push_str(if digits == 8 { "…" } else { &hash[..digits] });
        rest = &hash[digits..];
    }
    out.push_str(rest);
    out
}

fn shows(config: &Path, verb: &str, file: &str) {
    let output = Keeper::ask(config, verb, &[]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = without_hashes(&String::from_utf8(output.stdout).unwrap());
    let path = golden(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &said).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(said, known, "{} differs from what keeper {verb} says now", path.display());
}

#[tokio::test]
async fn the_plan_explains_itself() {
    let folder = paths::run_folder("test").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    shows(&config, "plan", "plan-first-allocation.txt");

    world.hire().unwrap();
    world.clock.advance(12).await.unwrap();
    world.clock.advance(60).await.unwrap();
    world.dismiss().await.unwrap();
    shows(&config, "plan", "plan-cooldown.txt");
    world.clock.advance(3_600).await.unwrap();
    shows(&config, "plan", "plan-nothing-better.txt");

    // What the status says depends on the day it is asked; that it names all there is to know does not.
    let output = Keeper::ask(&config, "status", &[]).unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    for part in ["Mandate", "May move", "May lose", "Aave Prime", "Morpho WETHW", "Last decisions"]
    {
        assert!(said.contains(part), "{part} is missing from\n{said}");
    }

    // The same in a form for machines: one document with its schema's version.
    for verb in ["plan", "status"] {
        let output = Keeper::ask(&config, verb, &["--json"]).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["schema"], 1, "{json}");
        assert!(!output.stdout.contains(&0x1b), "colours in a pipe");
    }
}
