//! placeholder, grows with the planner
/// A plan.
pub struct Plan;
