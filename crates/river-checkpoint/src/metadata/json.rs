//! JSON of metadata. A plan's expressions may be thousands of levels deep, so the work is done on a
//! stack of its own, and text that is deeper than any plan is refused before it is parsed.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// Levels of objects and lists. An expression level has about four; chains of 2000 operators and
/// 200 levels of parentheses are the most that the front end takes.
const MAX_DEPTH: usize = 50_000;

/// Stack for a small tree, and more for each level: measured generously, in an unoptimised build.
const BASE_STACK: usize = 8 << 20;
const STACK_PER_LEVEL: usize = 8 << 10;

pub(super) fn to_vec<T: Serialize + Sync>(value: &T) -> Result<Vec<u8>> {
    // How deep the tree is is not known yet. Only touched pages of a stack take memory.
    let stack = BASE_STACK + MAX_DEPTH * STACK_PER_LEVEL;
    with_stack(stack, || serde_json::to_vec(value))?
        .map_err(|error| Error::internal(format!("metadata cannot be written: {error}")))
}

pub(super) fn from_slice<T: DeserializeOwned + Send>(text: &[u8], file: &str) -> Result<T> {
    let depth = depth(text);
    if depth > MAX_DEPTH {
        return Err(Error::damaged(file, format!("nested {depth} levels deep")));
    }
    with_stack(BASE_STACK + depth * STACK_PER_LEVEL, || {
        let mut parser = serde_json::Deserializer::from_slice(text);
        parser.disable_recursion_limit();
        let value = T::deserialize(&mut parser)?;
        parser.end().map(|()| value)
    })?
    .map_err(|error| Error::damaged(file, format!("its content is not as expected: {error}")))
}

/// Deepest nesting of brackets outside of strings.
fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let mut in_string = false;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                bytes.next();
            }
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn with_stack<T: Send>(stack: usize, work: impl FnOnce() -> T + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("metadata".to_owned())
            .stack_size(stack)
            .spawn_scoped(scope, work)
            .map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?;
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
