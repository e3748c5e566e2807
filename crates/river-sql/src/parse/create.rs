//! `CREATE ..`, `REPLACE ..`, `DROP ..`.

use super::ast::{
    CreateCatalog, CreateConnection, CreateDatabase, CreateFunction, CreateMaterializedTable,
    CreateMode, CreateModel, CreateTable, CreateView, Drop, Duration, FunctionLanguage,
    FunctionResource, Ident, ObjectKind, ObjectName, RefreshMode, StartMode, Statement,
    TableElements, Temporality,
};
use super::error::{ParseError, Result};
use super::parser::Parser;

impl Parser<'_> {
    /// `CREATE ..` and `REPLACE TABLE ..`
    pub(super) fn create(&mut self) -> Result<Statement> {
        let start = self.span();
        if self.eat("REPLACE") {
            self.expect("TABLE")?;
            return self.create_table(false, CreateMode::Replace);
        }
        self.expect("CREATE")?;
        let or_replace = self.eat_words(&["OR", "REPLACE"]);
        if !or_replace && self.eat_words(&["OR", "ALTER"]) {
            self.expect_words(&["MATERIALIZED", "TABLE"])?;
            return self.create_materialized_table(true);
        }
        let temporality = self.temporality();
        let temporary = temporality != Temporality::Permanent;
        let system = temporality == Temporality::TemporarySystem;
        if !system && self.eat("TABLE") {
            let mode = if or_replace { CreateMode::CreateOrReplace } else { CreateMode::Create };
            return self.create_table(temporary, mode);
        }
        if !system && self.eat("VIEW") {
            return self.create_view(temporary, or_replace);
        }
        if or_replace {
            let span = self.span_from(start);
            return Err(ParseError::new("only tables and views can be created or replaced", span));
        }
        if self.eat("FUNCTION") {
            return self.create_function(temporality);
        }
        if self.eat("CONNECTION") {
            return self.create_connection(temporality);
        }
        if !system && self.eat("MODEL") {
            return self.create_model(temporary);
        }
        if !temporary && self.eat("MATERIALIZED") {
            self.expect("TABLE")?;
            return self.create_materialized_table(false);
        }
        if !temporary && self.eat("DATABASE") {
            return self.create_database();
        }
        if !temporary && self.eat("CATALOG") {
            return self.create_catalog();
        }
        Err(self.unexpected())
    }

    fn temporality(&mut self) -> Temporality {
        if !self.eat("TEMPORARY") {
            return Temporality::Permanent;
        }
        match self.eat("SYSTEM") {
            true => Temporality::TemporarySystem,
            false => Temporality::Temporary,
        }
    }

    /// What follows `CREATE TABLE`.
    fn create_table(&mut self, temporary: bool, mode: CreateMode) -> Result<Statement> {
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        let mut table = CreateTable {
            temporary,
            if_not_exists,
            mode,
            name,
            elements: TableElements::default(),
            comment: None,
            distribution: None,
            partitioned_by: Vec::new(),
            connection: None,
            options: Vec::new(),
            like: None,
            query: None,
        };
        if self.peek_symbol("(") {
            table.elements = self.table_elements()?;
        }
        table.comment = self.comment()?;
        if self.eat("DISTRIBUTED") {
            table.distribution = Some(self.distribution()?);
        }
        if self.eat("PARTITIONED") {
            self.expect("BY")?;
            table.partitioned_by = self.ident_list()?;
        }
        table.options = self.with_properties()?;
        if self.eat("LIKE") {
            table.like = Some(self.table_like()?);
        } else if self.eat("AS") {
            table.query = Some(self.query()?);
        }
        if table.query.is_none() && mode != CreateMode::Create {
            self.note("AS");
            return Err(self.unexpected());
        }
        Ok(Statement::CreateTable(Box::new(table)))
    }

    fn create_view(&mut self, temporary: bool, or_replace: bool) -> Result<Statement> {
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        let columns = if self.peek_symbol("(") { self.ident_list()? } else { Vec::new() };
        let comment = self.comment()?;
        let options = self.with_properties()?;
        self.expect("AS")?;
        let query = self.query()?;
        Ok(Statement::CreateView(Box::new(CreateView {
            temporary,
            or_replace,
            if_not_exists,
            name,
            columns,
            comment,
            options,
            query,
        })))
    }

    fn create_materialized_table(&mut self, or_alter: bool) -> Result<Statement> {
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        let elements = match self.peek_symbol("(") {
            true => self.table_elements()?,
            false => TableElements::default(),
        };
        let comment = self.comment()?;
        let distribution = if self.eat("DISTRIBUTED") { Some(self.distribution()?) } else { None };
        let mut partitioned_by = Vec::new();
        if self.eat("PARTITIONED") {
            self.expect("BY")?;
            partitioned_by = self.ident_list()?;
        }
        let options = self.with_properties()?;
        let freshness = if self.eat("FRESHNESS") { Some(self.freshness()?) } else { None };
        let refresh_mode = if self.eat("REFRESH_MODE") { Some(self.refresh_mode()?) } else { None };
        let start_mode = if self.eat("START_MODE") { Some(self.start_mode()?) } else { None };
        self.expect("AS")?;
        let query = self.query()?;
        Ok(Statement::CreateMaterializedTable(Box::new(CreateMaterializedTable {
            or_alter,
            if_not_exists,
            name,
            elements,
            comment,
            distribution,
            partitioned_by,
            options,
            freshness,
            refresh_mode,
            start_mode,
            query,
        })))
    }

    /// `= INTERVAL '1' HOUR`
    pub(super) fn freshness(&mut self) -> Result<Duration> {
        self.expect_symbol("=")?;
        self.expect("INTERVAL")?;
        let value = self.string()?;
        let unit = self.interval_qualifier()?.from;
        Ok(Duration { value, unit })
    }

    /// `= FULL`
    pub(super) fn refresh_mode(&mut self) -> Result<RefreshMode> {
        self.expect_symbol("=")?;
        if self.eat("FULL") {
            return Ok(RefreshMode::Full);
        }
        self.expect("CONTINUOUS")?;
        Ok(RefreshMode::Continuous)
    }

    fn start_mode(&mut self) -> Result<StartMode> {
        self.expect_symbol("=")?;
        let name = self.ident()?;
        let mut arg = None;
        if self.eat_symbol("(") {
            arg = Some(self.expr()?);
            self.expect_symbol(")")?;
        }
        Ok(StartMode { name, arg })
    }

    fn create_catalog(&mut self) -> Result<Statement> {
        let if_not_exists = self.if_not_exists();
        let name = self.ident()?;
        let comment = self.comment()?;
        let options = self.with_properties()?;
        Ok(Statement::CreateCatalog(CreateCatalog { if_not_exists, name, comment, options }))
    }

    fn create_database(&mut self) -> Result<Statement> {
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        let comment = self.comment()?;
        let options = self.with_properties()?;
        Ok(Statement::CreateDatabase(CreateDatabase { if_not_exists, name, comment, options }))
    }

    fn create_connection(&mut self, temporality: Temporality) -> Result<Statement> {
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        let comment = self.comment()?;
        let options = self.with_properties()?;
        Ok(Statement::CreateConnection(CreateConnection {
            temporality,
            if_not_exists,
            name,
            comment,
            options,
        }))
    }

    fn create_model(&mut self, temporary: bool) -> Result<Statement> {
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        let input = if self.eat("INPUT") { self.table_elements()?.columns } else { Vec::new() };
        let output = if self.eat("OUTPUT") { self.table_elements()?.columns } else { Vec::new() };
        let comment = self.comment()?;
        let options = self.with_properties()?;
        let query = if self.eat("AS") { Some(self.query()?) } else { None };
        Ok(Statement::CreateModel(Box::new(CreateModel {
            temporary,
            if_not_exists,
            name,
            input,
            output,
            comment,
            options,
            query,
        })))
    }

    fn create_function(&mut self, temporality: Temporality) -> Result<Statement> {
        let if_exists_clause = self.if_not_exists();
        let name = self.object_name()?;
        self.function_body(temporality, if_exists_clause, name).map(Statement::CreateFunction)
    }

    /// `AS 'class' [LANGUAGE ..] [USING ..] [WITH ..]`
    pub(super) fn function_body(
        &mut self,
        temporality: Temporality,
        if_exists_clause: bool,
        name: ObjectName,
    ) -> Result<CreateFunction> {
        self.expect("AS")?;
        let class = self.string()?;
        let language = if self.eat("LANGUAGE") { Some(self.language()?) } else { None };
        let resources = match self.eat("USING") {
            true => self.comma_list(Self::function_resource)?,
            false => Vec::new(),
        };
        let options = self.with_properties()?;
        let if_exists = if_exists_clause;
        Ok(CreateFunction {
            temporality,
            if_exists_clause: if_exists,
            name,
            class,
            language,
            resources,
            options,
        })
    }

    fn language(&mut self) -> Result<FunctionLanguage> {
        Ok(match () {
            () if self.eat("JAVA") => FunctionLanguage::Java,
            () if self.eat("SCALA") => FunctionLanguage::Scala,
            () if self.eat("SQL") => FunctionLanguage::Sql,
            () => {
                self.expect("PYTHON")?;
                FunctionLanguage::Python
            }
        })
    }

    fn function_resource(&mut self) -> Result<FunctionResource> {
        if !self.peek_any(&["JAR", "ARTIFACT", "FILE", "ARCHIVE"]) {
            self.note("ARTIFACT");
            return self.expected("JAR");
        }
        let kind: Ident = self.take_ident();
        Ok(FunctionResource { kind, path: self.string()? })
    }

    /// `DROP ..`
    pub(super) fn drop_statement(&mut self) -> Result<Statement> {
        self.expect("DROP")?;
        let temporality = self.temporality();
        let temporary = temporality != Temporality::Permanent;
        let system = temporality == Temporality::TemporarySystem;
        let kind = match () {
            () if self.eat("FUNCTION") => ObjectKind::Function,
            () if self.eat("CONNECTION") => ObjectKind::Connection,
            () if !system && self.eat("TABLE") => ObjectKind::Table,
            () if !system && self.eat("VIEW") => ObjectKind::View,
            () if !system && self.eat("MODEL") => ObjectKind::Model,
            () if !temporary && self.eat_words(&["MATERIALIZED", "TABLE"]) => {
                ObjectKind::MaterializedTable
            }
            () if !temporary && self.eat("DATABASE") => ObjectKind::Database,
            () if !temporary && self.eat("CATALOG") => ObjectKind::Catalog,
            () => return Err(self.unexpected()),
        };
        let if_exists = self.if_exists();
        let name = self.object_name()?;
        let mut cascade = false;
        if kind == ObjectKind::Database && !self.eat("RESTRICT") {
            cascade = self.eat("CASCADE");
        }
        Ok(Statement::Drop(Drop { kind, temporality, if_exists, name, cascade }))
    }
}
