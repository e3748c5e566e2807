//! What the tab key finds: verbs in the first place, paths behind them.

use std::time::Duration;

use keeper_client::Client;
use rustyline::completion::{Completer, Pair};
use rustyline::{Context, Helper, Highlighter, Hinter, Validator};
use tokio::runtime::Handle;

use super::verbs;
use super::walk::below;

/// A server that takes longer completes nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// Completes verbs by their names and paths by asking the server.
#[derive(Helper, Highlighter, Hinter, Validator)]
pub(super) struct Verbs {
    client: Client,
    runtime: Handle,
}

impl Verbs {
    pub fn new(client: Client, runtime: Handle) -> Self {
        Self { client, runtime }
    }

    fn children(&self, path: &str) -> Vec<String> {
        if !self.client.state().is_alive() {
            return Vec::new();
        }
        let asked = tokio::time::timeout(PATIENCE, self.client.children(path, false));
        match self.runtime.block_on(asked) {
            Ok(Ok((names, _))) => names,
            _ => Vec::new(),
        }
    }
}

impl Completer for Verbs {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, word) = last_word(&line[..position]);
        let found = match split_path(word) {
            Some((parent, begun)) => paths(&parent, begun, self.children(&parent)),
            None if start == line.len() - line.trim_start().len() => {
                let names = verbs::names().into_iter().map(|(name, _)| name);
                names.filter(|name| name.starts_with(word)).map(|name| format!("{name} ")).collect()
            }
            None => Vec::new(),
        };
        let pair = |text: String| Pair { display: text.trim_end().to_owned(), replacement: text };
        Ok((start, found.into_iter().map(pair).collect()))
    }
}

/// The word before the cursor, and where it begins.
pub(super) fn last_word(line: &str) -> (usize, &str) {
    let start = line.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    (start, &line[start..])
}

/// The node whose children complete a path, and the begin of the child's name.
pub(super) fn split_path(word: &str) -> Option<(String, &str)> {
    let (parent, begun) = word.rsplit_once('/').filter(|_| word.starts_with('/'))?;
    Some((if parent.is_empty() { "/".to_owned() } else { parent.to_owned() }, begun))
}

/// Paths of the children that begin so.
pub(super) fn paths(parent: &str, begun: &str, names: Vec<String>) -> Vec<String> {
    let fitting = names.into_iter().filter(|name| name.starts_with(begun));
    fitting.map(|name| below(parent, &name)).collect()
}
