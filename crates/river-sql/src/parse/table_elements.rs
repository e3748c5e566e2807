//! Columns, watermarks, constraints, distribution, `LIKE`: the parts of a table definition.

use super::ast::{
    ColumnDef, ColumnKind, ConstraintKind, Distribution, DistributionKind, Ident, LikeFeature,
    LikeOption, MergingStrategy, Span, TableConstraint, TableElements, TableLike, WatermarkDef,
};
use super::error::Result;
use super::parser::Parser;

impl Parser<'_> {
    /// `(column, watermark, constraint, ..)`
    pub(super) fn table_elements(&mut self) -> Result<TableElements> {
        let mut elements = TableElements::default();
        self.expect_symbol("(")?;
        let only_names =
            self.is_ident_at(0) && (self.peek_symbol_at(1, ",") || self.peek_symbol_at(1, ")"));
        if only_names {
            elements.names = self.comma_list(Self::ident)?;
        } else {
            self.comma_list(|p| p.table_element(&mut elements))?;
        }
        self.expect_symbol(")")?;
        Ok(elements)
    }

    fn table_element(&mut self, elements: &mut TableElements) -> Result<()> {
        if self.peek_word("WATERMARK") {
            elements.watermarks.push(self.watermark()?);
        } else if self.peek_constraint() {
            elements.constraints.push(self.table_constraint()?);
        } else {
            self.note("WATERMARK");
            self.note("PRIMARY");
            let column = self.column(&mut elements.constraints)?;
            elements.columns.push(column);
        }
        Ok(())
    }

    pub(super) fn peek_constraint(&self) -> bool {
        self.peek_any(&["CONSTRAINT", "PRIMARY", "UNIQUE"])
    }

    /// `name TYPE ..`, `name AS expr`
    pub(super) fn column(&mut self, constraints: &mut Vec<TableConstraint>) -> Result<ColumnDef> {
        let start = self.span();
        let name = match self.peek_ident() {
            true => self.ident()?,
            false => return self.expected("a column name"),
        };
        if self.eat("AS") {
            let kind = ColumnKind::Computed(self.expr()?);
            let comment = self.comment()?;
            return Ok(ColumnDef { name, kind, comment, span: self.span_from(start) });
        }
        let ty = self.type_name()?;
        let kind = if self.eat("METADATA") {
            let key = if self.eat("FROM") { Some(self.string()?) } else { None };
            let is_virtual = self.eat("VIRTUAL");
            ColumnKind::Metadata { ty, key, is_virtual }
        } else {
            if self.peek_constraint() {
                constraints.push(self.column_constraint(&name)?);
            } else {
                self.note("PRIMARY");
            }
            ColumnKind::Physical(ty)
        };
        let comment = self.comment()?;
        Ok(ColumnDef { name, kind, comment, span: self.span_from(start) })
    }

    fn constraint_name(&mut self) -> Result<Option<Ident>> {
        if self.eat("CONSTRAINT") { self.ident().map(Some) } else { Ok(None) }
    }

    fn constraint_kind(&mut self) -> Result<ConstraintKind> {
        if self.eat("UNIQUE") {
            return Ok(ConstraintKind::Unique);
        }
        self.expect("PRIMARY")?;
        self.expect("KEY")?;
        Ok(ConstraintKind::PrimaryKey)
    }

    fn enforcement(&mut self) -> Option<bool> {
        if self.eat("ENFORCED") {
            return Some(true);
        }
        self.eat_words(&["NOT", "ENFORCED"]).then_some(false)
    }

    fn column_constraint(&mut self, column: &Ident) -> Result<TableConstraint> {
        let start = self.span();
        let name = self.constraint_name()?;
        let kind = self.constraint_kind()?;
        let enforced = self.enforcement();
        let columns = vec![column.clone()];
        Ok(TableConstraint { name, kind, columns, enforced, span: self.span_from(start) })
    }

    pub(super) fn table_constraint(&mut self) -> Result<TableConstraint> {
        let start = self.span();
        let name = self.constraint_name()?;
        let kind = self.constraint_kind()?;
        let columns = self.ident_list()?;
        let enforced = self.enforcement();
        Ok(TableConstraint { name, kind, columns, enforced, span: self.span_from(start) })
    }

    /// `WATERMARK FOR column AS expr`
    pub(super) fn watermark(&mut self) -> Result<WatermarkDef> {
        let start = self.expect("WATERMARK")?;
        self.expect("FOR")?;
        let column = self.object_name()?;
        self.expect("AS")?;
        let expr = self.expr()?;
        Ok(WatermarkDef { column, expr, span: self.span_from(start) })
    }

    /// What follows `DISTRIBUTED` or `DISTRIBUTION`.
    pub(super) fn distribution(&mut self) -> Result<Distribution> {
        let start: Span = self.span();
        let (mut kind, mut columns, mut buckets) = (None, Vec::new(), None);
        let by = self.eat("BY");
        if by {
            kind = match () {
                () if self.eat("HASH") => Some(DistributionKind::Hash),
                () if self.eat("RANGE") => Some(DistributionKind::Range),
                () => None,
            };
            columns = self.ident_list()?;
        }
        if self.eat("INTO") {
            buckets = Some(self.unsigned()?.value);
            self.expect("BUCKETS")?;
        } else if !by {
            return Err(self.unexpected());
        }
        Ok(Distribution { kind, columns, buckets, span: self.span_from(start) })
    }

    /// What follows `LIKE`.
    pub(super) fn table_like(&mut self) -> Result<TableLike> {
        let table = self.object_name()?;
        let mut options = Vec::new();
        if self.eat_symbol("(") {
            while !self.eat_symbol(")") {
                options.push(self.like_option()?);
            }
        }
        Ok(TableLike { table, options })
    }

    fn like_option(&mut self) -> Result<LikeOption> {
        let start = self.span();
        let strategy = match () {
            () if self.eat("INCLUDING") => MergingStrategy::Including,
            () if self.eat("EXCLUDING") => MergingStrategy::Excluding,
            () => {
                self.expect("OVERWRITING")?;
                MergingStrategy::Overwriting
            }
        };
        let features = [
            ("ALL", LikeFeature::All),
            ("CONSTRAINTS", LikeFeature::Constraints),
            ("DISTRIBUTION", LikeFeature::Distribution),
            ("GENERATED", LikeFeature::Generated),
            ("METADATA", LikeFeature::Metadata),
            ("OPTIONS", LikeFeature::Options),
            ("PARTITIONS", LikeFeature::Partitions),
            ("WATERMARKS", LikeFeature::Watermarks),
        ];
        match features.into_iter().find(|(word, _)| self.eat(word)) {
            Some((_, feature)) => Ok(LikeOption { strategy, feature, span: self.span_from(start) }),
            None => Err(self.unexpected()),
        }
    }
}
