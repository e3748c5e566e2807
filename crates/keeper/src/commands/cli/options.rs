//! Options of verbs, wherever they stand among the arguments.
//!
//! Rules: `DefaultParser` of commons-cli.

use super::shell::Failure;

/// An option's name, and whether it has a value.
pub(super) type Known = (&'static str, bool);

/// A verb's arguments.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    options: Vec<(&'static str, Option<String>)>,
    /// What is no option, without the verb.
    pub arguments: Vec<String>,
}

impl Parsed {
    /// Whether an option was given.
    pub fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(given, _)| *given == name)
    }

    /// An option's value.
    pub fn value(&self, name: &str) -> Option<&str> {
        let found = self.options.iter().find(|(given, _)| *given == name);
        found.and_then(|(_, value)| value.as_deref())
    }

    /// A number as an option's value.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Failure> {
        let Some(value) = self.value(name) else { return Ok(None) };
        match value.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Failure::new(format!("-{name} {value}: no number"))),
        }
    }
}

/// Sorts arguments (without the verb) into options and others.
pub(super) fn parse(known: &[Known], arguments: &[String]) -> Result<Parsed, Failure> {
    let mut parsed = Parsed::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            parsed.arguments.extend(rest.cloned());
            break;
        }
        let Some(name) = argument.strip_prefix('-').filter(|name| !is_argument(name)) else {
            parsed.arguments.push(argument.clone());
            continue;
        };
        let name = name.strip_prefix('-').unwrap_or(name);
        if let Some((name, has_value)) = find(known, name) {
            let value = match has_value {
                true => Some(value_of(name, rest.next())?),
                false => None,
            };
            parsed.options.push((name, value));
        } else {
            parse_joined(known, argument, name, &mut rest, &mut parsed)?;
        }
    }
    Ok(parsed)
}

/// Several options of one letter behind one dash, the last perhaps with its value: `-sw`, `-v3`,
/// `-v=3`.
fn parse_joined<'a>(
    known: &[Known],
    argument: &str,
    letters: &str,
    rest: &mut impl Iterator<Item = &'a String>,
    parsed: &mut Parsed,
) -> Result<(), Failure> {
    let unknown = || Failure::new(format!("Unrecognized option: {argument}"));
    for (at, letter) in letters.char_indices() {
        let behind = &letters[at + letter.len_utf8()..];
        let (name, has_value) = find(known, letter.encode_utf8(&mut [0; 4])).ok_or_else(unknown)?;
        if has_value {
            let value = match behind.strip_prefix('=').unwrap_or(behind) {
                "" => value_of(name, rest.next())?,
                value => value.to_owned(),
            };
            parsed.options.push((name, Some(value)));
            return Ok(());
        }
        parsed.options.push((name, None));
    }
    Ok(())
}

fn find(known: &[Known], name: &str) -> Option<Known> {
    known.iter().copied().find(|(known, _)| *known == name)
}

fn value_of(name: &str, value: Option<&String>) -> Result<String, Failure> {
    match value {
        Some(value) if !value.starts_with('-') || is_argument(&value[1..]) => Ok(value.clone()),
        _ => Err(Failure::new(format!("Missing argument for option: {name}"))),
    }
}

/// What follows a dash is no option if there is nothing, or if it is a negative number.
fn is_argument(behind_dash: &str) -> bool {
    behind_dash.is_empty() || behind_dash.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Splits a line at spaces, but for what is within quotes.
///
/// Rules: `MyCommandOptions.ARGS_PATTERN`.
pub(super) fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let quoted = matches!(first, '"' | '\'').then(|| rest[1..].find(first)).flatten();
        if let Some(end) = quoted {
            words.push(rest[1..1 + end].to_owned());
            rest = &rest[end + 2..];
        } else if matches!(first, '"' | '\'') {
            // A quote that is never closed is passed over.
            rest = &rest[1..];
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    words
}

impl Parsed {
    /// Takes the options of another over.
    pub fn merge(&mut self, other: Parsed) {
        self.options.extend(other.options);
    }
}
