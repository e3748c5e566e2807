//! `CREATE TABLE`: columns, watermark, keys, `LIKE`; and the checks that Flink makes on them.

use std::sync::Arc;

use river_core::options::Options;
use river_core::types::TimeKind;
use river_core::{Expr, Field, LogicalType};
use river_expr::fold;

use super::{Binder, ExprBinder, Scope};
use crate::catalog::{Column, ColumnKind, Object, ObjectPath, Table, Watermark};
use crate::error::{Result, SqlError};
use crate::parse::ast::{self, ConstraintKind, LikeFeature, MergingStrategy, Span};
use crate::parse::to_data_type;

impl Binder<'_> {
    /// The table that a definition describes.
    pub fn table(&mut self, definition: &ast::CreateTable, path: ObjectPath) -> Result<Table> {
        let elements = &definition.elements;
        let mut base = match &definition.like {
            Some(like) => Some(self.like(like)?),
            None => None,
        };
        let mut columns = base.as_mut().map_or(Vec::new(), |b| std::mem::take(&mut b.columns));
        self.add_columns(&elements.columns, &mut columns)?;
        let primary_key = self.primary_key(elements, &mut columns)?;
        let (key_name, primary_key) = match (primary_key, &base) {
            (Some((_, span)), Some(b)) if !b.primary_key.is_empty() => {
                return Err(SqlError::at(
                    span,
                    "the table copied by LIKE has a primary key already",
                )
                .with_help("use EXCLUDING CONSTRAINTS"));
            }
            (Some((key, _)), _) => key,
            (None, Some(b)) => (b.key_name.clone(), b.primary_key.clone()),
            (None, None) => (None, Vec::new()),
        };
        let inherited = base.as_ref().and_then(|b| b.watermark.clone());
        let watermark = match elements.watermarks.as_slice() {
            [] => inherited,
            [one] => Some(self.watermark(one, &mut columns)?),
            [_, second, ..] => {
                return Err(SqlError::at(
                    second.span,
                    "Multiple WATERMARK declarations are not supported yet.",
                ));
            }
        };
        let mut options = base.as_ref().map_or(Options::new(), |b| b.options.clone());
        for option in &definition.options {
            options.set(&option.key.value, &option.value.value);
        }
        current_option_keys(&mut options);
        let partition_keys = if definition.partitioned_by.is_empty() {
            base.as_ref().map_or(Vec::new(), |b| b.partition_keys.clone())
        } else {
            partition_keys(&definition.partitioned_by, &columns)?
        };
        Ok(Table {
            path,
            columns,
            watermark,
            primary_key,
            key_name,
            partition_keys,
            options,
            comment: definition.comment.as_ref().map(|c| c.value.clone()),
            temporary: definition.temporary,
        })
    }

    fn add_columns(&mut self, defs: &[ast::ColumnDef], columns: &mut Vec<Column>) -> Result<()> {
        let physical =
            |columns: &[Column]| columns.iter().filter(|c| c.kind == ColumnKind::Physical).count();
        let before = physical(columns);
        // Physical and metadata columns first: computed ones may name those that follow them.
        let mut positions = Vec::with_capacity(defs.len());
        for def in defs {
            if columns.iter().any(|c| c.name == def.name.value) {
                return Err(SqlError::at(
                    def.name.span,
                    format!("A column named '{}' already exists in the table.", def.name.value),
                ));
            }
            let (ty, kind) = match &def.kind {
                ast::ColumnKind::Physical(ty) => (to_data_type(ty)?, ColumnKind::Physical),
                ast::ColumnKind::Metadata { ty, key, is_virtual } => {
                    let key = key.as_ref().map_or(&def.name.value, |k| &k.value).clone();
                    (to_data_type(ty)?, ColumnKind::Metadata { key, is_virtual: *is_virtual })
                }
                ast::ColumnKind::Computed(expr) => {
                    let text = self.text.get(expr.span.start..expr.span.end).unwrap_or_default();
                    let pending =
                        Expr::literal(river_core::Value::Null, LogicalType::Null.nullable());
                    let kind = ColumnKind::Computed { expr: pending, text: text.to_owned() };
                    (LogicalType::Null.nullable(), kind)
                }
            };
            positions.push(columns.len());
            let comment = def.comment.as_ref().map(|c| c.value.clone());
            columns.push(Column { name: def.name.value.clone(), ty, kind, comment });
        }
        // Columns copied by LIKE read metadata columns, which now stand behind more physical ones.
        let added = physical(columns) - before;
        for column in &mut columns[..positions.first().copied().unwrap_or(0)] {
            if let ColumnKind::Computed { expr, .. } = &mut column.kind {
                let moved = |c: usize| if c >= before { c + added } else { c };
                *expr = expr.clone().map_columns(&moved);
            }
        }
        let stored = stored_fields(columns);
        let scope = Scope::of(Vec::new(), stored);
        for (def, at) in defs.iter().zip(positions) {
            let ast::ColumnKind::Computed(written) = &def.kind else { continue };
            let bound = ExprBinder::new(self, &scope, "computed column").bind(written)?;
            let bound = fold::fold(bound, &self.eval);
            columns[at].ty = bound.ty.clone();
            if let ColumnKind::Computed { expr, .. } = &mut columns[at].kind {
                *expr = bound;
            }
        }
        Ok(())
    }

    /// Key name and columns, with the place of the declaration.
    #[allow(clippy::type_complexity)]
    fn primary_key(
        &mut self,
        elements: &ast::TableElements,
        columns: &mut [Column],
    ) -> Result<Option<((Option<String>, Vec<usize>), Span)>> {
        let mut found = None;
        for constraint in &elements.constraints {
            if constraint.kind == ConstraintKind::Unique {
                return Err(SqlError::at(
                    constraint.span,
                    "UNIQUE constraint is not supported yet",
                ));
            }
            if constraint.enforced != Some(false) {
                return Err(SqlError::at(
                    constraint.span,
                    "Flink doesn't support ENFORCED mode for PRIMARY KEY constraint. ENFORCED/NOT ENFORCED controls if the constraint checks are performed on the incoming/outgoing data. Flink does not own the data therefore the only supported mode is the NOT ENFORCED mode",
                )
                .with_help("add NOT ENFORCED"));
            }
            if found.is_some() {
                return Err(SqlError::at(constraint.span, "Duplicate primary key definition"));
            }
            let mut key = Vec::with_capacity(constraint.columns.len());
            for name in &constraint.columns {
                let at = columns.iter().position(|c| c.name == name.value).ok_or_else(|| {
                    SqlError::at(
                        name.span,
                        format!("Primary key column '{}' is not defined in the schema", name.value),
                    )
                })?;
                if columns[at].kind != ColumnKind::Physical {
                    return Err(SqlError::at(
                        name.span,
                        format!(
                            "Could not create a PRIMARY KEY with column '{}'. A PRIMARY KEY constraint must be declared on physical columns.",
                            name.value
                        ),
                    ));
                }
                columns[at].ty.nullable = false;
                key.push(at);
            }
            let name = constraint.name.as_ref().map(|n| n.value.clone());
            found = Some(((name, key), constraint.span));
        }
        Ok(found)
    }

    fn watermark(&mut self, def: &ast::WatermarkDef, columns: &mut [Column]) -> Result<Watermark> {
        let [name] = def.column.0.as_slice() else {
            return Err(SqlError::at(
                def.column.span(),
                "a watermark on a nested field is not supported",
            )
            .with_help("declare a computed column for it"));
        };
        let column = columns.iter().position(|c| c.name == name.value).ok_or_else(|| {
            SqlError::at(
                name.span,
                format!(
                    "The rowtime attribute field '{}' is not defined in the table schema",
                    name.value
                ),
            )
        })?;
        let ty = &columns[column].ty;
        if !ty.logical.is_timestamp() || ty.logical.time_precision() > 3 {
            return Err(SqlError::at(
                name.span,
                format!(
                    "Invalid data type of time field for watermark definition. The field must be of type TIMESTAMP(p) or TIMESTAMP_LTZ(p), the supported precision 'p' is from 0 to 3, but the time field type is {ty}"
                ),
            ));
        }
        if ty.logical.time_kind() == TimeKind::Proctime {
            return Err(SqlError::at(
                name.span,
                "A watermark can not be defined for a processing-time attribute.",
            ));
        }
        columns[column].ty =
            ty.logical.with_time_kind(TimeKind::Rowtime).with_nullable(ty.nullable);
        let fields = columns.iter().map(|c| Field::new(&c.name, c.ty.materialised())).collect();
        let scope = Scope::of(Vec::new(), fields);
        let expr = ExprBinder::new(self, &scope, "WATERMARK").bind(&def.expr)?;
        if !expr.ty.logical.is_timestamp() || expr.ty.logical.time_precision() > 3 {
            return Err(SqlError::at(
                def.expr.span,
                format!(
                    "Invalid data type of expression for watermark definition. The field must be of type TIMESTAMP(p) or TIMESTAMP_LTZ(p), the supported precision 'p' is from 0 to 3, but the watermark expression type is {}",
                    expr.ty
                ),
            ));
        }
        let text = self.text.get(def.expr.span.start..def.expr.span.end).unwrap_or_default();
        let expr = fold::fold(expr, &self.eval);
        Ok(Watermark { column, expr, text: text.to_owned() })
    }

    /// The parts of another table that `LIKE` takes over.
    fn like(&mut self, like: &ast::TableLike) -> Result<Table> {
        let home = (self.home.0.as_str(), self.home.1.as_str());
        let path = self.catalogs.resolve_in(&like.table, home)?;
        let source = match self.catalogs.get(&path) {
            Some(Object::Table(table)) => Arc::clone(table),
            Some(Object::View(_)) => {
                return Err(SqlError::at(
                    like.table.span(),
                    format!("Source table '{path}' of the LIKE clause can not be a VIEW"),
                ));
            }
            None => return Err(self.unknown_table(&like.table)),
        };
        let mut table = (*source).clone();
        let keeps = |feature| merging(like, feature) != MergingStrategy::Excluding;
        if !keeps(LikeFeature::Options) {
            table.options = Options::new();
        }
        if !keeps(LikeFeature::Constraints) {
            (table.primary_key, table.key_name) = (Vec::new(), None);
        }
        if !keeps(LikeFeature::Partitions) {
            table.partition_keys.clear();
        }
        let key: Vec<String> =
            table.primary_key.iter().map(|k| table.columns[*k].name.clone()).collect();
        let rowtime = table.watermark.as_ref().map(|w| table.columns[w.column].name.clone());
        let mut kept_watermark = keeps(LikeFeature::Watermarks);
        table.columns.retain(|c| match c.kind {
            ColumnKind::Physical => true,
            ColumnKind::Computed { .. } => keeps(LikeFeature::Generated),
            ColumnKind::Metadata { .. } => keeps(LikeFeature::Metadata),
        });
        let find = |name: &String| table.columns.iter().position(|c| c.name == *name);
        table.primary_key = key.iter().filter_map(find).collect();
        let rowtime_at = rowtime.as_ref().and_then(find);
        kept_watermark &= rowtime_at.is_some();
        match (&mut table.watermark, rowtime_at) {
            (Some(watermark), Some(at)) if kept_watermark => watermark.column = at,
            (slot, at) => {
                *slot = None;
                if let Some(at) = at {
                    let ty = &mut table.columns[at].ty;
                    *ty = ty.materialised();
                }
            }
        }
        Ok(table)
    }
}

/// How `LIKE` treats a part: as said of it, else as said of all, else as Flink does by default.
fn merging(like: &ast::TableLike, feature: LikeFeature) -> MergingStrategy {
    let said = |f: LikeFeature| like.options.iter().rev().find(|o| o.feature == f);
    match said(feature).or_else(|| said(LikeFeature::All)) {
        Some(option) => option.strategy,
        None if feature == LikeFeature::Options => MergingStrategy::Overwriting,
        None => MergingStrategy::Including,
    }
}

/// Physical, then metadata columns: what computed columns are computed from.
fn stored_fields(columns: &[Column]) -> Vec<Field> {
    let physical = columns.iter().filter(|c| c.kind == ColumnKind::Physical);
    let metadata = columns.iter().filter(|c| matches!(c.kind, ColumnKind::Metadata { .. }));
    physical.chain(metadata).map(|c| Field::new(&c.name, c.ty.materialised())).collect()
}

/// Tables in the option keys of before Flink 1.11, which it still reads, get today's keys.
fn current_option_keys(options: &mut Options) {
    const KEYS: [(&str, &str); 4] = [
        ("connector.type", "connector"),
        ("connector.path", "path"),
        ("format.type", "format"),
        ("format.field-delimiter", "csv.field-delimiter"),
    ];
    if options.get("connector").is_some() || options.get("connector.type") != Some("filesystem") {
        return;
    }
    for (old, new) in KEYS {
        if let Some(value) = options.remove(old) {
            options.set(new, value);
        }
    }
}

fn partition_keys(names: &[ast::Ident], columns: &[Column]) -> Result<Vec<String>> {
    for name in names {
        let physical = |c: &&Column| c.name == name.value && c.kind == ColumnKind::Physical;
        if columns.iter().find(physical).is_none() {
            return Err(SqlError::at(
                name.span,
                format!("Partition column '{}' not defined in the table schema", name.value),
            ));
        }
    }
    Ok(names.iter().map(|n| n.value.clone()).collect())
}
