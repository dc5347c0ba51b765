//! What the doctor found, one line each, with what to do under it.

use anstyle::{AnsiColor, Style};

use crate::doctor::{Finding, Level};

const OK: Style = AnsiColor::Green.on_default();
const WARN: Style = AnsiColor::Yellow.on_default().bold();
const FAIL: Style = AnsiColor::Red.on_default().bold();
const STRONG: Style = Style::new().bold();

/// The whole page.
#[must_use]
pub fn text(findings: &[Finding]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut areas: Vec<&str> = Vec::new();
    for finding in findings {
        if !areas.contains(&finding.area.as_str()) {
            areas.push(&finding.area);
        }
    }
    for area in areas {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!("{STRONG}{area}{STRONG:#}"));
        for finding in findings.iter().filter(|finding| finding.area == area) {
            let (style, word) = match finding.level {
                Level::Ok => (OK, "ok  "),
                Level::Warn => (WARN, "WARN"),
                Level::Fail => (FAIL, "FAIL"),
            };
            lines.push(format!("  {style}{word}{style:#} {}: {}", finding.subject, finding.found));
            if let Some(remedy) = &finding.remedy {
                lines.push(format!("       → {remedy}"));
            }
        }
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    lines.push(String::new());
    lines.push(match (count(Level::Fail), count(Level::Warn)) {
        (0, 0) => "Everything is in order.".to_owned(),
        (0, warnings) => format!("The keeper can work; {warnings} to look at."),
        (failures, warnings) => {
            format!("The keeper cannot work so: {failures} to mend, {warnings} to look at.")
        }
    });
    lines.join("\n")
}
