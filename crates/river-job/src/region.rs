//! Regions: which tasks restart together (Flink's `SchedulingPipelinedRegionComputeUtil`).
//!
//! A failed task cannot take back rows that others have had of it, nor ask for rows again. So all
//! that it is connected to by edges goes back to the checkpoint with it, and nothing else does:
//! regions are the connected parts of the graph of tasks. Between subtasks of one number a
//! `Forward` edge connects just these; every other exchange connects all subtasks of both
//! vertices.
//!
//! Pure; made once for a job.

use river_core::checkpoint::TaskId;
use river_core::plan::Exchange;
use river_runtime::graph::{Graph, Vertex};

#[cfg(test)]
mod tests;

/// The regions of a job.
#[derive(Debug, PartialEq, Eq)]
pub struct Regions {
    /// The region of each task.
    of_task: Vec<usize>,
    /// The tasks of each region, in order.
    tasks: Vec<Vec<TaskId>>,
}

impl Regions {
    /// The connected parts of a graph whose vertices have their first tasks at `first_task`.
    /// `is_whole` says that the subtasks of a vertex are connected by something else than edges.
    pub fn connected(
        graph: &Graph,
        first_task: &[TaskId],
        is_whole: impl Fn(&Vertex) -> bool,
    ) -> Regions {
        let tasks = |vertex: usize| {
            let first = first_task[vertex];
            first..first + graph.vertices[vertex].parallelism as usize
        };
        let count = (0..graph.vertices.len()).map(|vertex| tasks(vertex).end).max().unwrap_or(0);
        let mut parts = Parts((0..count).collect());
        for (number, vertex) in graph.vertices.iter().enumerate() {
            if is_whole(vertex) {
                tasks(number).for_each(|task| parts.join(first_task[number], task));
            }
            for edge in vertex.inputs.iter().flatten() {
                if edge.exchange == Exchange::Forward {
                    tasks(edge.vertex).zip(tasks(number)).for_each(|(a, b)| parts.join(a, b));
                    continue;
                }
                let all = tasks(edge.vertex).chain(tasks(number));
                all.for_each(|task| parts.join(first_task[number], task));
            }
        }
        Regions::of(count, |task| parts.root(task))
    }

    /// All tasks are one region.
    pub fn one(tasks: usize) -> Regions {
        Regions::of(tasks, |_| 0)
    }

    /// Regions numbered by their first tasks; those of a region have the same `key`.
    fn of(count: usize, mut key: impl FnMut(TaskId) -> TaskId) -> Regions {
        let mut number_of = vec![None; count];
        let mut tasks: Vec<Vec<TaskId>> = Vec::new();
        let mut of_task = Vec::with_capacity(count);
        for task in 0..count {
            let region = *number_of[key(task)].get_or_insert(tasks.len());
            if region == tasks.len() {
                tasks.push(Vec::new());
            }
            tasks[region].push(task);
            of_task.push(region);
        }
        Regions { of_task, tasks }
    }

    /// Number of regions.
    pub fn count(&self) -> usize {
        self.tasks.len()
    }

    /// The region of a task.
    pub fn of_task(&self, task: TaskId) -> usize {
        self.of_task[task]
    }

    /// The tasks of a region, in order.
    pub fn tasks(&self, region: usize) -> &[TaskId] {
        &self.tasks[region]
    }
}

/// Disjoint sets of tasks: each task's parent in its tree, a root's being itself.
struct Parts(Vec<TaskId>);

impl Parts {
    fn root(&mut self, mut task: TaskId) -> TaskId {
        while self.0[task] != task {
            self.0[task] = self.0[self.0[task]];
            task = self.0[task];
        }
        task
    }

    fn join(&mut self, a: TaskId, b: TaskId) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }
}
