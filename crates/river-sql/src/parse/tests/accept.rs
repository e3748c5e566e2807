//! Texts that Flink 2.3's own parser takes, and texts that it refuses.

use crate::parse::{parse_script, parse_statement, split_statements};

const TAKEN: &[&str] = &[
    "CREATE TABLE t (a INT, b AS a+1 COMMENT 'x', c INT METADATA VIRTUAL COMMENT 'y', \
     d INT METADATA FROM 'k' VIRTUAL, e INT NOT NULL PRIMARY KEY NOT ENFORCED COMMENT 'z')",
    "CREATE TABLE t (a INT, WATERMARK FOR a.b AS a - INTERVAL '1' SECOND) LIKE s",
    "CREATE TABLE t (a INT) DISTRIBUTED BY HASH(a) INTO 4 BUCKETS \
     PARTITIONED BY (a) WITH ('a'='b')",
    "CREATE TABLE t LIKE s (INCLUDING ALL OVERWRITING OPTIONS EXCLUDING PARTITIONS)",
    "CREATE TABLE t (a, b) AS SELECT 1, 2",
    "CREATE OR REPLACE TABLE t AS SELECT 1",
    "REPLACE TABLE t WITH ('x'='y') AS SELECT 1",
    "CREATE TEMPORARY SYSTEM FUNCTION f AS 'x' LANGUAGE JAVA USING JAR 'a', JAR 'b'",
    "CREATE TEMPORARY VIEW IF NOT EXISTS v (a, b) COMMENT 'x' AS (SELECT 1, 2)",
    "CREATE CATALOG IF NOT EXISTS c COMMENT 'x' WITH ('a'='b')",
    "CREATE MODEL m INPUT (a INT) OUTPUT (b STRING) WITH ('a'='b')",
    "CREATE OR ALTER MATERIALIZED TABLE m FRESHNESS = INTERVAL '1' HOUR AS SELECT 1",
    "CREATE MATERIALIZED TABLE m START_MODE = FROM_NOW(INTERVAL '1' DAY) AS SELECT 1",
    "CREATE TEMPORARY SYSTEM CONNECTION c COMMENT 'x' WITH ('a'='b')",
    "INSERT INTO t PARTITION (a=1) (c, d) SELECT 1 ON CONFLICT DO DEDUPLICATE",
    "INSERT OVERWRITE t /*+ OPTIONS('a'='b') */ (SELECT 1)",
    "EXPLAIN ESTIMATED_COST, CHANGELOG_MODE INSERT INTO t SELECT 1",
    "EXPLAIN STATEMENT SET BEGIN INSERT INTO t SELECT 1; INSERT INTO u SELECT 2; END",
    "EXECUTE STATEMENT SET BEGIN INSERT INTO t SELECT 1; END",
    "COMPILE AND EXECUTE PLAN 'a' FOR STATEMENT SET BEGIN INSERT INTO t SELECT 1; END",
    "SHOW USER FUNCTIONS FROM a ILIKE 'x'",
    "DESC EXTENDED t",
    "ALTER TABLE t ADD (a INT FIRST, b INT AFTER a)",
    "ALTER TABLE IF EXISTS t DROP IF EXISTS PARTITION (a=1), PARTITION (a=2)",
    "ALTER MATERIALIZED TABLE m REFRESH PARTITION (a='1')",
    "STOP JOB 'x' WITH SAVEPOINT WITH DRAIN",
    "ANALYZE TABLE t COMPUTE STATISTICS FOR ALL COLUMNS",
    "SELECT E'a\\n', _UTF16'x', N'y', U&'\\0041', X'0aff', 'it''s'",
    "SELECT (a - b) DAY, INTERVAL '1-2' YEAR TO MONTH, INTERVAL 5 DAY",
    "SELECT * FROM ((SELECT 1) UNION SELECT 2)",
    "SELECT * FROM (a JOIN b ON a.x = b.x), LATERAL TABLE(f(a.y)) AS z(q)",
    "SELECT * FROM t FOR SYSTEM_TIME AS OF x.y AS z",
    "SELECT * FROM f(input => TABLE t PARTITION BY (a, b) ORDER BY c, x => DESCRIPTOR(a))",
    "SELECT * FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE))",
    "SELECT * FROM t MATCH_RECOGNIZE (ORDER BY a MEASURES LAST(A.x) AS b ONE ROW PER MATCH \
     AFTER MATCH SKIP PAST LAST ROW PATTERN (A B{2,3}? C*) WITHIN INTERVAL '1' HOUR \
     DEFINE A AS A.x > 1, B AS PREV(B.x, 1) = 2) AS T",
    "SELECT a FROM t GROUP BY ROLLUP(a, (b, c)), GROUPING SETS ((a), ()), ()",
    "SELECT JSON_VALUE(a, '$.b' RETURNING INT DEFAULT 1 ON EMPTY ERROR ON ERROR)",
    "SELECT JSON_OBJECT('a': 1), JSON_OBJECT(KEY 'a' VALUE 1 ABSENT ON NULL)",
    "SELECT x IN ((SELECT 1) UNION (SELECT 2)), y > ALL (SELECT 1), z NOT BETWEEN 1 AND 2",
    "SELECT a IS NOT DISTINCT FROM b, c IS JSON OBJECT, d IS NOT UNKNOWN",
    "SELECT CAST(a AS ROW<f INT 'c', g ARRAY<STRING NOT NULL>>), TRY_CAST(b AS MAP<INT, INT>)",
    "SELECT SUM(x) FILTER (WHERE y) OVER (PARTITION BY z ORDER BY w ROWS BETWEEN 2 PRECEDING \
     AND CURRENT ROW), LAST_VALUE(v) IGNORE NULLS OVER u FROM t WINDOW u AS (ORDER BY w)",
];

const REFUSED: &[&str] = &[
    "SELECT order_id AS value FROM orders",
    "SELECT COUNT(DISTINCT *) FROM t",
    "SELECT (a FROM t",
    "SELECT 1 != 2",
    "SELECT 1 MINUS SELECT 2",
    "SELECT DAY(x)",
    "SELECT CAST(a AS STRING NOT NULL)",
    "SELECT CAST(a AS TIMESTAMP WITH TIME ZONE)",
    "SELECT * FROM t LIMIT 1, 2",
    "SELECT 1 AS 'x'",
    "SELECT * FROM a LEFT SEMI JOIN b ON x",
    "SELECT * FROM t AS z FOR SYSTEM_TIME AS OF x.y",
    "CREATE TABLE t ()",
    "CREATE TABLE t (a INT) PARTITIONED BY (a) DISTRIBUTED BY (a)",
    "INSERT INTO t PARTITION (a=1, b) SELECT 1",
    "SET a = b",
    "STOP JOB 'x' WITH DRAIN",
    "SHOW TABLES ILIKE 'x'",
    "SELECT a b c FROM t",
    "CREATE TABLE t (timestamp INT)",
];

#[test]
fn takes_what_flink_takes() {
    for text in TAKEN {
        if let Err(error) = parse_statement(text) {
            panic!("{}", error.render("test.sql", text));
        }
    }
}

#[test]
fn refuses_what_flink_refuses() {
    for text in REFUSED {
        assert!(parse_statement(text).is_err(), "{text}");
    }
}

#[test]
fn scripts_join_statement_sets() {
    let text = "SET 'a'='b'; BEGIN STATEMENT SET; INSERT INTO t SELECT CASE WHEN a THEN 1 END; \
                INSERT INTO u SELECT 2; END; SELECT 1;; -- done";
    let statements = parse_script(text).expect("valid");
    assert_eq!(statements.len(), 3);
    assert!(parse_script("BEGIN STATEMENT SET; SELECT 1; END").is_err());
    assert!(parse_script("BEGIN STATEMENT SET; INSERT INTO t SELECT 1;").is_err());
    assert!(parse_script("END").is_err());
}

#[test]
fn splits_where_statements_end() {
    let text = "SET 'a;' = 'b'; -- c;\nBEGIN STATEMENT SET; INSERT INTO t SELECT CASE \
                WHEN a THEN 1 \
                END; END; EXECUTE STATEMENT SET BEGIN INSERT INTO t SELECT 1; END; SELECT `x;";
    let split = split_statements(text);
    let complete: Vec<&str> = split.complete.iter().map(|s| &text[s.start..s.end]).collect();
    assert_eq!(complete.len(), 3, "{complete:?}");
    assert_eq!(complete[0], "SET 'a;' = 'b'");
    assert!(complete[1].ends_with("END; END"));
    let rest = split.rest.expect("an open quote");
    assert_eq!(&text[rest.start..rest.end], "SELECT `x;");
    assert_eq!(split_statements(" -- nothing\n").rest, None);
}
