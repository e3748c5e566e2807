//! `ALTER ..`

use super::ast::{
    AlterCatalog, AlterCatalogAction, AlterMaterializedTable, AlterMaterializedTableAction,
    AlterResource, AlterResourceAction, AlterTable, AlterTableAction, AlterView, ColumnPosition,
    ObjectKind, SchemaChange, Statement, Temporality,
};
use super::error::Result;
use super::parser::Parser;

impl Parser<'_> {
    pub(super) fn alter(&mut self) -> Result<Statement> {
        self.expect("ALTER")?;
        match () {
            () if self.eat("TABLE") => {
                let if_exists = self.if_exists();
                let name = self.object_name()?;
                let action = self.alter_table_action()?;
                Ok(Statement::AlterTable(AlterTable { if_exists, name, action }))
            }
            () if self.eat("VIEW") => self.alter_view().map(Statement::AlterView),
            () if self.eat("MATERIALIZED") => self.alter_materialized_table(),
            () if self.eat("CATALOG") => self.alter_catalog(),
            () if self.eat("DATABASE") => {
                let name = self.object_name()?;
                self.expect("SET")?;
                Ok(Statement::AlterDatabase { name, options: self.properties()? })
            }
            () if self.eat("MODEL") => self.alter_resource(ObjectKind::Model),
            () if self.eat("CONNECTION") => self.alter_resource(ObjectKind::Connection),
            () => self.alter_function(),
        }
    }

    fn alter_function(&mut self) -> Result<Statement> {
        let mut temporality = Temporality::Permanent;
        if self.eat("TEMPORARY") {
            temporality = match self.eat("SYSTEM") {
                true => Temporality::TemporarySystem,
                false => Temporality::Temporary,
            };
        }
        self.expect("FUNCTION")?;
        let if_exists = self.if_exists();
        let name = self.object_name()?;
        self.function_body(temporality, if_exists, name).map(Statement::AlterFunction)
    }

    fn alter_table_action(&mut self) -> Result<AlterTableAction> {
        match () {
            () if self.eat("RENAME") => {
                if self.eat("TO") {
                    return self.object_name().map(AlterTableAction::Rename);
                }
                let from = self.object_name()?;
                self.expect("TO")?;
                Ok(AlterTableAction::RenameColumn { from, to: self.ident()? })
            }
            () if self.eat("SET") => self.properties().map(AlterTableAction::SetOptions),
            () if self.eat("RESET") => self.property_keys().map(AlterTableAction::ResetOptions),
            () if self.eat("ADD") => self.alter_table_add(),
            () if self.eat("MODIFY") => self.schema_change().map(AlterTableAction::Modify),
            () => {
                self.expect("DROP")?;
                self.alter_table_drop()
            }
        }
    }

    fn alter_table_add(&mut self) -> Result<AlterTableAction> {
        let if_not_exists = self.if_not_exists();
        if !if_not_exists && !self.peek_word("PARTITION") {
            return self.schema_change().map(AlterTableAction::Add);
        }
        let mut partitions = Vec::new();
        self.expect("PARTITION")?;
        loop {
            let spec = self.partition_spec()?;
            partitions.push((spec, self.with_properties()?));
            if !self.eat("PARTITION") {
                return Ok(AlterTableAction::AddPartitions { if_not_exists, partitions });
            }
        }
    }

    fn alter_table_drop(&mut self) -> Result<AlterTableAction> {
        let if_exists = self.if_exists();
        if if_exists || self.peek_word("PARTITION") {
            let partitions = self.comma_list(|p| {
                p.expect("PARTITION")?;
                p.partition_spec()
            })?;
            return Ok(AlterTableAction::DropPartitions { if_exists, partitions });
        }
        if self.peek_symbol("(") {
            return self.paren_list(Self::object_name).map(AlterTableAction::DropColumns);
        }
        Ok(match () {
            () if self.eat_words(&["PRIMARY", "KEY"]) => AlterTableAction::DropPrimaryKey,
            () if self.eat("CONSTRAINT") => AlterTableAction::DropConstraint(self.ident()?),
            () if self.eat("WATERMARK") => AlterTableAction::DropWatermark,
            () if self.eat("DISTRIBUTION") => AlterTableAction::DropDistribution,
            () => AlterTableAction::DropColumns(vec![self.object_name()?]),
        })
    }

    /// One part or several in parentheses.
    fn schema_change(&mut self) -> Result<SchemaChange> {
        let mut change = SchemaChange::default();
        if self.eat("DISTRIBUTION") {
            change.distribution = Some(self.distribution()?);
        } else if self.peek_symbol("(") {
            self.paren_list(|p| p.schema_change_part(&mut change))?;
        } else {
            self.schema_change_part(&mut change)?;
        }
        Ok(change)
    }

    fn schema_change_part(&mut self, change: &mut SchemaChange) -> Result<()> {
        if self.peek_word("WATERMARK") {
            change.watermark = Some(self.watermark()?);
        } else if self.peek_constraint() {
            change.constraints.push(self.table_constraint()?);
        } else {
            let column = self.column(&mut change.constraints)?;
            let position = match () {
                () if self.eat("FIRST") => Some(ColumnPosition::First),
                () if self.eat("AFTER") => Some(ColumnPosition::After(self.object_name()?)),
                () => None,
            };
            change.columns.push((column, position));
        }
        Ok(())
    }

    fn alter_view(&mut self) -> Result<AlterView> {
        let name = self.object_name()?;
        if self.eat("RENAME") {
            self.expect("TO")?;
            return Ok(AlterView::Rename { name, to: self.object_name()? });
        }
        self.expect("AS")?;
        Ok(AlterView::As { name, query: Box::new(self.query()?) })
    }

    fn alter_materialized_table(&mut self) -> Result<Statement> {
        self.expect("TABLE")?;
        let name = self.object_name()?;
        let action = match () {
            () if self.eat("SUSPEND") => AlterMaterializedTableAction::Suspend,
            () if self.eat("RESUME") => {
                AlterMaterializedTableAction::Resume(self.with_properties()?)
            }
            () if self.eat("REFRESH") => {
                let has_partition = self.eat("PARTITION");
                let spec = if has_partition { self.partition_spec()? } else { Vec::new() };
                AlterMaterializedTableAction::Refresh(spec)
            }
            () if self.eat("AS") => AlterMaterializedTableAction::As(Box::new(self.query()?)),
            () if self.eat_words(&["SET", "FRESHNESS"]) => {
                AlterMaterializedTableAction::Freshness(self.freshness()?)
            }
            () if self.eat_words(&["SET", "REFRESH_MODE"]) => {
                AlterMaterializedTableAction::RefreshMode(self.refresh_mode()?)
            }
            () => AlterMaterializedTableAction::Table(self.alter_table_action()?),
        };
        Ok(Statement::AlterMaterializedTable(AlterMaterializedTable { name, action }))
    }

    fn alter_catalog(&mut self) -> Result<Statement> {
        let name = self.ident()?;
        let action = match () {
            () if self.eat("SET") => AlterCatalogAction::SetOptions(self.properties()?),
            () if self.eat("RESET") => AlterCatalogAction::ResetOptions(self.property_keys()?),
            () => {
                self.expect("COMMENT")?;
                AlterCatalogAction::Comment(self.string()?)
            }
        };
        Ok(Statement::AlterCatalog(AlterCatalog { name, action }))
    }

    fn alter_resource(&mut self, kind: ObjectKind) -> Result<Statement> {
        let if_exists = self.if_exists();
        let name = self.object_name()?;
        let action = match () {
            () if self.eat("RENAME") => {
                self.expect("TO")?;
                AlterResourceAction::Rename(self.object_name()?)
            }
            () if self.eat("SET") => AlterResourceAction::SetOptions(self.properties()?),
            () => {
                self.expect("RESET")?;
                AlterResourceAction::ResetOptions(self.property_keys()?)
            }
        };
        Ok(Statement::AlterResource(AlterResource { kind, if_exists, name, action }))
    }
}
