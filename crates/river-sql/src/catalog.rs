//! Catalogs, databases, tables and views of a session, in memory
//! (`generic_in_memory`, `default_catalog.default_database`).

use std::collections::BTreeMap;
use std::sync::Arc;

use river_core::options::Options;
use river_core::{ChangelogMode, DataType, Expr, Field};

use crate::error::{Result, SqlError};
use crate::parse::ast;

/// Catalog that exists from the start.
pub const DEFAULT_CATALOG: &str = "default_catalog";
/// Database that exists from the start.
pub const DEFAULT_DATABASE: &str = "default_database";

/// What the front end must know of connectors; implemented over `river-connectors`.
pub trait Connectors: Send + Sync {
    /// Checks that a table can be read: connector known, options known, required ones there.
    fn check_source(&self, table: &str, options: &Options) -> std::result::Result<(), String>;

    /// Checks that a table can be written.
    fn check_sink(&self, table: &str, options: &Options) -> std::result::Result<(), String>;

    /// Row kinds that a source gives.
    fn source_changelog(&self, options: &Options) -> ChangelogMode;

    /// Row kinds that a sink takes.
    fn sink_changelog(&self, options: &Options) -> ChangelogMode;

    /// Metadata keys of a connector and its format, with their types.
    fn metadata_columns(&self, options: &Options) -> Vec<(String, DataType)>;

    /// Whether a source ends by itself.
    fn is_bounded(&self, options: &Options) -> bool;

    /// Whether rows of the table can be looked up by key.
    fn supports_lookup(&self, options: &Options) -> bool;
}

/// Full name of a table, view or function.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectPath {
    /// Catalog.
    pub catalog: String,
    /// Database.
    pub database: String,
    /// Name in the database.
    pub name: String,
}

impl std::fmt::Display for ObjectPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.catalog, self.database, self.name)
    }
}

/// A table with a connector.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Full name.
    pub path: ObjectPath,
    /// Columns in the order declared.
    pub columns: Vec<Column>,
    /// Watermark, if declared.
    pub watermark: Option<Watermark>,
    /// Columns of the primary key, positions into `columns`.
    pub primary_key: Vec<usize>,
    /// Name of the primary key constraint, if given.
    pub key_name: Option<String>,
    /// `PARTITIONED BY` columns.
    pub partition_keys: Vec<String>,
    /// `WITH` options.
    pub options: Options,
    /// `COMMENT`.
    pub comment: Option<String>,
    /// Whether it was made `TEMPORARY`.
    pub temporary: bool,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Type; the rowtime column of a watermark is [`river_core::types::TimeKind::Rowtime`].
    pub ty: DataType,
    /// Where its values come from.
    pub kind: ColumnKind,
    /// `COMMENT`.
    pub comment: Option<String>,
}

/// The kinds of columns.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnKind {
    /// Stored in the connector's records.
    Physical,
    /// Computed on reading.
    Computed {
        /// Over physical ++ metadata columns.
        expr: Expr,
        /// As written.
        text: String,
    },
    /// Given by the connector or format.
    Metadata {
        /// Key.
        key: String,
        /// Not written by inserts.
        is_virtual: bool,
    },
}

/// A watermark declaration.
#[derive(Debug, Clone, PartialEq)]
pub struct Watermark {
    /// Column, position into `columns`.
    pub column: usize,
    /// Over all `columns`.
    pub expr: Expr,
    /// As written.
    pub text: String,
}

impl Table {
    /// Physical columns as fields.
    pub fn physical(&self) -> Vec<Field> {
        let physical = self.columns.iter().filter(|c| c.kind == ColumnKind::Physical);
        physical.map(|c| Field::new(&c.name, c.ty.materialised())).collect()
    }

    /// Metadata columns: field under the metadata key.
    pub fn metadata(&self) -> Vec<Field> {
        let columns = self.columns.iter().filter_map(|c| match &c.kind {
            ColumnKind::Metadata { key, .. } => Some(Field::new(key, c.ty.materialised())),
            _ => None,
        });
        columns.collect()
    }

    /// Columns that an insert writes: physical ones and metadata that is not virtual.
    pub fn writable(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.iter().enumerate().filter(|(_, c)| {
            !matches!(
                c.kind,
                ColumnKind::Computed { .. } | ColumnKind::Metadata { is_virtual: true, .. }
            )
        })
    }
}

/// A view.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Full name.
    pub path: ObjectPath,
    /// Names of its columns.
    pub columns: Vec<String>,
    /// Types of its columns when it was made.
    pub schema: Vec<Field>,
    /// The query, bound again at each use.
    pub query: Arc<ast::Query>,
    /// The query as written.
    pub text: String,
    /// Catalog and database in which its names are resolved.
    pub home: (String, String),
    /// `COMMENT`.
    pub comment: Option<String>,
    /// Whether it was made `TEMPORARY`.
    pub temporary: bool,
}

/// A table or view.
#[derive(Debug, Clone, PartialEq)]
pub enum Object {
    /// A table.
    Table(Arc<Table>),
    /// A view.
    View(Arc<View>),
}

/// All catalogs of a session.
#[derive(Debug, Clone)]
pub struct Catalogs {
    catalogs: BTreeMap<String, BTreeMap<String, BTreeMap<String, Object>>>,
    /// Temporary objects hide permanent ones of the same name.
    temporary: BTreeMap<ObjectPath, Object>,
    /// User functions: upper-case name, and the built-in function it stands for.
    pub functions: BTreeMap<String, String>,
    /// Current catalog.
    pub catalog: String,
    /// Current database.
    pub database: String,
}

impl Default for Catalogs {
    fn default() -> Catalogs {
        let database = BTreeMap::from([(DEFAULT_DATABASE.to_owned(), BTreeMap::new())]);
        Catalogs {
            catalogs: BTreeMap::from([(DEFAULT_CATALOG.to_owned(), database)]),
            temporary: BTreeMap::new(),
            functions: BTreeMap::new(),
            catalog: DEFAULT_CATALOG.to_owned(),
            database: DEFAULT_DATABASE.to_owned(),
        }
    }
}

impl Catalogs {
    /// The full name of a name as written.
    pub fn resolve(&self, name: &ast::ObjectName) -> Result<ObjectPath> {
        let home = (self.catalog.as_str(), self.database.as_str());
        self.resolve_in(name, home)
    }

    /// The full name, completed from the given catalog and database.
    pub fn resolve_in(&self, name: &ast::ObjectName, home: (&str, &str)) -> Result<ObjectPath> {
        let (catalog, database, name) = match name.parts().as_slice() {
            [name] => (home.0, home.1, *name),
            [database, name] => (home.0, *database, *name),
            [catalog, database, name] => (*catalog, *database, *name),
            _ => {
                return Err(SqlError::at(name.span(), format!("'{name}' has too many parts"))
                    .with_help("a full name is catalog.database.name"));
            }
        };
        Ok(ObjectPath { catalog: catalog.into(), database: database.into(), name: name.into() })
    }

    /// The table or view of that name.
    pub fn get(&self, path: &ObjectPath) -> Option<&Object> {
        self.temporary
            .get(path)
            .or_else(|| self.catalogs.get(&path.catalog)?.get(&path.database)?.get(&path.name))
    }

    /// Adds a table or view. `false`: there is one already and it was left.
    pub fn create(
        &mut self,
        path: ObjectPath,
        object: Object,
        temporary: bool,
        if_not_exists: bool,
        replace: bool,
    ) -> Result<bool> {
        let objects = if temporary {
            None
        } else {
            let database = self
                .catalogs
                .get_mut(&path.catalog)
                .ok_or_else(|| SqlError::new(format!("Catalog {} does not exist.", path.catalog)))?
                .get_mut(&path.database)
                .ok_or_else(|| {
                    SqlError::new(format!(
                        "Database {}.{} does not exist.",
                        path.catalog, path.database
                    ))
                })?;
            Some(database)
        };
        let exists = match &objects {
            None => self.temporary.contains_key(&path),
            Some(objects) => objects.contains_key(&path.name),
        };
        if exists && if_not_exists {
            return Ok(false);
        }
        if exists && !replace {
            return Err(SqlError::new(format!("Table (or view) {path} already exists.")));
        }
        match objects {
            None => self.temporary.insert(path, object),
            Some(objects) => objects.insert(path.name, object),
        };
        Ok(true)
    }

    /// Removes a table or view of the wanted kind.
    pub fn drop(
        &mut self,
        path: &ObjectPath,
        view: bool,
        temporary: bool,
        if_exists: bool,
    ) -> Result<()> {
        let is_kind = |object: &Object| matches!(object, Object::View(_)) == view;
        if !temporary && self.temporary.get(path).is_some_and(is_kind) {
            let kind = if view { "view" } else { "table" };
            return Err(SqlError::new(format!(
                "Temporary {kind} with identifier '{path}' exists. Drop it first before removing the permanent {kind}."
            )));
        }
        let removed = if temporary {
            match self.temporary.get(path).is_some_and(is_kind) {
                true => self.temporary.remove(path),
                false => None,
            }
        } else {
            let objects = self
                .catalogs
                .get_mut(&path.catalog)
                .and_then(|databases| databases.get_mut(&path.database));
            match objects {
                Some(objects) if objects.get(&path.name).is_some_and(is_kind) => {
                    objects.remove(&path.name)
                }
                _ => None,
            }
        };
        if removed.is_none() && !if_exists {
            let kind = if view { "View" } else { "Table" };
            return Err(SqlError::new(format!("{kind} with identifier '{path}' does not exist.")));
        }
        Ok(())
    }

    /// Names of catalogs.
    pub fn catalog_names(&self) -> Vec<String> {
        self.catalogs.keys().cloned().collect()
    }

    /// Names of the databases of a catalog.
    pub fn database_names(&self, catalog: &str) -> Option<Vec<String>> {
        Some(self.catalogs.get(catalog)?.keys().cloned().collect())
    }

    /// Tables and views of a database, sorted by name.
    pub fn objects(&self, catalog: &str, database: &str) -> Option<Vec<(String, Object)>> {
        let mut all = self.catalogs.get(catalog)?.get(database)?.clone();
        for (path, object) in &self.temporary {
            if path.catalog == catalog && path.database == database {
                all.insert(path.name.clone(), object.clone());
            }
        }
        Some(all.into_iter().collect())
    }

    /// Adds a database.
    pub fn create_database(
        &mut self,
        catalog: &str,
        database: &str,
        if_not_exists: bool,
    ) -> Result<()> {
        let databases = self
            .catalogs
            .get_mut(catalog)
            .ok_or_else(|| SqlError::new(format!("Catalog {catalog} does not exist.")))?;
        if databases.contains_key(database) {
            if if_not_exists {
                return Ok(());
            }
            return Err(SqlError::new(format!("Database {catalog}.{database} already exists.")));
        }
        databases.insert(database.to_owned(), BTreeMap::new());
        Ok(())
    }

    /// Makes a database current.
    pub fn use_database(&mut self, catalog: &str, database: &str) -> Result<()> {
        let Some(databases) = self.catalogs.get(catalog) else {
            return Err(SqlError::new(format!("Catalog {catalog} does not exist.")));
        };
        if !databases.contains_key(database) {
            return Err(SqlError::new(format!(
                "A database with name [{database}] does not exist in the catalog: [{catalog}]."
            )));
        }
        (self.catalog, self.database) = (catalog.to_owned(), database.to_owned());
        Ok(())
    }
}
