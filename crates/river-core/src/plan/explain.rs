//! The plan as text, in the form of Flink's optimized plan with changelog modes.

use std::fmt;

use super::Plan;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in &self.nodes {
            writeln!(f, "{}: {:?} {}", node.id, node.operator, node.changelog)?;
        }
        Ok(())
    }
}
