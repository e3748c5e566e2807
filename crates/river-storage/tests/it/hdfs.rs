//! The contract on HDFS, against Hadoop's own NameNodes and DataNode.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use river_storage::{ErrorKind, Storage, join, open};

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
    for (uri, options) in [
        ("hdfs://ns/".to_owned(), &by_service),
        (format!("hdfs://{}", active.trim()), &BTreeMap::new()),
    ] {
        let (storage, root) = open(&uri, options).unwrap();
        folders_stay_folders(&*storage, &join(&root, "folder"));
    }

    by_environment(&folder.join("conf"));

    let (storage, path) = open("hdfs://ns/x/object", &by_service).unwrap();
    let mut writer = storage.create(&path).unwrap();
    writer.write_all(&vec![7; 3 << 20]).unwrap();
    service.say("failover");
    service.wait_until(|folder| folder.join("failover").is_file());
    writer.write_all(&vec![8; 20 << 20]).unwrap();
    assert_eq!(writer.finish().unwrap(), 23 << 20);
    let bytes = storage.read(&path).unwrap();
    assert_eq!(bytes.len(), 23 << 20);
    let (sevens, eights) = bytes.split_at(3 << 20);
    assert!(sevens.iter().all(|b| *b == 7) && eights.iter().all(|b| *b == 8));
    storage.put_new("/x/new", b"after").unwrap();
    let error = storage.put_new("/x/new", b"again").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);

    let impatient = [("riverkeeper.storage.retry.timeout", "1 s")];
    let impatient = impatient.map(|(k, v)| (k.to_owned(), v.to_owned()));
    let options = by_service.into_iter().chain(impatient).collect();
    let (storage, path) = open("hdfs://ns/x/object", &options).unwrap();
    service.say("stop-datanode");
    service.wait_until(|folder| folder.join("stop-datanode").is_file());
    let failures =
        [storage.put("/x/late", b"x").unwrap_err(), storage.read_range(&path, 0..9).unwrap_err()];
    for error in failures {
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    }
}

/// A folder in the place of an object is an error, not replaced.
fn folders_stay_folders(storage: &dyn Storage, folder: &str) {
    let object = join(folder, "object");
    storage.put(&object, b"x").unwrap();
    assert!(storage.put(folder, b"x").is_err());
    assert!(storage.put_new(folder, b"x").is_err());
    assert!(storage.delete(folder).is_err());
    assert_eq!(storage.read(&object).unwrap(), b"x");
    assert!(storage.list_unfinished("/").unwrap().is_empty());
}

/// Set for the process that [`by_environment`] starts.
const IN_CHILD: &str = "RIVER_STORAGE_TEST_IN_CHILD";

/// The configuration is found by `HADOOP_CONF_DIR`, which only a process of its own may have.
fn by_environment(conf: &Path) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hdfs::configured_by_environment", "--nocapture"])
        .env(IN_CHILD, "yes")
        .env("HADOOP_CONF_DIR", conf)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && text.contains("written and read"), "{child:?}");
}

/// Does its work in a process of [`by_environment`] only.
#[test]
fn configured_by_environment() {
    if std::env::var_os(IN_CHILD).is_none() {
        return;
    }
    for uri in ["hdfs:///env/object", "hdfs://ns/env/object"] {
        let (storage, path) = open(uri, &BTreeMap::new()).unwrap();
        storage.put(&path, uri.as_bytes()).unwrap();
        assert_eq!(storage.read(&path).unwrap(), uri.as_bytes());
    }
    println!("written and read");
}
