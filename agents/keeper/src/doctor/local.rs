//! What lies on this machine: the program, the key, the journal, the port.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use alloy::primitives::Address;
use vagus_journal::{JournalReader, ReadJournal as _};

use super::Findings;
use crate::{
    config::{AgentConfig, Config, HttpConfig, KeySource, PasswordSource},
    journal::known_vaults,
    keys, version,
};

pub(super) fn program(findings: &mut Findings) {
    let about = version::version();
    let found = format!(
        "{}, commit {}, algorithm {}, lens {}",
        about.version, about.commit, about.algorithm_version, about.lens_version
    );
    findings.ok("program", "version", found);
}

/// Whether others than its owner may read a file; none if it is not there.
fn is_open_to_others(file: &Path) -> Option<bool> {
    fs::metadata(file).ok().map(|about| about.permissions().mode() & 0o077 != 0)
}

pub(super) async fn keys(findings: &mut Findings, agent: &AgentConfig) {
    const AREA: &str = "key";
    let mut is_asked = false;
    for key in agent.keys() {
        let account = key.address;
        match &key.source {
            KeySource::Keystore { file, password: source } => {
                keystore(findings, file);
                is_asked |= *source == PasswordSource::Prompt;
                password(findings, source);
            }
            KeySource::AwsKms(place) => {
                findings.ok(AREA, "service", format!("{account} is {} in AWS KMS", place.key_id));
            }
            KeySource::GcpKms(place) => {
                let found = format!("{account} is {} in Google Cloud KMS", place.key);
                findings.ok(AREA, "service", found);
            }
            KeySource::UnsafeRaw(_) => {
                let remedy = "use an encrypted keystore or a key management service";
                let found = format!("the key of {account} lies in the clear");
                findings.warn(AREA, "unsafe", found, remedy);
            }
            KeySource::WatchOnly => {
                let remedy = "name a key, or run with --shadow: nothing can be sent";
                let found = format!("{account} is only watched");
                findings.warn(AREA, "watch_only", found, remedy);
            }
        }
    }
    if is_asked || agent.is_watch_only() {
        return;
    }
    match keys::open(agent, true).await {
        Ok(_) => findings.ok(AREA, "agent", format!("the key of {} opens", agent.address)),
        Err(failure) => {
            let remedy = "correct [agent]: address, keystore and password have to belong together";
            findings.fail(AREA, "agent", failure.sentence, remedy);
        }
    }
}

fn keystore(findings: &mut Findings, path: &Path) {
    const AREA: &str = "key";
    let file = path.display();
    match is_open_to_others(path) {
        None => {
            let remedy = "put the encrypted keystore there, or correct [agent] keystore";
            findings.fail(AREA, "keystore", format!("{file} is not there"), remedy);
        }
        Some(true) => {
            let remedy = format!("chmod 600 {file}");
            findings.warn(AREA, "keystore", format!("{file} is open to others"), &remedy);
        }
        Some(false) => findings.ok(AREA, "keystore", format!("{file}, its owner's alone")),
    }
}

fn password(findings: &mut Findings, source: &PasswordSource) {
    const AREA: &str = "key";
    match source {
        PasswordSource::Prompt => {
            let found = "it is asked at the terminal, so that the key is not tried here";
            findings.ok(AREA, "password", found);
        }
        PasswordSource::File(file) => {
            let shown = file.display();
            match is_open_to_others(file) {
                Some(true) => {
                    let remedy = format!("chmod 600 {shown}");
                    findings.warn(AREA, "password", format!("{shown} is open to others"), &remedy);
                }
                Some(false) => findings.ok(AREA, "password", format!("in {shown}")),
                // Opening the key says what is wrong.
                None => {}
            }
        }
        PasswordSource::Descriptor(number) => {
            findings.ok(AREA, "password", format!("from file descriptor {number}"));
        }
        PasswordSource::Variable(name) => findings.ok(AREA, "password", format!("in ${name}")),
    }
}

pub(super) async fn journal(findings: &mut Findings, config: &Config, vault: Option<&str>) {
    const AREA: &str = "journal";
    let place = config.journal.to_string();
    if let Some(file) = config.journal.expose().strip_prefix("sqlite:") {
        let file = Path::new(file);
        let folder = file.parent().unwrap_or(Path::new("."));
        if !file.exists() {
            if fs::metadata(folder).is_ok_and(|about| about.is_dir()) {
                findings.ok(AREA, "database", format!("{place} is made by the first start"));
            } else {
                let found = format!("the folder of {place} is not there");
                findings.fail(AREA, "database", found, "make the folder");
            }
            return;
        }
    }
    let reader = match JournalReader::connect(config.journal.expose()).await {
        Ok(reader) => reader,
        Err(error) => {
            let error = format!("the {error}");
            if error.contains("set up by a keeper yet") {
                findings.ok(AREA, "database", format!("{place} is set up by the first start"));
            } else {
                let remedy = "see docs/operations/journal.md, \"When something is wrong\"";
                findings.fail(AREA, "database", error, remedy);
            }
            return;
        }
    };
    findings.ok(AREA, "database", format!("{place} can be read"));
    // Deployment files are looked at with their chains.
    let Ok(vaults) = known_vaults(config, vault) else { return };
    for vault in vaults {
        let area = format!("vault {}", vault.name);
        match reader.verify_chain(vault.chain_id, vault.vault).await {
            Ok(report) if report.is_intact() => {
                findings.ok(
                    &area,
                    "records",
                    format!("{}, every hash in its place", report.records),
                );
            }
            Ok(report) => {
                let found =
                    format!("{} records, and their chain of hashes is broken", report.records);
                let remedy = "somebody or something changed the journal: restore a backup";
                findings.fail(&area, "records", found, remedy);
            }
            Err(error) => {
                let remedy = "see docs/operations/journal.md, \"When something is wrong\"";
                findings.fail(&area, "records", format!("the {error}"), remedy);
            }
        }
        in_flight(findings, &reader, &area, vault.chain_id, vault.vault).await;
    }
}

async fn in_flight(
    findings: &mut Findings,
    reader: &JournalReader,
    area: &str,
    chain_id: u64,
    vault: Address,
) {
    let Ok(all) = reader.transactions_in_flight(chain_id).await else { return };
    match all.iter().filter(|one| one.vault == vault).count() {
        0 => findings.ok(area, "in flight", "nothing"),
        some => findings.ok(area, "in flight", format!("{some}; a keeper that starts takes it up")),
    }
}

pub(super) fn http(findings: &mut Findings, http: &HttpConfig) {
    const AREA: &str = "http";
    if !http.listen.ip().is_loopback() {
        let found = format!("{} is reached from other machines", http.listen);
        let remedy =
            "it asks nobody who they are: put something in front that does, or listen on 127.0.0.1";
        findings.warn(AREA, "listen", found, remedy);
    }
    match std::net::TcpListener::bind(http.listen) {
        Ok(_) => findings.ok(AREA, "listen", format!("{} is free", http.listen)),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let remedy = "none if that is this keeper, running; else choose another [http] listen";
            findings.warn(AREA, "listen", format!("{} is in use", http.listen), remedy);
        }
        Err(error) => {
            let remedy = "choose an address of this machine for [http] listen";
            findings.fail(AREA, "listen", format!("{}: {error}", http.listen), remedy);
        }
    }
}
