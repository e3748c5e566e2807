//! The plan as text: Flink's tree of an optimized plan with changelog modes
//! (`RelTreeWriterImpl`, `EXPLAIN CHANGELOG_MODE`), each sink with its inputs below it.
//!
//! For `EXPLAIN`, `river explain` and tests; nothing reads it back. What is told of each operator
//! is in `attributes`, expressions are in `expression`. Exchanges are edges of the plan and lines
//! of the text. A node with several readers is written once and referred to after that.

use std::collections::BTreeMap;
use std::fmt;

use super::{Edge, Exchange, Node, Plan};

mod attributes;
pub(super) mod expression;
#[cfg(test)]
mod tests;

pub(super) use attributes::columns;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut readers = vec![0usize; self.nodes.len()];
        for edge in self.nodes.iter().flat_map(|node| &node.inputs) {
            if let Some(count) = readers.get_mut(edge.node) {
                *count += 1;
            }
        }
        let roots: Vec<&Node> =
            self.nodes.iter().filter(|n| readers.get(n.id) == Some(&0)).collect();
        let mut tree = Tree { plan: self, readers, references: BTreeMap::new() };
        for (i, root) in roots.into_iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            tree.node(f, root, "", "")?;
        }
        Ok(())
    }
}

/// What is known while the tree is written.
struct Tree<'a> {
    plan: &'a Plan,
    /// How many inputs each node is.
    readers: Vec<usize>,
    /// Numbers of the shared nodes written so far, by node id.
    references: BTreeMap<usize, usize>,
}

impl Tree<'_> {
    /// Writes a node behind `first`, and what is below it behind `rest`.
    fn node(
        &mut self,
        f: &mut fmt::Formatter<'_>,
        node: &Node,
        first: &str,
        rest: &str,
    ) -> fmt::Result {
        if let Some(reference) = self.references.get(&node.id) {
            return writeln!(f, "{first}Reused(reference_id=[{reference}])");
        }
        let inputs: Vec<&Node> =
            node.inputs.iter().filter_map(|edge| self.plan.nodes.get(edge.node)).collect();
        write!(f, "{first}{}", attributes::describe(node, &inputs))?;
        if self.readers.get(node.id).is_some_and(|count| *count > 1) {
            let reference = self.references.len() + 1;
            self.references.insert(node.id, reference);
            write!(f, "(reuse_id=[{reference}])")?;
        }
        writeln!(f)?;
        for (i, (edge, input)) in node.inputs.iter().zip(inputs).enumerate() {
            let (fork, line) =
                if i + 1 == node.inputs.len() { ("+- ", "   ") } else { (":- ", ":  ") };
            self.input(f, edge, input, &format!("{rest}{fork}"), &format!("{rest}{line}"))?;
        }
        Ok(())
    }

    fn input(
        &mut self,
        f: &mut fmt::Formatter<'_>,
        edge: &Edge,
        input: &Node,
        first: &str,
        rest: &str,
    ) -> fmt::Result {
        let Some(distribution) = distribution(&edge.exchange, input) else {
            return self.node(f, input, first, rest);
        };
        writeln!(
            f,
            "{first}Exchange(distribution=[{distribution}], changelogMode={})",
            input.changelog
        )?;
        self.node(f, input, &format!("{rest}+- "), &format!("{rest}   "))
    }
}

/// How rows are spread; `None`: they stay where they are.
fn distribution(exchange: &Exchange, input: &Node) -> Option<String> {
    Some(match exchange {
        Exchange::Forward => return None,
        Exchange::Hash(columns) => {
            format!("hash[{}]", attributes::pick(&attributes::columns(input), columns))
        }
        Exchange::Single => "single".to_owned(),
        Exchange::Rebalance => "rebalance".to_owned(),
        Exchange::Broadcast => "broadcast".to_owned(),
    })
}
