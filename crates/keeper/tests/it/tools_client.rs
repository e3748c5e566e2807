//! The client library against a server that is killed and comes back.

use std::time::Duration;

use bytes::Bytes;
use keeper_client::{Client, ConnectString, Error, Event, Events, Options};
use zk_wire::acl::Acl;
use zk_wire::create_mode::CreateMode;
use zk_wire::error_code::ErrorCode;
use zk_wire::event::{AddWatchMode, EventType, KeeperState};
use zk_wire::multi::{MultiOp, MultiResult};
use zk_wire::request::{CheckVersionRequest, DeleteRequest, ReadRequest, Request};

use crate::server::{Server, Settings};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn connect_string(server: &Server, chroot: &str) -> ConnectString {
    format!("{}{chroot}", server.address).parse().unwrap()
}

async fn next(events: &mut Events) -> Event {
    events.next().await.expect("an event").expect("no event lost")
}

async fn create(client: &Client, path: &str, mode: CreateMode) -> Result<String, Error> {
    let data = Some(Bytes::from_static(b"x"));
    client.create(path, data, vec![Acl::open()], mode, None).await.map(|(path, _)| path)
}

#[test]
fn a_session_outlives_the_server_process() {
    let folder = tempfile::tempdir().unwrap();
    let server = Settings::new(folder.path()).start();
    runtime().block_on(async {
        let connect = connect_string(&server, "");
        let (client, mut events) = Client::start_with_events(&connect, Options::default());
        client.wait_connected(Duration::from_secs(30)).await.unwrap();
        assert_eq!(next(&mut events).await.state, KeeperState::SyncConnected);
        create(&client, "/e", CreateMode::Ephemeral).await.unwrap();
        client.add_watch("/e", AddWatchMode::Persistent).await.unwrap();
        client.exists("/later", true).await.unwrap();
        let id = client.session_id();

        let settings = tokio::task::block_in_place(|| server.kill());
        assert_eq!(next(&mut events).await.state, KeeperState::Disconnected);
        let server = tokio::task::block_in_place(|| settings.start());
        assert_eq!(next(&mut events).await.state, KeeperState::SyncConnected);
        assert_eq!(client.session_id(), id);
        let stat = client.exists("/e", false).await.unwrap().expect("the node is there still");
        assert_eq!(stat.ephemeral_owner, id.0);

        let other =
            Client::connect(&connect_string(&server, ""), Options::default()).await.unwrap();
        create(&other, "/later", CreateMode::Persistent).await.unwrap();
        other.set("/e", None, 0).await.unwrap();
        let created = next(&mut events).await;
        assert_eq!(
            (created.kind, created.path.as_deref()),
            (EventType::NodeCreated, Some("/later"))
        );
        let changed = next(&mut events).await;
        assert_eq!(
            (changed.kind, changed.path.as_deref()),
            (EventType::NodeDataChanged, Some("/e"))
        );
        client.close().await;
        assert_eq!(other.exists("/e", false).await.unwrap(), None, "gone with its session");
        other.close().await;
    });
}

#[test]
fn all_operations_below_a_chroot() {
    let folder = tempfile::tempdir().unwrap();
    let server = Settings::new(folder.path()).start();
    runtime().block_on(async {
        let top = Client::connect(&connect_string(&server, ""), Options::default()).await.unwrap();
        create(&top, "/top", CreateMode::Persistent).await.unwrap();
        let below = connect_string(&server, "/top");
        let client = Client::connect(&below, Options::default()).await.unwrap();
        let first = create(&client, "/s-", CreateMode::EphemeralSequential).await.unwrap();
        assert_eq!(first, "/s-0000000000");
        assert_eq!(client.ephemerals("/").await.unwrap(), std::slice::from_ref(&first));
        assert_eq!(client.children("/", false).await.unwrap().0, ["s-0000000000"]);
        assert_eq!(client.all_children_number("/").await.unwrap(), 1);
        assert_eq!(client.acl("/").await.unwrap().0, [Acl::open()]);
        client.sync("/").await.unwrap();
        let error = client.get("/top", false).await.unwrap_err();
        assert_eq!(error.to_string(), "KeeperErrorCode = NoNode for /top");
        let path = || Some(first.as_str().into());
        let failed = client
            .multi(vec![
                MultiOp::Delete(DeleteRequest { path: path(), version: -1 }),
                MultiOp::Check(CheckVersionRequest { path: Some("/none".into()), version: 1 }),
            ])
            .await
            .unwrap();
        let codes: Vec<i32> = failed
            .iter()
            .map(|result| match result {
                MultiResult::Error(error) => error.err,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(codes, [0, ErrorCode::NoNode.code()]);
        client.delete(&first, 0).await.unwrap();
        let credentials = client.who_am_i().await.unwrap();
        assert_eq!(credentials[0].auth_scheme.as_deref(), Some("ip"));
        client.add_auth("digest", "u:p").await.unwrap();
        assert_eq!(client.who_am_i().await.unwrap().len(), credentials.len() + 1);
        client.close().await;
        top.close().await;
    });
}

#[test]
fn thousands_of_requests_in_flight() {
    let folder = tempfile::tempdir().unwrap();
    let server = Settings::new(folder.path()).start();
    runtime().block_on(async {
        let connect = connect_string(&server, "");
        let client = Client::connect(&connect, Options::default()).await.unwrap();
        let mut answers = Vec::new();
        for _ in 0..10_000 {
            let read = ReadRequest { path: Some("/".into()), watch: false };
            answers.push(client.submit(Request::GetChildren(read)).await.unwrap());
        }
        let mut last = 0;
        for answer in answers {
            let zxid = answer.await.unwrap().zxid.0;
            assert!(zxid >= last, "replies do not step back");
            last = zxid;
        }
        client.close().await;
    });
}
