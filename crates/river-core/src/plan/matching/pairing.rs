//! Finds for each new node with state the old node it takes it from, where several could.
//!
//! Candidates have the same identity. The more two of them have in common around them, the higher
//! their [`Score`]; a pair is made where each is the other's only best, the best pairs first. Every
//! pair makes its neighbours better known, so this goes on until nothing changes. What is exactly
//! alike, input and output, is paired by order of occurrence. Other ties stay unpaired, but for
//! nodes that can do without their state.
//!
//! Where one old node has become several that do the same, each takes a copy.

use std::collections::{BTreeMap, BTreeSet};

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
    let mut pairing = Pairing::new(old, new, BTreeMap::new());
    for node in new.stateful() {
        let fits = old.stateful().filter(|from| old.can_exchange(*from, new, node));
        pairing.open.push((node, fits.collect()));
    }
    while pairing.round() {}
    while pairing.share() {}
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
    let pairing = Pairing::new(old, new, from.clone());
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
    /// New nodes whose pair is any of several: they say nothing about their neighbours.
    arbitrary: BTreeSet<usize>,
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

impl<'a> Pairing<'a> {
    fn new(old: &'a Side<'a>, new: &'a Side<'a>, from: BTreeMap<usize, usize>) -> Pairing<'a> {
        Pairing { old, new, from, open: Vec::new(), arbitrary: BTreeSet::new() }
    }

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
            None => self.alike(&of_new).or_else(|| self.any(&of_new)).into_iter().collect(),
        };
        let pairs: Vec<(Score, usize, usize)> = pairs;
        for (_, node, from) in &pairs {
            self.from.insert(*node, *from);
            self.open.retain(|(open, _)| open != node);
            self.open.iter_mut().for_each(|(_, fits)| fits.retain(|fit| fit != from));
        }
        !pairs.is_empty()
    }

    /// The first of several that are exactly alike.
    fn alike(&self, best: &BTreeMap<usize, Option<Best>>) -> Option<(Score, usize, usize)> {
        let exact = |node: usize, score: Score| {
            let source = matches!(self.new.plan.nodes[node].operator, Operator::Source(_));
            score.same_logic && score.same_ends && (score.same_operator || !source)
        };
        let known = best.iter().filter_map(|(node, best)| Some((*node, (*best)?)));
        let mut alike = known.filter(|(node, best)| exact(*node, best.score));
        alike.next().map(|(node, best)| (best.score, node, best.node))
    }

    /// The first of several where it does not matter which is taken.
    fn any(&mut self, best: &BTreeMap<usize, Option<Best>>) -> Option<(Score, usize, usize)> {
        let spare =
            |node: usize| self.new.identity[node].as_ref().is_some_and(|state| !state.needed);
        let mut known = best.iter().filter_map(|(node, best)| Some((*node, (*best)?)));
        let (node, best) = known.find(|(node, _)| spare(*node))?;
        // Who gets what is left then is as arbitrary.
        let rivals = self.open.iter().filter(|(_, fits)| fits.contains(&best.node));
        self.arbitrary.extend(rivals.map(|(rival, _)| *rival));
        Some((best.score, node, best.node))
    }

    /// Gives copies of state to nodes that do what an old node has done, for nodes that got it from
    /// there; `false` if there are none.
    fn share(&mut self) -> bool {
        let (old, new) = (self.old, self.new);
        let giver = |node: usize| {
            let readers = new.below[node].iter().filter_map(|reader| self.from.get(reader));
            let givers = readers.flat_map(|reader| &old.above[*reader]).copied();
            let mut fits = givers.filter(|giver| {
                old.can_exchange(*giver, new, node) && old.logic[*giver] == new.logic[node]
            });
            fits.next()
        };
        let sink = |node: usize| matches!(new.plan.nodes[node].operator, Operator::Sink(_));
        let open = self.open.iter().map(|(node, _)| *node).filter(|node| !sink(*node));
        let copies: Vec<(usize, usize)> =
            open.filter_map(|node| Some((node, giver(node)?))).collect();
        self.open.retain(|(node, _)| copies.iter().all(|(copy, _)| copy != node));
        let any = !copies.is_empty();
        self.from.extend(copies);
        any
    }

    /// What an old and a new node have in common; `None` if that is not enough.
    fn score(&self, old: usize, new: usize) -> Option<Score> {
        let (old_ends, new_ends) = (&self.old.ends[old], &self.new.ends[new]);
        let paired = |olds: &[usize], news: &[usize]| {
            let is_paired = |node: &&usize| {
                let from = self.from.get(*node).filter(|_| !self.arbitrary.contains(*node));
                from.is_some_and(|from| olds.contains(from))
            };
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
