//! Plans as text. Plans of real scripts are checked where scripts are planned.

use expect_test::{Expect, expect};

use crate::options::Options;
use crate::plan::*;
use crate::{ChangelogMode, DataType, Expr, Field, LogicalType, RowKind, Value};

fn check(nodes: Vec<Node>, expected: Expect) {
    let plan = Plan { version: PLAN_VERSION, name: "t".into(), nodes, options: Options::new() };
    expected.assert_eq(&plan.to_string());
}

fn bigint() -> DataType {
    LogicalType::BigInt.nullable()
}

fn field(name: &str) -> Field {
    Field::new(name, bigint())
}

fn table(columns: &[&str], projection: &[usize]) -> Operator {
    Operator::Source(TableRef {
        name: "default_catalog.default_database.bids".into(),
        options: Options::new(),
        physical: columns.iter().map(|name| field(name)).collect(),
        metadata: Vec::new(),
        projection: projection.to_vec(),
        used_fields: vec![None; projection.len()],
        partition_keys: Vec::new(),
        primary_key: Vec::new(),
    })
}

fn sink(name: &str, columns: &[&str]) -> Operator {
    Operator::Sink(SinkSpec {
        name: name.into(),
        options: Options::new(),
        columns: columns.iter().map(|name| field(name)).collect(),
        partition_keys: Vec::new(),
        overwrite: false,
        primary_key: Vec::new(),
        upsert_materialize: None,
        not_null: NotNullEnforcer::Error,
        trim_pad: false,
    })
}

fn node(
    id: usize,
    operator: Operator,
    inputs: &[(usize, Exchange)],
    columns: &[&str],
    changelog: ChangelogMode,
) -> Node {
    Node {
        id,
        inputs: inputs.iter().map(|(node, e)| Edge { node: *node, exchange: e.clone() }).collect(),
        operator,
        schema: columns.iter().map(|name| field(name)).collect(),
        changelog,
        keys: Vec::new(),
        parallelism: None,
        state_ttl_ms: 0,
    }
}

fn count(name: &str) -> AggregateCall {
    AggregateCall {
        function: "COUNT".into(),
        args: Vec::new(),
        distinct: false,
        filter: None,
        ty: bigint(),
        name: name.into(),
    }
}

/// `price > 10`
fn condition() -> Expr {
    let ten = Expr::literal(Value::Int64(10), LogicalType::BigInt.not_null());
    Expr::call(">", vec![Expr::column(1, bigint()), ten], LogicalType::Boolean.nullable())
}

#[test]
fn a_grouping_with_its_exchange() {
    let updates =
        ChangelogMode::of(&[RowKind::Insert, RowKind::UpdateBefore, RowKind::UpdateAfter]);
    let calc = Operator::Calc {
        condition: Some(condition()),
        projection: vec![Expr::column(0, bigint())],
    };
    let grouping = Operator::GroupAggregate {
        keys: vec![0],
        calls: vec![count("n")],
        emit_update_before: true,
        mini_batch: false,
    };
    check(
        vec![
            node(
                0,
                table(&["id", "auction", "price"], &[1, 2]),
                &[],
                &["auction", "price"],
                ChangelogMode::APPEND,
            ),
            node(1, calc, &[(0, Exchange::Forward)], &["auction"], ChangelogMode::APPEND),
            node(2, grouping, &[(1, Exchange::Hash(vec![0]))], &["auction", "n"], updates),
            node(3, sink("out", &["auction", "n"]), &[(2, Exchange::Forward)], &[], updates),
        ],
        expect![[r#"
            Sink(table=[out], fields=[auction, n], changelogMode=[NONE])
            +- GroupAggregate(groupBy=[auction], select=[auction, COUNT(*) AS n], changelogMode=[I,UB,UA])
               +- Exchange(distribution=[hash[auction]], changelogMode=[I])
                  +- Calc(select=[auction], where=[>(price, 10:BIGINT)], changelogMode=[I])
                     +- TableSourceScan(table=[[default_catalog, default_database, bids, project=[auction, price], metadata=[]]], fields=[auction, price], changelogMode=[I])
        "#]],
    );
}

#[test]
fn a_shared_table_is_written_once_and_a_join_names_both_sides() {
    let keys = JoinKeys { left: vec![0], right: vec![0], null_safe: vec![false] };
    let join = Operator::Join {
        kind: JoinKind::Left,
        keys,
        condition: None,
        left_unique: None,
        right_unique: Some(vec![0]),
        ttl_ms: (0, 0),
    };
    let hash = || Exchange::Hash(vec![0]);
    let retract = ChangelogMode::RETRACT;
    check(
        vec![
            node(0, table(&["id", "v"], &[0, 1]), &[], &["id", "v"], ChangelogMode::APPEND),
            node(1, join, &[(0, hash()), (0, hash())], &["id", "v", "id", "v"], retract),
            node(2, sink("a", &["id", "v"]), &[(1, Exchange::Forward)], &[], retract),
            node(3, sink("b", &["id", "v"]), &[(0, Exchange::Single)], &[], retract),
        ],
        expect![[r#"
            Sink(table=[a], fields=[id, v], changelogMode=[NONE])
            +- Join(joinType=[LeftOuterJoin], where=[=(id, id0)], select=[id, v, id0, v0], leftInputSpec=[NoUniqueKey], rightInputSpec=[JoinKeyContainsUniqueKey], changelogMode=[I,UB,UA,D])
               :- Exchange(distribution=[hash[id]], changelogMode=[I])
               :  +- TableSourceScan(table=[[default_catalog, default_database, bids]], fields=[id, v], changelogMode=[I])(reuse_id=[1])
               +- Exchange(distribution=[hash[id]], changelogMode=[I])
                  +- Reused(reference_id=[1])

            Sink(table=[b], fields=[id, v], changelogMode=[NONE])
            +- Exchange(distribution=[single], changelogMode=[I])
               +- Reused(reference_id=[1])
        "#]],
    );
}

#[test]
fn windows_and_orders() {
    let window = Window {
        kind: WindowKind::Hop { slide: 2_000, size: 90_000, offset: 500 },
        time: WindowTime::Rowtime(1),
        zone: None,
    };
    let aggregate = Operator::WindowAggregate {
        window,
        keys: vec![0],
        calls: vec![count("n")],
        properties: vec![WindowProperty::Start, WindowProperty::End],
    };
    let key = |column, descending, nulls_first| SortKey { column, descending, nulls_first };
    let rank = Operator::Rank {
        function: RankFunction::RowNumber,
        partition: vec![2],
        order: vec![key(1, true, false), key(0, false, false)],
        start: 1,
        end: 3,
        output_rank: false,
        strategy: RankStrategy::UpdateFast(vec![0, 2]),
        emit_update_before: true,
    };
    let columns = &["k", "n", "ws", "we"];
    let (append, retract) = (ChangelogMode::APPEND, ChangelogMode::RETRACT);
    check(
        vec![
            node(0, table(&["k", "at"], &[0, 1]), &[], &["k", "at"], append),
            node(1, aggregate, &[(0, Exchange::Single)], columns, append),
            node(2, rank, &[(1, Exchange::Hash(vec![2]))], columns, retract),
        ],
        expect![[r#"
            Rank(strategy=[UpdateFastStrategy[0,2]], rankType=[ROW_NUMBER], rankRange=[rankStart=1, rankEnd=3], partitionBy=[ws], orderBy=[n DESC, k ASC NULLS LAST], select=[k, n, ws, we], changelogMode=[I,UB,UA,D])
            +- Exchange(distribution=[hash[ws]], changelogMode=[I])
               +- WindowAggregate(groupBy=[k], window=[HOP(time_col=[at], size=[90 s], slide=[2 s], offset=[500 ms])], select=[k, COUNT(*) AS n, start('w$) AS ws, end('w$) AS we], changelogMode=[I])
                  +- Exchange(distribution=[single], changelogMode=[I])
                     +- TableSourceScan(table=[[default_catalog, default_database, bids]], fields=[k, at], changelogMode=[I])
        "#]],
    );
}

#[test]
fn literals_say_their_types() {
    let literals = [
        (Value::Int32(1), LogicalType::Int),
        (Value::Int64(-5), LogicalType::BigInt),
        (Value::Decimal(-1175), LogicalType::Decimal(4, 3)),
        (Value::Decimal(5), LogicalType::Decimal(3, 3)),
        (Value::string("it's"), LogicalType::Char(4)),
        (Value::string("a"), LogicalType::STRING),
        (Value::Int32(19_782), LogicalType::Date),
        (Value::Int32(-719_529), LogicalType::Date),
        (Value::Int64(1_709_210_096_789), LogicalType::timestamp(3)),
        (Value::Int64(-1), LogicalType::timestamp(6)),
        (Value::Int64(2_000), LogicalType::IntervalDayTime),
        (Value::Null, LogicalType::BigInt),
    ];
    let text: Vec<String> = literals
        .into_iter()
        .map(|(value, ty)| super::expression::literal(&value, &ty.nullable()) + "\n")
        .collect();
    expect![[r#"
        1
        -5:BIGINT
        -1.175:DECIMAL(4, 3)
        0.005:DECIMAL(3, 3)
        'it''s'
        'a':STRING
        2024-02-29
        -001-12-31
        2024-02-29 12:34:56.789:TIMESTAMP(3)
        1969-12-31 23:59:59.999999:TIMESTAMP(6)
        2000:INTERVAL SECOND
        null:BIGINT
    "#]]
    .assert_eq(&text.concat());
}
