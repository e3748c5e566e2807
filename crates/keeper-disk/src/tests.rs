//! Folders, epochs, starts.

use std::path::Path;

use crate::disk::Disk;
use crate::epoch::Epochs;
use crate::layout::Layout;
use crate::sim::{Random, SimDisk};
use crate::start::{Start, StartOptions, decide};
use crate::{Error, FileKind, FileName, Zxid};

fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Refused(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_are_understood_as_apache_does() {
    let parse = |name| FileName::parse(name).map(|file| (file.kind, file.zxid.0));
    assert_eq!(parse("log.100000001"), Some((FileKind::Log, 0x1_0000_0001)));
    assert_eq!(parse("snapshot.0"), Some((FileKind::Snapshot, 0)));
    assert_eq!(parse("snapshot.ab.gz"), Some((FileKind::Snapshot, 0xab)));
    for none in ["log", "log.", "log.x", "logs.1", "currentEpoch", "snapshot.1.tmp", "log.-1"] {
        assert_eq!(parse(none), None, "{none}");
    }
    assert_eq!(FileName::log(Zxid(0x1_0000_0001)), "log.100000001");
}

#[test]
fn folders_are_made_or_refused() {
    let disk = SimDisk::new();
    let layout = Layout::new(Path::new("data"), Some(Path::new("logs")));
    assert!(refused(layout.open(&disk, false)).contains("datadir.autocreate is false"));
    layout.open(&disk, true).unwrap();
    layout.open(&disk, false).unwrap();
    disk.put(Path::new("logs/version-2/snapshot.5"), vec![]);
    assert!(refused(layout.open(&disk, true)).contains("logs/version-2/snapshot.5 is a snapshot"));
    disk.remove(Path::new("logs/version-2/snapshot.5")).unwrap();
    disk.put(Path::new("data/version-2/log.5"), vec![]);
    assert!(refused(layout.open(&disk, true)).contains("move it to dataLogDir's version-2"));
}

#[test]
fn a_start_without_data() {
    let disk = SimDisk::new();
    let layout = Layout::new(Path::new("data"), None);
    layout.open(&disk, true).unwrap();
    let decided =
        |trust_empty, autocreate| decide(&disk, &layout, StartOptions { trust_empty, autocreate });
    assert_eq!(decided(false, true).unwrap(), Start::New);
    assert_eq!(decided(false, false).unwrap(), Start::Waiting);
    disk.put(Path::new("data/initialize"), vec![]);
    assert_eq!(decided(false, false).unwrap(), Start::New);
    assert_eq!(decided(false, false).unwrap(), Start::Waiting);
    disk.put(Path::new("data/version-2/log.1"), vec![]);
    assert!(refused(decided(false, true)).contains("it has logs, but no snapshot"));
    assert_eq!(decided(true, true).unwrap(), Start::Log);
    disk.put(Path::new("data/version-2/snapshot.1"), vec![0; 100]);
    assert!(refused(decided(true, true)).contains("none of its snapshots is complete"));
}

#[test]
fn epochs_are_kept() {
    let disk = SimDisk::new();
    let folder = Path::new("version-2");
    let last = Zxid::new(3, 9);
    let loaded = Epochs::load(&disk, folder, last).unwrap();
    assert_eq!(loaded, Epochs { current: 3, accepted: 3 });
    assert_eq!(disk.contents(&folder.join("currentEpoch")).unwrap(), b"3");
    Epochs::write_accepted(&disk, folder, 5).unwrap();
    Epochs::write_current(&disk, folder, 4).unwrap();
    let loaded = Epochs::load(&disk, folder, last).unwrap();
    assert_eq!(loaded, Epochs { current: 4, accepted: 5 });
    // Apache's, and people's, may end with a line's end.
    disk.put(&folder.join("acceptedEpoch"), b"6\n".to_vec());
    assert_eq!(Epochs::load(&disk, folder, last).unwrap().accepted, 6);
}

#[test]
fn epochs_that_contradict_are_refused() {
    let disk = SimDisk::new();
    let folder = Path::new("version-2");
    disk.put(&folder.join("currentEpoch"), b"2".to_vec());
    disk.put(&folder.join("acceptedEpoch"), b"3".to_vec());
    let last = Zxid::new(3, 1);
    assert!(refused(Epochs::load(&disk, folder, last)).contains("currentEpoch says epoch 2"));
    // A crash between writing the file and renaming it.
    disk.put(&folder.join("currentEpoch.tmp"), b"3".to_vec());
    assert_eq!(Epochs::load(&disk, folder, last).unwrap().current, 3);
    disk.put(&folder.join("acceptedEpoch"), b"1".to_vec());
    assert!(refused(Epochs::load(&disk, folder, last)).contains("acceptedEpoch says epoch 1"));
    for text in ["", "x", "-1", "99999999999999999999"] {
        disk.put(&folder.join("acceptedEpoch"), text.into());
        assert!(refused(Epochs::load(&disk, folder, last)).contains("holds no epoch"), "{text}");
    }
}

#[test]
fn a_crash_leaves_the_old_epoch_or_the_new() {
    for seed in 0..500 {
        let mut random = Random::new(seed);
        let disk = SimDisk::new();
        let folder = Path::new("version-2");
        let mut durable = 1;
        Epochs::load(&disk, folder, Zxid::new(1, 1)).unwrap();
        Epochs::write_accepted(&disk, folder, 9).unwrap();
        for epoch in 2..6 {
            disk.fail_sync_after(random.below(4) as u32);
            let written = Epochs::write_current(&disk, folder, epoch).is_ok();
            if written {
                durable = epoch;
            }
            disk.fail_sync_after(99);
            if random.below(2) == 0 {
                disk.crash(&mut random);
            }
            let found = Epochs::load(&disk, folder, Zxid::new(1, 1)).unwrap().current;
            assert!(found == durable || !written && found == epoch, "seed {seed}: {found}");
            durable = found;
        }
    }
}
