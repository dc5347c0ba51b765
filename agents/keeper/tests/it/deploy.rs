//! Files for operators' own tools agree with the keeper.

use std::{collections::BTreeSet, fs};

use serde_json::Value;
use vagus_allocator::Reason;
use vagus_keeper::{http::ready::COMPONENTS, metrics::METRICS};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy");

fn file(name: &str) -> String {
    fs::read_to_string(format!("{FOLDER}/{name}")).expect(name)
}

/// Every name of ours in an expression.
fn names(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("vagus_"))
        .map(str::to_owned)
        .collect()
}

/// `key="value"` and `key=~"a|b"`, of an expression.
fn matchers(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for part in text.split('{').skip(1) {
        for one in part.split('}').next().unwrap_or_default().split(',') {
            if let Some((key, value)) = one.split_once('=') {
                let value = value.trim_start_matches('~').trim_matches('"');
                let values = value.split('|').map(str::to_owned).collect();
                found.push((key.trim().to_owned(), values));
            }
        }
    }
    found
}

fn check(expression: &str) {
    for name in names(expression) {
        let is_known = METRICS.iter().any(|metric| metric.name == name);
        assert!(is_known, "{name} in {expression}");
    }
    for (key, values) in matchers(expression) {
        let is_label = METRICS.iter().any(|metric| metric.labels.contains(&key.as_str()));
        assert!(is_label || key == "job", "the label {key} in {expression}");
        for value in values {
            let is_known = match key.as_str() {
                "component" => COMPONENTS.contains(&value.as_str()),
                "reason" => Reason::ALL.iter().any(|reason| format!("{reason:?}") == value),
                _ => true,
            };
            assert!(is_known, "{key} {value} in {expression}");
        }
    }
}

#[test]
fn every_metric_that_a_rule_names_exists_and_every_rule_has_its_page() {
    let rules = file("prometheus/alerts.yml");
    let expressions: Vec<&str> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    let alerts = rules.lines().filter(|line| line.trim().starts_with("- alert: ")).count();
    assert!(alerts > 10 && expressions.len() == alerts, "{alerts} rules");
    for expression in &expressions {
        check(expression);
    }
    let pages: Vec<&str> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("runbook: ")).collect();
    assert_eq!(pages.len(), alerts);
    for page in pages {
        assert!(fs::exists(format!("{FOLDER}/../{page}")).is_ok_and(|is| is), "{page}");
    }
    // A check that finds nothing wrong with anything is none.
    assert!(std::panic::catch_unwind(|| check("vagus_nonsense > 0")).is_err());
    assert!(std::panic::catch_unwind(|| check("vagus_ready{component=\"moon\"} > 0")).is_err());
}

#[test]
fn every_metric_that_the_dashboard_names_exists() {
    let dashboard: Value = serde_json::from_str(&file("grafana/keeper.json")).expect("json");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut shown = BTreeSet::new();
    for panel in panels {
        for target in panel["targets"].as_array().expect("targets") {
            let expression = target["expr"].as_str().expect("an expression");
            check(&expression.replace("$chain", "a").replace("$vault", "a"));
            shown.extend(names(expression));
        }
    }
    assert!(panels.len() > 10 && shown.len() > 10, "{shown:?}");
}

#[test]
fn the_unit_restarts_for_nothing_that_a_restart_does_not_mend() {
    use vagus_keeper::exit::Exit;
    let unit = file("systemd/vagus-keeper.service");
    let line = unit.lines().find_map(|line| line.strip_prefix("RestartPreventExitStatus="));
    let codes: Vec<&str> = line.expect("the line").split(' ').collect();
    let hopeless = [
        Exit::Usage,
        Exit::Config,
        Exit::Deployment,
        Exit::Key,
        Exit::NoMandate,
        Exit::Journal,
        Exit::ChainRewritten,
    ];
    assert_eq!(codes, hopeless.map(|exit| exit.number().to_string()));
}

/// `systemd-analyze` on the unit, with the keeper where the unit expects it; none where there is no such program.
fn analyzed(unit: &str, words: &[&str]) -> Option<std::process::Output> {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("keeper");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_keeper"), &program).expect("a link");
    let file = folder.path().join("vagus-keeper.service");
    let there = unit.replace("/usr/local/bin/keeper", &program.display().to_string());
    fs::write(&file, there).expect("written");
    match std::process::Command::new("systemd-analyze").args(words).arg(&file).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("the unit is not analysed: there is no systemd-analyze");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit_and_little_exposed() {
    let unit = file("systemd/vagus-keeper.service");
    let verify = ["verify", "--man=no"];
    let Some(found) = analyzed(&unit, &verify) else { return };
    let said = String::from_utf8_lossy(&found.stderr).into_owned();
    assert!(found.status.success() && said.is_empty(), "{said}");
    // Exposure in tenths: what is named by numbers below two is "OK".
    let security = ["security", "--offline=true", "--threshold=15"];
    let found = analyzed(&unit, &security).expect("as before");
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stdout));
    // What is wrong is noticed.
    for (from, to) in [("NoNewPrivileges=", "NoNewPrivilege="), ("15s", "15 pieces")] {
        let found = analyzed(&unit.replace(from, to), &verify).expect("as before");
        assert!(!found.stderr.is_empty(), "{to}");
    }
    let open = unit.replace("ProtectSystem=strict", "").replace("CapabilityBoundingSet=\n", "");
    assert!(!analyzed(&open, &security).expect("as before").status.success());
}

#[test]
fn what_the_unit_hands_over_is_read_by_systemd_alone() {
    let unit = file("systemd/vagus-keeper.service");
    let installed = unit.lines().find(|line| line.contains("install -m 600")).expect("a line");
    let handed = unit.lines().filter_map(|line| line.strip_prefix("LoadCredential="));
    let names: Vec<&str> = handed.filter_map(|line| line.rsplit('/').next()).collect();
    assert_eq!(names.len(), 2);
    for name in names {
        assert!(installed.contains(name), "{name} in: {installed}");
    }
    // The service's user is nobody whom the folder could be given to: it has to be open.
    assert!(unit.contains("DynamicUser=yes") && unit.contains("install -d -m 755 /etc/vagus"));
}
