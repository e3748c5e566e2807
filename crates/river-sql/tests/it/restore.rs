//! Edits of scripts, and what each leaves of the state of the script before it.

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
    let forth: Vec<(usize, usize)> = matching.taken().into_iter().collect();
    let back: Vec<(usize, usize)> =
        match_plans(&new, &old).taken().into_iter().map(|(new, old)| (old, new)).collect();
    assert_eq!(forth, {
        let mut back = back;
        back.sort_unstable();
        back
    });
}

const COUNTS: &str = "INSERT INTO two SELECT auction, COUNT(*) FROM bid GROUP BY auction;";

#[test]
fn names_of_results() {
    check(
        COUNTS,
        "INSERT INTO two SELECT auction AS id, COUNT(*) AS n FROM bid GROUP BY auction;",
        expect![[""]],
    );
}

#[test]
fn a_filter_above() {
    check(
        COUNTS,
        "INSERT INTO two SELECT auction, COUNT(*) + 1 FROM bid GROUP BY auction
           HAVING COUNT(*) > 3;",
        expect![[""]],
    );
}

#[test]
fn a_filter_below() {
    check(
        COUNTS,
        "INSERT INTO two SELECT auction, COUNT(*) FROM bid WHERE price > 10 GROUP BY auction;",
        expect![[""]],
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
        expect![[""]],
    );
}

#[test]
fn another_column_of_the_source() {
    check(
        "INSERT INTO two SELECT auction, SUM(price) FROM bid GROUP BY auction;",
        "INSERT INTO two SELECT auction, SUM(price) FROM bid WHERE channel <> 'x'
           GROUP BY auction;",
        expect![[""]],
    );
}

#[test]
fn an_added_sink_a_removed_sink_and_another_order() {
    let set = |inserts: &[&str]| format!("EXECUTE STATEMENT SET BEGIN {} END;", inserts.join(" "));
    let by_bidder = "INSERT INTO other SELECT bidder, COUNT(*) FROM bid GROUP BY bidder;";
    check(&set(&[COUNTS]), &set(&[by_bidder, COUNTS]), expect![[""]]);
    check(&set(&[COUNTS, by_bidder]), &set(&[by_bidder, COUNTS]), expect![[""]]);
    let same = "INSERT INTO other SELECT auction, COUNT(*) FROM bid GROUP BY auction;";
    check(&set(&[COUNTS, same]), &set(&[COUNTS]), expect![[""]]);
    check(&set(&[COUNTS, by_bidder]), &set(&[COUNTS]), expect![[""]]);
    check(&set(&[COUNTS, by_bidder]), &set(&[by_bidder]), expect![[""]]);
}

#[test]
fn another_key() {
    check(
        COUNTS,
        "INSERT INTO two SELECT bidder, COUNT(*) FROM bid GROUP BY bidder;",
        expect![[""]],
    );
    check(
        "INSERT INTO two SELECT k, COUNT(*) FROM (SELECT auction AS k FROM bid) GROUP BY k;",
        "INSERT INTO two SELECT k, COUNT(*) FROM (SELECT bidder AS k FROM bid) GROUP BY k;",
        expect![[""]],
    );
}

#[test]
fn another_aggregate() {
    let sum =
        |what: &str| format!("INSERT INTO two SELECT auction, {what} FROM bid GROUP BY auction;");
    check(&sum("SUM(price)"), &sum("MAX(price)"), expect![[""]]);
    check(&sum("SUM(price * 2)"), &sum("SUM(price * 3)"), expect![[""]]);
    check(&sum("SUM(price)"), &sum("SUM(DISTINCT price)"), expect![[""]]);
    check(
        &sum("COUNT(*) FILTER (WHERE price > 1)"),
        &sum("COUNT(*) FILTER (WHERE price > 2)"),
        expect![[""]],
    );
}

#[test]
fn joins() {
    let join = |what: &str, on: &str, left: &str| {
        format!("INSERT INTO two SELECT {what} FROM ({left}) b JOIN auction a ON {on};")
    };
    let all = "SELECT auction, bidder, price FROM bid";
    let old = join("b.auction, a.seller", "b.auction = a.id", all);
    check(&old, &join("b.auction, a.seller + 1", "b.auction = a.id", all), expect![[""]]);
    check(&old, &join("b.auction, a.seller", "b.bidder = a.id", all), expect![[""]]);
    check(&old, &join("b.auction, a.category", "b.auction = a.id", all), expect![[""]]);
    check(&old, &old.replace("JOIN", "LEFT JOIN"), expect![[""]]);
    check(
        &old,
        &join("b.auction, a.seller", "b.auction = a.id", &format!("{all} WHERE price > 5")),
        expect![[""]],
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
    check(&join(""), &join("WHERE x.bidder <> 7"), expect![[""]]);
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
    check(&window("10", "COUNT(*)"), &window("20", "COUNT(*)"), expect![[""]]);
    check(&window("10", "COUNT(*)"), &window("10", "COUNT(*) * 2"), expect![[""]]);
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
    check(&old, &top("price", 5, "auction, price, bidder"), expect![[""]]);
    check(&old, &top("bidder", 3, "auction, price, bidder"), expect![[""]]);
    check(&old, &old.replace("auction, price FROM", "auction, price + 1 FROM"), expect![[""]]);
}

#[test]
fn tables_of_other_places_and_names() {
    check(COUNTS, &format!("ALTER TABLE bid SET ('path' = '/in/bids'); {COUNTS}"), expect![[""]]);
    check(
        COUNTS,
        &format!(
            "ALTER TABLE bid SET ('path' = 'file:///in/bid/', 'source.monitor-interval' = '1 s');
             {COUNTS}"
        ),
        expect![[""]],
    );
    check(COUNTS, &COUNTS.replace("two", "other"), expect![[""]]);
}

#[test]
fn normalised_changes_and_sinks_by_key() {
    let sink = |condition: &str| {
        format!(
            "INSERT INTO keyed SELECT COUNT(*), id FROM person {condition} GROUP BY id
               ON CONFLICT DO DEDUPLICATE;"
        )
    };
    check(&sink(""), &sink("WHERE name <> 'x'"), expect![[""]]);
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
    check(&set(1, 2), &set(3, 4), expect![[""]]);
    check(&set(1, 2), &set(2, 3), expect![[""]]);
    check(&set(1, 2), &set(2, 1), expect![[""]]);
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
    check(&union(""), &union("WHERE x.n > 1"), expect![[""]]);
}

#[test]
fn another_query() {
    check(COUNTS, "INSERT INTO other SELECT id, seller FROM auction;", expect![[""]]);
    check("SELECT auction, COUNT(*) FROM bid GROUP BY auction;", COUNTS, expect![[""]]);
}
