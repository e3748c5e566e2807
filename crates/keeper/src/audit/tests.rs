//! Lines beside those that Apache ZooKeeper 3.9.4 wrote.

use expect_test::expect;
use zk_wire::SessionId;
use zk_wire::acl::Id;

use super::*;

#[test]
fn lines_as_apache_writes_them() {
    let creation = AuditEvent {
        operation: AuditOperation::Create,
        success: true,
        session: SessionId(0x0100_0200_452e_0000),
        users: vec!["127.0.0.1".to_owned(), "u".to_owned()],
        address: Some([127, 0, 0, 1].into()),
        path: Some("/es-0000000003".into()),
        flags: Some(3),
        acl: None,
    };
    let acl = Acl { perms: perms::ALL, id: Id::new("digest", "u:Jq7=") };
    let of_acl = AuditEvent {
        operation: AuditOperation::SetAcl,
        success: false,
        path: Some("/b".into()),
        flags: None,
        acl: Some(vec![acl, Acl { perms: perms::READ, id: Id::anyone() }]),
        ..creation.clone()
    };
    let multi =
        AuditEvent { operation: AuditOperation::Multi, path: None, acl: None, ..of_acl.clone() };
    let deletion = AuditEvent {
        operation: AuditOperation::EphemeralDeletion,
        success: true,
        users: Vec::new(),
        address: None,
        flags: None,
        ..creation.clone()
    };
    let lines = [creation, of_acl, multi, deletion].map(|event| line(&event, "zoo") + "\n");
    expect![[r#"
        session=0x1000200452e0000	user=127.0.0.1,u	ip=127.0.0.1	operation=create	znode=/es-0000000003	znode_type=ephemeral_sequential	result=success
        session=0x1000200452e0000	user=127.0.0.1,u	ip=127.0.0.1	operation=setAcl	znode=/b	acl=digest:u:Jq7=:cdrwaworld:anyone:r	result=failure
        session=0x1000200452e0000	user=127.0.0.1,u	ip=127.0.0.1	operation=multiOperation	result=failure
        session=0x1000200452e0000	user=zoo	operation=ephemeralZNodeDeletionOnSessionCloseOrExpire	znode=/es-0000000003	result=success
        user=zoo	operation=serverStart	result=success"#]].assert_eq(&(lines.concat() + &of_server("zoo", "serverStart", "success")));
}
