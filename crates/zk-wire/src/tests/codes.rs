//! Numbers and their names.

use super::fixtures;
use crate::create_mode::CreateMode;
use crate::error_code::ErrorCode;
use crate::event::EventType;
use crate::op_code::OpCode;
use crate::quorum::packet::PacketType;

/// Lines of the fixtures that begin with a word: the number, and the words behind it.
fn of(kind: &str) -> Vec<(i32, &'static str)> {
    let lines = fixtures::CODES.lines();
    let lines = lines.filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' '));
    let pairs = lines.map(|line| line.split_once(' ').expect("number and words"));
    pairs.map(|(number, words)| (number.parse().expect("a number"), words)).collect()
}

#[test]
fn errors_have_apaches_names_and_messages() {
    let fixtures = of("error");
    assert_eq!(fixtures.len(), ErrorCode::all().count());
    for (code, words) in fixtures {
        let error = ErrorCode::from_code(code).expect("a known code");
        assert_eq!(format!("{} {}", error.name(), error.message()), words);
        assert_eq!(error.code(), code);
    }
    assert_eq!(ErrorCode::from_code(-126), None);
}

#[test]
fn operations_have_apaches_names() {
    let fixtures = of("op");
    assert_eq!(fixtures.len(), OpCode::ALL.len());
    for (code, name) in fixtures {
        assert_eq!(OpCode::from_code(code).map(OpCode::name), Some(name));
    }
    for code in [i32::MIN, -12, 10, 23, 99, 108, 116, 117, i32::MAX] {
        assert_eq!(OpCode::from_code(code), None, "{code}");
    }
}

#[test]
fn modes_are_apaches() {
    let fixtures = of("mode");
    assert_eq!(fixtures.len(), CreateMode::ALL.len());
    for (flags, words) in fixtures {
        let mode = CreateMode::from_flags(flags).expect("a known mode");
        assert_eq!(mode.flags(), flags);
        let traits =
            [mode.is_ephemeral(), mode.is_sequential(), mode.is_container(), mode.is_ttl()];
        assert_eq!(traits.map(|is| is.to_string()).join(" "), words);
    }
    assert_eq!([-1, 7].map(CreateMode::from_flags), [None, None]);
}

#[test]
fn events_are_apaches() {
    let fixtures = of("event");
    assert_eq!(fixtures.len(), EventType::ALL.len());
    for (code, name) in fixtures {
        let event = EventType::from_code(code).expect("a known event");
        assert_eq!(format!("{event:?}"), name);
    }
}

#[test]
fn packets_have_apaches_names() {
    for (code, name) in of("packet") {
        let named = PacketType::from_code(code).map_or("UNKNOWN", PacketType::name);
        assert_eq!(named, name, "{code}");
    }
}
