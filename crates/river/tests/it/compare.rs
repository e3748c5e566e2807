//! When two renderings of a value are the same value.

use serde_json::Value;

/// Whether two texts of a value of that type are the same: approximate numbers by value where the
/// digits differ, maps as sets.
pub fn same_text(ty: &str, ours: &str, expected: &str) -> bool {
    if ours == expected {
        return true;
    }
    if ty.contains("MAP<") || ty.contains("MULTISET<") {
        let (ours, expected) = (sorted_maps(ours), sorted_maps(expected));
        return ours == expected || same_numbers(ty, &ours, &expected);
    }
    same_numbers(ty, ours, expected)
}

/// Whether texts differ at most in the digits of approximate numbers.
fn same_numbers(ty: &str, ours: &str, expected: &str) -> bool {
    let approximate = ty.contains("DOUBLE") || ty.contains("FLOAT");
    let (ours, expected) = (pieces(ours), pieces(expected));
    ours.len() == expected.len()
        && ours.iter().zip(&expected).all(|(ours, expected)| {
            ours == expected
                || ((approximate || many_digits(expected)) && same_number(ours, expected))
        })
}

/// A number that a STRING holds and Java may have written with too many digits.
fn many_digits(text: &str) -> bool {
    text.contains('.') && text.chars().filter(char::is_ascii_digit).count() >= 15
}

fn same_number(ours: &str, expected: &str) -> bool {
    match (ours.parse::<f64>(), expected.parse::<f64>()) {
        (Ok(ours), Ok(expected)) => {
            ours == expected || ours as f32 == expected as f32 && is_float(ours, expected)
        }
        _ => false,
    }
}

/// Both may be a FLOAT's digits.
fn is_float(ours: f64, expected: f64) -> bool {
    let digits = |number: f64| format!("{number:e}").split('e').next().map_or(0, str::len);
    digits(ours) <= 11 && digits(expected) <= 11
}

/// Numbers and what is between them.
fn pieces(text: &str) -> Vec<&str> {
    let in_number = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut previous = None;
    for (at, c) in text.char_indices() {
        let inside = in_number(c);
        if previous.is_some_and(|previous| previous != inside) {
            pieces.push(&text[start..at]);
            start = at;
        }
        previous = Some(inside);
    }
    pieces.push(&text[start..]);
    pieces
}

/// The text with the entries of every `{..}` sorted.
fn sorted_maps(text: &str) -> String {
    let Some(open) = text.find('{') else { return text.to_owned() };
    let mut depth = 0usize;
    let mut entries: Vec<String> = Vec::new();
    let mut start = open + 1;
    for (at, c) in text[open..].char_indices().map(|(at, c)| (at + open, c)) {
        match c {
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    entries.push(sorted_maps(text[start..at].trim()));
                    entries.sort();
                    let inside = entries.join(", ");
                    let rest = sorted_maps(&text[at + 1..]);
                    return format!("{}{{{inside}}}{rest}", &text[..open]);
                }
            }
            ',' if depth == 1 => {
                entries.push(sorted_maps(text[start..at].trim()));
                start = at + 1;
            }
            _ => {}
        }
    }
    text.to_owned()
}

/// A JSON value in one form for all texts of the same value: numbers by value (as DOUBLE if
/// `approximate`, else as DECIMAL), keys of objects sorted.
pub fn canonical(value: &Value, approximate: bool) -> String {
    match value {
        Value::Number(number) if approximate => match number.to_string().parse::<f64>() {
            Ok(number) => format!("{number:?}"),
            Err(_) => number.to_string(),
        },
        Value::Number(number) => decimal(&number.to_string()),
        Value::Array(items) => {
            let items: Vec<String> =
                items.iter().map(|item| canonical(item, approximate)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let mut fields: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("{key:?}: {}", canonical(value, approximate)))
                .collect();
            fields.sort();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

/// A number without an exponent in its coefficient's trailing zeros: `2.5E+2` is `25e1`.
pub fn decimal(text: &str) -> String {
    let (coefficient, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (sign, coefficient) = match coefficient.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", coefficient),
    };
    let (whole, fraction) = coefficient.split_once('.').unwrap_or((coefficient, ""));
    let digits = format!("{whole}{fraction}");
    let exponent: i64 = exponent.trim_start_matches('+').parse().unwrap_or(0);
    let significant = digits.trim_end_matches('0');
    let exponent = exponent - fraction.len() as i64 + (digits.len() - significant.len()) as i64;
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return "0".to_owned();
    }
    format!("{sign}{significant}e{exponent}")
}
