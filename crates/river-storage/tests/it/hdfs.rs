//! The contract on HDFS, against Hadoop's own NameNodes and DataNode.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use river_storage::{ErrorKind, Storage, open};

use crate::contract;
use crate::services::{Service, installed, program, skipped};

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/hdfs/MiniHdfs.java");

/// Two NameNodes and a DataNode, or why not.
fn start() -> Result<Service, String> {
    let java = program("java").ok_or("HDFS: there is no Java")?;
    let jars = installed().join("hadoop");
    let names = fs::read_dir(&jars).into_iter().flatten().flatten().map(|file| file.file_name());
    if !names.into_iter().any(|name| name.to_string_lossy().starts_with("installed-")) {
        return Err("HDFS: Hadoop's jars are not installed; scripts/test-services does it".into());
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(java);
    command
        .args(["-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp"])
        .arg(jars.join("*"))
        .args([SERVER, "."]);
    let mut service = Service::start(command, folder);
    service.wait_until(|folder| folder.join("ready").is_file());
    Ok(service)
}

fn options(folder: &Path) -> BTreeMap<String, String> {
    let conf = folder.join("conf");
    [("env.hadoop.conf.dir".to_owned(), conf.to_str().unwrap().to_owned())].into()
}

#[test]
fn hadoop() {
    let mut service = match start() {
        Ok(service) => service,
        Err(why) => return skipped(&why),
    };
    let folder = service.folder.path().to_owned();
    let active = fs::read_to_string(folder.join("ready")).unwrap();
    let by_service = options(&folder);

    contract::check("hdfs:///by/default", &by_service);
    contract::check("hdfs://ns/by/service", &by_service);
    contract::check(&format!("hdfs://{}", active.trim()), &BTreeMap::new());
    folders_stay_folders(&*open("hdfs://ns/", &by_service).unwrap().0);

    let (storage, path) = open("hdfs://ns/x/object", &by_service).unwrap();
    let mut writer = storage.create(&path).unwrap();
    writer.write_all(&vec![7; 3 << 20]).unwrap();
    service.say("failover");
    service.wait_until(|folder| folder.join("failed-over").is_file());
    writer.write_all(&vec![8; 20 << 20]).unwrap();
    assert_eq!(writer.finish().unwrap(), 23 << 20);
    let bytes = storage.read(&path).unwrap();
    assert!(bytes[..3 << 20].iter().all(|b| *b == 7) && bytes[3 << 20..].iter().all(|b| *b == 8));
    assert_eq!(bytes.len(), 23 << 20);
    storage.put_new("/x/new", b"after").unwrap();
    let error = storage.put_new("/x/new", b"again").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

/// A folder in the place of an object is an error, not replaced.
fn folders_stay_folders(storage: &dyn Storage) {
    storage.put("/folder/object", b"x").unwrap();
    assert!(storage.put("/folder", b"x").is_err());
    assert!(storage.put_new("/folder", b"x").is_err());
    assert!(storage.delete("/folder").is_err());
    assert_eq!(storage.read("/folder/object").unwrap(), b"x");
    assert!(storage.list_unfinished("/").unwrap().is_empty());
}
