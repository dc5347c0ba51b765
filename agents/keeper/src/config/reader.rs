//! What every section needs to be read: places in the text for messages, paths, the environment.

use std::path::{Path, PathBuf};

use super::value;
use crate::exit::{Exit, Failure};

pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) path: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Reader<'_> {
    pub(super) fn fail(&self, at: Option<usize>, what: &str) -> Failure {
        let place = at.map(|at| value::locate(self.text, at)).unwrap_or_default();
        let what = what.trim_end_matches('.').replace('\n', ", ");
        Failure::new(Exit::Config, format_args!("{}{place}: {what}.", self.path.display()))
    }

    pub(super) fn path(&self, path: PathBuf) -> PathBuf {
        self.folder.join(path)
    }
}
