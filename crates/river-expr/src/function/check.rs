//! Checks of argument counts and kinds for `bind`, with the implicit casts a function makes.
//!
//! Two kinds of function exist in Flink: operators of Calcite (`expect`), which refuse a bare
//! `NULL`, and functions of Flink's own type inference (`infer`), which give it the parameter's
//! type.

use river_core::types::{DataType, LogicalType};
use river_core::{Expr, Value};

use crate::BindError;

/// Result of binding a call.
pub type Bound = std::result::Result<DataType, BindError>;

/// What a parameter accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Param {
    /// `CHAR` or `VARCHAR`
    Text,
    /// `TINYINT`, `SMALLINT` or `INT`, cast to `INT`; a `BIGINT` is refused (as Flink's code
    /// generator does)
    Int,
    /// any integer, cast to `BIGINT`
    Integer,
    /// any number
    Numeric,
    /// `BOOLEAN`
    Boolean,
    /// `BINARY` or `VARBINARY`
    Binary,
    /// a character or binary string
    TextOrBinary,
    /// a character string or a number
    TextOrNumeric,
    /// `ARRAY`
    Array,
    /// `MAP`
    Map,
    /// `BITMAP`
    Bitmap,
    /// anything
    Any,
}

impl Param {
    fn accepts(self, ty: &LogicalType) -> bool {
        match self {
            Param::Text => ty.is_character(),
            Param::Int => ty.is_integer() && *ty != LogicalType::BigInt,
            Param::Integer => ty.is_integer(),
            Param::Numeric => ty.is_numeric(),
            Param::Boolean => *ty == LogicalType::Boolean,
            Param::Binary => ty.is_binary(),
            Param::TextOrBinary => ty.is_character() || ty.is_binary(),
            Param::TextOrNumeric => ty.is_character() || ty.is_numeric(),
            Param::Array => matches!(ty, LogicalType::Array(_)),
            Param::Map => matches!(ty, LogicalType::Map(..)),
            Param::Bitmap => *ty == LogicalType::Bitmap,
            Param::Any => true,
        }
    }

    /// The type arguments of this kind are cast to.
    fn target(self) -> Option<LogicalType> {
        match self {
            Param::Int => Some(LogicalType::Int),
            Param::Integer => Some(LogicalType::BigInt),
            _ => None,
        }
    }

    /// The type of a bare `NULL` in this place.
    fn of_null(self) -> Option<LogicalType> {
        match self {
            Param::Text | Param::TextOrBinary | Param::TextOrNumeric => Some(LogicalType::STRING),
            Param::Int => Some(LogicalType::Int),
            Param::Integer | Param::Numeric => Some(LogicalType::BigInt),
            Param::Boolean => Some(LogicalType::Boolean),
            Param::Binary => Some(LogicalType::BYTES),
            Param::Bitmap => Some(LogicalType::Bitmap),
            Param::Array | Param::Map | Param::Any => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Param::Text => "CHARACTER",
            Param::Int | Param::Integer => "INTEGER",
            Param::Numeric => "NUMERIC",
            Param::Boolean => "BOOLEAN",
            Param::Binary => "BINARY",
            Param::TextOrBinary => "STRING",
            Param::TextOrNumeric => "CHARACTER or NUMERIC",
            Param::Array => "ARRAY",
            Param::Map => "MAP",
            Param::Bitmap => "BITMAP",
            Param::Any => "ANY",
        }
    }
}

/// A call with arguments it cannot take.
pub fn mismatch(name: &str, args: &[Expr], wanted: &str) -> BindError {
    let types: Vec<String> = args.iter().map(|a| format!("<{}>", a.ty.logical)).collect();
    let call = format!("{name}({})", types.join(", "));
    BindError::new(format!("Cannot apply '{name}' to arguments of type '{call}'"))
        .with_help(format!("supported form: {name}({wanted})"))
}

/// Refuses a call whose number of arguments is outside `least..=most`.
pub fn count(
    name: &str,
    args: &[Expr],
    least: usize,
    most: usize,
) -> std::result::Result<(), BindError> {
    if (least..=most).contains(&args.len()) {
        return Ok(());
    }
    let wanted = match (least, most) {
        (0, 0) => "no arguments".to_string(),
        (1, 1) => "1 argument".to_string(),
        (l, m) if l == m => format!("{l} arguments"),
        (l, usize::MAX) => format!("at least {l} argument(s)"),
        (l, m) => format!("{l} to {m} arguments"),
    };
    let message = format!(
        "Invalid number of arguments to function '{name}': {} given, {wanted} expected",
        args.len()
    );
    Err(BindError::new(message))
}

/// Checks the arguments of a Calcite operator against its parameters, the last `optional` of
/// which may be missing, and casts integers to the parameter's width.
pub fn expect(
    name: &str,
    args: &mut [Expr],
    params: &[Param],
    optional: usize,
) -> std::result::Result<(), BindError> {
    count(name, args, params.len() - optional, params.len())?;
    if args.iter().any(|a| a.ty.logical == LogicalType::Null) {
        return Err(BindError::new("Illegal use of 'NULL'")
            .with_help("give it a type: CAST(NULL AS STRING)"));
    }
    check(name, args, params)
}

/// Checks the arguments of a function of Flink's type inference: as [`expect`], and a bare `NULL`
/// takes the parameter's type.
pub fn infer(
    name: &str,
    args: &mut [Expr],
    params: &[Param],
    optional: usize,
) -> std::result::Result<(), BindError> {
    count(name, args, params.len() - optional, params.len())?;
    for (arg, param) in args.iter_mut().zip(params) {
        if let (LogicalType::Null, Some(ty)) = (&arg.ty.logical, param.of_null()) {
            *arg = Expr::literal(Value::Null, ty.nullable());
        }
    }
    check(name, args, params)
}

fn check(name: &str, args: &mut [Expr], params: &[Param]) -> std::result::Result<(), BindError> {
    if args.iter().zip(params).any(|(a, p)| !p.accepts(&a.ty.logical)) {
        let wanted: Vec<String> = params.iter().map(|p| format!("<{}>", p.name())).collect();
        return Err(mismatch(name, args, &wanted.join(", ")));
    }
    for (arg, param) in args.iter_mut().zip(params) {
        if let Some(target) = param.target() {
            convert(arg, &target);
        }
    }
    Ok(())
}

/// Casts an argument to a logical type, keeping its nullability.
pub fn convert(arg: &mut Expr, to: &LogicalType) {
    if arg.ty.logical != *to {
        let ty = to.clone().with_nullable(arg.ty.nullable);
        let input = std::mem::replace(arg, Expr::literal(Value::Null, ty.clone()));
        *arg = input.cast_to(ty);
    }
}

/// Whether any argument is nullable.
pub fn any_nullable(args: &[Expr]) -> bool {
    args.iter().any(|a| a.ty.nullable)
}

/// The value of an argument that must be a constant text.
pub fn constant_text<'a>(
    name: &str,
    args: &'a [Expr],
    index: usize,
) -> std::result::Result<&'a str, BindError> {
    args.get(index).and_then(|a| a.as_literal()).and_then(Value::as_str).ok_or_else(|| {
        BindError::new(format!("Argument {} of '{name}' must be a string literal", index + 1))
    })
}

/// Length of the longest value of a character type, in characters.
pub fn text_length(ty: &LogicalType) -> u32 {
    match ty {
        LogicalType::Char(n) | LogicalType::VarChar(n) => *n,
        LogicalType::Binary(n) | LogicalType::VarBinary(n) => *n,
        _ => river_core::types::MAX_LENGTH,
    }
}
