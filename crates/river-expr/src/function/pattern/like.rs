//! `LIKE [ESCAPE]` and `SIMILAR TO [ESCAPE]`.
//!
//! Rules: `SqlLikeUtils` (Calcite's `Like`): `%` is any text, `_` one character that is no line
//! break; without `ESCAPE` no character escapes. The usual forms of `LIKE` (equal, prefix, suffix,
//! contains) are compared directly.

use arrow_array::ArrayRef;
use river_core::Expr;
use river_core::types::LogicalType;

use super::java;
use crate::function::check::{self, Bound, Param};
use crate::function::rows::{self, Arg};
use crate::function::{Call, Function};
use crate::{EvalError, Result};

/// A `LIKE` pattern made ready.
enum Like {
    Equal(String),
    Prefix(String),
    Suffix(String),
    Contains(memchr::memmem::Finder<'static>),
    General(Vec<Token>),
}

#[derive(Clone, PartialEq)]
enum Token {
    Literal(char),
    /// `_`
    One,
    /// `%`
    Many,
}

fn escape_char(escape: Option<&str>) -> Result<Option<char>> {
    let mut chars = escape.unwrap_or("").chars();
    match (chars.next(), chars.next()) {
        (one, None) => Ok(one),
        _ => {
            let escape = escape.unwrap_or("");
            Err(EvalError::new(format!("Invalid escape character '{escape}'")))
        }
    }
}

fn tokens(pattern: &str, escape: Option<char>) -> Result<Vec<Token>> {
    let mut out: Vec<Token> = Vec::with_capacity(pattern.len());
    let mut chars = pattern.chars().enumerate();
    while let Some((at, c)) = chars.next() {
        if Some(c) == escape {
            match chars.next() {
                Some((_, next)) if next == '_' || next == '%' || Some(next) == escape => {
                    out.push(Token::Literal(next));
                }
                _ => {
                    let message = format!("Invalid escape sequence '{pattern}', {at}");
                    return Err(EvalError::new(message));
                }
            }
            continue;
        }
        match c {
            '_' => out.push(Token::One),
            '%' if out.last() == Some(&Token::Many) => {}
            '%' => out.push(Token::Many),
            _ => out.push(Token::Literal(c)),
        }
    }
    Ok(out)
}

/// The text, if all tokens are literal.
fn literal(tokens: &[Token]) -> Option<String> {
    let chars = tokens.iter().map(|t| match t {
        Token::Literal(c) => Some(*c),
        _ => None,
    });
    chars.collect()
}

impl Like {
    fn parse(pattern: &str, escape: Option<&str>) -> Result<Like> {
        let tokens = tokens(pattern, escape_char(escape)?)?;
        let (starts, inner) = match tokens.as_slice() {
            [Token::Many, rest @ ..] => (true, rest),
            all => (false, all),
        };
        let (ends, inner) = match inner {
            [rest @ .., Token::Many] => (true, rest),
            all => (false, all),
        };
        let Some(text) = literal(inner) else { return Ok(Like::General(tokens)) };
        // A lone `%` was taken as the start.
        Ok(match (starts, ends) {
            (true, _) if text.is_empty() => Like::Prefix(text),
            (false, false) => Like::Equal(text),
            (false, true) => Like::Prefix(text),
            (true, false) => Like::Suffix(text),
            (true, true) => {
                Like::Contains(memchr::memmem::Finder::new(text.as_bytes()).into_owned())
            }
        })
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Like::Equal(pattern) => text == pattern,
            Like::Prefix(pattern) => text.starts_with(pattern.as_str()),
            Like::Suffix(pattern) => text.ends_with(pattern.as_str()),
            Like::Contains(finder) => finder.find(text.as_bytes()).is_some(),
            Like::General(tokens) => general(tokens, text),
        }
    }
}

/// Greedy matching with one point to come back to, the last `%`.
fn general(tokens: &[Token], text: &str) -> bool {
    let mut rest = text.chars();
    let mut at = 0;
    let mut retry: Option<(usize, std::str::Chars)> = None;
    loop {
        match tokens.get(at) {
            Some(Token::Many) => {
                at += 1;
                retry = Some((at, rest.clone()));
                continue;
            }
            Some(token) => {
                let mut ahead = rest.clone();
                if ahead.next().is_some_and(|c| matches_one(token, c)) {
                    rest = ahead;
                    at += 1;
                    continue;
                }
            }
            None if rest.as_str().is_empty() => return true,
            None => {}
        }
        let Some((token, from)) = &mut retry else { return false };
        if from.next().is_none() {
            return false;
        }
        at = *token;
        rest = from.clone();
    }
}

fn matches_one(token: &Token, c: char) -> bool {
    match token {
        Token::Literal(l) => *l == c,
        Token::One => !matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}'),
        Token::Many => false,
    }
}

fn bind_like(name: &str, args: &mut [Expr]) -> Bound {
    check::expect(name, args, &[Param::Text; 3], 1)?;
    Ok(LogicalType::Boolean.with_nullable(check::any_nullable(args)))
}

/// Runs a matcher per pattern: made once for a constant one.
fn match_rows<M>(
    call: &Call,
    make: impl Fn(&str, Option<&str>) -> Result<M>,
    matches: impl Fn(&M, &str) -> bool,
) -> Result<ArrayRef> {
    let (text, pattern) = (rows::text(call, 0)?, rows::text(call, 1)?);
    let escape = if call.args.len() == 3 { Some(rows::text(call, 2)?) } else { None };
    let constant = pattern.is_constant() && escape.as_ref().is_none_or(Arg::is_constant);
    let mut made: Option<(String, M)> = None;
    let mut failure = None;
    let array = rows::build_boolean(call.rows, |row| {
        let (text, pattern) = (text.get(row)?, pattern.get(row)?);
        let escape = match &escape {
            Some(escape) => Some(escape.get(row)?),
            None => None,
        };
        if !made.as_ref().is_some_and(|(of, _)| constant || of == pattern) {
            match make(pattern, escape) {
                Ok(matcher) => made = Some((pattern.to_string(), matcher)),
                Err(error) => {
                    failure.get_or_insert(error);
                    return None;
                }
            }
        }
        made.as_ref().map(|(_, matcher)| matches(matcher, text))
    });
    failure.map_or(Ok(array), Err)
}

fn like(call: &Call) -> Result<ArrayRef> {
    match_rows(call, Like::parse, Like::matches)
}

fn similar(call: &Call) -> Result<ArrayRef> {
    let make = |pattern: &str, escape: Option<&str>| {
        let regex = format!("^(?:{})\\z", similar_to_regex(pattern, escape_char(escape)?)?);
        java::compiled(&regex).ok_or_else(|| invalid(pattern))
    };
    match_rows(call, make, |pattern, text| pattern.is_match(text))
}

fn invalid(pattern: &str) -> EvalError {
    EvalError::new(format!("Invalid regular expression '{pattern}'"))
}

/// `Like.sqlToRegexSimilar`.
fn similar_to_regex(pattern: &str, escape: Option<char>) -> Result<String> {
    const SPECIALS: &str = "[]()|^-+*_%?{}";
    let mut out = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if Some(c) == escape {
            match chars.next() {
                Some(next) if SPECIALS.contains(next) || Some(next) == escape => {
                    if !next.is_alphanumeric() && next.is_ascii() {
                        out.push('\\');
                    }
                    out.push(next);
                }
                _ => {
                    let message = format!("Invalid escape sequence '{pattern}'");
                    return Err(EvalError::new(message));
                }
            }
            continue;
        }
        match c {
            '_' => out.push('.'),
            '%' => out.push_str(r"[\x{0}-\x{10FFFF}]*"),
            '[' => enumeration(pattern, &mut chars, escape, &mut out)?,
            ']' => return Err(invalid(pattern)),
            '\\' => out.push_str(r"\\"),
            '$' => out.push_str(r"\$"),
            _ => out.push(c),
        }
    }
    Ok(out)
}

/// The inside of `[..]`, with the named classes of SQL such as `[:ALPHA:]`.
fn enumeration(
    pattern: &str,
    chars: &mut std::str::Chars,
    escape: Option<char>,
    out: &mut String,
) -> Result<()> {
    out.push('[');
    loop {
        let rest = chars.as_str();
        if let Some((class, tail)) = rest.strip_prefix("[:").and_then(|r| r.split_once(":]")) {
            out.push_str(match class.to_ascii_uppercase().as_str() {
                "ALPHA" => r"\p{Alpha}",
                "UPPER" => r"\p{Upper}",
                "LOWER" => r"\p{Lower}",
                "DIGIT" => r"\d",
                "SPACE" => " ",
                "WHITESPACE" => r"\s",
                "ALNUM" => r"\p{Alnum}",
                _ => return Err(invalid(pattern)),
            });
            *chars = tail.chars();
            continue;
        }
        let c = chars.next().ok_or_else(|| invalid(pattern))?;
        match c {
            ']' => {
                out.push(']');
                return Ok(());
            }
            _ if Some(c) == escape => {
                let next = chars.next().ok_or_else(|| invalid(pattern))?;
                out.push_str(&regex::escape(next.encode_utf8(&mut [0; 4])));
            }
            '-' | '^' => out.push(c),
            '[' | '\\' | '&' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
}

/// SQL's own patterns.
pub const FUNCTIONS: &[Function] = &[
    Function::columns(
        "LIKE",
        "text LIKE pattern [ESCAPE character] -> BOOLEAN",
        "Whether the text is as the pattern says: `%` is any text, `_` any character.",
        |_, args| bind_like("LIKE", args),
        like,
    )
    .or_fails(),
    Function::columns(
        "SIMILAR TO",
        "text SIMILAR TO pattern [ESCAPE character] -> BOOLEAN",
        "Whether the text is as the regular expression of the SQL standard says.",
        |_, args| bind_like("SIMILAR TO", args),
        similar,
    )
    .or_fails(),
];
