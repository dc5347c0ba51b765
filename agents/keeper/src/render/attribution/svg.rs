//! Lines over time as inline SVG. Coordinates are integers of a box that scales; colours are the page's.

use std::fmt::Write as _;

use alloy::primitives::I256;
use vagus_attribution::calendar;

use super::html::escaped;

/// The box, and what is left around the plot inside it.
const WIDTH: i64 = 480;
const HEIGHT: i64 = 280;
const LEFT: i64 = 84;
const RIGHT: i64 = 10;
const TOP: i64 = 10;
const BOTTOM: i64 = 28;
/// Least distances between ticks that a scale is cut into, before they are made round.
const TICKS: i64 = 5;
/// Colours of the page.
const COLOURS: usize = 8;

/// A line of a plot.
pub(super) struct Line {
    pub(super) label: String,
    /// Number of its colour.
    pub(super) colour: usize,
    /// Whether it is a limit, not something that happened.
    pub(super) is_limit: bool,
    /// Unix time and value; none: there is nothing to show.
    pub(super) points: Vec<(u64, Option<I256>)>,
}

/// A plot.
pub(super) struct Plot<'a> {
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    pub(super) lines: Vec<Line>,
    /// A value in words, on the axis and in the legend.
    pub(super) words: &'a dyn Fn(I256) -> String,
}

/// A range of values that is not empty, and the distance of its ticks.
struct Scale {
    least: I256,
    most: I256,
    step: I256,
}

fn int(value: i64) -> I256 {
    I256::try_from(value).unwrap_or(I256::ZERO)
}

/// Next number of the form 1, 2 or 5 times a power of ten that is not below.
fn round_up(value: I256) -> I256 {
    let mut power = I256::ONE;
    loop {
        for digit in [1, 2, 5] {
            match power.checked_mul(int(digit)) {
                Some(round) if round >= value => return round,
                Some(_) => {}
                None => return I256::MAX,
            }
        }
        let Some(next) = power.checked_mul(int(10)) else { return I256::MAX };
        power = next;
    }
}

impl Scale {
    fn of(lines: &[Line]) -> Option<Self> {
        let values = || lines.iter().flat_map(|line| line.points.iter().filter_map(|(_, v)| *v));
        let (least, most) = (values().min()?.min(I256::ZERO), values().max()?.max(I256::ZERO));
        let span = most.checked_sub(least)?.max(int(TICKS));
        let step = round_up(span.checked_div(int(TICKS))?);
        let most = if most == least { least.checked_add(step)? } else { most };
        Some(Self { least, most, step })
    }

    /// None if the values are out of range.
    fn y(&self, value: I256) -> Option<i64> {
        let room = int(HEIGHT - TOP - BOTTOM);
        let down = self.most.checked_sub(value)?.checked_mul(room)?;
        let down = down.checked_div(self.most.checked_sub(self.least)?)?;
        i64::try_from(down).ok()?.checked_add(TOP)
    }

    fn ticks(&self) -> Vec<I256> {
        let mut ticks = Vec::new();
        // Cut towards zero, which is inside the range.
        let first = self.least.checked_div(self.step).unwrap_or_default();
        let mut tick = first.checked_mul(self.step);
        while let Some(value) = tick.filter(|value| *value <= self.most && ticks.len() < 12) {
            ticks.push(value);
            tick = value.checked_add(self.step);
        }
        ticks
    }
}

fn x(at: u64, (first, last): (u64, u64)) -> i64 {
    let room = u128::from((WIDTH - LEFT - RIGHT).unsigned_abs());
    let off = u128::from(at.saturating_sub(first)) * room;
    let off = off.checked_div(last.saturating_sub(first).into()).unwrap_or_default();
    i64::try_from(off).unwrap_or(0) + LEFT
}

fn day(unix: u64) -> String {
    let (year, month, day) = calendar::civil(unix / calendar::DAY);
    format!("{year:04}-{month:02}-{day:02}")
}

fn class(line: &Line) -> String {
    let limit = if line.is_limit { " limit" } else { "" };
    // More lines than colours: the second round is dashed.
    let again = if line.colour >= COLOURS { " again" } else { "" };
    format!("c{}{limit}{again}", line.colour % COLOURS)
}

impl Plot<'_> {
    /// The plot with title and legend; nothing if there is nothing to show.
    pub(super) fn figure(&self) -> String {
        let Some(scale) = Scale::of(&self.lines) else { return String::new() };
        let times = || self.lines.iter().flat_map(|line| line.points.iter().map(|(at, _)| *at));
        let (Some(first), Some(last)) = (times().min(), times().max()) else {
            return String::new();
        };
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            escaped(self.title)
        );
        self.grid(&mut svg, &scale, (first, last));
        for line in &self.lines {
            path(&mut svg, line, &scale, (first, last));
        }
        svg.push_str("</svg>");
        let legend: String = self.lines.iter().map(|line| self.key(line)).collect();
        format!(
            "<figure><h3>{}</h3><p>{}</p>{svg}<ul class=\"legend\">{legend}</ul></figure>\n",
            escaped(self.title),
            escaped(self.about)
        )
    }

    fn grid(&self, svg: &mut String, scale: &Scale, (first, last): (u64, u64)) {
        for tick in scale.ticks() {
            let Some(y) = scale.y(tick) else { continue };
            let zero = if tick.is_zero() { " class=\"zero\"" } else { "" };
            let (right, words) = (WIDTH - RIGHT, (self.words)(tick));
            // Writing into a string cannot fail.
            let _ = write!(
                svg,
                "<path{zero} d=\"M{LEFT} {y}H{right}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                LEFT - 6,
                y + 4,
                escaped(&words)
            );
        }
        let (y, right) = (HEIGHT - 8, WIDTH - RIGHT);
        let (first, last) = (day(first), day(last));
        let _ = write!(
            svg,
            "<text x=\"{LEFT}\" y=\"{y}\">{first}</text><text x=\"{right}\" y=\"{y}\" text-anchor=\"end\">{last}</text>"
        );
    }

    fn key(&self, line: &Line) -> String {
        let latest = line.points.iter().rev().find_map(|(_, value)| *value);
        let latest = latest.map_or("–".to_owned(), |value| (self.words)(value));
        format!(
            "<li><svg viewBox=\"0 0 24 8\" aria-hidden=\"true\"><path class=\"{}\" d=\"M0 4H24\"/></svg>{} <b>{}</b></li>",
            class(line),
            escaped(&line.label),
            escaped(&latest)
        )
    }
}

/// A line, broken where there is no value.
fn path(svg: &mut String, line: &Line, scale: &Scale, range: (u64, u64)) {
    let mut d = String::new();
    let mut is_drawing = false;
    for (at, value) in &line.points {
        let Some(y) = value.and_then(|value| scale.y(value)) else {
            is_drawing = false;
            continue;
        };
        let _ = write!(d, "{}{} {y}", if is_drawing { 'L' } else { 'M' }, x(*at, range));
        is_drawing = true;
    }
    let _ = write!(svg, "<path class=\"{}\" d=\"{d}\"/>", class(line));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_an_axis_are_round() {
        for (value, round) in [(1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (21, 50), (501, 1_000)] {
            assert_eq!(round_up(int(value)), int(round));
        }
        assert_eq!(round_up(I256::MAX), I256::MAX);
    }

    #[test]
    fn values_fill_the_box_and_stay_inside() {
        let points = vec![(100, Some(int(-50))), (150, None), (200, Some(int(150)))];
        let line = Line { label: String::new(), colour: 9, is_limit: false, points };
        let scale = Scale::of(std::slice::from_ref(&line)).unwrap();
        assert_eq!(scale.y(int(150)), Some(TOP));
        assert_eq!(scale.y(int(-50)), Some(HEIGHT - BOTTOM));
        assert_eq!(scale.ticks(), [-50, 0, 50, 100, 150].map(int));
        assert_eq!((x(100, (100, 200)), x(200, (100, 200))), (LEFT, WIDTH - RIGHT));
        assert_eq!(x(7, (7, 7)), LEFT);
        let mut svg = String::new();
        path(&mut svg, &line, &scale, (100, 200));
        assert_eq!(svg, "<path class=\"c1 again\" d=\"M84 252M470 10\"/>");
    }

    #[test]
    fn nothing_and_huge_values_draw_without_a_panic() {
        let words = |value: I256| value.to_string();
        let figure = |points| {
            let lines = vec![Line { label: String::new(), colour: 0, is_limit: false, points }];
            Plot { title: "t", about: "", lines, words: &words }.figure()
        };
        assert_eq!(figure(vec![]), "");
        assert_eq!(figure(vec![(1, None)]), "");
        assert!(figure(vec![(1, Some(I256::ZERO))]).contains("<svg"));
        figure(vec![(1, Some(I256::MAX)), (2, Some(I256::MIN))]);
        figure(vec![(1, Some(I256::MAX))]);
    }
}
