//! Whole subtrees, in the orders of `ZKUtil`.

use std::collections::VecDeque;

use keeper_client::{Client, Result};
use zk_wire::error_code::ErrorCode;

/// Below a path.
pub(super) fn below(path: &str, name: &str) -> String {
    if path == "/" { format!("/{name}") } else { format!("{path}/{name}") }
}

/// Names of children; of a node that has gone meanwhile none.
async fn children(client: &Client, path: &str, watch: bool) -> Result<Vec<String>> {
    match client.children(path, watch).await {
        Ok((names, _)) => Ok(names),
        Err(error) if error.is(ErrorCode::NoNode) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// A node and all below it, children before grandchildren (`visitSubTreeDFS`): what comes next is
/// asked for as it goes, so that large trees take little memory.
pub(super) struct DepthFirst<'c> {
    client: &'c Client,
    watch: bool,
    /// Nodes to hand out.
    ready: VecDeque<String>,
    /// Nodes whose children are still to be asked for, the next last.
    unasked: Vec<String>,
}

impl<'c> DepthFirst<'c> {
    /// Begins with a node, which must be there.
    pub async fn new(client: &'c Client, path: &str, watch: bool) -> Result<Self> {
        client.get(path, watch).await?;
        let path = path.to_owned();
        Ok(Self { client, watch, ready: VecDeque::from([path.clone()]), unasked: vec![path] })
    }

    /// The next node.
    pub async fn next(&mut self) -> Result<Option<String>> {
        loop {
            if let Some(path) = self.ready.pop_front() {
                return Ok(Some(path));
            }
            let Some(parent) = self.unasked.pop() else { return Ok(None) };
            let names = children(self.client, &parent, self.watch).await?;
            self.ready.extend(names.iter().map(|name| below(&parent, name)));
            self.unasked.extend(names.iter().rev().map(|name| below(&parent, name)));
        }
    }
}

/// A node and all below it, parents first (`listSubTreeBFS`).
pub(super) async fn breadth_first(client: &Client, path: &str) -> Result<Vec<String>> {
    let mut found = vec![path.to_owned()];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at].clone();
        let (names, _) = client.children(&parent, false).await?;
        found.extend(names.iter().map(|name| below(&parent, name)));
        at += 1;
    }
    Ok(found)
}
