//! Names of unfinished writes: `.<name>.<32 hex digits>.tmp` in the folder of the object. Back
//! ends with folders write there first and rename; lists leave such names out; `fsck` removes old
//! ones.

use uuid::Uuid;

/// Longer names would not leave room for the rest in a file name of 255 bytes.
const LONGEST_NAME: usize = 200;

/// A new temporary path for what will be `path`.
pub(crate) fn path_for(path: &str) -> String {
    let (dir, name) = match path.rfind('/') {
        Some(end) => path.split_at(end + 1),
        None => ("", path),
    };
    let name = if name.len() > LONGEST_NAME { "" } else { name };
    format!("{dir}.{name}.{}.tmp", Uuid::new_v4().simple())
}

/// Whether the last name of `path` is a temporary one.
pub(crate) fn is_temporary(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let Some(body) = name.strip_prefix('.').and_then(|n| n.strip_suffix(".tmp")) else {
        return false;
    };
    let Some((_, id)) = body.rsplit_once('.') else { return false };
    id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::{is_temporary, path_for};

    #[test]
    fn temporary_names_are_told_from_others() {
        for path in ["/a/b/meta", "meta", "/x", "/a/.hidden", &format!("/a/{}", "n".repeat(230))] {
            let temporary = path_for(path);
            assert!(is_temporary(&temporary), "{temporary}");
            assert!(temporary.rsplit('/').next().is_some_and(|name| name.len() < 256));
            assert_eq!(path.rfind('/'), temporary.rfind('/'));
            assert!(!is_temporary(path), "{path}");
        }
        for path in [".x.tmp", "/a/.meta.123.tmp", "/a/meta.0123456789abcdef0123456789abcdef.tmp"] {
            assert!(!is_temporary(path), "{path}");
        }
    }
}
