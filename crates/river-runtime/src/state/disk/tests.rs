use super::*;

fn parent(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("river-disk-{name}-{}", std::process::id()))
}

#[test]
fn entries_are_found_in_memory_and_in_files() {
    let parent = parent("tree");
    // So little memory that most of it is written at once.
    let space = DiskSpace::create(&parent, 300_000).unwrap();
    let mut tree = space.tree(|_| i64::MAX).unwrap();
    let value = |number: u32| vec![number as u8; 100];
    for round in 0..3 {
        for number in 0..3000_u32 {
            tree.put(&number.to_be_bytes(), &value(number + round)).unwrap();
        }
    }
    for number in (0..3000_u32).step_by(3) {
        tree.remove(&number.to_be_bytes()).unwrap();
    }
    let scan = tree.scan(&[]);
    // Not seen by the scan.
    tree.put(&1_u32.to_be_bytes(), b"later").unwrap();
    tree.put(&9999_u32.to_be_bytes(), b"new").unwrap();
    let found: Vec<_> = scan.map(|entry| entry.unwrap()).collect();
    assert_eq!(found.len(), 2000);
    assert_eq!((&*found[0].0, &*found[0].1), (&1_u32.to_be_bytes()[..], &value(3)[..]));
    assert_eq!(tree.get(&3_u32.to_be_bytes()).unwrap(), None);
    assert_eq!(*tree.get(&1_u32.to_be_bytes()).unwrap().unwrap(), *b"later");
    assert_eq!(tree.scan(&[0, 0, 1]).count(), 171);
    drop((tree, space));
    std::fs::remove_dir(parent).unwrap();
}

#[test]
fn what_has_ended_is_dropped_when_files_are_merged() {
    let parent = parent("ends");
    let space = DiskSpace::create(&parent, 300_000).unwrap();
    let mut tree = space.tree(|value| i64::from(value[0] % 2) * i64::MAX).unwrap();
    for round in 0..20_u32 {
        for number in 0..3000_u32 {
            let key = (number + round * 1500).to_be_bytes();
            tree.put(&key, &[number as u8; 100]).unwrap();
        }
    }
    let values: Vec<_> = tree.scan(&[]).map(|entry| entry.unwrap().1).collect();
    let ended = values.iter().filter(|value| value[0] % 2 == 0).count();
    assert!(values.len() - ended == 31_500 / 2 && ended < 15_000, "{} and {ended}", values.len());
    drop((tree, space));
    std::fs::remove_dir(parent).unwrap();
}

#[test]
fn directories_of_processes_that_are_gone_are_removed() {
    let parent = parent("abandoned");
    let abandoned = parent.join("river-state-1-0");
    std::fs::create_dir_all(&abandoned).unwrap();
    std::fs::write(abandoned.join(LOCK), "").unwrap();
    let other = parent.join("of-somebody-else");
    std::fs::create_dir(&other).unwrap();
    let first = DiskSpace::create(&parent, 1 << 20).unwrap();
    let second = DiskSpace::create(&parent, 1 << 20).unwrap();
    assert!(!abandoned.exists() && other.exists() && first.dir.exists() && second.dir.exists());
    drop((first, second));
    std::fs::remove_dir_all(parent).unwrap();
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let parent = parent("file");
    std::fs::write(&parent, "").unwrap();
    let error = DiskSpace::create(&parent, 1 << 20).err().unwrap().to_string();
    assert!(error.contains("io.tmp.dirs") && error.contains("river-disk-file"), "{error}");
    std::fs::remove_file(parent).unwrap();
}
