//! `SHOW ..` and `DESCRIBE ..`.

use super::ast::{Describe, ObjectKind, Show, ShowLike, ShowList};
use super::error::Result;
use super::parser::Parser;

impl Parser<'_> {
    pub(super) fn show(&mut self) -> Result<Show> {
        self.expect("SHOW")?;
        Ok(match () {
            () if self.eat("CATALOGS") => Show::Catalogs(self.show_like(false)?),
            () if self.eat("DATABASES") => Show::Databases(self.show_list(true)?),
            () if self.eat("TABLES") => Show::Tables(self.show_list(false)?),
            () if self.eat("VIEWS") => Show::Views(self.show_list(false)?),
            () if self.eat("MATERIALIZED") => {
                self.expect("TABLES")?;
                Show::MaterializedTables(self.show_list(false)?)
            }
            () if self.eat("FUNCTIONS") => {
                Show::Functions { user: false, list: self.show_list(true)? }
            }
            () if self.eat_words(&["USER", "FUNCTIONS"]) => {
                Show::Functions { user: true, list: self.show_list(true)? }
            }
            () if self.eat("PROCEDURES") => Show::Procedures(self.show_list(true)?),
            () if self.eat("MODELS") => Show::Models(self.show_list(false)?),
            () if self.eat("CONNECTIONS") => Show::Connections(self.show_list(false)?),
            () if self.eat("MODULES") => Show::Modules { full: false },
            () if self.eat_words(&["FULL", "MODULES"]) => Show::Modules { full: true },
            () if self.eat("COLUMNS") => {
                if !self.eat("FROM") {
                    self.expect("IN")?;
                }
                let table = self.object_name()?;
                Show::Columns { table, like: self.show_like(false)? }
            }
            () if self.eat("PARTITIONS") => {
                let table = self.object_name()?;
                let has_partition = self.eat("PARTITION");
                let partition = if has_partition { self.partition_spec()? } else { Vec::new() };
                Show::Partitions { table, partition }
            }
            () if self.eat("CREATE") => {
                let kind = self.show_create_kind()?;
                Show::Create { kind, name: self.object_name()? }
            }
            () if self.eat("CURRENT") => match self.eat("CATALOG") {
                true => Show::CurrentCatalog,
                false => {
                    self.expect("DATABASE")?;
                    Show::CurrentDatabase
                }
            },
            () if self.eat("JARS") => Show::Jars,
            () => {
                self.expect("JOBS")?;
                Show::Jobs
            }
        })
    }

    fn show_create_kind(&mut self) -> Result<ObjectKind> {
        Ok(match () {
            () if self.eat("TABLE") => ObjectKind::Table,
            () if self.eat("VIEW") => ObjectKind::View,
            () if self.eat("CATALOG") => ObjectKind::Catalog,
            () if self.eat("MODEL") => ObjectKind::Model,
            () if self.eat("CONNECTION") => ObjectKind::Connection,
            () => {
                self.expect_words(&["MATERIALIZED", "TABLE"])?;
                ObjectKind::MaterializedTable
            }
        })
    }

    fn show_list(&mut self, with_ilike: bool) -> Result<ShowList> {
        let from = self.optional_from()?;
        Ok(ShowList { from, like: self.show_like(with_ilike)? })
    }

    /// `[NOT] LIKE '..'`; only some lists know `ILIKE`.
    fn show_like(&mut self, with_ilike: bool) -> Result<Option<ShowLike>> {
        let negated = self.eat("NOT");
        let ignore_case = with_ilike && self.eat("ILIKE");
        if !ignore_case && !self.eat("LIKE") {
            return if negated { Err(self.unexpected()) } else { Ok(None) };
        }
        Ok(Some(ShowLike { negated, ignore_case, pattern: self.string()? }))
    }

    /// `DESCRIBE ..`
    pub(super) fn describe(&mut self) -> Result<Describe> {
        self.bump();
        if self.peek_word("JOB") && !self.is_ident_at(1) && !self.peek_symbol_at(1, ".") {
            let ahead_is_text = self.kind_at(1) == super::token::TokenKind::String;
            if ahead_is_text {
                self.bump();
                return self.string().map(Describe::Job);
            }
        }
        let kind = ["CATALOG", "DATABASE", "FUNCTION", "MODEL", "CONNECTION", "TABLE"]
            .into_iter()
            .find(|word| self.peek_word(word) && !self.ends_name_at(1));
        if kind.is_some() {
            self.bump();
        }
        let extended = self.eat("EXTENDED");
        Ok(match kind {
            Some("CATALOG") => Describe::Catalog { name: self.ident()?, extended },
            Some("DATABASE") => Describe::Database { name: self.object_name()?, extended },
            Some("FUNCTION") => Describe::Function { name: self.object_name()?, extended },
            Some("MODEL") => Describe::Model { name: self.object_name()?, extended },
            Some("CONNECTION") => Describe::Connection { name: self.object_name()?, extended },
            _ => Describe::Table { name: self.object_name()?, extended },
        })
    }

    /// Whether the name before that token is complete: the statement ends, or a dot follows.
    fn ends_name_at(&self, ahead: usize) -> bool {
        self.kind_at(ahead) == super::token::TokenKind::End
            || self.peek_symbol_at(ahead, ";")
            || self.peek_symbol_at(ahead, ".")
    }
}
