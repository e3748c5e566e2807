//! Function calls: scalar functions, aggregates, group-window functions, calls with `OVER`.

use river_core::plan::{OverFrame, WindowKind, WindowProperty};
use river_core::types::TimeKind;
use river_core::{Expr, LogicalType, Value};
use river_expr::{aggregate, bind};

use super::aggregate::{AggregateRequest, GroupWindow};
use super::expr::{AGGREGATE, ExprBinder, OVER, WINDOW, materialised, placeholder};
use super::over::{OverRequest, ranking_type};
use crate::error::{AtSpan, Result, SqlError};
use crate::parse::ast::{self, ArgValue, FrameBound, FunctionCall, SetQuantifier, Span};
use crate::rel::GroupWindowProperty;

impl ExprBinder<'_, '_> {
    /// Any call written `name(..)`.
    pub(super) fn function(&mut self, call: &FunctionCall, span: Span) -> Result<Expr> {
        let name = function_name(call)?;
        let mut upper = name.to_ascii_uppercase();
        if let Some(native) = self.binder.catalogs.functions.get(&upper) {
            upper.clone_from(native);
        }
        if let Some(over) = &call.over {
            return self.over_call(&upper, call, over, span);
        }
        if ranking_type(&upper, &[]).is_some() {
            return Err(SqlError::at(span, format!("{upper} needs an OVER clause"))
                .with_help(format!("{upper}() OVER (PARTITION BY .. ORDER BY ..)")));
        }
        if let Some(property) = window_property(&upper) {
            return self.window_column(&upper, property, call, span);
        }
        if matches!(upper.as_str(), "TUMBLE" | "HOP" | "SESSION") && call.args.len() >= 2 {
            return Err(SqlError::at(span, format!("{upper} stands only in GROUP BY")));
        }
        if aggregate::lookup(&upper).is_some() {
            return self.aggregate_call(&upper, call, span);
        }
        if call.filter.is_some() || call.quantifier.is_some() {
            return Err(SqlError::at(span, format!("{upper} is not an aggregate function"))
                .with_label("DISTINCT and FILTER belong to aggregate functions"));
        }
        let args = self.call_args(call)?;
        if matches!(upper.as_str(), "GROUPING" | "GROUPING_ID" | "GROUP_ID") {
            // Known once the grouping sets are: see `select`.
            let name = if upper == "GROUP_ID" { "$GROUP_ID" } else { "$GROUPING" };
            return Ok(Expr::call(name, args, LogicalType::BigInt.not_null()));
        }
        // A function that reads a time attribute gets an ordinary timestamp, except for the one
        // that asks for the watermark of it.
        self.call(&upper, args, span)
    }

    fn call_args(&mut self, call: &FunctionCall) -> Result<Vec<Expr>> {
        call.args.iter().map(|arg| self.scalar_arg(arg)).collect()
    }

    fn scalar_arg(&mut self, arg: &ast::FunctionArg) -> Result<Expr> {
        match (&arg.value, &arg.name) {
            (ArgValue::Expr(expr), None) => self.bind(expr),
            (ArgValue::Expr(_), Some(name)) => {
                Err(SqlError::at(name.span, "named arguments are not supported for this function"))
            }
            _ => Err(SqlError::at(arg.span, "expected a value")),
        }
    }

    /// Types an aggregate call: canonical name, cast arguments, result type.
    fn aggregate_args(
        &mut self,
        name: &str,
        call: &FunctionCall,
        span: Span,
    ) -> Result<(&'static str, Vec<Expr>, river_core::DataType)> {
        let star = matches!(call.args.as_slice(), [arg] if matches!(arg.value, ArgValue::Star));
        let args = if star { Vec::new() } else { self.call_args(call)? };
        if star && name != "COUNT" {
            return Err(SqlError::at(span, format!("{name}(*) does not exist"))
                .with_help("only COUNT takes a star"));
        }
        self.typed_aggregate(name, args, span)
    }

    /// An aggregate of bound arguments: canonical name, cast arguments, result type.
    fn typed_aggregate(
        &mut self,
        name: &str,
        args: Vec<Expr>,
        span: Span,
    ) -> Result<(&'static str, Vec<Expr>, river_core::DataType)> {
        let function = aggregate::lookup(name)
            .ok_or_else(|| SqlError::at(span, format!("No match found for function {name}")))?;
        let args: Vec<Expr> = args.into_iter().map(materialised).collect();
        let types: Vec<_> = args.iter().map(|a| a.ty.clone()).collect();
        let bound = (function.bind)(&self.binder.eval, &types, self.grouped).at(span)?;
        let args = args.into_iter().zip(bound.args).map(|(a, ty)| coerce(a, ty)).collect();
        Ok((bound.function, args, bound.ty))
    }

    fn aggregate_call(&mut self, name: &str, call: &FunctionCall, span: Span) -> Result<Expr> {
        self.aggregate_with(span, |binder| binder.aggregate_request(name, call, span))
    }

    /// The result column of the aggregate call that `request` binds.
    pub(super) fn aggregate_with(
        &mut self,
        span: Span,
        request: impl FnOnce(&mut Self) -> Result<AggregateRequest>,
    ) -> Result<Expr> {
        let Some(requests) = self.aggregates.take() else {
            return Err(SqlError::at(
                span,
                format!("Aggregate expression is illegal in {}", self.clause),
            )
            .with_help("conditions on aggregates belong in HAVING"));
        };
        // Aggregates do not nest: while the arguments are bound, none is allowed.
        let result = request(self);
        let mut requests = requests;
        let request = match result {
            Ok(request) => request,
            Err(error) => {
                self.aggregates = Some(requests);
                return Err(error);
            }
        };
        let ty = request.ty.clone();
        let at = requests.iter().position(|r| *r == request).unwrap_or_else(|| {
            requests.push(request);
            requests.len() - 1
        });
        self.aggregates = Some(requests);
        Ok(placeholder(AGGREGATE, at, ty))
    }

    fn aggregate_request(
        &mut self,
        name: &str,
        call: &FunctionCall,
        span: Span,
    ) -> Result<AggregateRequest> {
        if !call.order_by.is_empty() || !call.within_group.is_empty() {
            return Err(SqlError::at(span, format!("ORDER BY inside {name} is not supported")));
        }
        let (function, args, ty) = self.aggregate_args(name, call, span)?;
        let filter = match &call.filter {
            None => None,
            Some(filter) => Some(self.condition(filter)?),
        };
        let distinct = call.quantifier == Some(SetQuantifier::Distinct);
        Ok(AggregateRequest { function, distinct, args, filter, ty })
    }

    /// An aggregate of bound arguments with its filter.
    pub(super) fn aggregate_of(
        &mut self,
        name: &str,
        args: Vec<Expr>,
        filter: Option<&ast::Expr>,
        span: Span,
    ) -> Result<AggregateRequest> {
        let (function, args, ty) = self.typed_aggregate(name, args, span)?;
        let filter = filter.map(|filter| self.condition(filter)).transpose()?;
        Ok(AggregateRequest { function, distinct: false, args, filter, ty })
    }

    /// `TUMBLE_START(time, size)` and its like.
    fn window_column(
        &mut self,
        name: &str,
        property: GroupWindowProperty,
        call: &FunctionCall,
        span: Span,
    ) -> Result<Expr> {
        let base = name.split('_').next().unwrap_or(name);
        let Some((window, properties)) = self.window.take() else {
            return Err(SqlError::at(span, format!("{name} needs a {base} window in GROUP BY")));
        };
        let asked = self.group_window(base, call, span);
        let mut properties = properties;
        let matches = asked.as_ref().is_ok_and(|asked| *asked == window);
        let at = properties.iter().position(|p| *p == property).unwrap_or_else(|| {
            properties.push(property);
            properties.len() - 1
        });
        let ty = super::aggregate::property_type(property, &window.time.ty);
        self.window = Some((window, properties));
        asked?;
        if !matches {
            return Err(SqlError::at(
                span,
                format!("{name} must have the same arguments as {base} in GROUP BY"),
            ));
        }
        Ok(placeholder(WINDOW, at, ty))
    }

    /// `TUMBLE(time, size)`, `HOP(time, slide, size)`, `SESSION(time, gap)` of `GROUP BY`.
    pub(super) fn group_window(
        &mut self,
        name: &str,
        call: &FunctionCall,
        span: Span,
    ) -> Result<GroupWindow> {
        let args = self.call_args(call)?;
        let [time, intervals @ ..] = args.as_slice() else {
            return Err(SqlError::at(span, format!("{name} needs a time attribute")));
        };
        if time.ty.logical.time_kind() == TimeKind::Regular {
            return Err(SqlError::at(
                span,
                "Window aggregate can only be defined over a time attribute column",
            )
            .with_label(format!("the first argument is {}", time.ty.logical))
            .with_help("declare a WATERMARK on the column, or use PROCTIME()"));
        }
        let lengths =
            intervals.iter().map(interval_ms).collect::<Option<Vec<i64>>>().ok_or_else(|| {
                SqlError::at(span, format!("{name} takes constant day-time intervals"))
            })?;
        let kind = match (name, lengths.as_slice()) {
            ("TUMBLE", [size]) => WindowKind::Tumble { size: *size, offset: 0 },
            ("HOP", [slide, size]) => WindowKind::Hop { slide: *slide, size: *size, offset: 0 },
            ("SESSION", [gap]) => WindowKind::Session { gap: *gap, partition: Vec::new() },
            _ => {
                return Err(SqlError::at(span, format!("wrong number of arguments for {name}")));
            }
        };
        if lengths.iter().any(|l| *l <= 0) {
            return Err(SqlError::at(span, format!("the lengths of {name} must be positive")));
        }
        Ok(GroupWindow { kind, time: time.clone() })
    }

    fn over_call(
        &mut self,
        name: &str,
        call: &FunctionCall,
        over: &ast::WindowRef,
        span: Span,
    ) -> Result<Expr> {
        let Some(requests) = self.overs.take() else {
            return Err(SqlError::at(
                span,
                format!("Windowed aggregate expression is illegal in {}", self.clause),
            ));
        };
        let request = self.over_request(name, call, over, span);
        let mut requests = requests;
        let result = request.map(|request| {
            let ty = request.ty.clone();
            let at = requests.iter().position(|r| *r == request).unwrap_or_else(|| {
                requests.push(request);
                requests.len() - 1
            });
            placeholder(OVER, at, ty)
        });
        self.overs = Some(requests);
        result
    }

    fn over_request(
        &mut self,
        name: &str,
        call: &FunctionCall,
        over: &ast::WindowRef,
        span: Span,
    ) -> Result<OverRequest> {
        let (function, args, ty) = if ranking_type(name, &[]).is_some() {
            let args = self.call_args(call)?;
            let types: Vec<_> = args.iter().map(|a| a.ty.materialised()).collect();
            let (function, ty) = ranking_type(name, &types)
                .ok_or_else(|| SqlError::at(span, format!("wrong arguments for {name}")))?;
            (function, args.into_iter().map(materialised).collect(), ty)
        } else {
            self.aggregate_args(name, call, span)?
        };
        let spec = self.window_spec(over)?;
        let partition = self.bind_all(&spec.partition_by)?;
        let mut order = Vec::with_capacity(spec.order_by.len());
        for item in &spec.order_by {
            let (descending, nulls_first) = super::query::direction(item);
            order.push((self.bind(&item.expr)?, descending, nulls_first));
        }
        let frame = match &spec.frame {
            None => None,
            Some(frame) => Some(self.frame(frame)?),
        };
        let distinct = call.quantifier == Some(SetQuantifier::Distinct);
        Ok(OverRequest { function, distinct, args, partition, order, frame, ty, span })
    }

    fn window_spec(&self, over: &ast::WindowRef) -> Result<ast::WindowSpec> {
        match over {
            ast::WindowRef::Spec(spec) => Ok((**spec).clone()),
            ast::WindowRef::Named(name) => self
                .named_windows
                .iter()
                .find(|w| w.name.value == name.value)
                .map(|w| w.spec.clone())
                .ok_or_else(|| {
                    SqlError::at(name.span, format!("Window '{}' not found", name.value))
                }),
        }
    }

    /// Frames end at the current row in Flink's streaming mode.
    fn frame(&mut self, frame: &ast::WindowFrame) -> Result<OverFrame> {
        if !matches!(frame.end, None | Some(FrameBound::CurrentRow)) {
            return Err(SqlError::at(
                frame.span,
                "OVER windows must end at the current row in streaming",
            ));
        }
        match &frame.start {
            FrameBound::UnboundedPreceding if frame.rows => Ok(OverFrame::Rows(None)),
            FrameBound::UnboundedPreceding => Ok(OverFrame::Range(None)),
            FrameBound::CurrentRow if frame.rows => Ok(OverFrame::Rows(Some(0))),
            FrameBound::CurrentRow => Ok(OverFrame::Range(Some(0))),
            FrameBound::Preceding(bound) => {
                let bound_expr = self.bind(bound)?;
                let count = bound_expr.as_literal().and_then(Value::as_i64);
                match (frame.rows, count, interval_ms(&bound_expr)) {
                    (true, Some(rows), _) if rows >= 0 => Ok(OverFrame::Rows(Some(rows as u64))),
                    (false, _, Some(ms)) => Ok(OverFrame::Range(Some(ms))),
                    _ => Err(SqlError::at(bound.span, "the bound must be a constant")
                        .with_help("ROWS takes a number of rows, RANGE an INTERVAL")),
                }
            }
            _ => Err(SqlError::at(frame.span, "OVER windows must start before the current row")),
        }
    }
}

/// The last part of the name; `catalog.database.f` and `f` are the same for built-in functions.
fn function_name(call: &FunctionCall) -> Result<&str> {
    call.name
        .last()
        .map(|ident| ident.value.as_str())
        .ok_or_else(|| SqlError::new("a function call without a name"))
}

/// An argument cast to what the function takes.
fn coerce(arg: Expr, ty: river_core::DataType) -> Expr {
    if arg.ty.logical == ty.logical {
        return arg;
    }
    let ty = ty.with_nullable(arg.ty.nullable);
    bind::cast(arg.clone(), &ty, false).unwrap_or(arg)
}

/// Milliseconds of a constant day-time interval.
pub(super) fn interval_ms(expr: &Expr) -> Option<i64> {
    match (&expr.ty.logical, expr.as_literal()?) {
        (LogicalType::IntervalDayTime, Value::Int64(ms)) => Some(*ms),
        _ => None,
    }
}

fn window_property(name: &str) -> Option<GroupWindowProperty> {
    let (base, property) = name.split_once('_')?;
    if !matches!(base, "TUMBLE" | "HOP" | "SESSION") {
        return None;
    }
    Some(match property {
        "START" => GroupWindowProperty::Window(WindowProperty::Start),
        "END" => GroupWindowProperty::Window(WindowProperty::End),
        "ROWTIME" => GroupWindowProperty::Window(WindowProperty::Time),
        "PROCTIME" => GroupWindowProperty::Proctime,
        _ => return None,
    })
}
