//! JSON as Apache's AdminServer writes it: pretty-printed by Jackson, two blanks a level, a blank
//! on both sides of a colon, lists on the line of their bracket.
//!
//! Rules: `JsonOutputter`, Jackson's `DefaultPrettyPrinter`.

use std::fmt::Write as _;

use crate::metrics::{Number, double};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with decimals, as Java prints it.
    Float(f64),
    /// A text.
    Text(String),
    /// Values in order.
    List(Vec<Json>),
    /// Named values in order.
    Object(Object),
}

/// Named values in order.
pub type Object = Vec<(String, Json)>;

/// Deepest nesting there is in any answer.
const INDENT: &str = "  ";

impl Json {
    /// The text, without an end of line.
    pub fn pretty(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, 0);
        text
    }

    fn write(&self, text: &mut String, level: usize) {
        // Writing to a text does not fail.
        let _ = match self {
            Self::Null => write!(text, "null"),
            Self::Bool(value) => write!(text, "{value}"),
            Self::Int(value) => write!(text, "{value}"),
            // JSON has no word for these; Jackson writes them as texts.
            Self::Float(value) if !value.is_finite() => write!(text, "\"{}\"", double(*value)),
            Self::Float(value) => write!(text, "{}", double(*value)),
            Self::Text(value) => {
                quoted(text, value);
                Ok(())
            }
            Self::List(values) if values.is_empty() => write!(text, "[ ]"),
            Self::List(values) => {
                for (place, value) in values.iter().enumerate() {
                    text.push_str(if place == 0 { "[ " } else { ", " });
                    value.write(text, level);
                }
                write!(text, " ]")
            }
            Self::Object(fields) if fields.is_empty() => write!(text, "{{ }}"),
            Self::Object(fields) => {
                for (place, (name, value)) in fields.iter().enumerate() {
                    text.push_str(if place == 0 { "{\n" } else { ",\n" });
                    text.push_str(&INDENT.repeat(level + 1));
                    quoted(text, name);
                    text.push_str(" : ");
                    value.write(text, level + 1);
                }
                write!(text, "\n{}}}", INDENT.repeat(level))
            }
        };
    }
}

fn quoted(text: &mut String, value: &str) {
    text.push('"');
    for letter in value.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            control if control < ' ' => {
                let _ = write!(text, "\\u{:04X}", u32::from(control));
            }
            _ => text.push(letter),
        }
    }
    text.push('"');
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Json {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<usize> for Json {
    fn from(value: usize) -> Self {
        Self::Int(value as i64)
    }
}

impl From<f64> for Json {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Json {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Number> for Json {
    fn from(value: Number) -> Self {
        match value {
            Number::Int(value) => Self::Int(value),
            Number::Float(value) => Self::Float(value),
        }
    }
}

impl<T: Into<Json>> From<Vec<T>> for Json {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl From<Object> for Json {
    fn from(fields: Object) -> Self {
        Self::Object(fields)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn as_jackson_prints_it() {
        let inner: Object = vec![("zxid".into(), 128i64.into()), ("ok".into(), true.into())];
        let object: Object = vec![
            ("list".into(), Json::List(vec![inner.clone().into(), inner.into()])),
            ("ids".into(), vec![1i64, 2].into()),
            ("none".into(), Json::List(Vec::new())),
            ("empty".into(), Json::Object(Vec::new())),
            ("mean".into(), 0.0.into()),
            ("nan".into(), f64::NAN.into()),
            ("text".into(), "a\"b\\\n\u{1}é/".into()),
            ("error".into(), Json::Null),
        ];
        expect![[r#"
            {
              "list" : [ {
                "zxid" : 128,
                "ok" : true
              }, {
                "zxid" : 128,
                "ok" : true
              } ],
              "ids" : [ 1, 2 ],
              "none" : [ ],
              "empty" : { },
              "mean" : 0.0,
              "nan" : "NaN",
              "text" : "a\"b\\\n\u0001é/",
              "error" : null
            }"#]]
        .assert_eq(&Json::from(object).pretty());
    }
}
