//! The output edges of a task: every batch goes to all of them.

use std::sync::Arc;

use super::coalesce::{Coalescer, LONGEST_HOLD_MS};
use super::{Element, InputQueue, Outcome, Partitioner};
use crate::Batch;
use crate::checkpoint::Barrier;
use crate::metrics::TaskMetrics;

/// A channel of a consumer's subtask.
#[derive(Debug, Clone)]
pub struct Target {
    /// The consumer's queue.
    pub queue: Arc<InputQueue>,
    /// The channel that is ours.
    pub channel: usize,
}

/// One edge to a consumer.
#[derive(Debug)]
struct Edge {
    partitioner: Partitioner,
    targets: Vec<(Target, Coalescer)>,
}

/// All edges of a task.
#[derive(Debug)]
pub struct Outputs {
    edges: Vec<Edge>,
    metrics: Arc<TaskMetrics>,
    /// Room for the pieces of a batch, used again.
    pieces: Vec<(usize, Batch)>,
    /// Since when something has been held back, wall clock in milliseconds.
    held_since_ms: Option<i64>,
    idle: bool,
}

impl Outputs {
    /// No edges yet. Waiting for room is counted in `metrics`.
    pub fn new(metrics: Arc<TaskMetrics>) -> Outputs {
        let (edges, pieces) = (Vec::new(), Vec::new());
        Outputs { edges, metrics, pieces, held_since_ms: None, idle: false }
    }

    /// Adds an edge.
    pub fn add(&mut self, partitioner: Partitioner, targets: Vec<Target>) {
        let targets = targets.into_iter().map(|target| (target, Coalescer::default())).collect();
        self.edges.push(Edge { partitioner, targets });
    }

    /// Sends a batch to every edge; waits where there is no room.
    pub fn emit(&mut self, batch: Batch) -> Outcome<()> {
        self.set_idle(false)?;
        let Some((last, others)) = self.edges.split_last_mut() else { return Ok(()) };
        for edge in others {
            edge.emit(batch.clone(), &mut self.pieces, &self.metrics)?;
        }
        last.emit(batch, &mut self.pieces, &self.metrics)
    }

    /// Sends what has been held back for too long at that wall-clock time.
    pub fn tick(&mut self, now_ms: i64) -> Outcome<()> {
        let mut targets = self.edges.iter().flat_map(|edge| &edge.targets);
        let holding = targets.any(|(_, coalescer)| coalescer.is_holding());
        match self.held_since_ms {
            _ if !holding => self.held_since_ms = None,
            None => self.held_since_ms = Some(now_ms),
            Some(since) if now_ms - since >= LONGEST_HOLD_MS => self.flush()?,
            Some(_) => {}
        }
        Ok(())
    }

    /// Sends everything held back.
    pub fn flush(&mut self) -> Outcome<()> {
        self.held_since_ms = None;
        for edge in &mut self.edges {
            for (target, coalescer) in &mut edge.targets {
                if let Some(batch) = coalescer.flush()? {
                    target.send(Element::Batch(batch), &self.metrics)?;
                }
            }
        }
        Ok(())
    }

    /// Says whether consumers are to wait for our watermark.
    pub fn set_idle(&mut self, idle: bool) -> Outcome<()> {
        if idle == self.idle {
            return Ok(());
        }
        self.idle = idle;
        self.send_to_all(|| if idle { Element::Idle } else { Element::Active })
    }

    /// Sends what is held back and then a barrier, on every channel. Never waits.
    pub fn barrier(&mut self, barrier: Barrier) -> Outcome<()> {
        self.held_since_ms = None;
        for (target, coalescer) in self.edges.iter_mut().flat_map(|edge| &mut edge.targets) {
            let held = coalescer.flush()?;
            target.queue.send_barrier(target.channel, held, barrier)?;
        }
        Ok(())
    }

    /// Sends what is held back, and that nothing follows.
    pub fn end(&mut self) -> Outcome<()> {
        self.send_to_all(|| Element::End)
    }

    fn send_to_all(&mut self, element: impl Fn() -> Element) -> Outcome<()> {
        self.flush()?;
        for (target, _) in self.edges.iter().flat_map(|edge| &edge.targets) {
            target.send(element(), &self.metrics)?;
        }
        Ok(())
    }
}

impl Edge {
    fn emit(
        &mut self,
        batch: Batch,
        pieces: &mut Vec<(usize, Batch)>,
        metrics: &TaskMetrics,
    ) -> Outcome<()> {
        self.partitioner.split(batch, self.targets.len(), pieces)?;
        for (number, piece) in pieces.drain(..) {
            let (target, coalescer) = &mut self.targets[number];
            for batch in coalescer.add(piece)?.into_iter().flatten() {
                target.send(Element::Batch(batch), metrics)?;
            }
        }
        Ok(())
    }
}

impl Target {
    fn send(&self, element: Element, metrics: &TaskMetrics) -> Outcome<()> {
        self.queue.send(self.channel, element, metrics)
    }
}
