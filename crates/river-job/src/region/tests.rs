use river_runtime::graph::VertexEdge;

use super::*;

/// A graph of vertices with their parallelism and inputs, and the first tasks of these.
fn graph(vertices: &[(u32, &[(usize, Exchange)])]) -> (Graph, Vec<TaskId>) {
    let mut first_task = vec![0];
    for (parallelism, _) in vertices {
        first_task.push(first_task[first_task.len() - 1] + *parallelism as usize);
    }
    let edge = |(vertex, exchange): &(usize, Exchange)| {
        vec![VertexEdge { vertex: *vertex, exchange: exchange.clone() }]
    };
    let vertex = |(parallelism, inputs): &(u32, &[(usize, Exchange)])| Vertex {
        name: String::new(),
        nodes: Vec::new(),
        parallelism: *parallelism,
        inputs: inputs.iter().map(edge).collect(),
    };
    (Graph { vertices: vertices.iter().map(vertex).collect() }, first_task)
}

fn tasks(regions: &Regions) -> &[Vec<TaskId>] {
    &regions.tasks
}

#[test]
fn pipelines_without_a_common_vertex_are_regions() {
    let (graph, first) = graph(&[
        (2, &[]),
        (1, &[]),
        (2, &[(0, Exchange::Hash(vec![0]))]),
        (2, &[(1, Exchange::Rebalance)]),
    ]);
    let regions = Regions::connected(&graph, &first, |_| false);
    assert_eq!(tasks(&regions), [vec![0, 1, 3, 4], vec![2, 5, 6]]);
    assert_eq!((regions.count(), regions.of_task(4), regions.of_task(5)), (2, 0, 1));
}

#[test]
fn forward_edges_connect_subtask_by_subtask() {
    let (graph, first) = graph(&[(3, &[]), (3, &[(0, Exchange::Forward)])]);
    let regions = Regions::connected(&graph, &first, |_| false);
    assert_eq!(tasks(&regions), [vec![0, 3], vec![1, 4], vec![2, 5]]);
    // A table that wants its subtasks together.
    let regions = Regions::connected(&graph, &first, |vertex| vertex.inputs.is_empty());
    assert_eq!(tasks(&regions), [vec![0, 1, 2, 3, 4, 5]]);
}

#[test]
fn all_that_meets_anywhere_is_one_region() {
    let join = [(0, Exchange::Hash(vec![0])), (1, Exchange::Forward)];
    let (graph, first) =
        graph(&[(2, &[]), (2, &[]), (2, &join), (1, &[]), (2, &[(2, Exchange::Forward)])]);
    let regions = Regions::connected(&graph, &first, |_| false);
    assert_eq!(tasks(&regions), [vec![0, 1, 2, 3, 4, 5, 7, 8], vec![6]]);
    assert_eq!(tasks(&Regions::one(3)), [vec![0, 1, 2]]);
}
