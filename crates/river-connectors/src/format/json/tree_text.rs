//! A JSON value as compact text, as `JsonNode.toString` prints it: what a text column holds when
//! the input has an object or array there.

use super::encode::write_string;
use super::parser::{Parser, Token};
use crate::format::Fail;
use crate::format::number_text::{parse_decimal, write_double, write_stripped_decimal};

/// Prints the value at the current token and moves to its last token. With `exact_decimals`
/// numbers with a fraction keep all digits (`USE_BIG_DECIMAL_FOR_FLOATS`), else they are doubles.
pub fn write_tree(
    parser: &mut Parser,
    exact_decimals: bool,
    out: &mut Vec<u8>,
) -> Result<(), Fail> {
    let mut depth = 0usize;
    // Whether a comma stands before the next value or name at this place.
    let mut comma = false;
    loop {
        let Some(token) = parser.token else {
            return Err(parser.fail("the JSON text ends too early"));
        };
        let closing = matches!(token, Token::EndObject | Token::EndArray);
        if comma && !closing {
            out.push(b',');
        }
        comma = true;
        match token {
            Token::StartObject | Token::StartArray => {
                depth += 1;
                comma = false;
                out.push(if token == Token::StartObject { b'{' } else { b'[' });
            }
            Token::EndObject | Token::EndArray => {
                depth = depth.saturating_sub(1);
                out.push(if token == Token::EndObject { b'}' } else { b']' });
            }
            Token::FieldName => {
                write_string(&parser.text(), out);
                out.push(b':');
                comma = false;
            }
            Token::String => write_string(&parser.text(), out),
            Token::Float => write_number(&parser.text(), exact_decimals, out),
            _ => out.extend_from_slice(parser.text().as_bytes()),
        }
        if depth == 0 {
            return Ok(());
        }
        parser.advance()?;
    }
}

fn write_number(text: &str, exact: bool, out: &mut Vec<u8>) {
    if exact {
        // A decimal of at most 38 digits is exact; longer ones keep their text.
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let fraction = mantissa.split_once('.').map_or(0, |(_, f)| f.len() as i64);
        let scale = exponent.parse::<i64>().map_or(-1, |e| fraction - e);
        let unscaled = u8::try_from(scale).ok().filter(|s| *s <= 38);
        match unscaled.and_then(|s| parse_decimal(text, 38, s).ok().flatten().map(|v| (v, s))) {
            Some((value, scale)) => write_stripped_decimal(value, scale, out),
            None => out.extend_from_slice(text.as_bytes()),
        }
        return;
    }
    match text.parse::<f64>() {
        Ok(value) => write_double(value, out),
        Err(_) => out.extend_from_slice(text.as_bytes()),
    }
}
