//! A bound expression made ready to run: functions resolved, constants materialised, branches
//! evaluated only where they are needed.
//!
//! Made once per operator, run once per batch. `CASE`, `AND`, `OR`, `COALESCE` and `IF` evaluate an
//! argument that can fail only for the rows that reach it, as Flink's generated code does; an
//! argument that cannot fail is evaluated for all rows, which is faster.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow_buffer::BooleanBuffer;
use river_core::expr::ExprKind;
use river_core::{DataType, Expr, LogicalType, Value};

use crate::column::scalar_array;
use crate::function::{self, Call, Function, Kernel};
use crate::{Col, EvalContext, EvalError, Result, cast};

mod in_set;
mod merge;

/// A runnable expression.
pub struct Program {
    node: Node,
    ty: DataType,
}

struct Node {
    step: Step,
    ty: DataType,
    /// Whether evaluating it can fail for some row.
    fallible: bool,
}

enum Step {
    Column(usize),
    Constant(ArrayRef),
    Call { function: &'static Function, args: Vec<Node>, types: Vec<DataType> },
    InSet { value: Box<Node>, set: in_set::InSet },
    Case { branches: Vec<(Node, Node)>, otherwise: Box<Node> },
    Cast { input: Box<Node>, lenient: bool },
    Field { input: Box<Node>, index: usize },
}

impl Program {
    /// Resolves the functions of `expr`; fails only for a name that the registry lacks.
    pub fn compile(expr: &Expr) -> Result<Program> {
        Ok(Program { node: compile(expr)?, ty: expr.ty.clone() })
    }

    /// Type of the result.
    pub fn ty(&self) -> &DataType {
        &self.ty
    }

    /// Evaluates on `rows` rows of the input columns.
    pub fn eval(&self, input: &[ArrayRef], rows: usize, context: &EvalContext) -> Result<ArrayRef> {
        Ok(self.node.eval(input, rows, context)?.into_array(rows))
    }

    /// Evaluates a condition; NULL counts as false.
    pub fn eval_predicate(
        &self,
        input: &[ArrayRef],
        rows: usize,
        context: &EvalContext,
    ) -> Result<BooleanBuffer> {
        Ok(predicate(&self.node.eval(input, rows, context)?, rows))
    }
}

/// The rows for which a condition is true.
fn predicate(column: &Col, rows: usize) -> BooleanBuffer {
    let truth = truth_of(column.array());
    match column {
        Col::Array(_) => truth,
        Col::Scalar(_) if truth.value(0) => BooleanBuffer::new_set(rows),
        Col::Scalar(_) => BooleanBuffer::new_unset(rows),
    }
}

/// True where the boolean is true and not NULL.
fn truth_of(array: &ArrayRef) -> BooleanBuffer {
    match array.as_boolean_opt() {
        None => BooleanBuffer::new_unset(array.len()),
        Some(booleans) => match booleans.nulls() {
            None => booleans.values().clone(),
            Some(nulls) => booleans.values() & nulls.inner(),
        },
    }
}

fn compile(expr: &Expr) -> Result<Node> {
    let (step, fallible) = match &expr.kind {
        ExprKind::Column(index) => (Step::Column(*index), false),
        ExprKind::Literal(value) => (Step::Constant(scalar_array(value, &expr.ty.logical)), false),
        ExprKind::Call { function: name, args } => {
            let function = function::lookup(name)
                .ok_or_else(|| EvalError::new(format!("function '{name}' does not exist")))?;
            if function.name == "OR"
                && let Some((value, set)) = in_set::InSet::of(args)
            {
                let value = Box::new(compile(value)?);
                let fallible = value.fallible;
                let step = Step::InSet { value, set };
                return Ok(Node { step, ty: expr.ty.clone(), fallible });
            }
            let args = args.iter().map(compile).collect::<Result<Vec<_>>>()?;
            let types = args.iter().map(|a| a.ty.clone()).collect();
            let fallible = function.fallible || args.iter().any(|a| a.fallible);
            (Step::Call { function, args, types }, fallible)
        }
        ExprKind::Case { branches, otherwise } => {
            let branches = branches
                .iter()
                .map(|(c, v)| Ok((compile(c)?, compile(v)?)))
                .collect::<Result<Vec<_>>>()?;
            let otherwise = Box::new(compile(otherwise)?);
            let fallible =
                otherwise.fallible || branches.iter().any(|(c, v)| c.fallible || v.fallible);
            (Step::Case { branches, otherwise }, fallible)
        }
        ExprKind::Cast { input, lenient } => {
            let input = Box::new(compile(input)?);
            let fallible =
                input.fallible || (!lenient && cast::can_fail(&input.ty.logical, &expr.ty.logical));
            (Step::Cast { input, lenient: *lenient }, fallible)
        }
        ExprKind::Field { input, index } => {
            let input = Box::new(compile(input)?);
            let fallible = input.fallible;
            (Step::Field { input, index: *index }, fallible)
        }
    };
    Ok(Node { step, ty: expr.ty.clone(), fallible })
}

impl Node {
    fn eval(&self, input: &[ArrayRef], rows: usize, context: &EvalContext) -> Result<Col> {
        match &self.step {
            Step::Column(index) => match input.get(*index) {
                Some(array) => Ok(Col::Array(array.clone())),
                None => Err(EvalError::new(format!("column {index} is not in the input"))),
            },
            Step::Constant(array) => Ok(Col::Scalar(array.clone())),
            Step::Call { function, args, types } => {
                self.eval_call(function, args, types, input, rows, context)
            }
            Step::InSet { value, set } => set.test(&value.eval(input, rows, context)?),
            Step::Case { branches, otherwise } => {
                self.eval_case(branches, otherwise, input, rows, context)
            }
            Step::Cast { input: inner, lenient } => {
                let column = inner.eval(input, rows, context)?;
                cast::cast(&column, &inner.ty, &self.ty, *lenient, rows, context)
            }
            Step::Field { input: inner, index } => {
                let column = inner.eval(input, rows, context)?;
                let scalar = column.is_scalar();
                let array = field_of(column.array(), *index)?;
                Ok(if scalar { Col::Scalar(array) } else { Col::Array(array) })
            }
        }
    }

    fn eval_call(
        &self,
        function: &'static Function,
        args: &[Node],
        types: &[DataType],
        input: &[ArrayRef],
        rows: usize,
        context: &EvalContext,
    ) -> Result<Col> {
        if let Kernel::Lazy = function.kernel {
            return match function.name {
                "AND" => eval_junction(args, false, input, rows, context),
                "OR" => eval_junction(args, true, input, rows, context),
                "COALESCE" => self.eval_coalesce(args, input, rows, context),
                "IF" => {
                    let [condition, then, otherwise] = args else {
                        return Err(EvalError::new("IF takes three arguments"));
                    };
                    let branches = [(condition, then)];
                    self.merge_branches(&branches, otherwise, input, rows, context)
                }
                name => Err(EvalError::new(format!("function '{name}' has no kernel"))),
            };
        }
        let columns =
            args.iter().map(|a| a.eval(input, rows, context)).collect::<Result<Vec<_>>>()?;
        // All arguments constant: compute one row and let it stand for all.
        let constant =
            function.deterministic && !columns.is_empty() && columns.iter().all(Col::is_scalar);
        let rows = if constant { 1 } else { rows };
        let call = Call { args: &columns, types, out: &self.ty, rows, context };
        let array = match function.kernel {
            Kernel::Columns(kernel) => kernel(&call)?,
            Kernel::Values(kernel) => eval_values(&call, kernel)?,
            Kernel::Lazy => unreachable!("handled above"),
        };
        Ok(if constant { Col::Scalar(array) } else { Col::Array(array) })
    }

    fn eval_case(
        &self,
        branches: &[(Node, Node)],
        otherwise: &Node,
        input: &[ArrayRef],
        rows: usize,
        context: &EvalContext,
    ) -> Result<Col> {
        let branches: Vec<(&Node, &Node)> = branches.iter().map(|(c, v)| (c, v)).collect();
        self.merge_branches(&branches, otherwise, input, rows, context)
    }

    /// Each row takes the value of the first branch whose condition is true.
    fn merge_branches(
        &self,
        branches: &[(&Node, &Node)],
        otherwise: &Node,
        input: &[ArrayRef],
        rows: usize,
        context: &EvalContext,
    ) -> Result<Col> {
        if merge::is_cheap(branches, otherwise) {
            return merge::by_masks(branches, otherwise, input, rows, context);
        }
        let mut open: Vec<u32> = (0..rows as u32).collect();
        // For each row, the array it takes its value from and the index in it.
        let mut picks = vec![(0usize, 0usize); rows];
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(branches.len() + 1);
        for (condition, value) in branches {
            if open.is_empty() {
                break;
            }
            let chosen = select_true(condition, input, &mut open, rows, context)?;
            if !chosen.is_empty() {
                take_branch(value, &chosen, input, rows, context, &mut arrays, &mut picks)?;
            }
        }
        if !open.is_empty() {
            take_branch(otherwise, &open, input, rows, context, &mut arrays, &mut picks)?;
        }
        self.interleave(&arrays, &picks)
    }

    fn eval_coalesce(
        &self,
        args: &[Node],
        input: &[ArrayRef],
        rows: usize,
        context: &EvalContext,
    ) -> Result<Col> {
        let mut open: Vec<u32> = (0..rows as u32).collect();
        let mut picks = vec![(0usize, 0usize); rows];
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(args.len());
        for (position, arg) in args.iter().enumerate() {
            if open.is_empty() {
                break;
            }
            let last = position + 1 == args.len();
            let values = arg.eval_for(&open, input, rows, context)?;
            let nulls = values.array().logical_nulls();
            let array = arrays.len();
            let mut still_open = Vec::new();
            for (i, row) in open.iter().enumerate() {
                let index = values.index(i);
                if last || nulls.as_ref().is_none_or(|n| n.is_valid(index)) {
                    picks[*row as usize] = (array, index);
                } else {
                    still_open.push(*row);
                }
            }
            arrays.push(values.array().clone());
            open = still_open;
        }
        self.interleave(&arrays, &picks)
    }

    fn interleave(&self, arrays: &[ArrayRef], picks: &[(usize, usize)]) -> Result<Col> {
        if arrays.is_empty() {
            return Ok(Col::Array(arrow_array::new_empty_array(&self.ty.logical.to_arrow())));
        }
        if let [only] = arrays {
            let in_order = picks.iter().enumerate().all(|(row, (_, index))| row == *index);
            if in_order && only.len() == picks.len() {
                return Ok(Col::Array(only.clone()));
            }
        }
        let arrays: Vec<&dyn Array> = arrays.iter().map(|a| a.as_ref()).collect();
        Ok(Col::Array(arrow_select::interleave::interleave(&arrays, picks)?))
    }

    /// Evaluates on the given rows only.
    fn eval_for(
        &self,
        selected: &[u32],
        input: &[ArrayRef],
        rows: usize,
        context: &EvalContext,
    ) -> Result<Col> {
        if selected.len() == rows || matches!(self.step, Step::Constant(_)) {
            return self.eval(input, rows, context);
        }
        let indices = UInt32Array::from(selected.to_vec());
        if let Step::Column(index) = self.step
            && let Some(array) = input.get(index)
        {
            return Ok(Col::Array(arrow_select::take::take(array, &indices, None)?));
        }
        if !self.fallible && selected.len() * 2 > rows {
            // Computing a few rows too many costs less than copying the input columns.
            let column = self.eval(input, rows, context)?;
            return Ok(match column {
                Col::Array(array) => Col::Array(arrow_select::take::take(&array, &indices, None)?),
                scalar => scalar,
            });
        }
        let mut used = Vec::new();
        self.columns(&mut used);
        let mut taken = input.to_vec();
        for index in used {
            if let Some(array) = input.get(index) {
                taken[index] = arrow_select::take::take(array, &indices, None)?;
            }
        }
        self.eval(&taken, selected.len(), context)
    }

    fn columns(&self, into: &mut Vec<usize>) {
        match &self.step {
            Step::Column(index) => into.push(*index),
            Step::Constant(_) => {}
            Step::Call { args, .. } => args.iter().for_each(|a| a.columns(into)),
            Step::Case { branches, otherwise } => {
                for (condition, value) in branches {
                    condition.columns(into);
                    value.columns(into);
                }
                otherwise.columns(into);
            }
            Step::Cast { input, .. } | Step::Field { input, .. } => input.columns(into),
            Step::InSet { value, .. } => value.columns(into),
        }
    }
}

/// Moves the rows for which `condition` is true out of `open` and returns them.
fn select_true(
    condition: &Node,
    input: &[ArrayRef],
    open: &mut Vec<u32>,
    rows: usize,
    context: &EvalContext,
) -> Result<Vec<u32>> {
    let column = condition.eval_for(open, input, rows, context)?;
    let truth = truth_of(column.array());
    let mut chosen = Vec::new();
    let mut rest = Vec::new();
    for (i, row) in open.iter().enumerate() {
        if truth.value(column.index(i)) { chosen.push(*row) } else { rest.push(*row) }
    }
    *open = rest;
    Ok(chosen)
}

fn take_branch(
    value: &Node,
    chosen: &[u32],
    input: &[ArrayRef],
    rows: usize,
    context: &EvalContext,
    arrays: &mut Vec<ArrayRef>,
    picks: &mut [(usize, usize)],
) -> Result<()> {
    let values = value.eval_for(chosen, input, rows, context)?;
    for (i, row) in chosen.iter().enumerate() {
        picks[*row as usize] = (arrays.len(), values.index(i));
    }
    arrays.push(values.array().clone());
    Ok(())
}

/// `AND` (`absorbing` = false) or `OR` (true) in three-valued logic; stops at the absorbing value.
fn eval_junction(
    args: &[Node],
    absorbing: bool,
    input: &[ArrayRef],
    rows: usize,
    context: &EvalContext,
) -> Result<Col> {
    let mut result: Option<BooleanArray> = None;
    for arg in args {
        let Some(so_far) = &result else {
            result = Some(booleans(arg.eval(input, rows, context)?, rows));
            continue;
        };
        let next = if arg.fallible {
            let open: Vec<u32> = (0..rows)
                .filter(|row| so_far.is_null(*row) || so_far.value(*row) != absorbing)
                .map(|row| row as u32)
                .collect();
            if open.is_empty() {
                break;
            }
            let column = arg.eval_for(&open, input, rows, context)?;
            scatter(&booleans(column, open.len()), &open, absorbing, rows)
        } else {
            booleans(arg.eval(input, rows, context)?, rows)
        };
        result = Some(if absorbing {
            arrow_arith::boolean::or_kleene(so_far, &next)?
        } else {
            arrow_arith::boolean::and_kleene(so_far, &next)?
        });
    }
    let result = result.unwrap_or_else(|| BooleanArray::from(vec![!absorbing; rows]));
    Ok(Col::Array(Arc::new(result)))
}

fn booleans(column: Col, rows: usize) -> BooleanArray {
    let array = column.into_array(rows);
    match array.as_boolean_opt() {
        Some(booleans) => booleans.clone(),
        None => BooleanArray::new_null(rows),
    }
}

/// Puts the values of the selected rows in their places; the others get `filler`.
fn scatter(values: &BooleanArray, selected: &[u32], filler: bool, rows: usize) -> BooleanArray {
    let mut all = vec![Some(filler); rows];
    for (i, row) in selected.iter().enumerate() {
        all[*row as usize] = values.is_valid(i).then(|| values.value(i));
    }
    BooleanArray::from(all)
}

/// A field of a row column; NULL where the row is.
pub fn field_of(array: &ArrayRef, index: usize) -> Result<ArrayRef> {
    let Some(rows) = array.as_struct_opt() else {
        return Err(EvalError::new("field access on a value that is not a row"));
    };
    let column = rows.column(index);
    let Some(outer) = rows.nulls() else { return Ok(column.clone()) };
    if column.nulls() == Some(outer) || column.data_type().is_null() {
        return Ok(column.clone());
    }
    let nulls = arrow_buffer::NullBuffer::union(Some(outer), column.nulls());
    let data = column.to_data().into_builder().nulls(nulls);
    // SAFETY: the data of a valid array; the new nulls have its length and add to its own, and more
    // NULLs make no value of it invalid.
    Ok(arrow_array::make_array(unsafe { data.build_unchecked() }))
}

fn eval_values(call: &Call, kernel: fn(&Call, &[Value]) -> Result<Value>) -> Result<ArrayRef> {
    let mut builder = crate::ColumnBuilder::new(&call.out.logical, call.rows);
    let mut values = vec![Value::Null; call.args.len()];
    for row in 0..call.rows {
        for ((value, arg), ty) in values.iter_mut().zip(call.args).zip(call.types) {
            if row == 0 || !arg.is_scalar() {
                *value = crate::column::value_at(arg.array(), &ty.logical, arg.index(row));
            }
        }
        builder.push(&kernel(call, &values)?);
    }
    Ok(builder.finish())
}

/// Whether an expression has only constants below, so that [`crate::fold`] may compute it.
pub fn is_constant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Column(_) => false,
        ExprKind::Literal(_) => true,
        ExprKind::Call { function, args } => {
            function::lookup(function).is_some_and(|f| f.deterministic)
                && args.iter().all(is_constant)
        }
        _ => expr.children().into_iter().all(is_constant),
    }
}

/// Whether the type is one that a condition may have.
pub fn is_boolean(ty: &DataType) -> bool {
    matches!(ty.logical, LogicalType::Boolean | LogicalType::Null)
}
