//! JSON functions of SQL.
//!
//! How clauses reach the registry: the binder passes each as a literal argument, after the value
//! arguments unless said otherwise. Arguments in `[]` may be left out from the right.
//!
//! - `x IS JSON [VALUE]`, `IS JSON OBJECT | ARRAY | SCALAR`: `"IS JSON"(x)`,
//!   `"IS JSON OBJECT"(x)` ...; `IS NOT JSON` is `NOT` of it.
//! - `JSON_EXISTS(x, path [b ON ERROR])`: `JSON_EXISTS(x, path [, b])`, `b` one of
//!   `'TRUE'`, `'FALSE'`, `'UNKNOWN'`, `'ERROR'`.
//! - `JSON_VALUE(x, path [RETURNING t] [b ON EMPTY] [b ON ERROR])`:
//!   `JSON_VALUE(x, path [, on_empty, default_empty, on_error, default_error [, returning]])`,
//!   behaviours `'NULL'`, `'ERROR'`, `'DEFAULT'`; defaults any literal (a NULL where there is
//!   none); `returning` a NULL literal of the type.
//! - `JSON_QUERY(x, path [RETURNING t] [wrapper] [b ON EMPTY] [b ON ERROR])`:
//!   `JSON_QUERY(x, path [, wrapper, on_empty, on_error [, returning]])`, wrapper `'WITHOUT'`,
//!   `'CONDITIONAL'`, `'UNCONDITIONAL'`; behaviours `'NULL'`, `'ERROR'`, `'EMPTY ARRAY'`,
//!   `'EMPTY OBJECT'`.
//! - `JSON_OBJECT(KEY k VALUE v, ... [b ON NULL])`: `JSON_OBJECT(b, k, v, ...)`, `b` `'NULL'`
//!   (SQL's default) or `'ABSENT'`.
//! - `JSON_ARRAY(v, ... [b ON NULL])`: `JSON_ARRAY(b, v, ...)`, `b` `'NULL'` or `'ABSENT'` (SQL's
//!   default).
//!
//! Rules: `SqlJsonUtils` (Jackson and Jayway JsonPath).

pub mod construct;
pub mod model;
pub mod path;
pub mod query;
pub mod quote;

#[cfg(test)]
mod tests;
