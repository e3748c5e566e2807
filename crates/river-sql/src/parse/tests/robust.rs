//! No text makes the parser panic, overflow the stack or loop.

use crate::parse::{parse_script, parse_statement, split_statements};

/// A small generator of random numbers (xorshift), the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "BY",
    "(",
    ")",
    "(",
    ")",
    ",",
    ".",
    "*",
    "+",
    "-",
    "a",
    "b",
    "`c`",
    "1",
    "2.5",
    "1e3",
    "'x'",
    "X'0f'",
    "U&'\\0041'",
    "AS",
    "JOIN",
    "ON",
    "LATERAL",
    "TABLE",
    "VALUES",
    "UNION",
    "ALL",
    "ORDER",
    "LIMIT",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "CAST",
    "INTERVAL",
    "DAY",
    "TO",
    "SECOND",
    "NOT",
    "IN",
    "BETWEEN",
    "AND",
    "LIKE",
    "IS",
    "NULL",
    "CREATE",
    "VIEW",
    "WITH",
    "=",
    "INSERT",
    "INTO",
    "BEGIN",
    "STATEMENT",
    "SET",
    ";",
    "EXECUTE",
    "EXPLAIN",
    "MATCH_RECOGNIZE",
    "PATTERN",
    "DEFINE",
    "{",
    "}",
    "[",
    "]",
    "=>",
    "/*+",
    "*/",
    "'",
    "`",
    "--\n",
    "/*",
    "ROW",
    "ARRAY",
    "MAP",
    "<",
    ">",
    "JSON_VALUE",
    "OVER",
    "ROWS",
    "é",
    "\u{0}",
    "DESCRIPTOR",
    "UNNEST",
    "GROUPING",
    "SETS",
    "ALTER",
    "ADD",
    "DROP",
    "SHOW",
    "DESCRIBE",
    "?",
];

#[test]
fn random_words() {
    let mut random = Random(42);
    for _ in 0..5_000 {
        let length = random.below(30);
        let words: Vec<&str> = (0..length).map(|_| WORDS[random.below(WORDS.len())]).collect();
        let text = words.join(if random.below(4) == 0 { "" } else { " " });
        if let Err(error) = parse_script(&text) {
            error.render("random.sql", &text);
        }
        split_statements(&text);
    }
}

#[test]
fn mutated_script() {
    let script = "CREATE TABLE t (a INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' \
        SECOND) WITH ('connector' = 'x'); INSERT INTO o SELECT a, CASE WHEN b THEN 'é' ELSE c END \
        FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) WHERE a IN (1, 2) OR \
        EXISTS (SELECT 1 FROM u) GROUP BY a HAVING COUNT(*) > 1 ORDER BY a DESC LIMIT 3;";
    let mut random = Random(7);
    for _ in 0..5_000 {
        let mut chars: Vec<char> = script.chars().collect();
        for _ in 0..=random.below(4) {
            if chars.is_empty() {
                break;
            }
            let at = random.below(chars.len());
            match random.below(3) {
                0 => drop(chars.remove(at)),
                1 => chars.insert(
                    at,
                    "()'`,;*-/é\"\u{0}"[..].chars().nth(random.below(12)).unwrap_or('x'),
                ),
                _ => chars.truncate(at + 1),
            }
        }
        let text: String = chars.into_iter().collect();
        if let Err(error) = parse_script(&text) {
            error.render("mutated.sql", &text);
        }
        split_statements(&text);
    }
}

#[test]
fn deep_and_long_texts_end_in_errors() {
    let deep = [
        "(".repeat(20_000),
        "SELECT ".to_owned() + &"(".repeat(20_000),
        "SELECT ".to_owned() + &"NOT ".repeat(20_000),
        "SELECT ".to_owned() + &"- ".repeat(20_000),
        "SELECT ".to_owned() + &"f(".repeat(20_000),
        "SELECT ".to_owned() + &"CASE WHEN ".repeat(20_000),
        "SELECT * FROM ".to_owned() + &"(".repeat(20_000),
        "SELECT * FROM ".to_owned() + &"(SELECT * FROM ".repeat(20_000),
        "SELECT CAST(a AS ".to_owned() + &"ARRAY<".repeat(20_000),
        "SELECT CAST(a AS INT".to_owned() + &" ARRAY".repeat(20_000),
        "SELECT a".to_owned() + &" + a".repeat(20_000),
        "SELECT a".to_owned() + &"[1]".repeat(20_000),
        "SELECT 1".to_owned() + &" UNION ALL SELECT 1".repeat(20_000),
        "SELECT * FROM a".to_owned() + &" JOIN a ON b".repeat(20_000),
        "EXPLAIN ".repeat(20_000),
        "SELECT a GROUP BY ".to_owned() + &"ROLLUP(".repeat(20_000),
    ];
    for text in deep {
        assert!(parse_statement(&text).is_err(), "{}", &text[..60]);
    }
}

#[test]
fn ordinary_depth_is_fine() {
    let text = format!("SELECT {}1{}", "(".repeat(90), ")".repeat(90));
    assert!(parse_statement(&text).is_ok());
    let text = format!("SELECT a{}", " OR a = 1".repeat(900));
    assert!(parse_statement(&text).is_ok());
}
