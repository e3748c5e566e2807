//! The files of a table, in a fixed order (`NonSplittingRecursiveEnumerator`): by path, hidden
//! files and directories (`.x`, `_x`) passed over, partition directories first found by name.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use regex::Regex;
use river_core::options::Options;
use river_runtime::{Error, Result};

use super::compression::unreadable;
use super::partition::unescape;

/// Deepest directories entered; a symbolic link to a parent would never end.
const MAX_DEPTH: usize = 64;

/// A file of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFile {
    /// Its path.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Last change, milliseconds since the epoch.
    pub modified_ms: i64,
    /// Partition values by key, as text.
    pub partition: Vec<(String, String)>,
}

/// How the files of a table are found.
#[derive(Debug, Clone)]
pub struct Lister {
    path: PathBuf,
    partition_keys: Vec<String>,
    pattern: Option<Regex>,
}

impl Lister {
    /// A lister for a table's path.
    pub fn new(
        table: &str,
        path: &Path,
        partition_keys: &[String],
        options: &Options,
    ) -> Result<Lister> {
        let key = "source.path.regex-pattern";
        let pattern = options.get(key).map(|text| {
            Regex::new(&format!("^(?:{text})$"))
                .map_err(|error| Error::input(format!("table {table}: option '{key}': {error}")))
        });
        Ok(Lister {
            path: path.to_owned(),
            partition_keys: partition_keys.to_vec(),
            pattern: pattern.transpose()?,
        })
    }

    /// A file as it was listed before.
    pub fn known_file(&self, path: &str, size: u64, modified_ms: i64) -> TableFile {
        let path = PathBuf::from(path);
        let below = path.strip_prefix(&self.path).unwrap_or(&path);
        let parts = below.iter().filter_map(|part| part.to_str()?.split_once('='));
        let values = self.partition_keys.iter().zip(parts);
        let partition = values.map(|(key, (_, value))| (key.clone(), unescape(value))).collect();
        TableFile { path, size, modified_ms, partition }
    }

    /// All files now.
    pub fn list(&self) -> Result<Vec<TableFile>> {
        let mut files = Vec::new();
        if self.partition_keys.is_empty() {
            let about = fs::metadata(&self.path).map_err(|error| unreadable(&self.path, &error))?;
            if about.is_dir() {
                self.walk(&self.path, &[], 0, &mut files)?;
            } else {
                add(&self.path, &about, &[], &mut files);
            }
        } else if self.path.exists() {
            self.partitions(&self.path, 0, &mut Vec::new(), &mut files)?;
        } else {
            let error = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(unreadable(&self.path, &error));
        }
        Ok(files)
    }

    /// Enters the directories named `key=value` of one partition key after the other.
    fn partitions(
        &self,
        directory: &Path,
        level: usize,
        values: &mut Vec<(String, String)>,
        files: &mut Vec<TableFile>,
    ) -> Result<()> {
        let Some(key) = self.partition_keys.get(level) else {
            return self.walk(directory, values, 0, files);
        };
        for path in entries(directory)? {
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
            let Some((name, value)) = name.split_once('=') else { continue };
            if unescape(name) == *key && path.is_dir() {
                values.push((key.clone(), unescape(value)));
                self.partitions(&path, level + 1, values, files)?;
                values.pop();
            }
        }
        Ok(())
    }

    fn walk(
        &self,
        directory: &Path,
        partition: &[(String, String)],
        depth: usize,
        files: &mut Vec<TableFile>,
    ) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::input(format!(
                "{}: directories are nested deeper than {MAX_DEPTH}",
                directory.display()
            )));
        }
        for path in entries(directory)? {
            let about = match fs::metadata(&path) {
                Ok(about) => about,
                // Gone since the directory was read: somebody else's temporary file.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(unreadable(&path, &error)),
            };
            if about.is_dir() {
                self.walk(&path, partition, depth + 1, files)?;
            } else if self.pattern.as_ref().is_none_or(|p| p.is_match(&path.to_string_lossy())) {
                add(&path, &about, partition, files);
            }
        }
        Ok(())
    }
}

/// Visible entries of a directory, by name.
fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error: std::io::Error| unreadable(directory, &error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let hidden = matches!(entry.file_name().as_encoded_bytes().first(), Some(b'.' | b'_'));
        if !hidden {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn add(path: &Path, about: &fs::Metadata, partition: &[(String, String)], to: &mut Vec<TableFile>) {
    let modified = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    to.push(TableFile {
        path: path.to_owned(),
        size: about.len(),
        modified_ms: modified.map_or(0, |time| time.as_millis() as i64),
        partition: partition.to_vec(),
    });
}
