//! Which paths nodes may have.
//!
//! Used before a create; other operations take any path and find no node. Rules:
//! `PathUtils.validatePath`, which looks at UTF-16 units, so that no character beyond U+FFFF is
//! allowed.

/// Why a path names no node. Positions count UTF-16 units from 0, as Apache's messages do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing at all.
    #[error("Path length must be > 0")]
    Empty,
    /// Relative.
    #[error("Path must start with / character")]
    NoLeadingSlash,
    /// A slash at the end, but for the root.
    #[error("Path must not end with / character")]
    TrailingSlash,
    /// U+0000.
    #[error("null character not allowed @{0}")]
    Null(usize),
    /// Two slashes in a row.
    #[error("empty node name specified @{0}")]
    EmptyName(usize),
    /// A name `.` or `..`.
    #[error("relative paths not allowed @{0}")]
    Relative(usize),
    /// A control character, surrogate, character for private use, or special.
    #[error("invalid character @{0}")]
    Character(usize),
}

/// Checks a path as it is to be stored.
pub fn validate(path: &str) -> Result<(), PathError> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err(if path.is_empty() { PathError::Empty } else { PathError::NoLeadingSlash });
    };
    if rest.is_empty() {
        return Ok(());
    }
    if rest.ends_with('/') {
        return Err(PathError::TrailingSlash);
    }
    // All characters before the first that is refused are one UTF-16 unit each.
    let mut at = 0;
    for name in rest.split('/') {
        if name.is_empty() {
            return Err(PathError::EmptyName(at + 1));
        }
        if matches!(name, "." | "..") {
            return Err(PathError::Relative(at + name.len()));
        }
        for c in name.chars() {
            at += 1;
            match c {
                '\0' => return Err(PathError::Null(at)),
                _ if is_refused(c) => return Err(PathError::Character(at)),
                _ => {}
            }
        }
        at += 1;
    }
    Ok(())
}

/// Surrogates are no characters here: what needs two of them is beyond U+FFFF.
fn is_refused(c: char) -> bool {
    matches!(
        c,
        '\u{1}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..
    )
}

/// A path's parent, and the name below it; `None` for what has no slash, and for the root.
pub fn split(path: &str) -> Option<(&str, &str)> {
    let (parent, name) = path.rsplit_once('/')?;
    match (parent, name) {
        ("", "") => None,
        ("", name) => Some(("/", name)),
        parent_and_name => Some(parent_and_name),
    }
}
