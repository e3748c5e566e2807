//! The contract on a local path.

use std::collections::BTreeMap;

use crate::contract;

#[test]
fn local_path() {
    let dir = tempfile::tempdir().unwrap();
    contract::check(dir.path().to_str().unwrap(), &BTreeMap::new());
}
