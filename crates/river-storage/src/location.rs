//! From a URI to the storage that holds it. Flink's rules (`FileSystem.get`): no scheme is a local
//! path; `s3a` is `s3`. Nothing is guessed: `~` is no home directory, an unknown scheme an error.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use river_core::options::Options;

use crate::{Error, ErrorKind, Faulty, Local, Result, Storage};

/// Opens the storage that holds `uri`; returns it and the path of `uri` in it. No request is made:
/// an unreachable storage shows at its first use.
///
/// `options` are those of the configuration; the ones that matter are in docs/river/storage.md.
pub fn open(uri: &str, options: &BTreeMap<String, String>) -> Result<(Arc<dyn Storage>, String)> {
    let options: Options = options.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let (storage, path) = open_plain(uri, &options)?;
    Ok((Faulty::wrap_if_asked(storage, &options)?, path))
}

fn open_plain(uri: &str, options: &Options) -> Result<(Arc<dyn Storage>, String)> {
    if uri.trim().is_empty() {
        return Err(invalid("''", "the location is empty"));
    }
    let Some((scheme, rest)) = split_scheme(uri) else { return open_local(uri, uri) };
    match scheme.to_ascii_lowercase().as_str() {
        "file" => open_local(uri, local_part(uri, rest)?),
        scheme @ ("s3" | "s3a") => open_s3(uri, scheme, rest, options),
        "hdfs" => open_hdfs(uri, rest, options),
        other => Err(invalid(uri, format!("there is no storage for the scheme '{other}'"))
            .with_remedy("use a local path, file://, s3://, s3a:// or hdfs://")),
    }
}

fn open_local(uri: &str, path: &str) -> Result<(Arc<dyn Storage>, String)> {
    let absolute = std::path::absolute(path).map_err(|e| Error::from_io(e, "open", uri))?;
    let text = normal(&absolute)
        .into_os_string()
        .into_string()
        .map_err(|_| invalid(uri, "the working directory is not valid UTF-8"))?;
    Ok((Arc::new(Local), text))
}

#[cfg(feature = "s3")]
fn open_s3(
    uri: &str,
    scheme: &str,
    rest: &str,
    options: &Options,
) -> Result<(Arc<dyn Storage>, String)> {
    let (storage, key) = crate::s3::S3::open(uri, scheme, rest, options)?;
    Ok((Arc::new(storage), key))
}

#[cfg(not(feature = "s3"))]
fn open_s3(
    uri: &str,
    _scheme: &str,
    _rest: &str,
    _options: &Options,
) -> Result<(Arc<dyn Storage>, String)> {
    Err(invalid(uri, "this program was built without S3")
        .with_remedy("build it with the feature 's3' of river-storage"))
}

#[cfg(feature = "hdfs")]
fn open_hdfs(uri: &str, rest: &str, options: &Options) -> Result<(Arc<dyn Storage>, String)> {
    let (storage, path) = crate::hdfs::Hdfs::open(uri, rest, options)?;
    Ok((Arc::new(storage), path))
}

#[cfg(not(feature = "hdfs"))]
fn open_hdfs(uri: &str, _rest: &str, _options: &Options) -> Result<(Arc<dyn Storage>, String)> {
    Err(invalid(uri, "this program was built without HDFS")
        .with_remedy("build it with the feature 'hdfs' of river-storage"))
}

/// The scheme of `uri` and what follows its `:`. A scheme starts with a letter and has two or more
/// characters, so that a Windows drive is none.
fn split_scheme(uri: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = uri.split_once(':')?;
    let ok = scheme.len() >= 2
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        && rest.starts_with('/');
    ok.then_some((scheme, rest))
}

/// The path of a `file:` URI, which may be `file:/p`, `file:///p` or `file://localhost/p`.
fn local_part<'a>(uri: &str, rest: &'a str) -> Result<&'a str> {
    let Some(after) = rest.strip_prefix("//") else { return Ok(rest) };
    match after.find('/') {
        Some(0) => Ok(after),
        Some(end) if after[..end].eq_ignore_ascii_case("localhost") => Ok(&after[end..]),
        Some(end) => Err(invalid(uri, format!("'{}' is taken as a host", &after[..end]))
            .with_remedy("a local path has three slashes: file:///path")),
        None => Err(invalid(uri, format!("'{after}' is taken as a host, and no path follows"))
            .with_remedy("a local path has three slashes: file:///path")),
    }
}

/// Without `.` and `..`; symbolic links are not followed.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// The path of `name` in the folder `dir`; `name` may have several parts.
pub fn join(dir: &str, name: &str) -> String {
    let name = name.trim_start_matches('/');
    if dir.is_empty() {
        return name.to_owned();
    }
    format!("{}/{name}", dir.trim_end_matches('/'))
}

/// The folder that holds `path`; `None` for a root or a key without folders.
pub fn parent(path: &str) -> Option<&str> {
    let path = path.trim_end_matches('/');
    match path.rfind('/')? {
        0 if path.len() > 1 => Some("/"),
        0 => None,
        end => Some(&path[..end]),
    }
}

pub(crate) fn invalid(uri: &str, cause: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, "open", uri, cause)
}

pub(crate) fn root_stays(uri: &str) -> Error {
    Error::new(ErrorKind::Invalid, "delete", uri, "it is the root, with whatever else is there")
}

#[cfg(test)]
mod tests;
