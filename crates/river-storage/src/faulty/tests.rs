use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use super::{FAULTS_KEY, Faults, Faulty};
use crate::{ErrorKind, Local, Storage, join, open};

#[test]
fn the_option_is_read() {
    let faults = Faults::parse("seed=7, error=0.05,slow=0.1:50ms,torn=0.02,lost=0.5").unwrap();
    let expected = Faults {
        seed: 7,
        error: 0.05,
        slow: 0.1,
        slow_by: Duration::from_millis(50),
        torn: 0.02,
        lost: 0.5,
    };
    assert_eq!(faults, expected);
    for wrong in ["seed", "seed=x", "error=2", "error=-0.1", "slow=0.1", "slow=1:2 moons", "x=1"] {
        assert!(Faults::parse(wrong).is_err(), "{wrong}");
    }
    let options = BTreeMap::from([(FAULTS_KEY.to_owned(), "error=much".to_owned())]);
    assert_eq!(open("/tmp", &options).unwrap_err().kind(), ErrorKind::Invalid);
}

/// What the operations of a fixed script give, and what is there afterwards.
fn run(faults: Faults, dir: &str) -> (Vec<bool>, Vec<String>) {
    let storage = Faulty::new(Arc::new(Local), faults);
    let mut worked = Vec::new();
    for i in 0..60 {
        let path = join(dir, &format!("{i:02}"));
        let done = match i % 3 {
            0 => storage.put(&path, b"whole"),
            1 => storage.put_new(&path, b"whole"),
            _ => storage.create(&path).and_then(|mut writer| {
                writer.write_all(b"whole").map_err(|e| crate::Error::from_io(e, "write", "x"))?;
                writer.finish().map(|_| ())
            }),
        };
        worked.push(done.is_ok());
    }
    let entries = Local.list(dir, true).unwrap();
    for entry in &entries {
        assert_eq!(Local.read(&entry.path).unwrap(), b"whole", "only whole objects are visible");
    }
    (worked, entries.iter().map(|e| e.name().to_owned()).collect())
}

#[test]
fn a_seed_says_what_fails() {
    let faults = |seed| Faults { error: 0.1, torn: 0.2, lost: 0.1, ..Faults::none(seed) };
    let outcome = |seed| {
        let dir = tempfile::tempdir().unwrap();
        run(faults(seed), dir.path().to_str().unwrap())
    };
    assert_eq!(outcome(1), outcome(1));
    assert_ne!(outcome(1), outcome(2));
    let (worked, names) = outcome(3);
    let failed = worked.iter().filter(|worked| !**worked).count();
    assert!((5..50).contains(&failed), "{failed} of 60 failed");
    assert!(names.len() > 60 - failed, "some of the failed ones are there: their answer was lost");
}

#[test]
fn torn_writes_leave_temporary_files_only() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().to_str().unwrap();
    let (worked, names) = run(Faults { torn: 1.0, ..Faults::none(5) }, dir);
    assert!(worked.iter().all(|worked| !worked) && names.is_empty());
    let left = Local.list_unfinished(dir).unwrap();
    assert_eq!(left.len(), 60);
    for entry in left {
        Local.delete(&entry.path).unwrap();
    }
    assert!(Local.list_unfinished(dir).unwrap().is_empty());
}

#[test]
fn no_fault_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (worked, names) = run(Faults::none(5), dir.path().to_str().unwrap());
    assert!(worked.iter().all(|worked| *worked) && names.len() == 60);
}
