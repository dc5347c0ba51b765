//! The page of what goes wrong names tests, and faults are planted into lines: each of them is there.

use std::{fs, path::Path};

#[test]
fn every_test_that_the_page_of_failures_names_is_there() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let page = fs::read_to_string(root.join("docs/operations/failures.md")).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with('|')).skip(2).collect();
    for (number, row) in rows.iter().enumerate() {
        assert!(row.starts_with(&format!("| {} |", number + 1)), "{row}");
        let tested = row.split('|').nth(4).unwrap();
        let (mut source, mut found) = (None, 0);
        for name in tested.split('`').skip(1).step_by(2) {
            if name.contains('/') {
                let text = fs::read_to_string(root.join(name));
                source = Some(text.unwrap_or_else(|error| panic!("{name}: {error}")));
                continue;
            }
            let source = source.as_ref().unwrap_or_else(|| panic!("{name} is in no file"));
            let is_there = [format!("fn {name}("), format!("function {name}(")]
                .iter()
                .any(|begin| source.contains(begin));
            assert!(is_there, "{name} is not where the page says");
            found += 1;
        }
        assert!(found > 0, "row {} names no test", number + 1);
    }
    assert_eq!(rows.len(), 26);
}

/// The tool that plants them takes too long to be run with every change; that it still can be is seen here.
#[test]
fn every_line_that_a_fault_is_planted_into_stands_where_it_should() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let list = fs::read_to_string(root.join("tools/planted-keeper-faults.json")).unwrap();
    let faults: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
    assert!(faults.len() >= 12, "{}", faults.len());
    for fault in &faults {
        let [name, file, from] = ["name", "file", "from"].map(|key| fault[key].as_str().unwrap());
        let text = fs::read_to_string(root.join("agents").join(file)).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{name}: in {file}");
        assert!(!fault["tiers"].as_array().unwrap().is_empty(), "{name} is looked for nowhere");
    }
}
