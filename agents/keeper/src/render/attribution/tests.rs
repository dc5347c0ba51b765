use serde_json::Value;

use super::*;
use crate::{
    attribution::view::{Report, fixture},
    testing::assert_golden,
};

fn known() -> Report {
    fixture("USDC", ["Aave Core", "Aave Prime"])
}

#[test]
fn the_page_for_a_terminal_is_the_known_one() {
    let page = anstream::adapter::strip_str(&text(&known())).to_string() + "\n";
    assert_golden("report.txt", &page);
}

#[test]
fn the_table_for_spreadsheets_is_the_known_one_and_adds_up() {
    let table = csv(&known());
    assert_golden("report.csv", &table);
    let mut rows = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let place = rows.next().unwrap().iter().position(|column| *column == "credit").unwrap();
    let credits: Vec<i128> = rows.map(|row| row[place].parse().unwrap()).collect();
    let (result, parts) = credits.split_last().unwrap();
    assert_eq!(parts.iter().sum::<i128>(), *result);
}

#[test]
fn the_document_is_the_known_one() {
    assert_golden("report.json", &(serde_json::to_string_pretty(&known()).unwrap() + "\n"));
}

#[test]
fn the_file_for_browsers_is_the_known_one() {
    assert_golden("report.html", &html(&known()));
}

#[test]
fn parts_of_the_document_add_up() {
    let document = serde_json::to_value(known()).unwrap();
    let number = |value: &Value| value.as_str().unwrap().parse::<i128>().unwrap();
    let sum = |rows: &Value, key: &str| {
        rows.as_array().unwrap().iter().map(|row| number(&row[key])).sum::<i128>()
    };
    let of = &document["result"];
    let result = number(&document["closing"]["assets"])
        - number(&document["opening"]["assets"])
        - sum(&document["flows"], "assets");
    assert_eq!(number(&of["result"]), result);
    let parts = number(&of["held"])
        + sum(&document["decisions"], "credit")
        + sum(&document["flows"], "gained");
    assert_eq!(parts, result);
}

/// Whoever deploys a token chooses its symbol.
#[test]
fn names_from_outside_end_neither_a_tag_nor_a_field() {
    let hostile = [
        "</td><script>alert(1)</script>",
        "=HYPERLINK(\"http://evil\"),\"'&\r\n\u{202e}\u{1b}[31m",
    ];
    let report = fixture("\"><img src=x onerror=y>", hostile);
    let page = html(&report);
    assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
    assert!(!page.contains('\u{202e}') && !page.contains('\u{1b}'), "{page}");
    assert!(page.contains("&lt;/td&gt;&lt;script&gt;"), "{page}");
    assert!(page.contains("=HYPERLINK(&quot;http://evil&quot;),&quot;&#39;&amp;"), "{page}");
    // Every tag of the page is one of ours.
    for tag in page.split('<').skip(1) {
        let name: String = tag
            .trim_start_matches(['/', '!'])
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        let known = [
            "doctype", "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3",
            "dl", "dt", "dd", "section", "div", "table", "thead", "tbody", "tr", "th", "td", "p",
            "ul", "li", "b", "figure", "svg", "path", "text",
        ];
        assert!(known.contains(&name.as_str()), "<{name}");
    }
    let table = csv(&report);
    // Quotes are doubled, and the line end inside them ends no row: as many rows as before.
    let quoted = "\"gained at =HYPERLINK(\"\"http://evil\"\"),\"\"'&\r\n\u{202e}\u{1b}[31m\"";
    assert!(table.contains(quoted), "{table}");
    let plain = csv(&known());
    assert_eq!(table.matches("\r\n").count(), plain.matches("\r\n").count() + 1);
    for field in table.replace(quoted, "").split([',', '\n']) {
        assert!(!field.starts_with(['=', '+', '@', '\t']), "{field} would be a formula");
    }
}
