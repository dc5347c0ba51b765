//! Every single value of every record of the story, changed: by the library, and a sample of them by the binary.

use std::{fs, path::Path, process::Output, sync::Arc, time::Duration};

use serde_json::Value;
use vagus_chain::{EndpointUrl, Endpoints, HttpChain};
use vagus_draw::Draw;
use vagus_journal::{FileError, RecordFile};
use vagus_keeper::trace::examine;

use super::{
    Filed, changed, forge, said,
    walk::{is_keepers_word, leaves, others, sealed},
};

const SEED: u64 = 2_026;
/// Changes that the binary is asked about.
const SAMPLE: usize = 40;

/// What is left of a file if only its own record is kept, and of that record nothing else: what hashes say of a change there
/// they say without its neighbours.
fn alone(mut file: Value, place: usize) -> Value {
    let own = file["records"][place].clone();
    file["records"] = Value::from(vec![own]);
    file
}

/// Each change is found by the library, and those of the sample by the binary with its exit code.
pub(super) async fn check(url: &str, all: &[Filed], trace: &dyn Fn(&Path) -> Output) {
    let http = HttpChain::new(EndpointUrl::parse(url).unwrap(), Duration::from_secs(60)).unwrap();
    let chain = Endpoints::new(vec![Arc::new(http)]);
    let (mut by_hashes, mut by_chain) = (0, 0);
    let mut places = Vec::new();
    for (number, one) in all.iter().enumerate() {
        let value: Value = serde_json::from_str(&fs::read_to_string(&one.path).unwrap()).unwrap();
        let mut pointers = Vec::new();
        leaves(&value, "", &mut pointers);
        let own = format!("/records/{}/", one.place);
        let cut = alone(value.clone(), one.place);
        for pointer in pointers {
            let what = format!("{}: {pointer}", one.decision);
            if let Some(inner) = pointer.strip_prefix(&own) {
                // Its own record, with the hash of the file put right.
                let inner = format!("/records/0/{inner}");
                let leaf = cut.pointer(&inner).unwrap();
                for other in others(leaf).into_iter().take(1) {
                    let mut changed = cut.clone();
                    *changed.pointer_mut(&inner).unwrap() = other;
                    let is_found = match RecordFile::parse(&sealed(changed)) {
                        Ok(file) => !file.breaches().is_empty(),
                        Err(error) => matches!(error, FileError::Changed(_)),
                    };
                    assert!(is_found, "{what}");
                    by_hashes += 1;
                }
                places.push((number, pointer));
            } else if !pointer.starts_with("/records/")
                && pointer != "/file_hash"
                && !is_keepers_word(&pointer)
            {
                let leaf = value.pointer(&pointer).unwrap();
                for other in others(leaf).into_iter().take(1) {
                    let mut changed = value.clone();
                    *changed.pointer_mut(&pointer).unwrap() = other;
                    let Ok(file) = RecordFile::parse(&sealed(changed)) else { continue };
                    let verdict = examine(&chain, &file).await.verdict.number();
                    assert_ne!(verdict, 0, "{what}");
                    by_chain += 1;
                }
            }
        }
    }
    println!("{} records, {by_hashes} values in them, {by_chain} beside them", all.len());
    assert!(by_hashes > 200 * all.len() && by_chain > all.len(), "{by_hashes} {by_chain}");

    let mut draw = Draw::new(SEED);
    for turn in 0..SAMPLE {
        let (number, pointer) = &places[draw.index(places.len())];
        let one = &all[*number];
        // What nothing on the chain names yet an operator could have written otherwise from the beginning.
        let is_forged = turn % 2 == 0 && one.is_anchored && !pointer.ends_with("/hash");
        let path = changed(&one.path, |file| {
            let other = others(file.pointer(pointer).unwrap()).swap_remove(0);
            *file.pointer_mut(pointer).unwrap() = other;
            if is_forged {
                forge(file, one.place);
            }
        });
        let output = trace(&path);
        let found: &[i32] = if is_forged { &[3, 6] } else { &[3] };
        let code = output.status.code().unwrap();
        assert!(found.contains(&code), "{}: {pointer}: {code}: {}", one.decision, said(&output));
    }
}
