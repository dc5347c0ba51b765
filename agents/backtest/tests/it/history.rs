//! The text of a history: there and back, and every way in which it can be broken.

use serde_json::Value;
use vagus_backtest::{HistoryError, generate::Generator};

use crate::support::{lines, read};

fn text() -> Vec<String> {
    lines(Generator::new(7, 4, 300), 20)
}

#[test]
fn what_is_written_is_read_and_a_line_holds_what_changed() {
    let generator = Generator::new(7, 4, 300);
    let blocks: Vec<_> = generator.clone().take(20).collect();
    let text = text();
    let (summary, found) = read(&text).unwrap();
    assert_eq!(found, blocks);
    assert_eq!((summary.lines, summary.head), (20, generator.head()));
    assert_eq!(summary.followed.len(), 4);
    let first = blocks[0].snapshot.block;
    assert_eq!(summary.range[0], (first.number, first.timestamp));
    assert!(text[1].contains("optimal_usage_ray"), "the first block is whole");
    assert!(!text[2].contains("optimal_usage_ray"), "{}", text[2]);
    assert!(text[2].len() * 2 < text[1].len(), "{} {}", text[2].len(), text[1].len());
    let head: Value = serde_json::from_str(&text[0]).unwrap();
    assert!(head["units"]["amounts"].as_str().unwrap().contains("smallest unit"));
}

/// The kind of error, and the one sentence it says.
fn refusal(change: impl FnOnce(&mut Vec<String>)) -> (HistoryError, String) {
    let mut text = text();
    change(&mut text);
    let error = read(&text).unwrap_err();
    let sentence = error.to_string();
    (error, sentence)
}

fn field(line: &mut String, pointer: &str, value: Value) {
    let mut json: Value = serde_json::from_str(line).unwrap();
    *json.pointer_mut(pointer).unwrap() = value;
    *line = json.to_string();
}

#[test]
fn every_way_of_being_broken_has_its_sentence() {
    use HistoryError as E;
    type Change = fn(&mut Vec<String>);
    type Expected = fn(&E) -> bool;
    let cases: [(Change, Expected, &str); 12] = [
        (|text| text[0] = "{}".into(), |e| matches!(e, E::NoHead(_)), "line 1 is no head"),
        (|text| text[0].clear(), |e| matches!(e, E::NoHead(_)), "keeper journal history"),
        (
            |text| field(&mut text[0], "/vagus_history", 2.into()),
            |e| matches!(e, E::Version { found: 2, expected: 1 }),
            "version 2; expected 1",
        ),
        (
            |text| text[3] = "{\"blocks\":".into(),
            |e| matches!(e, E::NotJson { line: 4, .. }),
            "line 4 is no JSON object",
        ),
        (
            |text| text[3] = "{\"colour\":1}".into(),
            |e| matches!(e, E::NoBlock { line: 4, .. }),
            "colour",
        ),
        (
            |text| text[3] = "{\"blocks\":0}".into(),
            |e| matches!(e, E::NoBlock { line: 4, .. }),
            "stands for no block",
        ),
        (
            |text| text.swap(3, 4),
            |e| matches!(e, E::OutOfOrder { line: 5, .. }),
            "expected a block after",
        ),
        (
            |text| {
                field(
                    &mut text[1],
                    "/snapshot/vault/vault",
                    format!("0x{}", "11".repeat(20)).into(),
                );
            },
            |e| matches!(e, E::OtherVault { line: 2, .. }),
            "which the head names",
        ),
        (
            |text| {
                field(
                    &mut text[1],
                    "/strategies/0/strategy",
                    format!("0x{}", "ee".repeat(20)).into(),
                );
            },
            |e| matches!(e, E::UnknownStrategy { line: 2, .. }),
            "expected one of those in the head",
        ),
        (
            |text| {
                text.pop();
            },
            |e| matches!(e, E::CutOff { lines: 21 }),
            "cut off after line 21",
        ),
        (
            |text| {
                text.remove(20);
            },
            |e| matches!(e, E::Count { found: 19, expected: 20 }),
            "has 19 blocks; expected 20",
        ),
        (
            |text| text.push("{}".into()),
            |e| matches!(e, E::BehindTheEnd { line: 23 }),
            "line 23 stands behind the end",
        ),
    ];
    for (change, is_it, words) in cases {
        let (error, sentence) = refusal(change);
        assert!(is_it(&error) && sentence.contains(words), "{words}: {error:?}: {sentence}");
    }
    let (error, _) = refusal(|text| text[4] = text[4].replacen("\"1", "\"2", 1));
    assert!(matches!(error, E::Changed { .. } | E::NoBlock { .. }), "{error:?}");
    let (error, sentence) = refusal(|text| text[1].insert(1, ' '));
    assert!(matches!(error, E::Changed { .. }), "{sentence}");
    let short = lines(Generator::new(7, 4, 300), 1);
    assert_eq!(read(&short).unwrap_err(), E::TooShort { found: 1 });
}
