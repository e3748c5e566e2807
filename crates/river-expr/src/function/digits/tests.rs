use river_core::LogicalType;

use crate::testing::{boolean, eval, int, long, null, text};

#[test]
fn notations() {
    assert_eq!(eval("BIN", [int(12)]), "STRING NOT NULL 1100");
    assert_eq!(eval("HEX", [int(-1)]), "STRING NOT NULL FFFFFFFFFFFFFFFF");
    assert_eq!(eval("HEX", [text("日本")]), "STRING NOT NULL E697A5E69CAC");
    assert_eq!(eval("UNHEX", [text("466C696E6B")]), "BYTES Flink");
    assert_eq!(eval("UNHEX", [text("F")]), "BYTES \0");
    assert_eq!(eval("UNHEX", [text("GG")]), "BYTES NULL");
    assert_eq!(eval("INET_ATON", [text("127.1")]), "BIGINT 2130706433");
    assert_eq!(eval("INET_ATON", [text("256.0.0.1")]), "BIGINT NULL");
    assert_eq!(eval("INET_NTOA", [long(4_294_967_295)]), "STRING 255.255.255.255");
    assert_eq!(eval("INET_NTOA", [long(4_294_967_296)]), "STRING NULL");
    assert_eq!(eval("BIN", [null(LogicalType::Int)]), "STRING NULL");
}

#[test]
fn types_have_names() {
    assert_eq!(eval("TYPEOF", [text("abc")]), "STRING CHAR(3) NOT NULL");
    let string = null(LogicalType::STRING);
    assert_eq!(eval("TYPEOF", [string.clone()]), "STRING STRING");
    assert_eq!(eval("TYPEOF", [string, boolean(true)]), "STRING VARCHAR(2147483647)");
}
