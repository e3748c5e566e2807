//! `SHOW`, `DESCRIBE` and the listing of options.

use river_core::Field;
use river_core::options::Options;

use super::{Outcome, Session};
use crate::catalog::{ColumnKind, Object, Table, View};
use crate::error::{Result, SqlError};
use crate::parse::ast::{Describe, ObjectKind, ObjectName, Show, ShowLike, ShowList};

/// `SET` without a key.
pub fn options(options: &Options) -> Outcome {
    let rows = options.iter().map(|(k, v)| vec![k.to_owned(), v.to_owned()]).collect();
    Outcome::Table { columns: vec!["key".into(), "value".into()], rows }
}

/// `SHOW ..`
pub fn show(session: &Session, show: &Show) -> Result<Outcome> {
    let catalogs = session.catalogs();
    match show {
        Show::Catalogs(like) => Ok(list("catalog name", catalogs.catalog_names(), like.as_ref())),
        Show::CurrentCatalog => {
            Ok(list("current catalog name", vec![catalogs.catalog.clone()], None))
        }
        Show::CurrentDatabase => {
            Ok(list("current database name", vec![catalogs.database.clone()], None))
        }
        Show::Databases(wanted) => {
            let catalog = match &wanted.from {
                Some(name) => name.to_string(),
                None => catalogs.catalog.clone(),
            };
            let names = catalogs
                .database_names(&catalog)
                .ok_or_else(|| SqlError::new(format!("Catalog {catalog} does not exist.")))?;
            Ok(list("database name", names, wanted.like.as_ref()))
        }
        Show::Tables(wanted) => {
            Ok(list("table name", objects(session, wanted, false)?, wanted.like.as_ref()))
        }
        Show::Views(wanted) => {
            Ok(list("view name", objects(session, wanted, true)?, wanted.like.as_ref()))
        }
        Show::Functions { user, list: wanted } => {
            let mut names: Vec<String> = catalogs.functions.keys().cloned().collect();
            if !user {
                names.extend(river_expr::function::names().map(str::to_owned));
                names.extend(river_expr::aggregate::names().map(str::to_owned));
            }
            names.retain(|n| n.starts_with(|c: char| c.is_ascii_alphabetic()));
            names.iter_mut().for_each(|n| *n = n.to_lowercase());
            names.sort();
            names.dedup();
            Ok(list("function name", names, wanted.like.as_ref()))
        }
        Show::Columns { table, like } => {
            let Outcome::Table { columns, mut rows } = describe_table(session, table)? else {
                return Ok(Outcome::Done);
            };
            rows.retain(|row| like.as_ref().is_none_or(|l| matches_like(&row[0], l)));
            Ok(Outcome::Table { columns, rows })
        }
        Show::Create { kind: ObjectKind::Table | ObjectKind::View, name } => {
            let path = catalogs.resolve(name)?;
            let text = match catalogs.get(&path) {
                Some(Object::Table(table)) => create_table(table),
                Some(Object::View(view)) => create_view(view),
                None => return Err(unknown(name)),
            };
            Ok(Outcome::Table { columns: vec!["result".into()], rows: vec![vec![text]] })
        }
        Show::Modules { .. } => Ok(list("module name", vec!["core".into()], None)),
        Show::Jars => Ok(list("jars", Vec::new(), None)),
        _ => Err(SqlError::new("this SHOW is not supported yet")),
    }
}

/// `DESCRIBE ..`
pub fn describe(session: &Session, describe: &Describe) -> Result<Outcome> {
    match describe {
        Describe::Table { name, .. } => describe_table(session, name),
        Describe::Function { name, .. } => {
            let wanted = name.to_string();
            let (signature, doc) = match river_expr::function::lookup(&wanted) {
                Some(f) => (f.signature, f.doc),
                None => match river_expr::aggregate::lookup(&wanted) {
                    Some(f) => (f.signature, f.doc),
                    None => {
                        return Err(SqlError::at(
                            name.span(),
                            format!("Function {wanted} does not exist."),
                        ));
                    }
                },
            };
            let rows = [("signature", signature), ("description", doc)];
            let rows = rows.iter().map(|(k, v)| vec![(*k).to_owned(), (*v).to_owned()]).collect();
            Ok(Outcome::Table { columns: vec!["info name".into(), "info value".into()], rows })
        }
        _ => Err(SqlError::new("this DESCRIBE is not supported yet")),
    }
}

fn unknown(name: &ObjectName) -> SqlError {
    SqlError::at(name.span(), format!("Table or view '{name}' does not exist."))
}

/// Names of tables (views among them, as in Flink) or of views only.
fn objects(session: &Session, wanted: &ShowList, views: bool) -> Result<Vec<String>> {
    let (catalog, database) = match &wanted.from {
        Some(name) => session.database_path(name)?,
        None => (session.catalogs().catalog.clone(), session.catalogs().database.clone()),
    };
    let all = session
        .catalogs()
        .objects(&catalog, &database)
        .ok_or_else(|| SqlError::new(format!("Database {catalog}.{database} does not exist.")))?;
    let wanted = |object: &Object| !views || matches!(object, Object::View(_));
    Ok(all.into_iter().filter(|(_, o)| wanted(o)).map(|(name, _)| name).collect())
}

fn list(column: &str, names: Vec<String>, like: Option<&ShowLike>) -> Outcome {
    let keep = |n: &String| like.is_none_or(|l| matches_like(n, l));
    let rows = names.into_iter().filter(keep).map(|n| vec![n]).collect();
    Outcome::Table { columns: vec![column.to_owned()], rows }
}

fn matches_like(name: &str, like: &ShowLike) -> bool {
    let (mut name, mut pattern) = (name.to_owned(), like.pattern.value.clone());
    if like.ignore_case {
        (name, pattern) = (name.to_lowercase(), pattern.to_lowercase());
    }
    let (name, pattern): (Vec<char>, Vec<char>) =
        (name.chars().collect(), pattern.chars().collect());
    like_chars(&name, &pattern) != like.negated
}

/// SQL `LIKE` without escape: greedy, with one point to come back to, the last `%`.
fn like_chars(text: &[char], pattern: &[char]) -> bool {
    let (mut at, mut next) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(next) {
            Some('%') => {
                next += 1;
                retry = Some((at, next));
            }
            Some(c) if *c == '_' || *c == text[at] => {
                at += 1;
                next += 1;
            }
            _ => {
                let Some((from, after)) = &mut retry else { return false };
                *from += 1;
                (at, next) = (*from, *after);
            }
        }
    }
    pattern[next..].iter().all(|c| *c == '%')
}

fn describe_table(session: &Session, name: &ObjectName) -> Result<Outcome> {
    let path = session.catalogs().resolve(name)?;
    let columns = ["name", "type", "null", "key", "extras", "watermark"];
    let rows = match session.catalogs().get(&path) {
        Some(Object::Table(table)) => table_rows(table),
        Some(Object::View(view)) => view.schema.iter().zip(&view.columns).map(view_row).collect(),
        None => return Err(unknown(name)),
    };
    Ok(Outcome::Table { columns: columns.map(str::to_owned).to_vec(), rows })
}

fn truth(value: bool) -> String {
    if value { "TRUE".to_owned() } else { "FALSE".to_owned() }
}

fn view_row((field, name): (&Field, &String)) -> Vec<String> {
    let ty = field.ty.logical.to_string();
    vec![name.clone(), ty, truth(field.ty.nullable), String::new(), String::new(), String::new()]
}

fn table_rows(table: &Table) -> Vec<Vec<String>> {
    let key: Vec<&str> =
        table.primary_key.iter().map(|k| table.columns[*k].name.as_str()).collect();
    let row = |(at, column): (usize, &crate::catalog::Column)| {
        let key = match table.primary_key.contains(&at) {
            true => format!("PRI({})", key.join(", ")),
            false => String::new(),
        };
        let extras = match &column.kind {
            ColumnKind::Physical => String::new(),
            ColumnKind::Computed { text, .. } => format!("AS {text}"),
            ColumnKind::Metadata { key, is_virtual } => {
                let from =
                    if *key == column.name { String::new() } else { format!(" FROM '{key}'") };
                format!("METADATA{from}{}", if *is_virtual { " VIRTUAL" } else { "" })
            }
        };
        let watermark = match &table.watermark {
            Some(w) if w.column == at => w.text.clone(),
            _ => String::new(),
        };
        vec![
            column.name.clone(),
            column.ty.logical.to_string(),
            truth(column.ty.nullable),
            key,
            extras,
            watermark,
        ]
    };
    table.columns.iter().enumerate().map(row).collect()
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// The statement that makes the table, as `SHOW CREATE TABLE` prints it.
fn create_table(table: &Table) -> String {
    let mut lines = Vec::new();
    for column in &table.columns {
        let ty = match column.ty.materialised() {
            ty if ty.logical == river_core::LogicalType::STRING => {
                format!("VARCHAR(2147483647){}", if ty.nullable { "" } else { " NOT NULL" })
            }
            ty => ty.to_string(),
        };
        let mut line = match &column.kind {
            ColumnKind::Physical => format!("  {} {ty}", quoted(&column.name)),
            ColumnKind::Computed { text, .. } => format!("  {} AS {text}", quoted(&column.name)),
            ColumnKind::Metadata { key, is_virtual } => {
                let from = if *key == column.name {
                    String::new()
                } else {
                    format!(" FROM {}", text(key))
                };
                let end = if *is_virtual { " VIRTUAL" } else { "" };
                format!("  {} {ty} METADATA{from}{end}", quoted(&column.name))
            }
        };
        if let Some(comment) = &column.comment {
            line.push_str(&format!(" COMMENT {}", text(comment)));
        }
        lines.push(line);
    }
    if let Some(watermark) = &table.watermark {
        let column = quoted(&table.columns[watermark.column].name);
        lines.push(format!("  WATERMARK FOR {column} AS {}", watermark.text));
    }
    if !table.primary_key.is_empty() {
        let key: Vec<String> =
            table.primary_key.iter().map(|k| quoted(&table.columns[*k].name)).collect();
        let name = table.key_name.as_ref().map(|n| format!("CONSTRAINT {} ", quoted(n)));
        lines.push(format!(
            "  {}PRIMARY KEY ({}) NOT ENFORCED",
            name.unwrap_or_default(),
            key.join(", ")
        ));
    }
    let temporary = if table.temporary { "TEMPORARY " } else { "" };
    let path = [&table.path.catalog, &table.path.database, &table.path.name];
    let path: Vec<String> = path.iter().map(|p| quoted(p)).collect();
    let mut all = format!("CREATE {temporary}TABLE {} (\n{}\n)", path.join("."), lines.join(",\n"));
    if let Some(comment) = &table.comment {
        all.push_str(&format!("\nCOMMENT {}", text(comment)));
    }
    if !table.partition_keys.is_empty() {
        let keys: Vec<String> = table.partition_keys.iter().map(|k| quoted(k)).collect();
        all.push_str(&format!("\nPARTITIONED BY ({})", keys.join(", ")));
    }
    let options: Vec<String> =
        table.options.iter().map(|(k, v)| format!("  {} = {}", text(k), text(v))).collect();
    all.push_str(&format!("\nWITH (\n{}\n)\n", options.join(",\n")));
    all
}

fn create_view(view: &View) -> String {
    let temporary = if view.temporary { "TEMPORARY " } else { "" };
    let columns: Vec<String> = view.columns.iter().map(|c| format!("  {}", quoted(c))).collect();
    let path = [&view.path.catalog, &view.path.database, &view.path.name];
    let path: Vec<String> = path.iter().map(|p| quoted(p)).collect();
    format!(
        "CREATE {temporary}VIEW {} (\n{}\n)\nAS {}\n",
        path.join("."),
        columns.join(",\n"),
        view.text
    )
}
