//! Bound scalar expressions: our own small, serialisable tree.
//!
//! `river-sql` makes them, every node with its exact type and all casts explicit; `river-expr`
//! turns them into vectorised programs. Functions are named, not pointed to, so that a stored plan
//! outlives the code that made it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{DataType, Value};

/// An expression over the columns of one input row, with its type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expr {
    /// What it computes.
    pub kind: ExprKind,
    /// Type of the result.
    pub ty: DataType,
}

/// The forms of an expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ExprKind {
    /// Column of the input, by position.
    Column(usize),
    /// A constant.
    Literal(Value),
    /// A function or operator of the registry (`+`, `AND`, `UPPER`, `ROW`, `ITEM` ...).
    Call {
        /// Canonical upper-case name in the registry of `river-expr`.
        function: String,
        /// Arguments, already cast to what the function takes.
        args: Vec<Expr>,
    },
    /// `CASE WHEN c THEN v ... ELSE e END`; branches are evaluated only for the rows they win.
    Case {
        /// Condition and value of each branch; values have the type of the whole.
        branches: Vec<(Expr, Expr)>,
        /// Value where no condition is true.
        otherwise: Box<Expr>,
    },
    /// `CAST` (fails the job on a bad value) or `TRY_CAST` (NULL instead) to the node's type.
    Cast {
        /// What is cast.
        input: Box<Expr>,
        /// Whether a bad value gives NULL.
        lenient: bool,
    },
    /// A field of a row value, by position.
    Field {
        /// The row.
        input: Box<Expr>,
        /// Position of the field.
        index: usize,
    },
}

impl Expr {
    /// A reference to a column.
    pub fn column(index: usize, ty: DataType) -> Expr {
        Expr { kind: ExprKind::Column(index), ty }
    }

    /// A constant.
    pub fn literal(value: Value, ty: DataType) -> Expr {
        Expr { kind: ExprKind::Literal(value), ty }
    }

    /// A call of a registered function.
    pub fn call(function: impl Into<String>, args: Vec<Expr>, ty: DataType) -> Expr {
        Expr { kind: ExprKind::Call { function: function.into(), args }, ty }
    }

    /// A strict cast to `ty`; none if it is that type already (nullability aside).
    pub fn cast_to(self, ty: DataType) -> Expr {
        if self.ty == ty {
            return self;
        }
        Expr { kind: ExprKind::Cast { input: Box::new(self), lenient: false }, ty }
    }

    /// The constant, if this is a literal.
    pub fn as_literal(&self) -> Option<&Value> {
        match &self.kind {
            ExprKind::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// The position, if this is a plain column.
    pub fn as_column(&self) -> Option<usize> {
        match self.kind {
            ExprKind::Column(index) => Some(index),
            _ => None,
        }
    }

    /// Direct sub-expressions.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Column(_) | ExprKind::Literal(_) => Vec::new(),
            ExprKind::Call { args, .. } => args.iter().collect(),
            ExprKind::Case { branches, otherwise } => branches
                .iter()
                .flat_map(|(c, v)| [c, v])
                .chain(std::iter::once(otherwise.as_ref()))
                .collect(),
            ExprKind::Cast { input, .. } | ExprKind::Field { input, .. } => vec![input],
        }
    }

    /// This node with each direct sub-expression replaced by `f` of it.
    pub fn map_children(self, f: &mut dyn FnMut(Expr) -> Expr) -> Expr {
        let kind = match self.kind {
            leaf @ (ExprKind::Column(_) | ExprKind::Literal(_)) => leaf,
            ExprKind::Call { function, args } => {
                ExprKind::Call { function, args: args.into_iter().map(&mut *f).collect() }
            }
            ExprKind::Case { branches, otherwise } => ExprKind::Case {
                branches: branches.into_iter().map(|(c, v)| (f(c), f(v))).collect(),
                otherwise: Box::new(f(*otherwise)),
            },
            ExprKind::Cast { input, lenient } => {
                ExprKind::Cast { input: Box::new(f(*input)), lenient }
            }
            ExprKind::Field { input, index } => {
                ExprKind::Field { input: Box::new(f(*input)), index }
            }
        };
        Expr { kind, ty: self.ty }
    }

    /// Every column position used, in order of first use.
    pub fn columns(&self) -> Vec<usize> {
        fn walk(expr: &Expr, into: &mut Vec<usize>) {
            if let ExprKind::Column(index) = expr.kind
                && !into.contains(&index)
            {
                into.push(index);
            }
            expr.children().into_iter().for_each(|child| walk(child, into));
        }
        let mut columns = Vec::new();
        walk(self, &mut columns);
        columns
    }

    /// The expression with each column position put through `f`.
    pub fn map_columns(self, f: &dyn Fn(usize) -> usize) -> Expr {
        match self.kind {
            ExprKind::Column(index) => Expr { kind: ExprKind::Column(f(index)), ty: self.ty },
            _ => self.map_children(&mut |child| child.map_columns(f)),
        }
    }

    /// The expression with each column replaced by an expression: what a projection above a
    /// projection computes from the lower one's input.
    pub fn substitute(self, columns: &[Expr]) -> Expr {
        match self.kind {
            ExprKind::Column(index) => columns[index].clone(),
            _ => self.map_children(&mut |child| child.substitute(columns)),
        }
    }
}

impl fmt::Display for Expr {
    /// Plan notation, as Flink's plans write it: `>($2, 10)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Column(index) => write!(f, "${index}"),
            ExprKind::Literal(Value::String(s)) => write!(f, "'{}'", s.replace('\'', "''")),
            ExprKind::Literal(value) => write!(f, "{}", LiteralText(value)),
            ExprKind::Call { function, args } => {
                write!(f, "{function}(")?;
                for (i, arg) in args.iter().enumerate() {
                    write!(f, "{}{arg}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
            ExprKind::Case { branches, otherwise } => {
                f.write_str("CASE(")?;
                for (condition, value) in branches {
                    write!(f, "{condition}, {value}, ")?;
                }
                write!(f, "{otherwise})")
            }
            ExprKind::Cast { input, lenient } => {
                let name = if *lenient { "TRY_CAST" } else { "CAST" };
                write!(f, "{name}({input} AS {})", self.ty.logical)
            }
            ExprKind::Field { input, index } => write!(f, "{input}.{index}"),
        }
    }
}

struct LiteralText<'a>(&'a Value);

impl fmt::Display for LiteralText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("null"),
            Value::Boolean(v) => write!(f, "{v}"),
            Value::Int8(v) => write!(f, "{v}"),
            Value::Int16(v) => write!(f, "{v}"),
            Value::Int32(v) => write!(f, "{v}"),
            Value::Int64(v) => write!(f, "{v}"),
            Value::Float32(v) => write!(f, "{v}"),
            Value::Float64(v) => write!(f, "{v}"),
            Value::Decimal(v) => write!(f, "{v}"),
            Value::String(v) => write!(f, "'{v}'"),
            Value::Bytes(v) => {
                write!(f, "X'{}'", v.iter().map(|b| format!("{b:02X}")).collect::<String>())
            }
            Value::List(v) => write!(f, "[{} items]", v.len()),
            Value::Map(v) => write!(f, "{{{} entries}}", v.len()),
        }
    }
}
