//! A transaction as text and as JSON, and what it is about.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use zk_wire::Text;
use zk_wire::acl::Acl;
use zk_wire::op_code::OpCode;
use zk_wire::txn::{SubTxn, Txn, TxnEntry};

use crate::commands::files::one_line;

/// Nodes that a transaction is about; a part of a multi that cannot be read has none.
pub(super) fn paths(txn: &Txn) -> Vec<Text> {
    let one = |path: &Option<Text>| path.iter().cloned().collect();
    match txn {
        Txn::Create(txn) | Txn::Create2(txn) => one(&txn.path),
        Txn::CreateContainer(txn) => one(&txn.path),
        Txn::CreateTtl(txn) => one(&txn.path),
        Txn::Delete(txn) | Txn::DeleteContainer(txn) => one(&txn.path),
        Txn::SetData(txn) | Txn::Reconfig(txn) => one(&txn.path),
        Txn::SetAcl(txn) => one(&txn.path),
        Txn::Check(txn) => one(&txn.path),
        Txn::CloseSession(Some(txn)) => txn.paths_to_delete.clone().unwrap_or_default(),
        Txn::Multi(multi) => {
            let parts = multi.txns.iter().flatten().filter_map(|part| part.decode().ok());
            parts.flat_map(|txn| paths(&txn)).collect()
        }
        Txn::CloseSession(None) | Txn::CreateSession(_) | Txn::Error(_) => Vec::new(),
    }
}

/// The words of Apache's toolkit, on one line.
pub(super) fn text(txn: &Txn) -> String {
    match txn {
        Txn::Create(txn) | Txn::Create2(txn) => {
            let (path, data, acl) = (path(&txn.path), data(&txn.data), acl(&txn.acl));
            format!("{path},{data},{acl},{},{}", txn.ephemeral, txn.parent_cversion)
        }
        Txn::CreateContainer(txn) => {
            let (path, data, acl) = (path(&txn.path), data(&txn.data), acl(&txn.acl));
            format!("{path},{data},{acl},{}", txn.parent_cversion)
        }
        Txn::CreateTtl(txn) => {
            let (path, data, acl) = (path(&txn.path), data(&txn.data), acl(&txn.acl));
            format!("{path},{data},{acl},{},{}", txn.parent_cversion, txn.ttl_ms)
        }
        Txn::Delete(txn) | Txn::DeleteContainer(txn) => path(&txn.path),
        Txn::SetData(txn) | Txn::Reconfig(txn) => {
            format!("{},{},{}", path(&txn.path), data(&txn.data), txn.version)
        }
        Txn::SetAcl(txn) => format!("{},{},{}", path(&txn.path), acl(&txn.acl), txn.version),
        Txn::Check(txn) => format!("{},{}", path(&txn.path), txn.version),
        Txn::CreateSession(txn) => txn.timeout_ms.to_string(),
        Txn::CloseSession(None) => "v{}".to_owned(),
        Txn::CloseSession(Some(txn)) => {
            let paths = txn.paths_to_delete.iter().flatten();
            let paths: Vec<String> = paths.map(|path| format!("'{}", one_line(path))).collect();
            format!("v{{{}}}", paths.join(","))
        }
        Txn::Error(txn) => txn.err.to_string(),
        Txn::Multi(multi) => {
            let parts: Vec<String> = multi.txns.iter().flatten().map(part).collect();
            parts.join(";")
        }
    }
}

fn part(part: &SubTxn) -> String {
    let op = OpCode::from_code(part.op);
    let name = op.map_or(format!("unknown {}", part.op), |op| op.name().to_owned());
    match part.decode() {
        Ok(txn) => format!("{name}:{}", text(&txn)),
        Err(error) => format!("{name}:({error})"),
    }
}

fn path(path: &Option<Text>) -> String {
    path.as_ref().map_or("null".to_owned(), |path| one_line(path))
}

fn data(data: &Option<Bytes>) -> String {
    data.as_ref().map_or(String::new(), |data| one_line(&String::from_utf8_lossy(data)))
}

fn acl(list: &Option<Vec<Acl>>) -> String {
    let entries = list.iter().flatten().map(|acl| {
        let (scheme, id) = (acl.id.scheme.as_deref(), acl.id.id.as_deref());
        let (scheme, id) = (scheme.unwrap_or(""), id.unwrap_or(""));
        format!("{},s{{'{},'{}}}", acl.perms, one_line(scheme), one_line(id))
    });
    format!("[{}]", entries.collect::<Vec<_>>().join(", "))
}

/// All of a log's entry.
pub(super) fn json(entry: &TxnEntry) -> Value {
    let header = &entry.header;
    let mut fields = Map::new();
    fields.insert("time".to_owned(), json!(crate::commands::files::utc(header.time)));
    fields.insert("session".to_owned(), json!(header.client_id.to_string()));
    fields.insert("cxid".to_owned(), json!(header.cxid));
    fields.insert("zxid".to_owned(), json!(header.zxid.to_string()));
    put_txn(&entry.txn, &mut fields);
    if let Some(digest) = &entry.digest {
        fields.insert("digest".to_owned(), json!(digest.tree_digest as u64));
    }
    Value::Object(fields)
}

fn put_txn(txn: &Txn, fields: &mut Map<String, Value>) {
    let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    put("type", json!(txn.op().name()));
    let bytes = |data: &Option<Bytes>| json!(data.as_ref().map(|data| STANDARD.encode(data)));
    let name = |path: &Option<Text>| json!(path.as_ref().map(Text::as_str));
    match txn {
        Txn::Create(txn) | Txn::Create2(txn) => {
            put("path", name(&txn.path));
            put("data", bytes(&txn.data));
            put("acl", acl_json(&txn.acl));
            put("ephemeral", json!(txn.ephemeral));
            put("parent_cversion", json!(txn.parent_cversion));
        }
        Txn::CreateContainer(txn) => {
            put("path", name(&txn.path));
            put("data", bytes(&txn.data));
            put("acl", acl_json(&txn.acl));
            put("parent_cversion", json!(txn.parent_cversion));
        }
        Txn::CreateTtl(txn) => {
            put("path", name(&txn.path));
            put("data", bytes(&txn.data));
            put("acl", acl_json(&txn.acl));
            put("parent_cversion", json!(txn.parent_cversion));
            put("ttl_ms", json!(txn.ttl_ms));
        }
        Txn::Delete(txn) | Txn::DeleteContainer(txn) => put("path", name(&txn.path)),
        Txn::SetData(txn) | Txn::Reconfig(txn) => {
            put("path", name(&txn.path));
            put("data", bytes(&txn.data));
            put("version", json!(txn.version));
        }
        Txn::SetAcl(txn) => {
            put("path", name(&txn.path));
            put("acl", acl_json(&txn.acl));
            put("version", json!(txn.version));
        }
        Txn::Check(txn) => {
            put("path", name(&txn.path));
            put("version", json!(txn.version));
        }
        Txn::CreateSession(txn) => put("timeout_ms", json!(txn.timeout_ms)),
        Txn::CloseSession(txn) => {
            let paths = txn.iter().flat_map(|txn| txn.paths_to_delete.iter().flatten());
            put("paths", paths.map(|path| json!(path.as_str())).collect());
        }
        Txn::Error(txn) => put("err", json!(txn.err)),
        Txn::Multi(multi) => {
            put("txns", multi.txns.iter().flatten().map(part_json).collect());
        }
    }
}

fn part_json(part: &SubTxn) -> Value {
    let mut fields = Map::new();
    match part.decode() {
        Ok(txn) => put_txn(&txn, &mut fields),
        Err(error) => {
            fields.insert("type".to_owned(), json!(part.op));
            fields.insert("unreadable".to_owned(), json!(error.to_string()));
        }
    }
    Value::Object(fields)
}

/// A list as `scheme:id:perms`.
fn acl_json(list: &Option<Vec<Acl>>) -> Value {
    let entries = list.iter().flatten().map(|acl| {
        let (scheme, id) = (acl.id.scheme.as_deref(), acl.id.id.as_deref());
        let perms = crate::commands::text::permissions(acl.perms);
        json!(format!("{}:{}:{perms}", scheme.unwrap_or(""), id.unwrap_or("")))
    });
    entries.collect()
}
