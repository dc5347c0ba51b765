//! `keeper status --watch` as a program reads it.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use serde_json::Value;
use vagus_e2e::{paths, playground, process};

const PATIENCE: Duration = Duration::from_secs(60);

/// The command in a pipe, and its lines as they come.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn start(config: &std::path::Path, arguments: &[&str]) -> Self {
        let mut child = process::command(paths::keeper().unwrap())
            .args(["status", "--watch", "1", "--config"])
            .arg(config)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (said, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().try_for_each(|line| said.send(line.unwrap())));
        Self { child, lines }
    }

    fn next(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line")
    }

    /// Interrupted as by Ctrl-C: the exit code, what came after, and what was said of trouble.
    fn interrupted(mut self) -> (Option<i32>, Vec<String>, String) {
        process::signal(self.child.id(), "INT").unwrap();
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (status.code(), self.lines.iter().collect(), said)
    }
}

#[tokio::test]
async fn in_a_pipe_it_follows_the_chain_line_by_line_until_it_is_interrupted() {
    let folder = paths::run_folder("test").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    let head = world.clock.chain.head().await.unwrap();

    let watching = Watching::start(&config, &["--json"]);
    let number = |line: &str| {
        let document: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert_eq!(document["schema"], 1, "{line}");
        assert_eq!(document["vaults"][0]["vault"], "treasury", "{line}");
        document["vaults"][0]["head"]["number"].as_u64().unwrap()
    };
    assert_eq!(number(&watching.next()), head.number);
    world.clock.mine(12).await.unwrap();
    let began = Instant::now();
    while number(&watching.next()) != head.number + 1 {
        assert!(began.elapsed() < PATIENCE, "it shows the old block");
    }
    let (code, rest, said) = watching.interrupted();
    assert_eq!(code, Some(0), "stopped in order: {said}");
    for line in rest {
        assert_eq!(number(&line), head.number + 1, "no half a line");
    }
    assert!(!said.contains("keeper:"), "{said}");

    // For people the pages follow each other, without a screen and without colours.
    let watching = Watching::start(&config, &[]);
    let mut page = Vec::new();
    while page.iter().filter(|line: &&String| line.contains("treasury")).count() < 2 {
        page.push(watching.next());
    }
    let (code, rest, _) = watching.interrupted();
    assert_eq!(code, Some(0));
    page.extend(rest);
    assert!(!page.iter().any(|line| line.contains('\x1b')), "{page:#?}");

    // A reader that goes away is an end in order.
    let mut child = Command::new(paths::keeper().unwrap())
        .args(["status", "--watch", "1", "--json", "--config"])
        .arg(&config)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(number(&first), head.number + 1);
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(began.elapsed() < PATIENCE, "it goes on for nobody");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(status.code(), Some(0));
}
