//! Where the conformance data are, unpacked where a script must read them from a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

/// The folder of the conformance data.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/flink")
}

/// The text of a file of the conformance data, which may be stored compressed as `path.zst`.
pub fn text(path: &str) -> String {
    let plain = root().join(path);
    let bytes = if plain.exists() {
        fs::read(&plain).unwrap_or_else(|error| panic!("{}: {error}", plain.display()))
    } else {
        unpacked(&root().join(format!("{path}.zst")))
    };
    String::from_utf8(bytes).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The objects of a file of JSON lines.
pub fn json_lines(path: &str) -> Vec<Value> {
    text(path).lines().map(|line| json(line, path)).collect()
}

/// A JSON document.
pub fn json(text: &str, name: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}: {text}"))
}

/// The text of a field, if it is there and a text.
pub fn field<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

/// The folder that scripts call `${INPUT}`, with all input files unpacked.
pub fn inputs() -> &'static Path {
    static INPUTS: OnceLock<PathBuf> = OnceLock::new();
    INPUTS.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("flink-inputs");
        fs::create_dir_all(&folder).expect("folder for inputs");
        for from in [root().join("queries/inputs"), root().join("inputs")] {
            for entry in fs::read_dir(from).expect("inputs").flatten() {
                unpack_into(&entry.path(), &folder);
            }
        }
        folder
    })
}

/// Written aside and renamed, since another test process may do the same.
fn unpack_into(from: &Path, folder: &Path) {
    let packed = from.extension().is_some_and(|extension| extension == "zst");
    let name = if packed { from.file_stem() } else { from.file_name() };
    let name = name.expect("a file name");
    let to = folder.join(name);
    if packed && to.exists() {
        return;
    }
    let bytes = if packed { unpacked(from) } else { fs::read(from).expect("input") };
    let aside = folder.join(format!(".{}.{}", std::process::id(), name.to_string_lossy()));
    fs::write(&aside, bytes).expect("space for inputs");
    fs::rename(&aside, &to).expect("rename");
}

fn unpacked(path: &Path) -> Vec<u8> {
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    zstd::decode_all(file).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
