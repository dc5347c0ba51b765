//! One process at a time per SQLite file.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::Path,
};

use crate::{JournalError, Result};

/// An advisory lock on a file beside the journal. The operating system gives it back when the process ends, however it
/// ends, so a crash leaves nothing to clean up.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    pub(super) fn take(path: &Path, place: &str) -> Result<Self> {
        let not_writable = |error: std::io::Error| JournalError::NotWritable {
            place: place.to_owned(),
            message: error.to_string(),
        };
        if path.is_dir() {
            return Err(JournalError::NotOpened {
                place: place.to_owned(),
                message: "it is a directory, expected a file".to_owned(),
            });
        }
        // Two names of one file have one lock, so links are followed first.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mut name = path.into_os_string();
        name.push(".lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&name)
            .map_err(not_writable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&mut file);
                return Err(JournalError::InUse { place: place.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(not_writable(error)),
        }
        file.set_len(0).map_err(not_writable)?;
        file.rewind().map_err(not_writable)?;
        write!(file, "{}", std::process::id()).map_err(not_writable)?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that is just being started from this one has the file open too, until
        // it runs its own program. What fails here is given back with the process.
        let _ = self.file.unlock();
    }
}

/// Who holds the lock, for people.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(20).read_to_string(&mut text) {
        Ok(_) if text.parse::<u32>().is_ok() => format!(" ({text})"),
        _ => String::new(),
    }
}
