//! Parser and decoder on damaged input: real files and real encodings, broken in every way that a seed draws. Nothing panics,
//! and what is taken all the same is a policy that survives the way to the chain and back.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use alloy_primitives::{Address, keccak256};
use vagus_draw::Draw;
use vagus_policy::{
    Policy,
    compare::{InForce, changes, takes_effect_at_once},
    decode, encode, hash,
    review::{Facts, review},
    toml::{Context, Document, read, render_alone},
    validate,
};

const FILES: [&str; 3] = [
    include_str!("../examples/demo.toml"),
    include_str!("../../e2e/worlds/policy.toml"),
    include_str!("../../e2e/worlds/policy-tightened.toml"),
];

/// What a file may hold, and what it may not.
const TOKENS: [&str; 40] = [
    "[limits]",
    "[[strategies]]",
    "[[groups]]",
    "[[agents]]",
    "[objective]",
    "[asset]",
    "[names]",
    "name = \"aave\"\n",
    "groups = [\"aave\"]\n",
    "target_weights = { aave_a = \"40 %\" }\n",
    "kind = \"target-weights\"\n",
    "cap = \"1 USDC\"\n",
    "max_weight = \"100 %\"\n",
    "\"0 %\"",
    "\"100.01 %\"",
    "\"655.36 %\"",
    "\"18446744073709551616 %\"",
    "\"340282366920938463463374607431768211456 USDC\"",
    "\"340282366920938463463374607431768211455 units\"",
    "\"49710d6h28m16s\"",
    "\"unix 1099511627776\"",
    "\"9999-12-31T23:59:59Z\"",
    "2035-01-01",
    "\"0x\"",
    "\"0x00000000000000000000000000000000000000aa\"",
    "\"${keeper}\"",
    "\"\"",
    "\"\\u0000\"",
    "\"é\"",
    "{}",
    "[]",
    "-1",
    "0x7fffffff",
    "1e400",
    "nan",
    "true",
    "=",
    "\"",
    "\n",
    "#",
];

/// Files, and the unit of each; none for those that tell it themselves.
fn corpus() -> Vec<(String, Option<&'static str>)> {
    let units = ["USDC", "USDW", "USDW"].map(Some);
    let mut files: Vec<_> = FILES.iter().map(|text| (*text).to_owned()).zip(units).collect();
    for (text, unit) in [(FILES[0], "USDC"), (FILES[1], "USDW")] {
        let document = read(text, "corpus", Some(&context(unit))).unwrap();
        files.push((render_alone(&document.policy, &document.context), None));
    }
    files
}

fn context(unit: &str) -> Context {
    let mut context = Context::new(unit, 6).with_account("keeper", Address::repeat_byte(9));
    let names = ["aave_a", "aave_b", "morpho", "aave_main", "aave_prime"];
    for (place, name) in (1..).zip(names) {
        context = context.with_strategy(name, Address::repeat_byte(place), 6);
    }
    context
}

/// A file with one to four things broken, at places of characters.
fn damaged(file: &str, draw: &mut Draw) -> String {
    let mut text: Vec<char> = file.chars().collect();
    for _ in 0..draw.within(1, 4) {
        let at = draw.index(text.len() + 1);
        let end = (at + draw.index(24)).min(text.len());
        match draw.below(14) {
            0 => drop(text.drain(at..end)),
            1 => {
                let again: Vec<char> = text[at..end].to_vec();
                text.splice(at..at, again);
            }
            2 | 3 => {
                text.splice(at..at, draw.pick(&TOKENS).chars());
            }
            4 => {
                text.splice(at..end, draw.pick(&TOKENS).chars());
            }
            5 => {
                let character = char::from_u32(draw.below(0x11_0000) as u32).unwrap_or('\u{fffd}');
                text.splice(at..(at + 1).min(text.len()), [character]);
            }
            6 => text.truncate(at),
            _ => {
                // A digit for a digit keeps most files whole.
                let digits: Vec<usize> =
                    (0..text.len()).filter(|i| text[*i].is_ascii_digit()).collect();
                if !digits.is_empty() {
                    let place = draw.pick(&digits);
                    text[place] = char::from(b'0' + draw.below(10) as u8);
                }
            }
        }
    }
    text.into_iter().collect()
}

/// Everything that is done with a document.
fn used(document: &Document, other: &Policy) {
    let Document { policy, context, .. } = document;
    assert_eq!(validate(policy), Ok(()));
    let text = render_alone(policy, context);
    let again = read(&text, "again", None).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(&again.policy, policy);
    assert_eq!(decode(&encode(policy)).unwrap(), *policy);
    for finding in review(policy, context, &Facts { at: Some(1 << 39), ..Facts::default() }) {
        let place = document.place_of(&finding.key);
        assert!(place.line >= 1 && place.column >= 1 && !finding.problem.is_empty());
    }
    let in_force = InForce::untouched(other);
    let told = changes(in_force, policy, context);
    let is_at_once = told.iter().all(|it| it.effect == vagus_policy::compare::Effect::AtOnce);
    assert_eq!(takes_effect_at_once(Some(in_force), policy), is_at_once);
}

#[test]
fn no_damage_of_a_file_panics_the_parser() {
    let files = corpus();
    let mut draw = Draw::new(0x706f_6c69_6379);
    let first = read(FILES[0], "first", Some(&context("USDC"))).unwrap().policy;
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..15_000 {
        let (file, unit) = &files[draw.index(files.len())];
        let text = damaged(file, &mut draw);
        let unit = if draw.chance(90) { *unit } else { draw.pick(&[Some("USDC"), None]) };
        let context = unit.map(context);
        match read(&text, "damaged.toml", context.as_ref()) {
            Ok(document) => {
                used(&document, &first);
                taken += 1;
            }
            Err(error) => {
                let sentence = error.to_string();
                assert!(
                    sentence.starts_with("damaged.toml:") && !sentence.contains('\n'),
                    "{sentence}"
                );
                assert!(error.line <= text.matches('\n').count() + 1, "{sentence}");
                refused += 1;
            }
        }
    }
    println!("{taken} taken, {refused} refused");
    assert!(taken > 1_000 && refused > 5_000, "{taken} taken, {refused} refused");
}

/// What a fuzzer makes of a file: which one, and what is put where in place of how many characters.
type Edits = (u8, Vec<(u16, u8, Vec<u8>)>);

/// Under `cargo test` some thousand inputs; under `cargo bolero test -p vagus-policy any_file` as many as one likes, led by coverage.
#[test]
fn any_file() {
    let files = corpus();
    let first = read(FILES[0], "first", Some(&context("USDC"))).unwrap().policy;
    let contexts: Vec<Option<Context>> = files.iter().map(|(_, unit)| unit.map(context)).collect();
    bolero::check!().with_type::<Edits>().for_each(|(file, edits)| {
        let place = usize::from(*file) % files.len();
        let mut bytes = files[place].0.clone().into_bytes();
        for (at, length, put) in edits {
            let at = usize::from(*at) % (bytes.len() + 1);
            let end = (at + usize::from(*length)).min(bytes.len());
            bytes.splice(at..end, put.iter().copied());
        }
        let text = String::from_utf8_lossy(&bytes);
        match read(&text, "edited.toml", contexts[place].as_ref()) {
            Ok(document) => used(&document, &first),
            Err(error) => assert!(error.to_string().starts_with("edited.toml:"), "{error}"),
        }
    });
}

/// As [`any_file`], of what a chain may say.
#[test]
fn any_encoding() {
    let policy = read(FILES[0], "first", Some(&context("USDC"))).unwrap().policy;
    let encoding = encode(&policy);
    bolero::check!().with_type::<Edits>().for_each(|(whole, edits)| {
        let mut bytes = if *whole < 8 { Vec::new() } else { encoding.clone() };
        for (at, length, put) in edits {
            let at = usize::from(*at) % (bytes.len() + 1);
            let end = (at + usize::from(*length)).min(bytes.len());
            bytes.splice(at..end, put.iter().copied());
        }
        if let Ok(policy) = decode(&bytes) {
            assert_eq!(encode(&policy), bytes, "one policy, one encoding");
            let _ = validate(&policy);
            let _ = render_alone(&policy, &context("USDC"));
        }
    });
}

#[test]
fn no_damage_of_an_encoding_panics_the_decoder() {
    let encodings: Vec<Vec<u8>> = [(FILES[0], "USDC"), (FILES[1], "USDW")]
        .iter()
        .map(|(text, unit)| encode(&read(text, "corpus", Some(&context(unit))).unwrap().policy))
        .collect();
    let mut draw = Draw::new(0x6465_636f_6465);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..60_000 {
        let mut bytes = draw.pick(&encodings.iter().collect::<Vec<_>>()).clone();
        for _ in 0..draw.within(1, 3) {
            let words = bytes.len() / 32;
            let word = draw.index(words.max(1)) * 32;
            let last = (word + 31).min(bytes.len().saturating_sub(1));
            match draw.below(7) {
                0 if !bytes.is_empty() => bytes[last] = draw.next() as u8,
                1 if !bytes.is_empty() => bytes[last] ^= 1 << draw.below(8),
                2 if !bytes.is_empty() => {
                    let any = draw.index(bytes.len());
                    bytes[any] = draw.next() as u8;
                }
                3 => bytes.truncate(draw.index(bytes.len() + 1)),
                4 => bytes.extend([0; 32]),
                5 if bytes.len() > 64 => {
                    let all: Vec<u8> = bytes[word..=last].to_vec();
                    bytes.splice(word..word, all);
                }
                _ if !bytes.is_empty() => {
                    let end = last + 1;
                    bytes[word..end].fill(draw.pick(&[0, 0xff]));
                }
                _ => {}
            }
        }
        match decode(&bytes) {
            Ok(policy) => {
                assert_eq!(encode(&policy), bytes, "one policy, one encoding");
                assert_eq!(hash(&policy), keccak256(&bytes));
                // The guard may refuse it; what reads it may not fall over it.
                let _ = validate(&policy);
                let _ = render_alone(&policy, &context("USDC"));
                let _ = review(&policy, &context("USDC"), &Facts::default());
                taken += 1;
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
        }
    }
    println!("{taken} taken, {refused} refused");
    assert!(taken > 3_000 && refused > 20_000, "{taken} taken, {refused} refused");
}
