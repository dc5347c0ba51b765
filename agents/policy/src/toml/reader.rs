//! A TOML document as tables and values that know where they stand, so that every error can say so.

use std::{cell::RefCell, collections::BTreeMap, ops::Range};

use ::toml::{Spanned, de::DeValue};

use super::{Place, PolicyError, text::Problem};

/// Where the document came from, and where each key of it stood.
#[derive(Debug)]
pub(super) struct Source<'a> {
    file: &'a str,
    text: &'a str,
    spans: RefCell<BTreeMap<String, Range<usize>>>,
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, spans: RefCell::default() }
    }

    /// An error at a byte of the text.
    pub(super) fn error(&self, offset: usize, key: &str, problem: Problem) -> PolicyError {
        let Place { line, column } = self.place(offset);
        PolicyError {
            file: self.file.to_owned(),
            line,
            column,
            key: key.to_owned(),
            problem: problem.problem,
            expected: problem.expected,
        }
    }

    /// An error at a key, or at the nearest table around it that stands in the document.
    pub(super) fn error_at(&self, key: &str, problem: Problem) -> PolicyError {
        self.error(self.offset_of(key), key, problem)
    }

    fn offset_of(&self, key: &str) -> usize {
        let spans = self.spans.borrow();
        let mut around = key;
        loop {
            if let Some(span) = spans.get(around) {
                return span.start;
            }
            match around.rfind(['.', '[']) {
                Some(end) => around = &around[..end],
                None => return 0,
            }
        }
    }

    fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }

    /// Where every key that was read stands.
    pub(super) fn places(&self) -> BTreeMap<String, Place> {
        let spans = self.spans.borrow();
        spans.iter().map(|(key, span)| (key.clone(), self.place(span.start))).collect()
    }
}

/// A value at its place.
#[derive(Clone, Debug)]
pub(super) struct Value<'a> {
    source: &'a Source<'a>,
    key: String,
    node: &'a DeValue<'a>,
    span: Range<usize>,
}

/// A table at its place, holding no key but those it may hold.
#[derive(Clone, Debug)]
pub(super) struct Table<'a> {
    value: Value<'a>,
}

impl<'a> Value<'a> {
    pub(super) fn new(source: &'a Source<'a>, key: String, node: &'a Spanned<DeValue<'a>>) -> Self {
        source.spans.borrow_mut().insert(key.clone(), node.span());
        Self { source, key, node: node.get_ref(), span: node.span() }
    }

    pub(super) fn fail(&self, problem: Problem) -> PolicyError {
        self.source.error(self.span.start, &self.key, problem)
    }

    fn wrong_type(&self, expected: &str) -> PolicyError {
        let problem = format!("found {} {}", article(self.node), self.node.type_str());
        self.fail(Problem::new(problem, expected))
    }

    /// Whether it is a table.
    pub(super) fn is_table(&self) -> bool {
        self.node.as_table().is_some()
    }

    /// A string. A date may also stand without quotes.
    pub(super) fn text(&self, expected: &str) -> Result<String, PolicyError> {
        match self.node {
            DeValue::String(text) => Ok(text.to_string()),
            DeValue::Datetime(time) => Ok(time.to_string()),
            _ => Err(self.wrong_type(expected)),
        }
    }

    /// What `read` makes of the string.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Result<T, PolicyError> {
        let text = self.text("a text in quotes, with its unit")?;
        read(&text).map_err(|problem| self.fail(problem))
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, PolicyError> {
        let quoted: Vec<_> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        let expected = format!("one of {}", quoted.join(", "));
        let text = self.text(&expected)?;
        words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, meaning)| *meaning)
            .ok_or_else(|| self.fail(Problem::new(format!("{text:?} is not known here"), expected)))
    }

    /// A number without unit.
    pub(super) fn number(&self) -> Result<u16, PolicyError> {
        let DeValue::Integer(number) = self.node else {
            return Err(self.wrong_type("a whole number"));
        };
        u16::from_str_radix(number.as_str(), number.radix()).map_err(|_| {
            self.fail(Problem::new(format!("{number} is out of range"), "a small whole number"))
        })
    }

    /// The members of a list.
    pub(super) fn list(&self, expected: &str) -> Result<Vec<Value<'a>>, PolicyError> {
        let list = self.node.as_array().ok_or_else(|| self.wrong_type(expected))?;
        Ok(list
            .iter()
            .enumerate()
            .map(|(place, node)| Value::new(self.source, format!("{}[{place}]", self.key), node))
            .collect())
    }

    /// A table that holds no key but the `known`.
    pub(super) fn table(self, known: &[&str]) -> Result<Table<'a>, PolicyError> {
        let table = self.node.as_table().ok_or_else(|| self.wrong_type("a table"))?;
        let unknown = table
            .keys()
            .filter(|key| !known.contains(&key.get_ref().as_ref()))
            .min_by_key(|key| key.span().start);
        if let Some(key) = unknown {
            let problem = Problem::new("unknown key", format!("one of {}", known.join(", ")));
            let path = join(&self.key, key.get_ref());
            return Err(self.source.error(key.span().start, &path, problem));
        }
        Ok(Table { value: self })
    }

    /// The entries of a table whose keys are free, in the order of the document.
    pub(super) fn entries(&self) -> Result<Vec<(String, Value<'a>)>, PolicyError> {
        let table = self.node.as_table().ok_or_else(|| self.wrong_type("a table"))?;
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        Ok(entries
            .into_iter()
            .map(|(key, node)| {
                let path = join(&self.key, key.get_ref());
                (key.get_ref().to_string(), Value::new(self.source, path, node))
            })
            .collect())
    }
}

impl<'a> Table<'a> {
    pub(super) fn optional(&self, key: &str) -> Option<Value<'a>> {
        let node = self.value.node.as_table()?.get(key)?;
        Some(Value::new(self.value.source, join(&self.value.key, key), node))
    }

    pub(super) fn required(&self, key: &str, expected: &str) -> Result<Value<'a>, PolicyError> {
        self.optional(key).ok_or_else(|| {
            let path = join(&self.value.key, key);
            let start = self.value.span.start;
            self.value.source.error(start, &path, Problem::new("missing", expected))
        })
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn article(node: &DeValue<'_>) -> &'static str {
    if matches!(node, DeValue::Integer(_) | DeValue::Array(_)) { "an" } else { "a" }
}
