//! The systemd unit in earnest: its ExecStart under its own options, as far as a machine without systemd can carry them out.

use std::{fs, process::Command, time::Duration};

use vagus_e2e::{
    keeper::Keeper,
    paths, playground,
    process::{self, Running},
};

const CREDENTIALS: &str = "/run/credentials/vagus-keeper.service";

/// Why it cannot be shown here; none if it can.
fn is_missing() -> Option<&'static str> {
    let has = |program: &str, option: &str| {
        Command::new(program).arg(option).output().is_ok_and(|output| output.status.success())
    };
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    match () {
        () if !root => Some("root"),
        () if !Command::new("unshare")
            .args(["--mount", "true"])
            .status()
            .is_ok_and(|it| it.success()) =>
        {
            Some("a mount namespace")
        }
        () if !has("python3", "--version") => Some("python3"),
        () if !has("gcc", "--version") => Some("gcc"),
        () if !has("systemd-analyze", "--version") => Some("systemd-analyze"),
        () => None,
    }
}

#[tokio::test]
async fn the_unit_runs_a_keeper_that_acts_reloads_and_stops_in_its_sandbox() {
    if let Some(missing) = is_missing() {
        println!("the unit is not shown to run: there is no {missing}");
        return;
    }
    let folder = paths::run_folder("unit").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    // Installed as the unit says: what is open can be read by everybody, what is secret by root alone.
    let (etc, state) = (folder.join("etc"), folder.join("state"));
    for made in [&etc, &state] {
        fs::create_dir(made).unwrap();
    }
    let text = fs::read_to_string(&config).unwrap();
    let text = text
        .replace("\"agent.keystore\"", &format!("\"{CREDENTIALS}/keystore\""))
        .replace("\"agent.password\"", &format!("\"{CREDENTIALS}/password\""))
        .replace("sqlite:journal.db", "sqlite:/var/lib/vagus/journal.db");
    fs::write(etc.join("keeper.toml"), text).unwrap();
    let deployment = etc.join(world.deployment.strip_prefix(&folder).unwrap());
    fs::create_dir_all(deployment.parent().unwrap()).unwrap();
    fs::copy(&world.deployment, deployment).unwrap();
    for (name, mode) in [("agent.keystore", "600"), ("agent.password", "600")] {
        fs::copy(folder.join(name), etc.join(name)).unwrap();
        let changed = Command::new("chmod").arg(mode).arg(etc.join(name)).status().unwrap();
        assert!(changed.success());
    }
    let root = paths::root();
    let mut command = process::command("unshare");
    command
        .args(["--mount", "--ipc", "python3"])
        .arg(root.join("tools/sandbox.py"))
        .arg(root.join("deploy/systemd/vagus-keeper.service"))
        .arg("--install")
        .arg(paths::keeper().unwrap())
        .arg("--etc")
        .arg(&etc)
        .arg("--state")
        .arg(&state)
        .env("RUST_LOG", "info");
    let log = folder.join("unit.log");
    let mut keeper = Running::start("keeper", &mut command, &log).unwrap();

    let said = || fs::read_to_string(&log).unwrap();
    for _ in 0..60 {
        world.clock.mine(12).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        if !world.rebalances().await.unwrap().is_empty() {
            break;
        }
        assert!(keeper.ended().unwrap().is_none(), "{}", said());
    }
    let [rebalance] = world.rebalances().await.unwrap().try_into().expect("one");
    assert_eq!(rebalance.agent, Keeper::agent().unwrap());
    // What the kernel says of it.
    let status = fs::read_to_string(format!("/proc/{}/status", keeper.id())).unwrap();
    let told = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim().to_owned()
    };
    assert_eq!((told("Seccomp:"), told("NoNewPrivs:")), ("2".to_owned(), "1".to_owned()));
    assert_eq!(told("Uid:").split_whitespace().next(), Some("61184"));
    for capabilities in ["CapBnd:", "CapEff:", "CapPrm:", "CapAmb:"] {
        assert_eq!(told(capabilities), "0000000000000000", "{capabilities}");
    }
    let peak: u64 = told("VmHWM:").split_whitespace().next().unwrap().parse().unwrap();
    assert!(peak < 512 * 1_024, "MemoryMax of the unit, and {peak} kB");
    assert!(state.join("journal.db").exists());

    process::signal(keeper.id(), "HUP").unwrap();
    for _ in 0..100 {
        if said().contains("SIGHUP: nothing has changed") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(said().contains("SIGHUP: nothing has changed"), "{}", said());
    // TimeoutStopSec of the unit.
    let ended = keeper.stop(Duration::from_secs(15)).unwrap();
    assert!(ended.success(), "{ended}: {}", said());
}
