//! Why state finds no place, in words for the user.

use std::collections::BTreeMap;

use super::Fate;
use super::context::Side;
use super::pairing;
use crate::plan::{Operator, name::node_name};

/// What becomes of the state of an old node that no new one takes.
pub fn fate(old: &Side<'_>, new: &Side<'_>, node: usize, from: &BTreeMap<usize, usize>) -> Fate {
    let needed = old.identity[node].as_ref().is_some_and(|identity| identity.needed);
    let dropped = |reason: &str| Fate::Dropped { reason: reason.to_owned() };
    if is_removed(old, new, node, from) {
        return dropped(match &old.plan.nodes[node].operator {
            Operator::Sink(_) => GONE_SINK,
            _ => "only tables that the query does not write any more came from it",
        });
    }
    if needed {
        return Fate::Lost { reason: lost(old, new, node, from) };
    }
    dropped(match &old.plan.nodes[node].operator {
        Operator::Sink(_) => GONE_SINK,
        _ => "it begins anew with the first rows",
    })
}

const GONE_SINK: &str = "the query does not write this table any more; output that was prepared \
                         and not committed stays invisible";

/// Whether a node belonged only to sinks that were taken out of the query, and nothing that could
/// be what it has become was put in.
fn is_removed(old: &Side<'_>, new: &Side<'_>, node: usize, from: &BTreeMap<usize, usize>) -> bool {
    let is_sink =
        |side: &Side<'_>, node: usize| matches!(side.plan.nodes[node].operator, Operator::Sink(_));
    let kind = |side: &Side<'_>, node: usize| side.identity[node].as_ref().map(|state| state.kind);
    let mut added = new.stateful().filter(|node| !from.contains_key(node));
    if added.any(|added| is_sink(new, added) || kind(new, added) == kind(old, node)) {
        return false;
    }
    let kept: Vec<usize> = from.values().copied().collect();
    let mut open = vec![node];
    let mut seen = vec![false; old.plan.nodes.len()];
    let mut ends = 0;
    while let Some(node) = open.pop() {
        if std::mem::replace(&mut seen[node], true) {
            continue;
        }
        match is_sink(old, node) {
            true if kept.contains(&node) => return false,
            true => ends += 1,
            false => open.extend(&old.below[node]),
        }
    }
    ends > 0
}

fn lost(old: &Side<'_>, new: &Side<'_>, node: usize, from: &BTreeMap<usize, usize>) -> String {
    let open: Vec<usize> = new.stateful().filter(|place| !from.contains_key(place)).collect();
    let equal: Vec<usize> =
        open.iter().copied().filter(|place| old.can_exchange(node, new, *place)).collect();
    let could = |place: &usize| pairing::candidates(old, new, from, *place).contains(&node);
    let places: Vec<usize> = equal.iter().copied().filter(could).collect();
    if !places.is_empty() {
        return ambiguous(old, new, node, from, &places);
    }
    if let Some(place) = equal.first() {
        return format!(
            "{} does the same, but neither is what it reads the same nor where its rows go",
            node_name(&new.plan.nodes[*place])
        );
    }
    match nearest(old, new, node, &open) {
        Some(place) => differences(old, new, node, place),
        None => {
            let elsewhere = new.stateful().any(|place| old.can_exchange(node, new, place));
            let source = matches!(old.plan.nodes[node].operator, Operator::Source(_));
            let reason = match (source, elsewhere) {
                (true, false) => "the query does not read this table any more",
                (true, true) => "the query reads this table in fewer places than before",
                (false, false) => "the query has no such operator any more",
                (false, true) => "the query does this in fewer places than before",
            };
            reason.to_owned()
        }
    }
}

/// Several places and several states fit each other.
fn ambiguous(
    old: &Side<'_>,
    new: &Side<'_>,
    node: usize,
    from: &BTreeMap<usize, usize>,
    places: &[usize],
) -> String {
    let names = |side: &Side<'_>, nodes: &[usize]| {
        let names: Vec<String> =
            nodes.iter().map(|node| node_name(&side.plan.nodes[*node])).collect();
        names.join(", ")
    };
    let rivals: Vec<usize> = pairing::candidates(old, new, from, places[0])
        .into_iter()
        .filter(|rival| *rival != node)
        .collect();
    let also = match rivals.is_empty() {
        true => String::new(),
        false => format!(", and so could that of {}", names(old, &rivals)),
    };
    format!(
        "it could be that of {}{also}: too much has changed around them to tell; change the query \
         in smaller steps, with a savepoint after each",
        names(new, places)
    )
}

/// The open new node that most looks like what an old one has become.
fn nearest(old: &Side<'_>, new: &Side<'_>, node: usize, open: &[usize]) -> Option<usize> {
    let identity = old.identity[node].as_ref()?;
    let likeness = |place: &usize| {
        let other = new.identity[*place].as_ref()?;
        let same_kind = other.kind == identity.kind;
        let common = !old.ends[node].is_disjoint(&new.ends[*place]);
        let same = identity.parts.iter().filter(|part| other.parts.contains(part)).count();
        same_kind.then_some((common, same))
    };
    let known = open.iter().filter_map(|place| Some((likeness(place)?, *place)));
    // Of several the first.
    known.rev().max_by_key(|(likeness, _)| *likeness).map(|(_, place)| place)
}

fn differences(old: &Side<'_>, new: &Side<'_>, node: usize, place: usize) -> String {
    let name = node_name(&new.plan.nodes[place]);
    let (Some(was), Some(is)) = (&old.identity[node], &new.identity[place]) else {
        return format!("{name} keeps other state");
    };
    let mut changes = Vec::new();
    for (what, before) in &was.parts {
        let after = is.parts.iter().find(|(other, _)| other == what).map(|(_, text)| text);
        if let Some(after) = after.filter(|after| *after != before) {
            changes.push(format!("{what} [{before}] became [{after}]"));
        }
    }
    let changes = changes.join("; ");
    match name == node_name(&old.plan.nodes[node]) {
        true => changes,
        false => format!("{changes} (in {name})"),
    }
}
