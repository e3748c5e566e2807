//! JSON paths, in the dialect of Jayway JsonPath that Flink uses: `$.a.b[0]`, `$['a','b']`,
//! `[*]`, `.*`, `..name`, slices `[1:3]`, filters `[?(@.x > 1)]`, functions `length()`, `sum()` ...
//!
//! A path is *definite* if it can name one value only; an indefinite one gives the array of all it
//! finds.

use super::model::Json;

/// Most brackets, parentheses and negations of a path: reading it recurses over them.
const MAX_BRACKETS: usize = 256;

/// A compiled path.
#[derive(Debug, Clone)]
pub struct Path {
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    /// `.a`, `['a', 'b']`
    Names(Vec<String>),
    /// `[0]`, `[-1]`, `[0, 2]`
    Indices(Vec<i64>),
    /// `[from:to]`
    Slice(Option<i64>, Option<i64>),
    /// `.*`, `[*]`
    All,
    /// `..` before the next step
    Deep,
    /// `[?( .. )]`
    Filter(Condition),
    /// `.length()` and other functions at the end
    Function(String),
}

#[derive(Debug, Clone)]
enum Condition {
    Or(Box<Condition>, Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    /// `@.x`: whether it is there
    Exists(Path),
    Compare(Operand, String, Operand),
}

#[derive(Debug, Clone)]
enum Operand {
    /// `@.x`, below the current element
    Current(Path),
    Literal(Json),
}

/// Why a path gave nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum PathError {
    /// The text is no path.
    Invalid(String),
    /// A definite path names no value.
    NotFound(String),
}

impl Step {
    fn is_definite(&self) -> bool {
        match self {
            Step::Names(_) | Step::Function(_) => true,
            Step::Indices(indices) => indices.len() == 1,
            _ => false,
        }
    }
}

impl Path {
    /// Reads a path; a missing `$` is put before it.
    pub fn parse(text: &str) -> Result<Path, PathError> {
        let invalid = || PathError::Invalid(format!("Illegal JSON path '{text}'"));
        let text = text.trim();
        if text.is_empty() || text.matches(['[', '(', '!']).count() > MAX_BRACKETS {
            return Err(invalid());
        }
        let steps = match text.strip_prefix(['$', '@']) {
            Some("") => Some(Vec::new()),
            Some(rest) if rest.starts_with(['.', '[']) => parse_steps(rest),
            Some(_) => None,
            None => parse_steps(&format!(".{text}")),
        };
        Ok(Path { steps: steps.ok_or_else(invalid)? })
    }

    /// Whether the path can name one value only.
    pub fn is_definite(&self) -> bool {
        self.steps.iter().all(Step::is_definite)
    }

    /// What the path names in the document.
    pub fn read(&self, root: &Json) -> Result<Json, PathError> {
        let (function, steps) = match self.steps.split_last() {
            Some((Step::Function(name), steps)) => (Some(name), steps),
            _ => (None, self.steps.as_slice()),
        };
        let definite = steps.iter().all(Step::is_definite);
        let mut found = Vec::new();
        walk(steps, root, true, &mut found)?;
        let value = match (definite, found.len()) {
            (true, 0) => return Err(not_found()),
            (true, _) => found.swap_remove(0),
            (false, _) => Json::Array(found),
        };
        match function {
            None => Ok(value),
            Some(name) => apply_function(name, &value).ok_or_else(not_found),
        }
    }
}

fn not_found() -> PathError {
    PathError::NotFound("No results for path".to_string())
}

/// Follows the steps; `definite` tells whether all before were, in which case a value of the
/// wrong kind is an error and else it is passed over.
fn walk(
    steps: &[Step],
    value: &Json,
    definite: bool,
    found: &mut Vec<Json>,
) -> Result<(), PathError> {
    let Some((step, rest)) = steps.split_first() else {
        found.push(value.clone());
        return Ok(());
    };
    let miss = || if definite { Err(not_found()) } else { Ok(()) };
    let still = definite && step.is_definite();
    match (step, value) {
        (Step::Names(names), Json::Object(_)) if names.len() == 1 => match value.get(&names[0]) {
            Some(child) => walk(rest, child, still, found),
            None => miss(),
        },
        (Step::Names(names), Json::Object(fields)) => {
            let some = fields.iter().filter(|(k, _)| names.contains(k)).cloned().collect();
            walk(rest, &Json::Object(some), still, found)
        }
        (Step::Indices(indices), Json::Array(items)) => {
            for index in indices {
                let at = if *index < 0 { index + items.len() as i64 } else { *index };
                if let Some(child) = usize::try_from(at).ok().and_then(|at| items.get(at)) {
                    walk(rest, child, still, found)?;
                }
            }
            Ok(())
        }
        (Step::Slice(from, to), Json::Array(items)) => {
            let length = items.len() as i64;
            let place = |p: i64| (if p < 0 { p + length } else { p }).clamp(0, length) as usize;
            let (from, to) = (place(from.unwrap_or(0)), place(to.unwrap_or(length)));
            for child in items.iter().take(to).skip(from) {
                walk(rest, child, false, found)?;
            }
            Ok(())
        }
        (Step::All, Json::Array(items)) => {
            items.iter().try_for_each(|child| walk(rest, child, false, found))
        }
        (Step::All, Json::Object(fields)) => {
            fields.iter().try_for_each(|(_, child)| walk(rest, child, false, found))
        }
        (Step::All, _) => Ok(()),
        (Step::Deep, _) => walk_deep(rest, value, found),
        (Step::Filter(condition), Json::Array(items)) => {
            for child in items.iter().filter(|child| holds(condition, child)) {
                walk(rest, child, false, found)?;
            }
            Ok(())
        }
        (Step::Filter(condition), Json::Object(_)) => {
            if holds(condition, value) {
                walk(rest, value, false, found)
            } else {
                Ok(())
            }
        }
        _ => miss(),
    }
}

/// The steps applied to the value itself, then to each of its children, and so on down.
fn walk_deep(steps: &[Step], value: &Json, found: &mut Vec<Json>) -> Result<(), PathError> {
    walk(steps, value, false, found)?;
    match value {
        Json::Array(items) => items.iter().try_for_each(|child| walk_deep(steps, child, found)),
        Json::Object(fields) => {
            fields.iter().try_for_each(|(_, child)| walk_deep(steps, child, found))
        }
        _ => Ok(()),
    }
}

fn apply_function(name: &str, value: &Json) -> Option<Json> {
    let numbers = || -> Option<Vec<f64>> {
        let Json::Array(items) = value else { return None };
        let numbers = items.iter().filter_map(|i| match i {
            Json::Number(text) => text.parse().ok(),
            _ => None,
        });
        Some(numbers.collect())
    };
    let double = |v: f64| Json::Number(crate::function::java_text::double(v));
    Some(match name {
        "length" | "size" => Json::Number(match value {
            Json::Array(items) => items.len().to_string(),
            Json::Object(fields) => fields.len().to_string(),
            Json::String(s) => s.encode_utf16().count().to_string(),
            _ => return None,
        }),
        "keys" => match value {
            Json::Object(fields) => {
                Json::Array(fields.iter().map(|(k, _)| Json::String(k.clone())).collect())
            }
            _ => return None,
        },
        "sum" => double(numbers()?.iter().sum()),
        "min" => double(numbers()?.into_iter().reduce(f64::min)?),
        "max" => double(numbers()?.into_iter().reduce(f64::max)?),
        "avg" => {
            let numbers = numbers()?;
            if numbers.is_empty() {
                return None;
            }
            double(numbers.iter().sum::<f64>() / numbers.len() as f64)
        }
        _ => return None,
    })
}

fn holds(condition: &Condition, current: &Json) -> bool {
    match condition {
        Condition::Or(a, b) => holds(a, current) || holds(b, current),
        Condition::And(a, b) => holds(a, current) && holds(b, current),
        Condition::Not(a) => !holds(a, current),
        Condition::Exists(path) => path.read(current).is_ok(),
        Condition::Compare(left, operator, right) => {
            let value = |operand: &Operand| match operand {
                Operand::Literal(value) => Some(value.clone()),
                Operand::Current(path) => path.read(current).ok(),
            };
            match (value(left), value(right)) {
                (Some(a), Some(b)) => compare(&a, operator, &b),
                (None, Some(_)) | (Some(_), None) => operator == "!=",
                (None, None) => false,
            }
        }
    }
}

fn compare(a: &Json, operator: &str, b: &Json) -> bool {
    let number = |j: &Json| match j {
        Json::Number(text) => text.parse::<f64>().ok(),
        _ => None,
    };
    let order = match (number(a), number(b), a, b) {
        (Some(x), Some(y), _, _) => x.partial_cmp(&y),
        (_, _, Json::String(x), Json::String(y)) => Some(x.cmp(y)),
        _ => None,
    };
    let equal = order.map_or(a == b, |o| o.is_eq());
    match operator {
        "==" => equal,
        "!=" => !equal,
        "<" => order.is_some_and(|o| o.is_lt()),
        "<=" => order.is_some_and(|o| o.is_le()),
        ">" => order.is_some_and(|o| o.is_gt()),
        ">=" => order.is_some_and(|o| o.is_ge()),
        _ => false,
    }
}

fn parse_steps(text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix("..") {
            steps.push(Step::Deep);
            rest = if tail.starts_with('[') { tail } else { name_step(tail, &mut steps)? };
        } else if let Some(tail) = rest.strip_prefix('.') {
            rest = name_step(tail, &mut steps)?;
        } else {
            rest = bracket_step(rest.strip_prefix('[')?, &mut steps)?;
        }
    }
    Some(steps)
}

/// `name`, `*` or `function()` after a dot.
fn name_step<'a>(text: &'a str, steps: &mut Vec<Step>) -> Option<&'a str> {
    if let Some(tail) = text.strip_prefix('*') {
        steps.push(Step::All);
        return Some(tail);
    }
    let end = text.find(['.', '[', '(']).unwrap_or(text.len());
    let (name, tail) = text.split_at(end);
    if name.is_empty() || name.contains(' ') {
        return None;
    }
    if let Some(tail) = tail.strip_prefix("()") {
        steps.push(Step::Function(name.to_string()));
        return tail.is_empty().then_some(tail);
    }
    if tail.starts_with('(') {
        return None;
    }
    steps.push(Step::Names(vec![name.to_string()]));
    Some(tail)
}

/// What stands after `[`, up to its `]`.
fn bracket_step<'a>(text: &'a str, steps: &mut Vec<Step>) -> Option<&'a str> {
    let text = text.trim_start();
    if let Some(filter) = text.strip_prefix('?') {
        let end = closing(filter)?;
        let inside = filter[..end].trim().strip_prefix('(')?.strip_suffix(')')?;
        steps.push(Step::Filter(parse_condition(inside)?));
        return Some(&filter[end + 1..]);
    }
    let end = closing(text)?;
    let (inside, tail) = (text[..end].trim(), &text[end + 1..]);
    let step = if inside == "*" {
        Step::All
    } else if inside.starts_with(['\'', '"']) {
        Step::Names(split_outside(inside, ',').into_iter().map(unquote).collect::<Option<_>>()?)
    } else if let Some((from, to)) = inside.split_once(':') {
        let bound = |t: &str| match t.trim() {
            "" => Some(None),
            number => number.parse::<i64>().ok().map(Some),
        };
        Step::Slice(bound(from)?, bound(to)?)
    } else {
        let indices = inside.split(',').map(|i| i.trim().parse().ok());
        Step::Indices(indices.collect::<Option<_>>()?)
    };
    steps.push(step);
    Some(tail)
}

/// Index of the `]` that closes, brackets and quotes inside passed over.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match (quote, c) {
            (_, '\\') => escaped = true,
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return Some(at),
            (None, ']') => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The parts between separators outside of quotes and parentheses.
fn split_outside(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut quote = None;
    let (mut start, mut depth) = (0, 0);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth -= 1,
            (None, c) if c == separator && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn unquote(text: &str) -> Option<String> {
    let text = text.trim();
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let inner = text[1..].strip_suffix(quote)?;
    let mut out = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next()? } else { c });
    }
    Some(out)
}

fn parse_condition(text: &str) -> Option<Condition> {
    let text = text.trim();
    for (sign, join) in [
        ('|', Condition::Or as fn(Box<Condition>, Box<Condition>) -> Condition),
        ('&', Condition::And),
    ] {
        let parts: Vec<&str> =
            split_outside(text, sign).into_iter().filter(|p| !p.trim().is_empty()).collect();
        if parts.len() > 1 {
            let mut conditions = parts.into_iter().map(parse_condition);
            let first = conditions.next()??;
            return conditions.try_fold(first, |a, b| Some(join(Box::new(a), Box::new(b?))));
        }
    }
    if let Some(inner) = text.strip_prefix('!').filter(|t| !t.starts_with('=')) {
        return Some(Condition::Not(Box::new(parse_condition(inner)?)));
    }
    if let Some(inner) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
        return parse_condition(inner);
    }
    for operator in ["==", "!=", "<=", ">=", "<", ">"] {
        if let Some((left, right)) = text.split_once(operator) {
            return Some(Condition::Compare(operand(left)?, operator.to_string(), operand(right)?));
        }
    }
    match operand(text)? {
        Operand::Current(path) => Some(Condition::Exists(path)),
        Operand::Literal(_) => None,
    }
}

fn operand(text: &str) -> Option<Operand> {
    let text = text.trim();
    if text.starts_with('@') {
        return Path::parse(text).ok().map(Operand::Current);
    }
    if text.starts_with('\'') {
        return unquote(text).map(|s| Operand::Literal(Json::String(s)));
    }
    Json::parse(text).ok().map(Operand::Literal)
}
