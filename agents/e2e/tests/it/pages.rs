//! Pages for people, kept as files.

use std::{fs, path::Path};

/// Addresses, hashes, call data and proposals' numbers depend on every contract's bytecode, the folder on the machine.
pub(crate) fn masked(text: &str, folder: &Path) -> String {
    let text = text.replace(&format!("{}/", folder.display()), "");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        out.push_str(before);
        let (digits, long) = match number.strip_prefix("0x") {
            Some(hex) => {
                let length = hex.chars().take_while(char::is_ascii_hexdigit).count();
                (length + 2, length >= 40)
            }
            None => {
                let length = number.chars().take_while(char::is_ascii_digit).count();
                (length, length >= 40)
            }
        };
        out.push_str(if long { "0x…" } else { &number[..digits] });
        rest = &number[digits..];
    }
    out.push_str(rest);
    // Columns are as wide as what was masked; one width for all.
    out.lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .map(|line| if line.contains('═') || line.contains('─') { "----".to_owned() } else { line })
        .collect::<Vec<_>>()
        .join("\n")
        + "\n"
}

/// What people read, kept as a file that a person reviewed; `UPDATE_GOLDEN=1` writes it anew.
pub(crate) fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, known, "{} differs", path.display());
}
