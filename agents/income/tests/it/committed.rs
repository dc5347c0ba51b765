//! What stands in the repository is of this code and these histories.

use std::{collections::BTreeSet, fs, path::Path};

use vagus_income::{
    contenders::Contender,
    figures::{Figures, LEAST_HELD},
    history::HISTORIES,
    tables,
};

fn read(file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    fs::read_to_string(root.join(file)).unwrap()
}

fn figures() -> Figures {
    Figures::read(&read("bench/income.json")).expect("`make bench-income` writes it anew")
}

#[test]
fn figures_are_of_this_algorithm_and_these_seeds() {
    figures();
    let text = read("bench/income.json");
    let version = format!("\"algorithm_version\": {}", vagus_allocator::ALGORITHM_VERSION);
    assert!(Figures::read(&text.replace(&version, "\"algorithm_version\": 1")).is_err());
    assert!(Figures::read(&text.replace("\"seed\": 8", "\"seed\": 88")).is_err());
    assert!(Figures::read(&text.replace("\"rate band\"", "\"rate bond\"")).is_err());
}

#[test]
fn histories_and_seeds_are_different() {
    let names: BTreeSet<_> = HISTORIES.iter().map(|history| history.name).collect();
    let seeds: BTreeSet<_> = HISTORIES.iter().map(|history| history.seed).collect();
    assert_eq!((names.len(), seeds.len()), (HISTORIES.len(), HISTORIES.len()));
}

#[test]
fn holding_is_best_in_some_histories_and_never_moves() {
    let figures = figures();
    assert!(figures.held().unwrap().len() >= LEAST_HELD);
    for history in &HISTORIES {
        assert_eq!(figures.figure(history, Contender::Hold).unwrap().rebalances, 0);
    }
}

#[test]
fn tables_for_people_are_those_of_the_figures() {
    let figures = figures();
    for (file, table) in [
        ("bench/README.md", tables::all(&figures).unwrap()),
        ("README.md", tables::lost(&figures).unwrap()),
    ] {
        let text = read(file);
        assert!(tables::placed(&text, &table).unwrap() == text, "{file}: run `make bench-income`");
    }
}
