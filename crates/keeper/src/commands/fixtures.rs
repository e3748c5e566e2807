//! Folders of Apache's own tests, for the tests of offline commands.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

/// A copy of `testdata/zookeeper/data/<name>/version-2` in a folder of its own.
pub(super) fn copy(name: &str) -> tempfile::TempDir {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/zookeeper/data");
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("version-2");
    fs::create_dir(&to).expect("a folder");
    for entry in fs::read_dir(data.join(name).join("version-2")).expect("fixtures") {
        let path = entry.expect("a fixture").path();
        let mut bytes = Vec::new();
        let file = File::open(&path).expect("a fixture");
        GzDecoder::new(file).read_to_end(&mut bytes).expect("a fixture");
        fs::write(to.join(path.file_stem().expect("a name")), bytes).expect("a file");
    }
    folder
}
