//! Where a node stands in its plan: what its rows have gone through, and where they go.

use std::collections::{BTreeMap, BTreeSet};

use super::identity::{self, Identity};
use super::lineage;
use crate::Expr;
use crate::plan::{Operator, Plan};

/// One of the two plans with what is known of its nodes, all by node id.
pub struct Side<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// What its state is made of; `None`: it keeps none.
    pub identity: Vec<Option<Identity>>,
    /// Nodes of both plans with the same number do the same to rows that have gone through the
    /// same, as far as state depends on it.
    pub logic: Vec<usize>,
    /// The next nodes with state from which its rows come, in order.
    pub above: Vec<Vec<usize>>,
    /// The next nodes with state to which its rows go.
    pub below: Vec<Vec<usize>>,
    /// The tables its rows end in.
    pub ends: Vec<BTreeSet<String>>,
}

/// Numbers for descriptions: the same for the same.
#[derive(Default)]
struct Numbers(BTreeMap<(String, Vec<usize>), usize>);

impl Numbers {
    fn of(&mut self, text: String, inputs: Vec<usize>) -> usize {
        let next = self.0.len();
        *self.0.entry((text, inputs)).or_insert(next)
    }
}

/// What is known of both plans.
pub fn sides<'a>(old: &'a Plan, new: &'a Plan) -> (Side<'a>, Side<'a>) {
    let mut numbers = Numbers::default();
    (Side::new(old, &mut numbers), Side::new(new, &mut numbers))
}

impl<'a> Side<'a> {
    fn new(plan: &'a Plan, numbers: &mut Numbers) -> Side<'a> {
        let count = plan.nodes.len();
        let identity: Vec<_> = (0..count).map(|node| identity::of(plan, node)).collect();
        let mut logic: Vec<usize> = Vec::with_capacity(count);
        let mut above: Vec<Vec<usize>> = Vec::with_capacity(count);
        for node in 0..count {
            let inputs = inputs(plan, node);
            let ids: Vec<usize> = inputs.iter().map(|input| logic[*input]).collect();
            let passes = identity[node].is_none() && ids.len() == 1;
            let number = match step(plan, node, identity[node].as_ref(), &inputs) {
                None if passes => ids[0],
                text => numbers.of(text.unwrap_or_default(), ids),
            };
            logic.push(number);
            let mut sources = Vec::new();
            for input in inputs {
                match identity[input] {
                    Some(_) => sources.push(input),
                    None => sources.extend(&above[input]),
                }
            }
            above.push(sources);
        }
        let below = below(&above, &identity);
        let ends = ends(plan);
        Side { plan, identity, logic, above, below, ends }
    }

    /// The nodes that keep state.
    pub fn stateful(&self) -> impl Iterator<Item = usize> {
        let nodes = self.identity.iter().enumerate();
        nodes.filter(|(_, identity)| identity.is_some()).map(|(node, _)| node)
    }

    /// Whether nodes of the two plans can exchange state.
    pub fn can_exchange(&self, node: usize, other: &Side<'_>, with: usize) -> bool {
        match (&self.identity[node], &other.identity[with]) {
            (Some(one), Some(two)) => one.kind == two.kind && one.parts == two.parts,
            _ => false,
        }
    }
}

fn inputs(plan: &Plan, node: usize) -> Vec<usize> {
    let count = plan.nodes[node].inputs.len();
    (0..count).filter_map(|number| lineage::input(plan, node, number)).collect()
}

/// What a node does to rows; `None` if they pass as they are or with other columns.
fn step(plan: &Plan, node: usize, identity: Option<&Identity>, inputs: &[usize]) -> Option<String> {
    let expr = |expr: &Expr| lineage::expression(plan, inputs, expr);
    let exprs = |list: &[Expr]| list.iter().map(expr).collect::<Vec<_>>().join(", ");
    let condition = |condition: &Option<Expr>| condition.as_ref().map(expr).unwrap_or_default();
    let text = match &plan.nodes[node].operator {
        Operator::Calc { condition: given, .. } => given.as_ref().map(expr)?,
        Operator::DropUpdateBefore => return None,
        Operator::WatermarkAssigner { watermark, .. } => expr(watermark),
        Operator::Expand { projections } => {
            projections.iter().map(|row| exprs(row)).collect::<Vec<_>>().join("; ")
        }
        Operator::Correlate { function, args, left, condition: given } => {
            format!(
                "{function}({}) {left} {}",
                exprs(args),
                given.as_ref().map(Expr::to_string).unwrap_or_default()
            )
        }
        Operator::LookupJoin { table, kind, keys, condition: given } => {
            let keys: Vec<String> =
                keys.iter().map(|(key, column)| format!("{}={column}", expr(key))).collect();
            let given = given.as_ref().map(Expr::to_string).unwrap_or_default();
            format!("{} {kind:?} {} {given}", identity::lookup(table), keys.join(", "))
        }
        Operator::WindowTableFunction { window } => identity::window(plan, node, window),
        Operator::WindowJoin { kind, condition: given, .. }
        | Operator::IntervalJoin { kind, condition: given, .. }
        | Operator::TemporalJoin { kind, condition: given, .. } => {
            format!("{kind:?} {}", condition(given))
        }
        _ => String::new(),
    };
    let kind = crate::plan::name::kind_name(&plan.nodes[node].operator);
    let state = identity.map(|identity| format!("{:?} {}", identity.parts, identity.computed));
    Some(format!("{kind} {text} {}", state.unwrap_or_default()))
}

fn below(above: &[Vec<usize>], identity: &[Option<Identity>]) -> Vec<Vec<usize>> {
    let mut below = vec![Vec::new(); above.len()];
    for (node, sources) in above.iter().enumerate() {
        if identity[node].is_some() {
            sources.iter().for_each(|source| below[*source].push(node));
        }
    }
    below
}

/// For each node the tables that its rows end in: by name, and by where they are. Rows that nobody
/// writes are the result of a query.
fn ends(plan: &Plan) -> Vec<BTreeSet<String>> {
    let mut ends = vec![BTreeSet::new(); plan.nodes.len()];
    for node in (0..plan.nodes.len()).rev() {
        if let Operator::Sink(spec) = &plan.nodes[node].operator {
            ends[node].insert(format!("name {}", spec.name));
            ends[node].insert(format!("table {}", identity::table(&spec.options, &spec.name)));
        } else if ends[node].is_empty() {
            ends[node].insert("result".to_owned());
        }
        let here = ends[node].clone();
        for input in inputs(plan, node) {
            ends[input].extend(here.iter().cloned());
        }
    }
    ends
}

/// New nodes with the old node that does exactly the same to exactly the same input.
pub fn unchanged(old: &Plan, new: &Plan) -> BTreeMap<usize, usize> {
    let mut numbers = Numbers::default();
    let mut number = |plan: &Plan| {
        let mut ids: Vec<usize> = Vec::with_capacity(plan.nodes.len());
        for (node, this) in plan.nodes.iter().enumerate() {
            let from = inputs(plan, node).iter().map(|input| ids[*input]).collect();
            let exchanges: Vec<_> = this.inputs.iter().map(|edge| &edge.exchange).collect();
            let text = format!("{:?} {:?} {exchanges:?}", this.operator, this.schema);
            ids.push(numbers.of(text, from));
        }
        ids
    };
    let (old, new) = (number(old), number(new));
    let mut free: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (node, id) in old.iter().enumerate().rev() {
        free.entry(*id).or_default().push(node);
    }
    let nodes = new.iter().enumerate();
    nodes.filter_map(|(node, id)| Some((node, free.get_mut(id)?.pop()?))).collect()
}
