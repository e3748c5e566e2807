//! Files that are compressed, told by the extension as Flink does
//! (`StandardDeCompressors`): `.gz`, `.gzip`, `.deflate`, `.zst`.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use river_runtime::{Error, Result};

/// Whether a file's extension says that it is compressed.
pub fn is_compressed(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    matches!(extension, "gz" | "gzip" | "deflate" | "zst" | "zstd" | "bz2" | "xz")
}

/// Opens a file for reading at `offset` of its uncompressed content.
pub fn open(path: &Path, offset: u64) -> Result<Box<dyn Read + Send>> {
    let failed = |error: std::io::Error| unreadable(path, &error);
    let mut file = File::open(path).map_err(failed)?;
    let mut input: Box<dyn Read + Send> = match path.extension().and_then(|e| e.to_str()) {
        Some("gz" | "gzip") => Box::new(flate2::read::MultiGzDecoder::new(file)),
        Some("deflate") => Box::new(flate2::read::ZlibDecoder::new(file)),
        Some("zst" | "zstd") => Box::new(zstd::stream::read::Decoder::new(file).map_err(failed)?),
        Some(extension @ ("bz2" | "xz")) => {
            return Err(Error::input(format!(
                "{}: files compressed as .{extension} cannot be read; use .gz or .zst",
                path.display()
            )));
        }
        _ => {
            if offset > file.metadata().map_err(failed)?.len() {
                return Err(shortened(path, offset));
            }
            file.seek(SeekFrom::Start(offset)).map_err(failed)?;
            return Ok(Box::new(file));
        }
    };
    let skipped =
        std::io::copy(&mut (&mut input).take(offset), &mut std::io::sink()).map_err(failed)?;
    if skipped < offset {
        return Err(shortened(path, offset));
    }
    Ok(input)
}

/// The error for a file that ends before the place up to which it was read once.
pub fn shortened(path: &Path, position: u64) -> Error {
    Error::input(format!(
        "cannot read {}: it was read up to {position} before and now ends earlier; files must not \
         change while they are read",
        path.display()
    ))
}

/// The error for a file that cannot be read.
pub fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    let message = format!("cannot read {}: {error}", path.display());
    match error.kind() {
        std::io::ErrorKind::NotFound
        | std::io::ErrorKind::PermissionDenied
        | std::io::ErrorKind::InvalidData
        | std::io::ErrorKind::InvalidInput => Error::input(message),
        _ => Error::environment(message),
    }
}
