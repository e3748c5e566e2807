//! Sessions: replies in order, other servers, watches set again, ends.

use std::time::Duration;

use bytes::Bytes;
use zk_wire::Text;
use zk_wire::event::{AddWatchMode, EventType, KeeperState};
use zk_wire::op_code::OpCode;
use zk_wire::reply::{GetDataResponse, PathResponse, Reply, StatResponse};
use zk_wire::request::{PathRequest, ReadRequest, Request};
use zk_wire::stat::Stat;

use super::script::{Accepted, servers};
use crate::{Client, ConnectString, Error, Events, Options, State};

/// One thread; the servers are tasks of it.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(test);
}

fn start(connect: &str, options: &Options) -> (Client, Events) {
    let connect: ConnectString = connect.parse().expect("a connect string");
    Client::start_with_events(&connect, options.clone())
}

fn get(path: &str) -> Request {
    Request::GetData(ReadRequest { path: Some(Text::from(path)), watch: false })
}

fn data(text: &'static str) -> Reply {
    let data = Some(Bytes::from_static(text.as_bytes()));
    Reply::Data(GetDataResponse { data, stat: Stat::default() })
}

async fn next_state(events: &mut Events) -> KeeperState {
    loop {
        let event = events.next().await.expect("an event").expect("no event lost");
        if event.kind == EventType::None {
            return event.state;
        }
    }
}

async fn expect_get(server: &mut Accepted) -> (i32, String) {
    match server.expect(OpCode::GetData).await {
        (xid, Request::GetData(body)) => (xid, body.path.expect("a path").to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn many_requests_are_in_flight_and_their_replies_in_order() {
    run(async {
        let (options, mut servers) = servers();
        let (client, _events) = start("one/top", &options);
        let first = client.submit(get("/a")).await.expect("room");
        let second = client.submit(get("/b")).await.expect("room");
        let mut server = servers.accept().await;
        assert_eq!((server.request.session_id.0, server.request.read_only), (0, Some(false)));
        server.welcome(7, 6000).await;
        let a = expect_get(&mut server).await;
        let b = expect_get(&mut server).await;
        assert_eq!((&*a.1, &*b.1), ("/top/a", "/top/b"), "the chroot");
        server.reply(a.0, 5, 0, &data("A")).await;
        server.reply(b.0, 6, -101, &Reply::Empty).await;
        assert_eq!(first.await.expect("a reply").reply, data("A"));
        let error = second.await.expect_err("no node");
        assert_eq!(error.to_string(), "KeeperErrorCode = NoNode for /b");
        assert_eq!((client.session_id().0, client.state()), (7, State::Connected));
        assert_eq!(client.session_timeout(), Duration::from_secs(6));
    });
}

#[test]
fn the_session_goes_on_at_the_next_server_with_its_watches() {
    run(async {
        let (options, mut servers) = servers();
        let (client, mut events) = start("one,down,two/c", &options);
        let mut one = servers.accept().await;
        one.welcome(7, 6000).await;
        assert_eq!(next_state(&mut events).await, KeeperState::SyncConnected);

        let asked = tokio::spawn({
            let client = client.clone();
            async move {
                let exists = client.exists("/absent", true).await;
                let got = client.get("/a", true).await;
                let added = client.add_watch("/p", AddWatchMode::PersistentRecursive).await;
                let broken = client.get("/b", false).await;
                (exists, got, added, broken)
            }
        });
        let (xid, _) = one.expect(OpCode::Exists).await;
        one.reply(xid, 10, -101, &Reply::Empty).await;
        let (xid, _) = expect_get(&mut one).await;
        one.reply(xid, 11, 0, &data("A")).await;
        let (xid, _) = one.expect(OpCode::AddWatch).await;
        one.reply(xid, 12, 0, &Reply::Error(zk_wire::reply::ErrorResponse { err: 0 })).await;
        one.event(EventType::NodeCreated.code(), "/c/p/x", 13).await;
        expect_get(&mut one).await;
        drop(one);

        let (exists, got, added, broken) = asked.await.expect("the requests");
        assert_eq!((exists, added), (Ok(None), Ok(())));
        assert_eq!(got.expect("data").0, Some(Bytes::from_static(b"A")));
        assert!(
            matches!(broken, Err(Error::ConnectionLoss { path: Some(path), .. }) if path == "/b")
        );
        let event = events.next().await.expect("an event").expect("no event lost");
        assert_eq!(
            event.to_string(),
            "WatchedEvent state:SyncConnected type:NodeCreated path:/p/x zxid: 13"
        );
        assert_eq!(next_state(&mut events).await, KeeperState::Disconnected);

        let mut two = servers.accept().await;
        assert_eq!(two.server, "two", "the server that is down was passed over");
        assert_eq!((two.request.session_id.0, two.request.last_zxid_seen.0), (7, 12));
        assert_eq!(two.request.password.as_deref(), Some(&b"0123456789abcdef"[..]));
        two.welcome(7, 6000).await;
        let (xid, request) = two.expect(OpCode::SetWatches2).await;
        let Request::SetWatches2(body) = request else { panic!("{request:?}") };
        assert_eq!((xid, body.relative_zxid.0), (-8, 12));
        assert_eq!(body.data_watches, Some(vec![Text::from("/c/a")]));
        assert_eq!(body.exist_watches, Some(vec![Text::from("/c/absent")]));
        assert_eq!(body.child_watches, Some(vec![]));
        assert_eq!(body.persistent_recursive_watches, Some(vec![Text::from("/c/p")]));
        assert_eq!(next_state(&mut events).await, KeeperState::SyncConnected);
    });
}

#[test]
fn an_event_uses_up_its_watch_but_not_a_persistent_one() {
    run(async {
        let (options, mut servers) = servers();
        let (client, mut events) = start("one", &options);
        let mut one = servers.accept().await;
        one.welcome(7, 6000).await;
        let asked = tokio::spawn({
            let client = client.clone();
            async move {
                client.get("/a", true).await.expect("data");
                client.add_watch("/p", AddWatchMode::Persistent).await.expect("a watch");
                client.get("/b", false).await
            }
        });
        let (xid, _) = expect_get(&mut one).await;
        one.reply(xid, 11, 0, &data("A")).await;
        let (xid, _) = one.expect(OpCode::AddWatch).await;
        one.reply(xid, 12, 0, &Reply::Error(zk_wire::reply::ErrorResponse { err: 0 })).await;
        one.event(EventType::NodeDataChanged.code(), "/a", 13).await;
        one.event(EventType::NodeDataChanged.code(), "/p", 14).await;
        expect_get(&mut one).await;
        drop(one);
        asked.await.expect("the requests").expect_err("connection loss");
        let mut again = servers.accept().await;
        again.welcome(7, 6000).await;
        let (_, request) = again.expect(OpCode::SetWatches2).await;
        let Request::SetWatches2(body) = request else { panic!("{request:?}") };
        assert_eq!(body.data_watches, Some(vec![]));
        assert_eq!(body.persistent_watches, Some(vec![Text::from("/p")]));
        let mut told = Vec::new();
        while let Some(event) = events.try_next() {
            told.push(format!("{:?} {:?}", event.kind, event.path.unwrap_or_default()));
        }
        let fired = ["NodeDataChanged \"/a\"", "NodeDataChanged \"/p\""];
        assert_eq!(told[1..3], fired.map(str::to_owned));
    });
}

#[test]
fn an_expired_session_ends_everything() {
    run(async {
        let (options, mut servers) = servers();
        let (client, mut events) = start("one", &options);
        let mut one = servers.accept().await;
        one.welcome(7, 6000).await;
        assert_eq!(next_state(&mut events).await, KeeperState::SyncConnected);
        drop(one);
        assert_eq!(next_state(&mut events).await, KeeperState::Disconnected);
        let waiting = client.submit(get("/a")).await.expect("room");
        let mut again = servers.accept().await;
        again.welcome(0, 0).await;
        let expired = Error::SessionExpired { path: Some("/a".to_owned()) };
        assert_eq!(waiting.await, Err(expired.clone()));
        assert_eq!(next_state(&mut events).await, KeeperState::Expired);
        assert_eq!(client.state(), State::Expired);
        assert_eq!(client.get("/a", false).await, Err(expired));
    });
}

#[test]
fn what_waits_while_no_server_answers_is_told() {
    run(async {
        let (options, _servers) = servers();
        let (client, _events) = start("down,down2", &options);
        let error = client.get("/a", false).await.expect_err("connection loss");
        let text = error.to_string();
        assert!(
            text.starts_with("KeeperErrorCode = ConnectionLoss for /a: down2:2181: "),
            "{text}"
        );
        client.close().await;
        assert_eq!(client.get("/a", false).await, Err(Error::Closed));
    });
}

#[test]
fn closing_ends_the_session_behind_all_that_was_asked() {
    run(async {
        let (options, mut servers) = servers();
        let (client, mut events) = start("one", &options);
        let mut one = servers.accept().await;
        one.welcome(7, 6000).await;
        assert_eq!(next_state(&mut events).await, KeeperState::SyncConnected);
        let asked = client.submit(get("/a")).await.expect("room");
        let closing = tokio::spawn({
            let client = client.clone();
            async move { client.close().await }
        });
        let (xid, _) = expect_get(&mut one).await;
        one.reply(xid, 5, 0, &data("A")).await;
        let (xid, _) = one.expect(OpCode::CloseSession).await;
        one.reply(xid, 6, 0, &Reply::Empty).await;
        closing.await.expect("the end");
        assert!(asked.await.is_ok());
        assert_eq!(
            (client.state(), next_state(&mut events).await),
            (State::Closed, KeeperState::Closed)
        );
        assert!(one.next().await.is_none(), "the connection is closed");
    });
}

#[test]
fn a_session_is_left_alone_and_taken_up_again() {
    run(async {
        let (options, mut servers) = servers();
        let (client, mut events) = start("one", &options);
        let mut one = servers.accept().await;
        one.welcome(7, 6000).await;
        assert_eq!(next_state(&mut events).await, KeeperState::SyncConnected);
        client.abandon().await;
        assert!(one.next().await.is_none(), "nothing was said");
        let resumed = Options { session: client.session_key(), ..options };
        let (_client, _events) = start("one", &resumed);
        assert_eq!(servers.accept().await.request.session_id.0, 7);
    });
}

#[test]
fn credentials_go_to_every_server_and_refused_ones_end_the_session() {
    run(async {
        let (options, mut servers) = servers();
        let (client, mut events) = start("one", &options);
        let mut one = servers.accept().await;
        one.welcome(7, 6000).await;
        let adding = tokio::spawn({
            let client = client.clone();
            async move { client.add_auth("digest", "a:b").await }
        });
        let (xid, request) = one.expect(OpCode::Auth).await;
        assert!(matches!(&request, Request::Auth(auth) if auth.scheme == Some("digest".into())));
        one.reply(xid, 0, 0, &Reply::Empty).await;
        assert_eq!(adding.await.expect("the request"), Ok(()));
        drop(one);
        let mut again = servers.accept().await;
        again.welcome(7, 6000).await;
        let (xid, _) = again.expect(OpCode::Auth).await;
        again.reply(xid, 0, -115, &Reply::Empty).await;
        while next_state(&mut events).await != KeeperState::AuthFailed {}
        assert_eq!(
            client.get("/a", false).await,
            Err(Error::AuthFailed { path: Some("/a".into()) })
        );
    });
}

#[test]
fn replies_that_make_no_sense_break_the_connection() {
    run(async {
        let (options, mut servers) = servers();
        let (client, mut events) = start("one", &options);
        for reply_to in [99, 1] {
            let mut one = servers.accept().await;
            one.welcome(7, 6000).await;
            assert_eq!(next_state(&mut events).await, KeeperState::SyncConnected);
            let asked = client.submit(get("/a")).await.expect("room");
            let (xid, _) = expect_get(&mut one).await;
            // The number of another request; then a body that is none.
            let xid = if reply_to == 99 { xid + 99 } else { xid };
            one.reply(xid, 5, 0, &Reply::Path(PathResponse { path: None })).await;
            let error = asked.await.expect_err("no reply");
            let text = error.to_string();
            assert!(text.contains("instead of") || text.contains("makes no sense"), "{text}");
            assert_eq!(next_state(&mut events).await, KeeperState::Disconnected);
        }
    });
}

#[test]
fn requests_that_no_server_takes_are_not_sent() {
    run(async {
        let (options, mut servers) = servers();
        let options = Options { max_request: 100, ..options };
        let (client, _events) = start("one/c", &options);
        let mut one = servers.accept().await;
        one.welcome(7, 6000).await;
        let large = client.set("/a", Some(Bytes::from(vec![0; 200])), -1).await;
        assert!(
            matches!(large, Err(Error::TooLarge { limit: 100, len }) if len > 200),
            "{large:?}"
        );
        let error = client.get("/a/", false).await.expect_err("no path");
        assert_eq!(error.to_string(), "Path must not end with / character");
        let error = client.get("/a//b", false).await.expect_err("no path");
        let text = "Invalid path string \"/a//b\" caused by empty node name specified @3";
        assert_eq!(error.to_string(), text);
        let sync = client.submit(Request::Sync(PathRequest { path: Some("/".into()) })).await;
        let (xid, request) = one.expect(OpCode::Sync).await;
        assert_eq!(request.path().map(Text::as_str), Some("/c"), "the root is the chroot");
        one.reply(xid, 1, 0, &Reply::Path(PathResponse { path: Some("/c".into()) })).await;
        let reply = sync.expect("room").await.expect("a reply").reply;
        assert_eq!(reply, Reply::Path(PathResponse { path: Some("/".into()) }));
        let stat = StatResponse { stat: Stat { version: 3, ..Stat::default() } };
        let setting = tokio::spawn({
            let client = client.clone();
            async move { client.set("/a", None, 2).await }
        });
        let (xid, _) = one.expect(OpCode::SetData).await;
        one.reply(xid, 2, 0, &Reply::Stat(stat)).await;
        assert_eq!(setting.await.expect("the request").map(|stat| stat.version), Ok(3));
    });
}
