//! Requests and what they give, from Apache's reference and tests.

use expect_test::expect;
use zk_wire::acl::perms;
use zk_wire::multi::{MultiOp, MultiRequest};
use zk_wire::request::{CheckVersionRequest, CreateTtlRequest, ReconfigRequest, SetAclRequest};
use zk_wire::txn::Txn;

use super::*;
use crate::acl::AclOptions;
use crate::owner::OwnerRules;

const P: CreateMode = CreateMode::Persistent;
const E: CreateMode = CreateMode::Ephemeral;
const PS: CreateMode = CreateMode::PersistentSequential;

fn world() -> World {
    World::new(TreeOptions::default(), PrepOptions::default())
}

/// What each request gives: its error, or the path of what was made or changed.
fn table(world: &mut World, session: SessionId, requests: &[Request]) -> String {
    let mut lines = String::new();
    for request in requests {
        let prepared = world.prepare(session, request);
        let path = match &prepared.txn {
            Txn::Create(txn) | Txn::Create2(txn) => txn.path.clone(),
            Txn::CreateContainer(txn) => txn.path.clone(),
            Txn::CreateTtl(txn) => txn.path.clone(),
            _ => None,
        };
        let asked = request.path().map(ToString::to_string).unwrap_or_default();
        let result = match prepared.error {
            Some(error) => error.name().to_owned(),
            None => path.map_or("ok".to_owned(), |path| path.to_string()),
        };
        lines += &format!("{} {asked:?}: {result}\n", request.op());
    }
    world.settle();
    lines
}

#[test]
fn creates() {
    let requests = [
        create("/", "", P),
        create("/a", "", P),
        create("/a", "", P),
        create("/a/b/c", "", P),
        create("a", "", P),
        create("", "", P),
        create("/a/", "", P),
        create("/a//b", "", P),
        create("/a/.", "", P),
        create("/a/\0", "", P),
        create("/a/n-", "", PS),
        create("/a/", "", PS),
        create("/a/x", "", P),
        create("/a/n-", "", CreateMode::EphemeralSequential),
        create("/e", "", E),
        create("/e/below", "", P),
        create("/t", "", CreateMode::PersistentWithTtl),
        Request::CreateContainer(create_body("/c", "", CreateMode::Container)),
    ];
    expect![[r#"
        create "/": NODEEXISTS
        create "/a": /a
        create "/a": NODEEXISTS
        create "/a/b/c": NONODE
        create "a": BADARGUMENTS
        create "": BADARGUMENTS
        create "/a/": BADARGUMENTS
        create "/a//b": NONODE
        create "/a/.": BADARGUMENTS
        create "/a/\0": BADARGUMENTS
        create "/a/n-": /a/n-0000000000
        create "/a/": /a/0000000001
        create "/a/x": /a/x
        create "/a/n-": /a/n-0000000003
        create "/e": /e
        create "/e/below": NOCHILDRENFOREPHEMERALS
        create "/t": UNIMPLEMENTED
        createContainer "/c": /c
    "#]]
    .assert_eq(&table(&mut world(), A, &requests));
}

#[test]
fn deletes_and_versions() {
    let requests = [
        create("/a", "", P),
        create("/a/b", "", P),
        delete("/a", -1),
        delete("/a/b", 1),
        set_data("/a/b", "x", 0),
        set_data("/a/b", "x", 0),
        delete("/a/b", 1),
        delete("/a/b", -1),
        delete("/x/y", -1),
        delete("/", -1),
        delete("/zookeeper", -1),
        delete("/zookeeper/quota", -1),
        delete("/zookeeper/config", -1),
        delete("a", -1),
        set_data("/nowhere", "", -1),
        set_data("/a/", "", -1),
        delete("/a", 0),
        Request::DeleteContainer(PathRequest { path: Some("/a".into()) }),
        Request::Reconfig(ReconfigRequest::default()),
        Request::SetAcl(SetAclRequest { path: Some("/".into()), acl: None, version: -1 }),
        Request::SetData(SetDataRequest { path: None, data: None, version: -1 }),
    ];
    expect![[r#"
        create "/a": /a
        create "/a/b": /a/b
        delete "/a": NOTEMPTY
        delete "/a/b": BADVERSION
        setData "/a/b": ok
        setData "/a/b": BADVERSION
        delete "/a/b": ok
        delete "/a/b": NONODE
        delete "/x/y": NONODE
        delete "/": BADARGUMENTS
        delete "/zookeeper": BADARGUMENTS
        delete "/zookeeper/quota": BADARGUMENTS
        delete "/zookeeper/config": BADARGUMENTS
        delete "a": BADARGUMENTS
        setData "/nowhere": NONODE
        setData "/a/": BADARGUMENTS
        delete "/a": ok
        deleteContainer "/a": NONODE
        reconfig "": RECONFIGDISABLED
        setACL "/": INVALIDACL
        setData "": MARSHALLINGERROR
    "#]]
    .assert_eq(&table(&mut world(), A, &requests));
}

#[test]
fn ttl_nodes() {
    let owners = OwnerRules { extended_types: true, emulate_353: false };
    let mut world =
        World::new(TreeOptions { owners, ..TreeOptions::default() }, PrepOptions::default());
    let ttl = |path: &str, mode: CreateMode, ttl_ms| {
        let CreateRequest { path, data, acl, flags } = create_body(path, "", mode);
        Request::CreateTtl(CreateTtlRequest { path, data, acl, flags, ttl_ms })
    };
    let mode = CreateMode::PersistentWithTtl;
    let requests = [
        ttl("/t", mode, 100),
        ttl("/u", mode, 0),
        ttl("/u", mode, 1 << 40),
        ttl("/u", P, 5),
        ttl("/u", P, -1),
        create("/u", "", mode),
        create("/t/child", "", P),
        ttl("/s-", CreateMode::PersistentSequentialWithTtl, 7),
    ];
    expect![[r#"
        createTTL "/t": /t
        createTTL "/u": BADARGUMENTS
        createTTL "/u": BADARGUMENTS
        createTTL "/u": BADARGUMENTS
        createTTL "/u": BADARGUMENTS
        create "/u": BADARGUMENTS
        create "/t/child": /t/child
        createTTL "/s-": /s-0000000001
    "#]]
    .assert_eq(&table(&mut world, A, &requests));
    assert_eq!(world.tree.find("/t").unwrap().stat().ephemeral_owner, 0);
    assert_eq!(world.tree.expired_containers(1_000_000, 0), ["/s-0000000001"]);
    table(&mut world, A, &[delete("/t/child", -1)]);
    assert_eq!(world.tree.expired_containers(1050, 0), ["/s-0000000001"]);
    assert_eq!(world.tree.expired_containers(1_000_000, 0).len(), 2);
}

#[test]
fn containers() {
    let mut world = world();
    let container = |path: &str| Request::CreateContainer(create_body(path, "", P));
    let remove = |path: &str| Request::DeleteContainer(PathRequest { path: Some(path.into()) });
    table(&mut world, A, &[container("/c"), container("/d"), create("/c/x", "", P)]);
    assert_eq!(world.tree.find("/c").unwrap().persisted().ephemeral_owner, i64::MIN);
    assert!(world.tree.expired_containers(i64::MAX, 0).is_empty());
    assert_eq!(world.tree.expired_containers(i64::MAX, 1), ["/d"]);
    assert_eq!(table(&mut world, A, &[remove("/c")]), "deleteContainer \"/c\": NOTEMPTY\n");
    table(&mut world, A, &[delete("/c/x", -1), create("/e", "", E)]);
    assert_eq!(world.tree.expired_containers(0, 0), ["/c"]);
    let seen = table(&mut world, SessionId(0), &[remove("/c"), remove("/e"), remove("/c")]);
    expect![[r#"
        deleteContainer "/c": ok
        deleteContainer "/e": BADVERSION
        deleteContainer "/c": NONODE
    "#]]
    .assert_eq(&seen);
}

#[test]
fn a_failed_multi_leaves_nothing() {
    let mut world = world();
    world.prepare(A, &create("/s", "", P));
    let check = CheckVersionRequest { path: Some("/nowhere".into()), version: -1 };
    let ops = vec![
        MultiOp::Create(create_body("/s/n-", "", PS)),
        MultiOp::Create2(create_body("/s/n-", "", PS)),
        MultiOp::Check(check),
        MultiOp::Delete(DeleteRequest { path: Some("/s".into()), version: -1 }),
    ];
    let prepared = world.prepare(A, &Request::Multi(MultiRequest { ops }));
    assert_eq!(prepared.error, Some(ErrorCode::NoNode));
    let next = world.prepare(A, &create("/s/n-", "", PS));
    let Txn::Create(txn) = next.txn else { panic!("{next:?}") };
    assert_eq!(txn.path.unwrap(), "/s/n-0000000000");
    world.apply_next();
    let applied = world.apply_next();
    let errors: Vec<_> = applied.parts.iter().map(|part| (part.op, part.err)).collect();
    let error = OpCode::Error;
    assert_eq!(errors, [(error, 0), (error, 0), (error, -101), (error, -2)]);
    world.settle();
    assert_eq!(world.tree.find("/s").unwrap().child_count(), 1);
}

#[test]
fn a_session_ends_with_its_nodes() {
    let mut world = world();
    world.run(A, &create("/a", "", E));
    world.run(A, &create("/b", "", E));
    world.lag = 10;
    world.run(A, &delete("/a", -1));
    world.run(A, &create("/c", "", E));
    world.run(B, &create("/d", "", E));
    let prepared = world.prepare(A, &Request::CloseSession);
    let Txn::CloseSession(Some(txn)) = prepared.txn else { panic!("{prepared:?}") };
    let paths: Vec<Text> = vec!["/b".into(), "/c".into()];
    assert_eq!(txn.paths_to_delete, Some(paths));
    let late = world.prepare(A, &create("/late", "", P));
    assert_eq!(late.error, Some(ErrorCode::SessionExpired));
    world.settle();
    assert!(world.tree.ephemerals(A).is_empty());
    assert_eq!(world.tree.ephemerals(B), ["/d"]);
    let gone = world.prepare(SessionId(9), &create("/late", "", E));
    assert_eq!(gone.error, Some(ErrorCode::SessionExpired));
}

#[test]
fn permissions() {
    let mut world = world();
    let own = Id::new("digest", "me:hash");
    world.ids.push(own.clone());
    let with_acl = |path: &str, perms: i32, id: Id| {
        let acl = Some(vec![Acl { perms, id }]);
        Request::Create(CreateRequest { acl, ..create_body(path, "", P) })
    };
    let set_acl = |path: &str, acl: Acl| {
        Request::SetAcl(SetAclRequest {
            path: Some(path.into()),
            acl: Some(vec![acl]),
            version: -1,
        })
    };
    table(
        &mut world,
        A,
        &[
            with_acl("/mine", perms::ALL, Id::creator()),
            with_acl("/read", perms::READ, Id::anyone()),
            with_acl("/mine/open", perms::ALL, Id::anyone()),
        ],
    );
    assert_eq!(world.tree.find("/mine").unwrap().acl()[0].id, own);
    world.ids.pop();
    let requests = [
        create("/mine/x", "", P),
        create("/mine/open/x", "", P),
        delete("/mine/open/x", -1),
        delete("/mine/open", -1),
        set_data("/mine", "", -1),
        set_data("/read", "", -1),
        set_acl("/mine", Acl::open()),
        set_acl("/mine/open", Acl { perms: 1, id: Id::new("digest", "nocolon") }),
        set_acl("/mine/open", Acl::creator_all()),
        set_acl("/mine/open", Acl::read_only()),
        set_acl("/mine/open", Acl::open()),
    ];
    expect![[r#"
        create "/mine/x": NOAUTH
        create "/mine/open/x": /mine/open/x
        delete "/mine/open/x": ok
        delete "/mine/open": NOAUTH
        setData "/mine": NOAUTH
        setData "/read": NOAUTH
        setACL "/mine": NOAUTH
        setACL "/mine/open": INVALIDACL
        setACL "/mine/open": INVALIDACL
        setACL "/mine/open": ok
        setACL "/mine/open": NOAUTH
    "#]]
    .assert_eq(&table(&mut world, A, &requests));
}

#[test]
fn quotas_are_counted_and_enforced() {
    let options = PrepOptions { enforce_quota: true, acl: AclOptions::default(), reconfig: false };
    let mut world = World::new(TreeOptions::default(), options);
    let q = "/zookeeper/quota/a";
    let limits = "count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=3";
    let requests = [
        create("/a", "12345", P),
        create("/a/b", "6", P),
        create(q, "", P),
        create(&format!("{q}/zookeeper_limits"), limits, P),
        create(&format!("{q}/zookeeper_stats"), "", P),
        set_data("/a/b", "", -1),
    ];
    table(&mut world, A, &requests);
    let used = |world: &World| {
        let node = world.tree.find(&format!("{q}/zookeeper_stats")).unwrap();
        String::from_utf8(node.data().unwrap().to_vec()).unwrap()
    };
    assert_eq!(used(&world), "count=2,bytes=5");
    table(&mut world, A, &[create("/a/c", "678", P)]);
    assert_eq!(used(&world), "count=3,bytes=8");
    let requests =
        [create("/a/d", "", P), set_data("/a", "12345678", -1), set_data("/a", "1234567", -1)];
    expect![[r#"
        create "/a/d": QUOTAEXCEEDED
        setData "/a": QUOTAEXCEEDED
        setData "/a": ok
    "#]]
    .assert_eq(&table(&mut world, A, &requests));
    table(&mut world, A, &[delete("/a/c", -1)]);
    assert_eq!(used(&world), "count=2,bytes=7");
    table(&mut world, A, &[delete(&format!("{q}/zookeeper_limits"), -1), delete("/a/b", -1)]);
    assert_eq!(used(&world), "count=2,bytes=7");
    assert_eq!(world.tree.digest(), world.tree.digest_from_scratch());
}
