//! Edits of scripts, and what each leaves of the state of the script before it.

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::{Expect, expect};
use river_core::options::Options;
use river_core::plan::Plan;
use river_core::plan::matching::match_plans;
use river_core::{ChangelogMode, DataType};
use river_sql::catalog::Connectors;
use river_sql::parse::parse_script;
use river_sql::session::{Outcome, Session};

/// Tables that append, and sinks that take every kind of change, or upserts.
struct Tables;

impl Connectors for Tables {
    fn check_source(&self, _: &str, _: &Options) -> Result<(), String> {
        Ok(())
    }

    fn check_sink(&self, _: &str, _: &Options) -> Result<(), String> {
        Ok(())
    }

    fn source_changelog(&self, options: &Options) -> ChangelogMode {
        match options.get("connector") {
            Some("upsert") => ChangelogMode::UPSERT,
            Some("changes") => ChangelogMode::RETRACT,
            _ => ChangelogMode::APPEND,
        }
    }

    fn sink_changelog(&self, options: &Options) -> ChangelogMode {
        match options.get("connector") {
            Some("upsert") => ChangelogMode::UPSERT,
            _ => ChangelogMode::RETRACT,
        }
    }

    fn metadata_columns(&self, _: &Options) -> Vec<(String, DataType)> {
        Vec::new()
    }

    fn is_bounded(&self, _: &Options) -> bool {
        false
    }

    fn supports_lookup(&self, _: &Options) -> bool {
        false
    }
}

const TABLES: &str = "
CREATE TABLE bid (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '4' SECOND) WITH ('connector' = 'files', 'path' = '/in/bid');
CREATE TABLE auction (id BIGINT, seller BIGINT, category BIGINT)
  WITH ('connector' = 'files', 'path' = '/in/auction/');
CREATE TABLE person (id BIGINT, name STRING, PRIMARY KEY (id) NOT ENFORCED)
  WITH ('connector' = 'upsert', 'topic' = 'person');
CREATE TABLE two (a BIGINT, b BIGINT) WITH ('connector' = 'files', 'path' = '/out/two');
CREATE TABLE other (a BIGINT, b BIGINT) WITH ('connector' = 'files', 'path' = '/out/other');
CREATE TABLE three (a BIGINT, b BIGINT, c BIGINT) WITH ('connector' = 'files', 'path' = '/out/3');
CREATE TABLE keyed (a BIGINT, b BIGINT, PRIMARY KEY (a) NOT ENFORCED)
  WITH ('connector' = 'upsert', 'topic' = 'keyed');
";

fn plan(script: &str) -> Plan {
    let text = format!("{TABLES}{script}");
    let mut session = Session::new(Options::new(), Arc::new(Tables));
    let mut plan = None;
    for statement in &parse_script(&text).expect("a script") {
        let outcome = session.execute(statement, &text);
        match outcome.unwrap_or_else(|error| panic!("{}", error.render("script", &text))) {
            Outcome::Insert(inserted) => plan = Some(inserted),
            Outcome::Query { plan: queried, .. } => plan = Some(queried),
            _ => {}
        }
    }
    plan.expect("a script that starts a job")
}

/// The report on going on with `new` from the state of `old`.
fn check(old: &str, new: &str, expected: Expect) {
    let (old, new) = (plan(old), plan(new));
    let matching = match_plans(&old, &new);
    let mut text = matching.to_string();
    if let Some(refusal) = matching.refusal() {
        text.push_str(&format!("refused: {refusal}\n"));
    }
    expected.assert_eq(&text);
    // What fits, fits in the other direction as well, and a plan fits itself.
    for plan in [&old, &new] {
        let same = match_plans(plan, plan);
        assert!(same.new.iter().all(|state| state.from == Some(state.node) && !state.mixed));
        assert_eq!(same.unchanged.len(), plan.nodes.len());
    }
    let forth = matching.taken();
    let back = match_plans(&new, &old);
    if !matching.has_copies() && !back.has_copies() {
        let back: BTreeMap<usize, usize> =
            back.taken().into_iter().map(|(new, old)| (old, new)).collect();
        assert_eq!(forth, back);
    }
}

const COUNTS: &str = "INSERT INTO two SELECT auction, COUNT(*) FROM bid GROUP BY auction;";

#[test]
fn names_of_results() {
    check(
        COUNTS,
        "INSERT INTO two SELECT auction AS id, COUNT(*) AS n FROM bid GROUP BY auction;",
        expect![[r#"
            kept     Source: bid
            kept     WatermarkAssigner[1]
            kept     GroupAggregate[3]
            kept     Sink: two
        "#]],
    );
}

#[test]
fn a_filter_above() {
    check(
        COUNTS,
        "INSERT INTO two SELECT auction, COUNT(*) + 1 FROM bid GROUP BY auction
           HAVING COUNT(*) > 3;",
        expect![[r#"
            kept     Source: bid
            kept     WatermarkAssigner[1]
            kept     GroupAggregate[3]
            kept     Sink: two
        "#]],
    );
}

#[test]
fn a_filter_below() {
    check(
        COUNTS,
        "INSERT INTO two SELECT auction, COUNT(*) FROM bid WHERE price > 10 GROUP BY auction;",
        expect![[r#"
            kept     Source: bid
            kept     WatermarkAssigner[1]
            kept     GroupAggregate[3]; what it reads has changed, so it holds results of both queries
            kept     Sink: two
        "#]],
    );
}

#[test]
fn parallelism_time_to_live_and_small_batches() {
    check(
        COUNTS,
        "SET 'parallelism.default' = '4'; SET 'table.exec.state.ttl' = '1 h';
         SET 'table.exec.mini-batch.enabled' = 'true';
         SET 'table.exec.mini-batch.allow-latency' = '1 s'; SET 'table.exec.mini-batch.size' = '9';
         INSERT INTO two SELECT auction, COUNT(*) FROM bid GROUP BY auction;",
        expect![[r#"
            kept     Source: bid
            kept     WatermarkAssigner[1]
            kept     GroupAggregate[3]
            kept     Sink: two
        "#]],
    );
}

#[test]
fn another_column_of_the_source() {
    check(
        "INSERT INTO two SELECT auction, SUM(price) FROM bid GROUP BY auction;",
        "INSERT INTO two SELECT auction, SUM(price) FROM bid WHERE channel <> 'x'
           GROUP BY auction;",
        expect![[r#"
            kept     Source: bid
            kept     WatermarkAssigner[1]
            kept     GroupAggregate[3]; what it reads has changed, so it holds results of both queries
            kept     Sink: two
        "#]],
    );
}

#[test]
fn an_added_sink_a_removed_sink_and_another_order() {
    let set = |inserts: &[&str]| format!("EXECUTE STATEMENT SET BEGIN {} END;", inserts.join(" "));
    let by_bidder = "INSERT INTO other SELECT bidder, COUNT(*) FROM bid GROUP BY bidder;";
    check(
        &set(&[COUNTS]),
        &set(&[by_bidder, COUNTS]),
        expect![[r#"
        empty    Source: bid: starts without state
        empty    WatermarkAssigner[1]: starts without state
        empty    GroupAggregate[3]: starts without state
        empty    Sink: other: starts without state
        kept     Source: bid
        kept     WatermarkAssigner[6], was WatermarkAssigner[1]
        kept     GroupAggregate[8], was GroupAggregate[3]
        kept     Sink: two
    "#]],
    );
    check(
        &set(&[COUNTS, by_bidder]),
        &set(&[by_bidder, COUNTS]),
        expect![[r#"
        kept     Source: bid
        kept     WatermarkAssigner[1], was WatermarkAssigner[6]
        kept     GroupAggregate[3], was GroupAggregate[8]
        kept     Sink: other
        kept     Source: bid
        kept     WatermarkAssigner[6], was WatermarkAssigner[1]
        kept     GroupAggregate[8], was GroupAggregate[3]
        kept     Sink: two
    "#]],
    );
    let same = "INSERT INTO other SELECT auction, COUNT(*) FROM bid GROUP BY auction;";
    check(
        &set(&[COUNTS, same]),
        &set(&[COUNTS]),
        expect![[r#"
        dropped  Sink: other: the query does not write this table any more; output that was prepared and not committed stays invisible
        kept     Source: bid
        kept     WatermarkAssigner[1]
        kept     GroupAggregate[3]
        kept     Sink: two
    "#]],
    );
    check(
        &set(&[COUNTS, by_bidder]),
        &set(&[COUNTS]),
        expect![[r#"
            dropped  Source: bid: only tables that the query does not write any more came from it
            dropped  WatermarkAssigner[6]: only tables that the query does not write any more came from it
            dropped  GroupAggregate[8]: only tables that the query does not write any more came from it
            dropped  Sink: other: the query does not write this table any more; output that was prepared and not committed stays invisible
            kept     Source: bid
            kept     WatermarkAssigner[1]
            kept     GroupAggregate[3]
            kept     Sink: two
        "#]],
    );
    check(
        &set(&[COUNTS, by_bidder]),
        &set(&[by_bidder]),
        expect![[r#"
            dropped  Source: bid: only tables that the query does not write any more came from it
            dropped  WatermarkAssigner[1]: only tables that the query does not write any more came from it
            dropped  GroupAggregate[3]: only tables that the query does not write any more came from it
            dropped  Sink: two: the query does not write this table any more; output that was prepared and not committed stays invisible
            kept     Source: bid
            kept     WatermarkAssigner[1], was WatermarkAssigner[6]
            kept     GroupAggregate[3], was GroupAggregate[8]
            kept     Sink: other
        "#]],
    );
}

#[test]
fn another_key() {
    check(
        COUNTS,
        "INSERT INTO two SELECT bidder, COUNT(*) FROM bid GROUP BY bidder;",
        expect![[r#"
            LOST     GroupAggregate[3]: GROUP BY [auction BIGINT] became [bidder BIGINT]
            kept     Source: bid
            kept     WatermarkAssigner[1]
            empty    GroupAggregate[3]: starts without state
            kept     Sink: two
            refused: the query has changed, and this state of it would be lost:
              GroupAggregate[3]: GROUP BY [auction BIGINT] became [bidder BIGINT]
            Undo the change, or go on without that state: --allowNonRestoredState ('execution.state-recovery.ignore-unclaimed-state' = 'true')
        "#]],
    );
    check(
        "INSERT INTO two SELECT k, COUNT(*) FROM (SELECT auction AS k FROM bid) GROUP BY k;",
        "INSERT INTO two SELECT k, COUNT(*) FROM (SELECT bidder AS k FROM bid) GROUP BY k;",
        expect![[r#"
            LOST     GroupAggregate[3]: GROUP BY [k BIGINT = auction] became [k BIGINT = bidder]
            kept     Source: bid
            kept     WatermarkAssigner[1]
            empty    GroupAggregate[3]: starts without state
            kept     Sink: two
            refused: the query has changed, and this state of it would be lost:
              GroupAggregate[3]: GROUP BY [k BIGINT = auction] became [k BIGINT = bidder]
            Undo the change, or go on without that state: --allowNonRestoredState ('execution.state-recovery.ignore-unclaimed-state' = 'true')
        "#]],
    );
}

#[test]
fn another_aggregate() {
    let sum =
        |what: &str| format!("INSERT INTO two SELECT auction, {what} FROM bid GROUP BY auction;");
    check(
        &sum("SUM(price)"),
        &sum("MAX(price)"),
        expect![[r#"
            LOST     GroupAggregate[3]: aggregates [SUM(price BIGINT)] became [MAX(price BIGINT)]
            kept     Source: bid
            kept     WatermarkAssigner[1]
            empty    GroupAggregate[3]: starts without state
            kept     Sink: two
            refused: the query has changed, and this state of it would be lost:
              GroupAggregate[3]: aggregates [SUM(price BIGINT)] became [MAX(price BIGINT)]
            Undo the change, or go on without that state: --allowNonRestoredState ('execution.state-recovery.ignore-unclaimed-state' = 'true')
        "#]],
    );
    check(
        &sum("SUM(price * 2)"),
        &sum("SUM(price * 3)"),
        expect![[r#"
            LOST     GroupAggregate[3]: aggregates [SUM(*(price, CAST(2 AS BIGINT)) BIGINT)] became [SUM(*(price, CAST(3 AS BIGINT)) BIGINT)]
            kept     Source: bid
            kept     WatermarkAssigner[1]
            empty    GroupAggregate[3]: starts without state
            kept     Sink: two
            refused: the query has changed, and this state of it would be lost:
              GroupAggregate[3]: aggregates [SUM(*(price, CAST(2 AS BIGINT)) BIGINT)] became [SUM(*(price, CAST(3 AS BIGINT)) BIGINT)]
            Undo the change, or go on without that state: --allowNonRestoredState ('execution.state-recovery.ignore-unclaimed-state' = 'true')
        "#]],
    );
    check(
        &sum("SUM(price)"),
        &sum("SUM(DISTINCT price)"),
        expect![[r#"
            LOST     GroupAggregate[3]: aggregates [SUM(price BIGINT)] became [SUM(DISTINCT price BIGINT)]
            kept     Source: bid
            kept     WatermarkAssigner[1]
            empty    GroupAggregate[3]: starts without state
            kept     Sink: two
            refused: the query has changed, and this state of it would be lost:
              GroupAggregate[3]: aggregates [SUM(price BIGINT)] became [SUM(DISTINCT price BIGINT)]
            Undo the change, or go on without that state: --allowNonRestoredState ('execution.state-recovery.ignore-unclaimed-state' = 'true')
        "#]],
    );
    check(
        &sum("COUNT(*) FILTER (WHERE price > 1)"),
        &sum("COUNT(*) FILTER (WHERE price > 2)"),
        expect![[r#"
            LOST     GroupAggregate[3]: aggregates [COUNT(*) FILTER (>(price, CAST(1 AS BIGINT)) BOOLEAN)] became [COUNT(*) FILTER (>(price, CAST(2 AS BIGINT)) BOOLEAN)]
            kept     Source: bid
            kept     WatermarkAssigner[1]
            empty    GroupAggregate[3]: starts without state
            kept     Sink: two
            refused: the query has changed, and this state of it would be lost:
              GroupAggregate[3]: aggregates [COUNT(*) FILTER (>(price, CAST(1 AS BIGINT)) BOOLEAN)] became [COUNT(*) FILTER (>(price, CAST(2 AS BIGINT)) BOOLEAN)]
            Undo the change, or go on without that state: --allowNonRestoredState ('execution.state-recovery.ignore-unclaimed-state' = 'true')
        "#]],
    );
}

#[test]
fn joins() {
    let join = |what: &str, on: &str, left: &str| {
        format!("INSERT INTO two SELECT {what} FROM ({left}) b JOIN auction a ON {on};")
    };
    let all = "SELECT auction, bidder, price FROM bid";
    let old = join("b.auction, a.seller", "b.auction = a.id", all);
    check(
        &old,
        &join("b.auction, a.seller + 1", "b.auction = a.id", all),
        expect![[r#"
        kept     Source: bid
        kept     WatermarkAssigner[1]
        kept     Source: auction
        kept     Join[4]
        kept     Sink: two
    "#]],
    );
    check(
        &old,
        &join("b.auction, a.seller", "b.bidder = a.id", all),
        expect![[r#"
            LOST     Join[4]: join key on the left [auction BIGINT] became [bidder BIGINT]; columns kept of the left [auction BIGINT] became [auction BIGINT, bidder BIGINT]
            kept     Source: bid
            kept     WatermarkAssigner[1]
            kept     Source: auction
            empty    Join[4]: starts without state
            kept     Sink: two
            refused: the query has changed, and this state of it would be lost:
              Join[4]: join key on the left [auction BIGINT] became [bidder BIGINT]; columns kept of the left [auction BIGINT] became [auction BIGINT, bidder BIGINT]
            Undo the change, or go on without that state: --allowNonRestoredState ('execution.state-recovery.ignore-unclaimed-state' = 'true')
        "#]],
    );
    check(
        &old,
        &join("b.auction, a.category", "b.auction = a.id", all),
        expect![[r#"
            LOST     Join[4]: columns kept of the right [id BIGINT, seller BIGINT] became [id BIGINT, category BIGINT]
            kept     Source: bid
            kept     WatermarkAssigner[1]
            kept     Source: auction
            empty    Join[4]: starts without state
            kept     Sink: two
            refused: the query has changed, and this state of it would be lost:
              Join[4]: columns kept of the right [id BIGINT, seller BIGINT] became [id BIGINT, category BIGINT]
            Undo the change, or go on without that state: --allowNonRestoredState ('execution.state-recovery.ignore-unclaimed-state' = 'true')
        "#]],
    );
    check(
        &old,
        &old.replace("JOIN", "LEFT JOIN"),
        expect![[r#"
            LOST     Join[4]: kind of join [Inner] became [Left]
            kept     Source: bid
            kept     WatermarkAssigner[1]
            kept     Source: auction
            empty    Join[4]: starts without state
            kept     Sink: two
            refused: the query has changed, and this state of it would be lost:
              Join[4]: kind of join [Inner] became [Left]
            Undo the change, or go on without that state: --allowNonRestoredState ('execution.state-recovery.ignore-unclaimed-state' = 'true')
        "#]],
    );
    check(
        &old,
        &join("b.auction, a.seller", "b.auction = a.id", &format!("{all} WHERE price > 5")),
        expect![[r#"
            kept     Source: bid
            kept     WatermarkAssigner[1]
            kept     Source: auction
            kept     Join[4]; what it reads has changed, so it holds results of both queries
            kept     Sink: two
        "#]],
    );
}

#[test]
fn a_join_of_a_table_with_itself() {
    let join = |condition: &str| {
        format!(
            "INSERT INTO two SELECT x.auction, y.bidder FROM bid x JOIN bid y
               ON x.auction = y.auction {condition};"
        )
    };
    check(
        &join(""),
        &join("WHERE x.bidder <> 7"),
        expect![[r#"
            LOST     Source: bid: the query reads this table in fewer places than before
            dropped  WatermarkAssigner[1]: it begins anew with the first rows
            LOST     Join[4]: columns kept of the left [auction BIGINT, ts TIMESTAMP(3)] became [auction BIGINT, bidder BIGINT, ts TIMESTAMP(3)] (in Join[3])
            kept     Source: bid
            kept     WatermarkAssigner[1], was WatermarkAssigner[3]
            empty    Join[3]: starts without state
            kept     Sink: two
            refused: the query has changed, and this state of it would be lost:
              Source: bid: the query reads this table in fewer places than before
              Join[4]: columns kept of the left [auction BIGINT, ts TIMESTAMP(3)] became [auction BIGINT, bidder BIGINT, ts TIMESTAMP(3)] (in Join[3])
            Undo the change, or go on without that state: --allowNonRestoredState ('execution.state-recovery.ignore-unclaimed-state' = 'true')
        "#]],
    );
}

#[test]
fn windows() {
    let window = |size: &str, what: &str| {
        format!(
            "INSERT INTO two SELECT auction, {what} FROM
               TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '{size}' SECOND))
               GROUP BY auction, window_start, window_end;"
        )
    };
    check(
        &window("10", "COUNT(*)"),
        &window("20", "COUNT(*)"),
        expect![[r#"
            LOST     WindowAggregate[3]: window [TUMBLE of 10000 ms, offset 0 ms, on ts TIMESTAMP(3), no zone] became [TUMBLE of 20000 ms, offset 0 ms, on ts TIMESTAMP(3), no zone]
            kept     Source: bid
            kept     WatermarkAssigner[1]
            empty    WindowAggregate[3]: starts without state
            kept     Sink: two
            refused: the query has changed, and this state of it would be lost:
              WindowAggregate[3]: window [TUMBLE of 10000 ms, offset 0 ms, on ts TIMESTAMP(3), no zone] became [TUMBLE of 20000 ms, offset 0 ms, on ts TIMESTAMP(3), no zone]
            Undo the change, or go on without that state: --allowNonRestoredState ('execution.state-recovery.ignore-unclaimed-state' = 'true')
        "#]],
    );
    check(
        &window("10", "COUNT(*)"),
        &window("10", "COUNT(*) * 2"),
        expect![[r#"
        kept     Source: bid
        kept     WatermarkAssigner[1]
        kept     WindowAggregate[3]
        kept     Sink: two
    "#]],
    );
}

#[test]
fn top_n() {
    let top = |order: &str, end: u32, columns: &str| {
        format!(
            "INSERT INTO two SELECT auction, price FROM (SELECT {columns}, ROW_NUMBER() OVER
               (PARTITION BY auction ORDER BY {order} DESC) AS r FROM bid) WHERE r <= {end};"
        )
    };
    let old = top("price", 3, "auction, price, bidder");
    check(
        &old,
        &top("price", 5, "auction, price, bidder"),
        expect![[r#"
            LOST     Rank[2]: ranks [RowNumber 1 to 3] became [RowNumber 1 to 5]
            kept     Source: bid
            kept     WatermarkAssigner[1]
            empty    Rank[2]: starts without state
            kept     Sink: two
            refused: the query has changed, and this state of it would be lost:
              Rank[2]: ranks [RowNumber 1 to 3] became [RowNumber 1 to 5]
            Undo the change, or go on without that state: --allowNonRestoredState ('execution.state-recovery.ignore-unclaimed-state' = 'true')
        "#]],
    );
    check(
        &old,
        &top("bidder", 3, "auction, price, bidder"),
        expect![[r#"
            LOST     Rank[2]: ORDER BY [price BIGINT DESC NULLS LAST] became [bidder BIGINT DESC NULLS LAST]; columns of the rows kept [auction BIGINT, price BIGINT, ts TIMESTAMP(3)] became [auction BIGINT, bidder BIGINT, price BIGINT, ts TIMESTAMP(3)]
            kept     Source: bid
            kept     WatermarkAssigner[1]
            empty    Rank[2]: starts without state
            kept     Sink: two
            refused: the query has changed, and this state of it would be lost:
              Rank[2]: ORDER BY [price BIGINT DESC NULLS LAST] became [bidder BIGINT DESC NULLS LAST]; columns of the rows kept [auction BIGINT, price BIGINT, ts TIMESTAMP(3)] became [auction BIGINT, bidder BIGINT, price BIGINT, ts TIMESTAMP(3)]
            Undo the change, or go on without that state: --allowNonRestoredState ('execution.state-recovery.ignore-unclaimed-state' = 'true')
        "#]],
    );
    check(
        &old,
        &old.replace("auction, price FROM", "auction, price + 1 FROM"),
        expect![[r#"
        kept     Source: bid
        kept     WatermarkAssigner[1]
        kept     Rank[2]
        kept     Sink: two
    "#]],
    );
}

#[test]
fn tables_of_other_places_and_names() {
    let with = |options: &str| COUNTS.replace("bid", &format!("bid /*+ OPTIONS({options}) */"));
    check(
        COUNTS,
        &with("'path' = '/in/bids'"),
        expect![[r#"
        LOST     Source: bid: table [files, path '/in/bid'] became [files, path '/in/bids']
        empty    Source: bid: starts without state
        kept     WatermarkAssigner[1]; what it reads has changed, so it holds results of both queries
        kept     GroupAggregate[3]; what it reads has changed, so it holds results of both queries
        kept     Sink: two
        refused: the query has changed, and this state of it would be lost:
          Source: bid: table [files, path '/in/bid'] became [files, path '/in/bids']
        Undo the change, or go on without that state: --allowNonRestoredState ('execution.state-recovery.ignore-unclaimed-state' = 'true')
    "#]],
    );
    let same = "'path' = 'file:///in/bid/', 'source.monitor-interval' = '1 s'";
    check(
        COUNTS,
        &with(same),
        expect![[r#"
        kept     Source: bid
        kept     WatermarkAssigner[1]
        kept     GroupAggregate[3]
        kept     Sink: two
    "#]],
    );
    check(
        COUNTS,
        &COUNTS.replace("two", "other"),
        expect![[r#"
        dropped  Sink: two: the query does not write this table any more; output that was prepared and not committed stays invisible
        kept     Source: bid
        kept     WatermarkAssigner[1]
        kept     GroupAggregate[3]
        empty    Sink: other: starts without state
    "#]],
    );
}

#[test]
fn normalised_changes_and_sinks_by_key() {
    let sink = |condition: &str| {
        format!(
            "INSERT INTO keyed SELECT COUNT(*), id FROM person {condition} GROUP BY id
               ON CONFLICT DO DEDUPLICATE;"
        )
    };
    check(
        &sink(""),
        &sink("WHERE name <> 'x'"),
        expect![[r#"
            LOST     ChangelogNormalize[1]: columns of the rows kept [id BIGINT] became [id BIGINT, name STRING]
            kept     Source: person
            empty    ChangelogNormalize[1]: starts without state
            kept     GroupAggregate[3], was GroupAggregate[2]; what it reads has changed, so it holds results of both queries
            kept     Sink: keyed
            refused: the query has changed, and this state of it would be lost:
              ChangelogNormalize[1]: columns of the rows kept [id BIGINT] became [id BIGINT, name STRING]
            Undo the change, or go on without that state: --allowNonRestoredState ('execution.state-recovery.ignore-unclaimed-state' = 'true')
        "#]],
    );
}

#[test]
fn what_cannot_be_told_apart() {
    let set = |one: u32, two: u32| {
        format!(
            "EXECUTE STATEMENT SET BEGIN
               INSERT INTO two SELECT auction, COUNT(*) FROM bid WHERE price > {one}
                 GROUP BY auction;
               INSERT INTO two SELECT auction, COUNT(*) FROM bid WHERE price > {two}
                 GROUP BY auction;
             END;"
        )
    };
    check(
        &set(1, 2),
        &set(3, 4),
        expect![[r#"
            LOST     GroupAggregate[3]: it could be that of GroupAggregate[3], GroupAggregate[6], and so could that of GroupAggregate[6]: too much has changed around them to tell; change the query in smaller steps, with a savepoint after each
            LOST     GroupAggregate[6]: it could be that of GroupAggregate[3], GroupAggregate[6], and so could that of GroupAggregate[3]: too much has changed around them to tell; change the query in smaller steps, with a savepoint after each
            kept     Source: bid
            kept     WatermarkAssigner[1]
            empty    GroupAggregate[3]: starts without state
            kept     Sink: two
            empty    GroupAggregate[6]: starts without state
            kept     Sink: two
            refused: the query has changed, and this state of it would be lost:
              GroupAggregate[3]: it could be that of GroupAggregate[3], GroupAggregate[6], and so could that of GroupAggregate[6]: too much has changed around them to tell; change the query in smaller steps, with a savepoint after each
              GroupAggregate[6]: it could be that of GroupAggregate[3], GroupAggregate[6], and so could that of GroupAggregate[3]: too much has changed around them to tell; change the query in smaller steps, with a savepoint after each
            Undo the change, or go on without that state: --allowNonRestoredState ('execution.state-recovery.ignore-unclaimed-state' = 'true')
        "#]],
    );
    check(
        &set(1, 2),
        &set(2, 3),
        expect![[r#"
        kept     Source: bid
        kept     WatermarkAssigner[1]
        kept     GroupAggregate[3], was GroupAggregate[6]
        kept     Sink: two
        kept     GroupAggregate[6], was GroupAggregate[3]; what it reads has changed, so it holds results of both queries
        kept     Sink: two
    "#]],
    );
    check(
        &set(1, 2),
        &set(1, 3),
        expect![[r#"
        kept     Source: bid
        kept     WatermarkAssigner[1]
        kept     GroupAggregate[3]
        kept     Sink: two
        kept     GroupAggregate[6]; what it reads has changed, so it holds results of both queries
        kept     Sink: two
    "#]],
    );
    check(
        &set(1, 2),
        &set(2, 1),
        expect![[r#"
        kept     Source: bid
        kept     WatermarkAssigner[1]
        kept     GroupAggregate[3], was GroupAggregate[6]
        kept     Sink: two
        kept     GroupAggregate[6], was GroupAggregate[3]
        kept     Sink: two
    "#]],
    );
}

#[test]
fn equal_parts_do_not_collide() {
    let union = |extra: &str| {
        format!(
            "INSERT INTO three SELECT x.auction, x.n, y.n FROM
               (SELECT auction, COUNT(*) AS n FROM bid GROUP BY auction) x JOIN
               (SELECT auction, COUNT(*) AS n FROM bid GROUP BY auction) y
               ON x.auction = y.auction {extra};"
        )
    };
    check(
        &union(""),
        &union("WHERE x.n > 1"),
        expect![[r#"
            kept     Source: bid
            kept     WatermarkAssigner[1]
            kept     GroupAggregate[3]
            kept     GroupAggregate[5], was GroupAggregate[3]
            kept     Join[6], was Join[4]; what it reads has changed, so it holds results of both queries
            kept     Sink: three
        "#]],
    );
}

#[test]
fn another_query() {
    check(
        COUNTS,
        "INSERT INTO other SELECT id, seller FROM auction;",
        expect![[r#"
            LOST     Source: bid: table [files, path '/in/bid'] became [files, path '/in/auction'] (in Source: auction)
            dropped  WatermarkAssigner[1]: it begins anew with the first rows
            LOST     GroupAggregate[3]: the query has no such operator any more
            dropped  Sink: two: the query does not write this table any more; output that was prepared and not committed stays invisible
            empty    Source: auction: starts without state
            empty    Sink: other: starts without state
            refused: the query has changed, and this state of it would be lost:
              Source: bid: table [files, path '/in/bid'] became [files, path '/in/auction'] (in Source: auction)
              GroupAggregate[3]: the query has no such operator any more
            Undo the change, or go on without that state: --allowNonRestoredState ('execution.state-recovery.ignore-unclaimed-state' = 'true')
        "#]],
    );
    check(
        "SELECT auction, COUNT(*) FROM bid GROUP BY auction;",
        COUNTS,
        expect![[r#"
        kept     Source: bid
        kept     WatermarkAssigner[1]
        kept     GroupAggregate[3]
        empty    Sink: two: starts without state
    "#]],
    );
}
