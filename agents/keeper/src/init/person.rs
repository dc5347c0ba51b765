//! Whoever is asked.

use std::io::{BufRead, Write};

use crate::exit::{Exit, Failure};

/// Who is asked.
pub struct Person<'a> {
    /// Where answers come from, one per line.
    pub answers: &'a mut dyn BufRead,
    /// Where questions go.
    pub questions: &'a mut dyn Write,
}

impl std::fmt::Debug for Person<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person")
    }
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Usage, format_args!("It cannot be asked for: {error}."))
}

impl Person<'_> {
    pub(crate) fn tell(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.questions, "{line}").map_err(failed)
    }

    /// An answer; empty means the default. A question without a default is asked again.
    pub(crate) fn ask(&mut self, question: &str, default: Option<&str>) -> Result<String, Failure> {
        loop {
            let shown = default.map_or(String::new(), |default| format!(" [{default}]"));
            write!(self.questions, "{question}{shown}: ").map_err(failed)?;
            self.questions.flush().map_err(failed)?;
            let mut answer = String::new();
            if self.answers.read_line(&mut answer).map_err(failed)? == 0 {
                return Err(failed(format_args!("there is no answer to \"{question}\"")));
            }
            match (answer.trim(), default) {
                ("", Some(default)) => return Ok(default.to_owned()),
                ("", None) => self.tell("  this has no default")?,
                (answer, _) => return Ok(answer.to_owned()),
            }
        }
    }

    /// An answer that `is_sound` takes; asked again until then.
    pub(crate) fn ask_for<T>(
        &mut self,
        question: &str,
        default: Option<&str>,
        mut is_sound: impl FnMut(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        loop {
            let answer = self.ask(question, default)?;
            match is_sound(&answer) {
                Ok(value) => return Ok(value),
                Err(what) => self.tell(&format!("  {what}"))?,
            }
        }
    }
}
