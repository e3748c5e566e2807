use super::*;

fn all(pattern: &str, text: &str) -> Vec<String> {
    let pattern = compiled(pattern).expect("a pattern");
    pattern.matches(text).map(|(start, end)| text[start..end].to_string()).collect()
}

#[test]
fn empty_matches_follow_javas_order() {
    assert_eq!(all("a*", "baab"), ["", "aa", "", ""]);
    assert_eq!(all("", "abc").len(), 4);
}

#[test]
fn shorthands_are_ascii() {
    assert!(compiled(r"^\d+$").is_some_and(|p| p.is_match("12") && !p.is_match("１２")));
    assert!(compiled(r"^[\w-]+$").is_some_and(|p| p.is_match("a-b") && !p.is_match("é")));
    assert_eq!(all(r"[^\D]", "a1"), ["1"]);
    assert_eq!(all(r"\p{Alpha}+", "aé1b"), ["a", "b"]);
    assert_eq!(all(r"\Qa.b\E.", "a.bc axbc"), ["a.bc"]);
}

#[test]
fn looks_around_and_back() {
    assert_eq!(all(r"a(?=b)", "abac"), ["a"]);
    assert_eq!(all(r"(a|b)\1", "abba"), ["bb"]);
    assert!(compiled("[").is_none());
}

#[test]
fn keyed_patterns_equal_the_engine() {
    let pattern = r"(&|^)channel_id=([^&]*)";
    let regex = regex::Regex::new(pattern).expect("a pattern");
    assert!(matches!(*compiled(pattern).expect("a pattern"), Pattern::Keyed(_)));
    for text in [
        "channel_id=12&x",
        "xchannel_id=1",
        "https://a/b?q=1&channel_id=77",
        "channel_id=&channel_id=2",
        "x&channel_id=",
        "",
        "é&channel_id=é&",
    ] {
        let found = compiled(pattern).expect("a pattern").group_at(text, 0, 2);
        let wanted = regex.captures(text).and_then(|c| c.get(2)).map(|m| (m.start(), m.end()));
        assert_eq!(found.and_then(|(group, _)| group), wanted, "{text}");
    }
}

#[test]
fn splits_as_java() {
    assert_eq!(java_split("a=1,,b,,", ",", 0).expect("parts"), ["a=1", "", "b"]);
    assert_eq!(java_split("k=v=w", "=", 2).expect("parts"), ["k", "v=w"]);
    assert_eq!(java_split("abc", "", 0).expect("parts"), ["a", "b", "c"]);
}
