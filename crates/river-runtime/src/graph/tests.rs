use river_core::ChangelogMode;
use river_core::plan::{Edge, PLAN_VERSION};

use super::*;

/// Operator, inputs, parallelism.
type TestNode = (Operator, Vec<(usize, Exchange)>, Option<u32>);

fn plan(nodes: Vec<TestNode>) -> Plan {
    let node = |(id, (operator, inputs, parallelism)): (usize, TestNode)| Node {
        id,
        inputs: inputs.into_iter().map(|(node, exchange)| Edge { node, exchange }).collect(),
        operator,
        schema: Vec::new(),
        changelog: ChangelogMode::APPEND,
        keys: Vec::new(),
        parallelism,
        state_ttl_ms: 0,
    };
    let nodes = nodes.into_iter().enumerate().map(node).collect();
    Plan { version: PLAN_VERSION, name: "test".to_owned(), nodes, options: Options::new() }
}

fn values() -> Operator {
    Operator::Values { rows: Vec::new() }
}

fn calc() -> Operator {
    Operator::Calc { condition: None, projection: Vec::new() }
}

fn show(plan: &Plan, options: &GraphOptions) -> String {
    let graph = Graph::new(plan, options, |_| None).unwrap();
    let vertices = graph.vertices.iter().enumerate();
    vertices
        .map(|(i, v)| {
            let edge = |e: &VertexEdge| format!("{}:{:?}", e.vertex, e.exchange);
            let input = |edges: &Vec<VertexEdge>| {
                format!("({})", edges.iter().map(edge).collect::<Vec<_>>().join(" "))
            };
            let inputs: String = v.inputs.iter().map(input).collect();
            format!("{i} x{} {} {inputs}\n", v.parallelism, v.name)
        })
        .collect()
}

use Exchange::{Forward, Hash, Single};

#[test]
fn forward_edges_of_one_consumer_are_chained() {
    let plan = plan(vec![
        (values(), vec![], Some(2)),
        (calc(), vec![(0, Forward)], None),
        (calc(), vec![(1, Forward)], None),
        (Operator::SingleRow, vec![(2, Single)], None),
        (calc(), vec![(3, Forward)], None),
    ]);
    let two = GraphOptions { parallelism: 2, ..GraphOptions::default() };
    expect_test::expect![[r#"
        0 x2 Values[0] -> Calc[1] -> Calc[2] 
        1 x1 SingleRow[3] -> Calc[4] (0:Single)
    "#]]
    .assert_eq(&show(&plan, &two));
    let apart = GraphOptions { chaining: false, ..two };
    expect_test::expect![[r#"
        0 x2 Values[0] 
        1 x2 Calc[1] (0:Forward)
        2 x2 Calc[2] (1:Forward)
        3 x1 SingleRow[3] (2:Single)
        4 x1 Calc[4] (3:Forward)
    "#]]
    .assert_eq(&show(&plan, &apart));
}

#[test]
fn a_node_with_two_consumers_ends_its_chain_and_other_parallelism_is_rebalanced() {
    let plan = plan(vec![
        (values(), vec![], Some(2)),
        (calc(), vec![(0, Forward)], None),
        (calc(), vec![(0, Forward)], Some(3)),
        (Operator::DropUpdateBefore, vec![(1, Hash(vec![])), (2, Hash(vec![]))], None),
    ]);
    let four = GraphOptions { parallelism: 4, ..GraphOptions::default() };
    expect_test::expect![[r#"
        0 x2 Values[0] 
        1 x2 Calc[1] (0:Forward)
        2 x3 Calc[2] (0:Rebalance)
        3 x4 DropUpdateBefore[3] (1:Hash([]))(2:Hash([]))
    "#]]
    .assert_eq(&show(&plan, &four));
}

#[test]
fn a_union_that_is_read_is_only_a_list_of_producers() {
    let plan = plan(vec![
        (values(), vec![], None),
        (values(), vec![], None),
        (Operator::Union, vec![(0, Forward), (1, Forward)], None),
        (Operator::Union, vec![(2, Forward), (0, Forward)], None),
        (calc(), vec![(3, Hash(vec![]))], None),
        (Operator::Union, vec![(4, Forward), (1, Forward)], None),
    ]);
    let two = GraphOptions { parallelism: 2, ..GraphOptions::default() };
    expect_test::expect![[r#"
        0 x1 Values[0] 
        1 x1 Values[1] 
        2 x2 Calc[4] (0:Hash([]) 1:Hash([]) 0:Hash([]))
        3 x2 Union[5] (2:Forward)(1:Rebalance)
    "#]]
    .assert_eq(&show(&plan, &two));
}

#[test]
fn a_damaged_plan_is_refused() {
    let out_of_order = plan(vec![(calc(), vec![(0, Forward)], None)]);
    let no_column = plan(vec![(values(), vec![], None), (calc(), vec![(0, Hash(vec![3]))], None)]);
    let no_input = plan(vec![(calc(), vec![], None)]);
    for plan in [out_of_order, no_column, no_input] {
        assert!(Graph::new(&plan, &GraphOptions::default(), |_| None).is_err());
    }
}

#[test]
fn options() {
    let read =
        |pairs: &[(&str, &str)]| GraphOptions::from_options(&pairs.iter().copied().collect());
    assert_eq!(read(&[]).unwrap(), GraphOptions::default());
    let both = [("parallelism.default", "3"), ("table.exec.resource.default-parallelism", "-1")];
    assert_eq!(read(&both).unwrap().parallelism, 3);
    let table = [("parallelism.default", "3"), ("table.exec.resource.default-parallelism", "2")];
    assert_eq!(read(&table).unwrap().parallelism, 2);
    expect_test::expect!["option 'parallelism.default': '0' is not a number from 1 to 32768"]
        .assert_eq(&read(&[("parallelism.default", "0")]).unwrap_err().message);
    assert!(!read(&[("pipeline.operator-chaining.enabled", "false")]).unwrap().chaining);
}
