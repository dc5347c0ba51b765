//! `keeper status --watch`: the page, looked at again and again.
//!
//! At a terminal it is a screen of its own that leaves no trace, redrawn in place; in a pipe one page follows the other, and
//! with `--json` one document is one line.

use std::{
    io::{IsTerminal as _, Write},
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    board::unix_now,
    config::JournalUrl,
    exit::{Exit, Failure},
    render::number::time,
    status::status,
    world::ChainWorld,
};

/// Own screen, without a cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// Shows the status until told to stop. What cannot be asked now is said, and asked again.
///
/// # Errors
/// If the journal is damaged, or what is there is no such journal; a terminal or pipe that is gone is an end in order.
pub async fn watch(
    worlds: &[ChainWorld],
    journal: &JournalUrl,
    is_json: bool,
    every: Duration,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let is_screen = std::io::stdout().is_terminal() && !is_json;
    let _screen = is_screen.then(Screen::enter);
    let mut last = String::new();
    loop {
        let asked = tokio::select! {
            // What could not be read says so in its row, and is asked again.
            asked = status(worlds, journal, is_json) => asked.map(|page| page.text),
            _ = stop.wait_for(|is_stopped| *is_stopped) => return Ok(()),
        };
        let is_written = match (asked, is_screen) {
            (Ok(page), true) => {
                last = page;
                draw(&frame(&last, None, every, unix_now(), size()))
            }
            (Err(failure), true) => {
                draw(&frame(&last, Some(&failure.sentence), every, unix_now(), size()))
            }
            (Ok(page), false) => say(&plain(&page, is_json)),
            // In a pipe a gap that nobody is told of would be a lie.
            (Err(failure), false) => {
                let _ = writeln!(anstream::stderr(), "keeper: {failure}");
                if failure.exit != Exit::Unreachable {
                    return Err(failure);
                }
                Ok(())
            }
        };
        if is_written.is_err() {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            _ = stop.wait_for(|is_stopped| *is_stopped) => return Ok(()),
        }
    }
}

/// The terminal's other screen; it is left whatever happens.
struct Screen;

impl Screen {
    fn enter() -> Self {
        let _ = draw(ENTER);
        Self
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = draw(LEAVE);
    }
}

fn draw(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

fn say(text: &str) -> std::io::Result<()> {
    let mut out = anstream::stdout();
    writeln!(out, "{text}").and_then(|()| out.flush())
}

fn size() -> (usize, usize) {
    crossterm::terminal::size()
        .map_or((80, 24), |(columns, rows)| (usize::from(columns), usize::from(rows)))
}

/// One page for a pipe.
fn plain(page: &str, is_json: bool) -> String {
    if !is_json {
        return format!("{page}\n");
    }
    // The document is made for people to read; a line is one that programs read.
    match serde_json::from_str::<serde_json::Value>(page) {
        Ok(document) => document.to_string(),
        Err(_) => page.to_owned(),
    }
}

/// A whole screen: what is not overwritten is cleared line by line, so that nothing flickers, and what does not fit is counted.
fn frame(
    page: &str,
    trouble: Option<&str>,
    every: Duration,
    now: u64,
    (columns, rows): (usize, usize),
) -> String {
    let head = format!("keeper status, every {} s, {}; Ctrl-C ends it", every.as_secs(), time(now));
    let mut lines = vec![cut(&head, columns)];
    if let Some(trouble) = trouble {
        lines.push(cut(&format!("NOT NOW: {trouble} What follows is older."), columns));
    }
    lines.push(String::new());
    lines.extend(page.lines().map(|line| cut(line, columns)));
    let rows = rows.max(4);
    if lines.len() > rows {
        let hidden = lines.len() - rows + 1;
        lines.truncate(rows - 1);
        lines.push(cut(&format!("… {hidden} more lines; --vault NAME shows one vault"), columns));
    }
    format!("\x1b[H{}\x1b[K\x1b[J", lines.join("\x1b[K\r\n"))
}

/// A line without what stands beyond the last column. Colours take no place.
fn cut(line: &str, columns: usize) -> String {
    let mut out = String::with_capacity(line.len());
    let (mut used, mut is_code, mut has_colour) = (0, false, false);
    for character in line.chars() {
        if character == '\x1b' {
            (is_code, has_colour) = (true, true);
        }
        if is_code {
            out.push(character);
            is_code = !character.is_ascii_alphabetic();
            continue;
        }
        if used < columns && !character.is_control() {
            out.push(character);
            used += 1;
        }
    }
    if has_colour {
        out.push_str("\x1b[0m");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(5);

    #[test]
    fn a_frame_fills_the_screen_and_no_more() {
        let page: String = (0..50).map(|n| format!("line {n} {}\n", "x".repeat(100))).collect();
        let screen = frame(&page, None, EVERY, 0, (40, 10));
        let lines: Vec<&str> = screen.split("\r\n").collect();
        assert_eq!(lines.len(), 10);
        assert!(lines[9].contains("43 more lines"), "{}", lines[9]);
        for line in &lines {
            let shown = line.replace("\x1b[H", "").replace("\x1b[K", "").replace("\x1b[J", "");
            assert!(shown.chars().count() <= 40, "{shown}");
        }
        // A page that fits exactly is whole.
        let page = "a\nb\nc\n";
        assert!(frame(page, None, EVERY, 0, (40, 5)).contains("c\x1b[K\x1b[J"));
        assert!(!frame(page, None, EVERY, 0, (40, 5)).contains("more lines"));
        assert!(frame(page, None, EVERY, 0, (40, 4)).contains("2 more lines"));
    }

    #[test]
    fn trouble_stands_above_what_was_last_seen() {
        let screen = frame("value", Some("The chain is silent."), EVERY, 0, (80, 24));
        assert!(screen.contains("NOT NOW: The chain is silent."), "{screen}");
        assert!(screen.contains("value"));
    }

    #[test]
    fn colours_take_no_place_and_end_with_their_line() {
        assert_eq!(cut("\x1b[1mabcdef\x1b[0m", 3), "\x1b[1mabc\x1b[0m\x1b[0m");
        assert_eq!(cut("abc\tdef", 10), "abcdef");
    }

    #[test]
    fn json_is_one_line() {
        assert_eq!(plain("{\n  \"schema\": 1\n}", true), "{\"schema\":1}");
    }
}
