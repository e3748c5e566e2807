//! The function registry: one entry a function or operator, with how it is typed and computed.
//!
//! A group of functions is one file that ends in `pub const FUNCTIONS: &[Function]`; adding a
//! function is one entry and its kernel there. `SHOW FUNCTIONS` and the docs are made of this.

pub mod adapt;
mod arithmetic;
pub mod bitmap;
pub mod check;
pub mod collection;
pub mod comparison;
mod conditional;
mod digits;
pub mod hash;
pub mod java_text;
pub mod json;
mod logic;
mod math;
pub mod pattern;
mod rounding;
pub mod rows;
pub mod string;
mod temporal;
pub mod user;
pub mod variant;

use std::collections::HashMap;
use std::sync::LazyLock;

use arrow_array::ArrayRef;
use river_core::{DataType, Expr, Value};

use crate::{BindError, Col, EvalContext, Result, Session};

/// A scalar function or operator.
pub struct Function {
    /// Canonical upper-case name; operators under their sign (`+`, `=`, `||`, `AND`).
    pub name: &'static str,
    /// Other names of the same function.
    pub aliases: &'static [&'static str],
    /// How it is called: `LPAD(text STRING, length INT, pad STRING) -> STRING`.
    pub signature: &'static str,
    /// One sentence or two: what it gives, its NULL rule, its errors.
    pub doc: &'static str,
    /// Checks and casts the arguments in place and gives the result type.
    pub bind: fn(&Session, &mut Vec<Expr>) -> std::result::Result<DataType, BindError>,
    /// How it is computed.
    pub kernel: Kernel,
    /// Whether equal arguments give equal results; if not, it is never folded.
    pub deterministic: bool,
    /// Whether it can fail for some arguments; such calls are evaluated only for rows that need
    /// them (under `CASE`, `AND`, `OR`, `COALESCE`, `IF`).
    pub fallible: bool,
}

impl Function {
    /// A deterministic function that never fails, computed on whole columns.
    pub const fn columns(
        name: &'static str,
        signature: &'static str,
        doc: &'static str,
        bind: Bind,
        kernel: fn(&Call) -> Result<ArrayRef>,
    ) -> Function {
        Function {
            name,
            aliases: &[],
            signature,
            doc,
            bind,
            kernel: Kernel::Columns(kernel),
            deterministic: true,
            fallible: false,
        }
    }

    /// A deterministic function that never fails, computed row by row on single values.
    pub const fn values(
        name: &'static str,
        signature: &'static str,
        doc: &'static str,
        bind: Bind,
        kernel: fn(&Call, &[Value]) -> Result<Value>,
    ) -> Function {
        let function = Function::columns(name, signature, doc, bind, no_columns);
        Function { kernel: Kernel::Values(kernel), ..function }
    }

    /// The function under further names too.
    pub const fn also(self, aliases: &'static [&'static str]) -> Function {
        Function { aliases, ..self }
    }

    /// The function, which can fail for some arguments.
    pub const fn or_fails(self) -> Function {
        Function { fallible: true, ..self }
    }
}

/// How a call is typed: checks and casts the arguments in place, gives the result type.
pub type Bind = fn(&Session, &mut Vec<Expr>) -> std::result::Result<DataType, BindError>;

fn no_columns(_: &Call) -> Result<ArrayRef> {
    Err(crate::EvalError::new("the function is computed on single values"))
}

/// How a function is computed.
#[derive(Clone, Copy)]
pub enum Kernel {
    /// On whole columns.
    Columns(fn(&Call) -> Result<ArrayRef>),
    /// Row by row on single values: for functions too rare to be worth more. Called for rows with
    /// NULL arguments too.
    Values(fn(&Call, &[Value]) -> Result<Value>),
    /// The program evaluates it itself (`AND`, `OR`, `COALESCE`, `IF`: arguments on demand).
    Lazy,
}

/// One evaluation of a function on a batch.
pub struct Call<'a> {
    /// The argument columns.
    pub args: &'a [Col],
    /// Their types.
    pub types: &'a [DataType],
    /// Type of the result.
    pub out: &'a DataType,
    /// Rows of the batch; constants stand for that many.
    pub rows: usize,
    /// Session, clock, watermark.
    pub context: &'a EvalContext,
}

/// Every group of functions.
const GROUPS: &[&[Function]] = &[
    arithmetic::FUNCTIONS,
    bitmap::FUNCTIONS,
    collection::array::FUNCTIONS,
    collection::construct::FUNCTIONS,
    collection::map::FUNCTIONS,
    comparison::FUNCTIONS,
    conditional::FUNCTIONS,
    digits::FUNCTIONS,
    hash::FUNCTIONS,
    json::construct::FUNCTIONS,
    json::query::FUNCTIONS,
    json::quote::FUNCTIONS,
    logic::FUNCTIONS,
    math::FUNCTIONS,
    pattern::like::FUNCTIONS,
    pattern::regexp::FUNCTIONS,
    rounding::FUNCTIONS,
    string::build::FUNCTIONS,
    string::encode::FUNCTIONS,
    string::find::FUNCTIONS,
    string::slice::FUNCTIONS,
    temporal::clock::FUNCTIONS,
    temporal::convert::FUNCTIONS,
    temporal::extract::FUNCTIONS,
    temporal::round::FUNCTIONS,
    temporal::shift::FUNCTIONS,
    user::FUNCTIONS,
    variant::FUNCTIONS,
];

static REGISTRY: LazyLock<HashMap<&'static str, &'static Function>> = LazyLock::new(|| {
    let all = GROUPS.iter().flat_map(|group| group.iter());
    all.flat_map(|f| f.aliases.iter().chain([&f.name]).map(move |name| (*name, f))).collect()
});

/// The function of that name, in any case.
pub fn lookup(name: &str) -> Option<&'static Function> {
    match REGISTRY.get(name) {
        Some(function) => Some(function),
        None => REGISTRY.get(name.to_ascii_uppercase().as_str()).copied(),
    }
}

/// All names, for listings and for "did you mean".
pub fn names() -> impl Iterator<Item = &'static str> {
    REGISTRY.keys().copied()
}

/// The built-in function that stands for a well-known Java function class, for
/// `CREATE FUNCTION f AS 'class'`: there is no JVM to load the class into.
pub fn native_of(class: &str) -> Option<&'static str> {
    match class {
        "com.github.nexmark.flink.udf.CountChar" => Some("COUNT_CHAR"),
        _ => None,
    }
}
