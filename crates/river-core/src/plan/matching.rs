//! Which operator of a new plan takes the state of which operator of an old one.
//!
//! Asked before a job goes on from a checkpoint or savepoint that another version of its script may
//! have made; the answer is a [`Matching`], which the driver follows and the user reads. Nothing is
//! guessed: state goes to an operator for which it means the same ([`identity`]), found by what it
//! reads and where its rows go ([`pairing`]); where two places are equally good, both are named and
//! none is taken. There are no ids hashed from the query (Flink's generated `uid`s): an added
//! column would change them, and equal parts of a query would collide.
//!
//! Must never read state, nor depend on the order of statements.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::name::node_name;
use super::{Operator, Plan};

mod context;
mod identity;
mod lineage;
mod pairing;
mod reason;

/// What becomes of the state of an old plan in a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matching {
    /// Every node of the new plan that keeps state.
    pub new: Vec<NewState>,
    /// Every node of the old plan that keeps state.
    pub old: Vec<OldState>,
    /// New nodes of any kind, with the old node that does the same to rows of the same columns
    /// from the same inputs. Batches in flight belong to these only.
    pub unchanged: BTreeMap<usize, usize>,
}

/// A node of the new plan that keeps state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewState {
    /// Its id.
    pub node: usize,
    /// Its name.
    pub name: String,
    /// The old node whose state it takes; `None`: it starts empty. Several take a copy each of the
    /// state of one node that did for all of them.
    pub from: Option<usize>,
    /// What it reads is not what the old one read, so the state is of both queries.
    pub mixed: bool,
}

/// A node of the old plan that keeps state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldState {
    /// Its id.
    pub node: usize,
    /// Its name.
    pub name: String,
    /// What becomes of its state.
    pub fate: Fate,
}

/// What becomes of state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// This new node takes it.
    Kept(usize),
    /// No new node takes it, and results would be wrong without.
    Lost {
        /// Why, in words for the user.
        reason: String,
    },
    /// No new node takes it, and none needs it: the newest watermark, or what belonged to sinks
    /// that are gone.
    Dropped {
        /// Why, in words for the user.
        reason: String,
    },
}

/// Matches the operators of two plans.
pub fn match_plans(old: &Plan, new: &Plan) -> Matching {
    let (old, new) = context::sides(old, new);
    let from = if old.plan.nodes == new.plan.nodes {
        new.stateful().map(|node| (node, node)).collect()
    } else {
        pairing::pair(&old, &new)
    };
    let to: BTreeMap<usize, usize> = from.iter().rev().map(|(new, old)| (*old, *new)).collect();
    let new_state = |node: usize| NewState {
        node,
        name: node_name(&new.plan.nodes[node]),
        from: from.get(&node).copied(),
        mixed: from.get(&node).is_some_and(|from| {
            let sink = matches!(new.plan.nodes[node].operator, Operator::Sink(_));
            !sink && old.logic[*from] != new.logic[node]
        }),
    };
    let old_state = |node: usize| OldState {
        node,
        name: node_name(&old.plan.nodes[node]),
        fate: match to.get(&node) {
            Some(to) => Fate::Kept(*to),
            None => reason::fate(&old, &new, node, &from),
        },
    };
    Matching {
        new: new.stateful().map(new_state).collect(),
        old: old.stateful().map(old_state).collect(),
        unchanged: context::unchanged(old.plan, new.plan),
    }
}

impl Matching {
    /// For each new node that takes state, the old node it takes it from.
    pub fn taken(&self) -> BTreeMap<usize, usize> {
        self.new.iter().filter_map(|state| Some((state.node, state.from?))).collect()
    }

    /// Whether several new nodes take a copy of the same state.
    pub fn has_copies(&self) -> bool {
        let taken = self.taken();
        let distinct: BTreeSet<&usize> = taken.values().collect();
        distinct.len() < taken.len()
    }

    /// State that would be lost, with the reason.
    pub fn lost(&self) -> impl Iterator<Item = (&OldState, &str)> {
        self.old.iter().filter_map(|state| match &state.fate {
            Fate::Lost { reason } => Some((state, reason.as_str())),
            _ => None,
        })
    }

    /// Why the new plan must not go on from the old state unless the user allows the loss; `None`
    /// if nothing would be lost.
    pub fn refusal(&self) -> Option<String> {
        let lost: Vec<String> =
            self.lost().map(|(state, reason)| format!("  {}: {reason}", state.name)).collect();
        if lost.is_empty() {
            return None;
        }
        Some(format!(
            "the query has changed, and this state of it would be lost:\n{}\nUndo the change, or \
             go on without that state: --allowNonRestoredState \
             ('execution.state-recovery.ignore-unclaimed-state' = 'true')",
            lost.join("\n")
        ))
    }

    fn old_name(&self, node: usize) -> &str {
        self.old.iter().find(|state| state.node == node).map_or("?", |state| &state.name)
    }
}

impl fmt::Display for Matching {
    /// The report: a line for each operator with state, what would be lost first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for state in &self.old {
            match &state.fate {
                Fate::Lost { reason } => writeln!(f, "LOST     {}: {reason}", state.name)?,
                Fate::Dropped { reason } => writeln!(f, "dropped  {}: {reason}", state.name)?,
                Fate::Kept(_) => {}
            }
        }
        for state in &self.new {
            let Some(from) = state.from else {
                writeln!(f, "empty    {}: starts without state", state.name)?;
                continue;
            };
            write!(f, "kept     {}", state.name)?;
            let from = self.old_name(from);
            if from != state.name {
                write!(f, ", was {from}")?;
            }
            if state.mixed {
                f.write_str("; what it reads has changed, so it holds results of both queries")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
