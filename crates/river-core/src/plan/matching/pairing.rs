//! Finds for each new node with state the old node it takes it from, where several could.
//!
//! Candidates have the same identity. The more two of them have in common around them, the higher
//! their [`Score`]; a pair is made where each is the other's only best, the best pairs first. Every
//! pair makes its neighbours better known, so this goes on until nothing changes. What is exactly
//! alike, input and output, is paired by order of occurrence. Other ties stay unpaired.

use std::collections::BTreeMap;

use super::context::Side;
use crate::plan::{Operator, Plan};

/// What two nodes that could exchange state have in common; what comes first weighs most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    /// Their rows have gone through the same.
    same_logic: bool,
    /// Their rows end in the same tables.
    same_ends: bool,
    /// Nodes before them that are paired with each other.
    paired_above: usize,
    /// Nodes behind them that are paired with each other.
    paired_below: usize,
    /// Their rows end in some same table.
    common_end: bool,
    /// The table they read or write has the same name.
    same_name: bool,
    /// They are the same to the last option.
    same_operator: bool,
}

/// New node to old node.
pub fn pair(old: &Side<'_>, new: &Side<'_>) -> BTreeMap<usize, usize> {
    let mut pairing = Pairing { old, new, from: BTreeMap::new(), open: Vec::new() };
    for node in new.stateful() {
        let fits = old.stateful().filter(|from| old.can_exchange(*from, new, node));
        pairing.open.push((node, fits.collect()));
    }
    while pairing.round() {}
    pairing.from
}

/// Old nodes that could have given their state to `node`, none of which was better than another.
pub fn candidates(
    old: &Side<'_>,
    new: &Side<'_>,
    from: &BTreeMap<usize, usize>,
    node: usize,
) -> Vec<usize> {
    let taken: Vec<usize> = from.values().copied().collect();
    let pairing = Pairing { old, new, from: from.clone(), open: Vec::new() };
    let fits = old.stateful().filter(|candidate| {
        !taken.contains(candidate)
            && old.can_exchange(*candidate, new, node)
            && pairing.score(*candidate, node).is_some()
    });
    fits.collect()
}

struct Pairing<'a> {
    old: &'a Side<'a>,
    new: &'a Side<'a>,
    /// Pairs made, new to old.
    from: BTreeMap<usize, usize>,
    /// New nodes without a pair, with the old ones that fit and are free.
    open: Vec<(usize, Vec<usize>)>,
}

/// The best of several, and whether there is no other as good.
#[derive(Clone, Copy)]
struct Best {
    score: Score,
    node: usize,
    only: bool,
}

fn better(best: &mut Option<Best>, score: Score, node: usize) {
    match best {
        Some(known) if known.score > score => {}
        Some(known) if known.score == score => known.only = false,
        _ => *best = Some(Best { score, node, only: true }),
    }
}

impl Pairing<'_> {
    /// Makes the pairs that are clearest now; `false` if there are none.
    fn round(&mut self) -> bool {
        let mut of_new: BTreeMap<usize, Option<Best>> = BTreeMap::new();
        let mut of_old: BTreeMap<usize, Option<Best>> = BTreeMap::new();
        for (node, fits) in &self.open {
            for candidate in fits {
                if let Some(score) = self.score(*candidate, *node) {
                    better(of_new.entry(*node).or_default(), score, *candidate);
                    better(of_old.entry(*candidate).or_default(), score, *node);
                }
            }
        }
        let mutual = of_new.iter().filter_map(|(node, best)| {
            let best = best.filter(|best| best.only)?;
            let back = of_old.get(&best.node).copied().flatten()?;
            (back.only && back.node == *node).then_some((best.score, *node, best.node))
        });
        let mutual: Vec<(Score, usize, usize)> = mutual.collect();
        let pairs = match mutual.iter().map(|(score, ..)| *score).max() {
            Some(most) => mutual.into_iter().filter(|(score, ..)| *score == most).collect(),
            None => self.alike(&of_new).into_iter().collect::<Vec<_>>(),
        };
        for (_, node, from) in &pairs {
            self.from.insert(*node, *from);
            self.open.retain(|(open, _)| open != node);
            self.open.iter_mut().for_each(|(_, fits)| fits.retain(|fit| fit != from));
        }
        !pairs.is_empty()
    }

    /// The first of several that are as good: they are exactly alike, or it does not matter which
    /// is taken.
    fn alike(&self, best: &BTreeMap<usize, Option<Best>>) -> Option<(Score, usize, usize)> {
        let exact = |node: &usize, best: &Best| {
            let source = matches!(self.new.plan.nodes[*node].operator, Operator::Source(_));
            let same = best.score.same_logic && best.score.same_ends;
            same && (best.score.same_operator || !source)
        };
        let free = |node: &usize, _: &Best| {
            self.new.identity[*node].as_ref().is_some_and(|identity| !identity.needed)
        };
        let pick = |wanted: &dyn Fn(&usize, &Best) -> bool| {
            let known = best.iter().filter_map(|(node, best)| Some((node, (*best)?)));
            let mut wanted = known.filter(|(node, best)| wanted(node, best));
            wanted.next().map(|(node, best)| (best.score, *node, best.node))
        };
        pick(&exact).or_else(|| pick(&free))
    }

    /// What an old and a new node have in common; `None` if that is not enough.
    fn score(&self, old: usize, new: usize) -> Option<Score> {
        let (old_ends, new_ends) = (&self.old.ends[old], &self.new.ends[new]);
        let paired = |olds: &[usize], news: &[usize]| {
            let is_paired =
                |node: &&usize| self.from.get(*node).is_some_and(|from| olds.contains(from));
            news.iter().filter(is_paired).count()
        };
        let name = table_name(self.new.plan, new);
        let score = Score {
            same_logic: self.old.logic[old] == self.new.logic[new],
            same_ends: old_ends == new_ends,
            paired_above: paired(&self.old.above[old], &self.new.above[new]),
            paired_below: paired(&self.old.below[old], &self.new.below[new]),
            common_end: !old_ends.is_disjoint(new_ends),
            same_name: name.is_some() && name == table_name(self.old.plan, old),
            same_operator: self.old.plan.nodes[old].operator == self.new.plan.nodes[new].operator,
        };
        // A table is known by itself, another operator by what it reads or where its rows go.
        let known = name.is_some() || score.same_logic || score.common_end;
        known.then_some(score)
    }
}

fn table_name(plan: &Plan, node: usize) -> Option<&str> {
    match &plan.nodes[node].operator {
        Operator::Source(table) => Some(&table.name),
        Operator::Sink(spec) => Some(&spec.name),
        _ => None,
    }
}
