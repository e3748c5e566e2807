//! Statements: which one begins here, and those that are neither `CREATE`, `ALTER` nor `SHOW`.

use super::ast::{
    AnalyzeTable, Delete, Explain, ExplainDetail, Ident, Insert, InsertTarget, ObjectName,
    OnConflict, PartitionValue, Spanned, Statement, Update,
};
use super::error::{ParseError, Result};
use super::parser::Parser;
use super::token::TokenKind;

impl Parser<'_> {
    /// One statement, without its semicolon.
    pub(super) fn statement(&mut self) -> Result<Spanned<Statement>> {
        self.nested(|p| {
            let start = p.span();
            let statement = p.statement_kind()?;
            Ok(Spanned::new(statement, p.span_from(start)))
        })
    }

    fn statement_kind(&mut self) -> Result<Statement> {
        if self.peek_query_start() || self.peek_symbol("(") {
            return Ok(Statement::Query(Box::new(self.query()?)));
        }
        if !matches!(self.kind(), TokenKind::Word { .. }) {
            return self.expected("a statement");
        }
        let word = self.text_of(self.span()).to_ascii_uppercase();
        match word.as_str() {
            "CREATE" | "REPLACE" => self.create(),
            "DROP" => self.drop_statement(),
            "ALTER" => self.alter(),
            "SHOW" => self.show().map(Statement::Show),
            "DESCRIBE" | "DESC" => self.describe().map(Statement::Describe),
            "INSERT" | "UPSERT" => Ok(Statement::Insert(Box::new(self.insert()?))),
            "EXPLAIN" => self.explain(),
            "EXECUTE" => self.execute(),
            "COMPILE" => self.compile(),
            "BEGIN" => {
                self.bump();
                self.expect_words(&["STATEMENT", "SET"])?;
                Ok(Statement::BeginStatementSet)
            }
            "END" => {
                self.bump();
                Ok(Statement::EndStatementSet)
            }
            "UPDATE" => self.update(),
            "DELETE" => self.delete(),
            "ANALYZE" => self.analyze(),
            "CALL" => {
                self.bump();
                Ok(Statement::Call(Box::new(self.call()?)))
            }
            "TRUNCATE" => {
                self.bump();
                self.expect("TABLE")?;
                self.object_name().map(Statement::TruncateTable)
            }
            _ => self.session_statement(&word),
        }
    }

    fn session_statement(&mut self, word: &str) -> Result<Statement> {
        match word {
            "SET" => {
                self.bump();
                let property = match self.kind() {
                    TokenKind::String => Some(self.property()?),
                    TokenKind::Word { .. } => {
                        return Err(ParseError::new("keys are texts", self.span())
                            .with_hint("write SET 'key' = 'value'"));
                    }
                    _ => None,
                };
                Ok(Statement::Set(property))
            }
            "RESET" => {
                self.bump();
                let has_key = self.kind() == TokenKind::String;
                Ok(Statement::Reset(if has_key { Some(self.string()?) } else { None }))
            }
            "USE" => self.use_statement(),
            "LOAD" => {
                self.bump();
                self.expect("MODULE")?;
                let name = self.ident()?;
                Ok(Statement::LoadModule { name, options: self.with_properties()? })
            }
            "UNLOAD" => {
                self.bump();
                self.expect("MODULE")?;
                self.ident().map(Statement::UnloadModule)
            }
            "ADD" => {
                self.bump();
                self.expect("JAR")?;
                self.string().map(Statement::AddJar)
            }
            "REMOVE" => {
                self.bump();
                self.expect("JAR")?;
                self.string().map(Statement::RemoveJar)
            }
            "STOP" => self.stop_job(),
            "QUIT" | "EXIT" => self.client_word(Statement::Quit),
            "CLEAR" => self.client_word(Statement::Clear),
            "HELP" => self.client_word(Statement::Help),
            _ => {
                STATEMENT_STARTS.iter().for_each(|start| self.note(start));
                let mut error = self.unexpected();
                error.message = format!("`{word}` does not begin a statement");
                error.label = Some("expected a statement".to_owned());
                Err(error)
            }
        }
    }

    fn client_word(&mut self, statement: Statement) -> Result<Statement> {
        self.bump();
        Ok(statement)
    }

    fn use_statement(&mut self) -> Result<Statement> {
        self.expect("USE")?;
        if self.peek_word("CATALOG") && self.is_ident_at(1) {
            self.bump();
            return self.ident().map(Statement::UseCatalog);
        }
        if self.eat("MODULES") {
            return self.comma_list(Self::ident).map(Statement::UseModules);
        }
        self.object_name().map(Statement::UseDatabase)
    }

    fn stop_job(&mut self) -> Result<Statement> {
        self.expect("STOP")?;
        self.expect("JOB")?;
        let id = self.string()?;
        let with_savepoint = self.eat_words(&["WITH", "SAVEPOINT"]);
        let start = self.span();
        let with_drain = self.eat_words(&["WITH", "DRAIN"]);
        if with_drain && !with_savepoint {
            let message = "WITH DRAIN can only stand after WITH SAVEPOINT";
            return Err(ParseError::new(message, self.span_from(start)));
        }
        Ok(Statement::StopJob { id, with_savepoint, with_drain })
    }

    // --- manipulation ------------------------------------------------------------------------

    /// `INSERT ..`
    pub(super) fn insert(&mut self) -> Result<Insert> {
        let start = self.span();
        let upsert = self.eat("UPSERT");
        if !upsert {
            self.expect("INSERT")?;
        }
        let overwrite = self.eat("OVERWRITE");
        if !overwrite {
            self.expect("INTO")?;
        }
        let name = self.object_name()?;
        let target = InsertTarget { name, hints: self.hints()? };
        let mut partition = Vec::new();
        if self.eat("PARTITION") {
            partition = self.partition_spec()?;
            if let Some(open) = partition.iter().find(|p| p.value.is_none()) {
                return Err(ParseError::new(
                    "this partition column has no value",
                    open.column.span,
                )
                .with_hint("write it as `column = value`; leave out dynamic partitions"));
            }
        }
        let mut columns = Vec::new();
        if self.peek_symbol("(") && !self.peek_query_in_parens() {
            columns = self.paren_list(Self::object_name)?;
        }
        let source = self.query()?;
        let on_conflict = self.on_conflict()?;
        Ok(Insert {
            overwrite,
            upsert,
            target,
            partition,
            columns,
            source,
            on_conflict,
            span: self.span_from(start),
        })
    }

    /// Whether, behind any number of parentheses, a query begins.
    fn peek_query_in_parens(&self) -> bool {
        let mut ahead = 0;
        while self.peek_symbol_at(ahead, "(") {
            ahead += 1;
        }
        self.peek_query_at(ahead)
    }

    fn on_conflict(&mut self) -> Result<Option<OnConflict>> {
        if !self.eat("ON") {
            return Ok(None);
        }
        self.expect_words(&["CONFLICT", "DO"])?;
        Ok(Some(match () {
            () if self.eat("NOTHING") => OnConflict::Nothing,
            () if self.eat("ERROR") => OnConflict::Error,
            () => {
                self.expect("DEDUPLICATE")?;
                OnConflict::Deduplicate
            }
        }))
    }

    /// `(p = 1, q = 'x')`; values may be left out.
    pub(super) fn partition_spec(&mut self) -> Result<Vec<PartitionValue>> {
        self.paren_list(|p| {
            let column = p.ident()?;
            let value = if p.eat_symbol("=") { Some(p.primary()?) } else { None };
            Ok(PartitionValue { column, value })
        })
    }

    fn update(&mut self) -> Result<Statement> {
        self.expect("UPDATE")?;
        let table = self.object_name()?;
        let alias = self.optional_alias()?;
        self.expect("SET")?;
        let assignments = self.comma_list(|p| {
            let column = p.object_name()?;
            p.expect_symbol("=")?;
            Ok((column, p.expr()?))
        })?;
        let filter = if self.eat("WHERE") { Some(self.expr()?) } else { None };
        Ok(Statement::Update(Box::new(Update { table, alias, assignments, filter })))
    }

    fn delete(&mut self) -> Result<Statement> {
        self.expect("DELETE")?;
        self.expect("FROM")?;
        let table = self.object_name()?;
        let alias = self.optional_alias()?;
        let filter = if self.eat("WHERE") { Some(self.expr()?) } else { None };
        Ok(Statement::Delete(Box::new(Delete { table, alias, filter })))
    }

    fn analyze(&mut self) -> Result<Statement> {
        self.expect("ANALYZE")?;
        self.expect("TABLE")?;
        let table = self.object_name()?;
        let mut partition = Vec::new();
        if self.eat("PARTITION") {
            partition = self.partition_spec()?;
        }
        self.expect_words(&["COMPUTE", "STATISTICS"])?;
        let (mut columns, mut all_columns): (Vec<Ident>, bool) = (Vec::new(), false);
        if self.eat("FOR") {
            if self.eat("ALL") {
                self.expect("COLUMNS")?;
                all_columns = true;
            } else {
                self.expect("COLUMNS")?;
                columns = self.comma_list(Self::ident)?;
            }
        }
        Ok(Statement::AnalyzeTable(AnalyzeTable { table, partition, columns, all_columns }))
    }

    // --- plans -------------------------------------------------------------------------------

    fn execute(&mut self) -> Result<Statement> {
        self.expect("EXECUTE")?;
        if self.eat("PLAN") {
            return self.string().map(Statement::ExecutePlan);
        }
        if self.peek_words(&["STATEMENT", "SET"]) {
            return self.statement_set();
        }
        if self.peek_query_start() {
            return Ok(Statement::Query(Box::new(self.query()?)));
        }
        self.note("STATEMENT");
        self.note("SELECT");
        Ok(Statement::Insert(Box::new(self.insert()?)))
    }

    /// `STATEMENT SET BEGIN insert; insert; END`
    pub(super) fn statement_set(&mut self) -> Result<Statement> {
        self.expect_words(&["STATEMENT", "SET", "BEGIN"])?;
        let mut inserts = Vec::new();
        loop {
            let start = self.span();
            let insert = self.insert()?;
            inserts.push(Spanned::new(insert, self.span_from(start)));
            self.expect_symbol(";")?;
            if self.eat("END") {
                return Ok(Statement::StatementSet(inserts));
            }
        }
    }

    /// A statement set, an insert or a query: what can be explained and compiled.
    fn statement_or_set(&mut self) -> Result<Spanned<Statement>> {
        let start = self.span();
        if !self.peek_words(&["STATEMENT", "SET"]) {
            return self.statement();
        }
        let set = self.statement_set()?;
        Ok(Spanned::new(set, self.span_from(start)))
    }

    fn explain(&mut self) -> Result<Statement> {
        self.expect("EXPLAIN")?;
        let mut details = Vec::new();
        if !self.eat_words(&["PLAN", "FOR"]) {
            while let Some(detail) = self.explain_detail() {
                details.push(detail);
                if !self.eat_symbol(",") {
                    break;
                }
            }
        }
        let statement = Box::new(self.statement_or_set()?);
        Ok(Statement::Explain(Explain { details, statement }))
    }

    fn explain_detail(&mut self) -> Option<ExplainDetail> {
        let details = [
            ("ESTIMATED_COST", ExplainDetail::EstimatedCost),
            ("CHANGELOG_MODE", ExplainDetail::ChangelogMode),
            ("JSON_EXECUTION_PLAN", ExplainDetail::JsonExecutionPlan),
            ("PLAN_ADVICE", ExplainDetail::PlanAdvice),
        ];
        details.into_iter().find(|(word, _)| self.eat(word)).map(|(_, detail)| detail)
    }

    fn compile(&mut self) -> Result<Statement> {
        self.expect("COMPILE")?;
        if self.eat_words(&["AND", "EXECUTE", "PLAN"]) {
            let path = self.string()?;
            self.expect("FOR")?;
            let statement = Box::new(self.compiled_statement()?);
            return Ok(Statement::CompileAndExecutePlan { path, statement });
        }
        self.expect("PLAN")?;
        let path = self.string()?;
        let if_not_exists = self.if_not_exists();
        self.expect("FOR")?;
        let statement = Box::new(self.compiled_statement()?);
        Ok(Statement::CompilePlan { path, if_not_exists, statement })
    }

    fn compiled_statement(&mut self) -> Result<Spanned<Statement>> {
        if self.peek_words(&["STATEMENT", "SET"]) {
            return self.statement_or_set();
        }
        let start = self.span();
        self.note("STATEMENT");
        let insert = self.insert()?;
        Ok(Spanned::new(Statement::Insert(Box::new(insert)), self.span_from(start)))
    }

    /// A name after one of the words `FROM` or `IN`.
    pub(super) fn optional_from(&mut self) -> Result<Option<ObjectName>> {
        if self.eat("FROM") || self.eat("IN") {
            return self.object_name().map(Some);
        }
        Ok(None)
    }
}

/// Words that begin statements, for messages.
const STATEMENT_STARTS: &[&str] = &[
    "SELECT", "INSERT", "CREATE", "SET", "EXPLAIN", "EXECUTE", "WITH", "VALUES", "DROP", "ALTER",
    "SHOW", "DESCRIBE", "USE", "RESET", "BEGIN", "END", "UPDATE", "DELETE", "CALL", "COMPILE",
    "ANALYZE", "TRUNCATE", "LOAD", "UNLOAD", "ADD", "REMOVE", "STOP", "REPLACE", "QUIT", "HELP",
];
