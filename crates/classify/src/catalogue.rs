//! What a server's catalogue says about names, for the verdicts on texts that use them.
//!
//! [`Rows`] are what was read of `pg_proc`, `pg_class`, `pg_operator` and `pg_type`, of everything that is not
//! PostgreSQL's own; [`Catalogue::of`] makes of them what the scan looks up by name.

/// What was read of a database's catalogue. Names are without schema: which one a name without schema means, the search
/// path decides, so that everything of a name counts.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Functions and procedures.
    pub functions: Vec<Function>,
    /// Views, tables that are not logged, tables with policies.
    pub relations: Vec<Relation>,
    /// Operators.
    pub operators: Vec<Operator>,
    /// Types, also those of tables.
    pub types: Vec<Type>,
}

/// A row of `pg_proc`.
#[derive(Clone, Debug)]
pub struct Function {
    /// `proname`
    pub name: String,
    /// `lanname`
    pub language: String,
    /// `provolatile`
    pub volatile: bool,
    /// `prosrc`, or `pg_get_function_sqlbody` where that is not null; for an aggregate the names of its functions,
    /// called.
    pub body: String,
}

/// A row of `pg_class`.
#[derive(Clone, Debug)]
pub struct Relation {
    /// `relname`
    pub name: String,
    /// `relpersistence` is `u`.
    pub unlogged: bool,
    /// A sequence.
    pub sequence: bool,
    /// `pg_get_viewdef` of a view; the conditions of policies of a table (`pg_get_expr`), each as `SELECT …`.
    pub texts: Vec<String>,
}

/// A row of `pg_operator`.
#[derive(Clone, Debug)]
pub struct Operator {
    /// `oprname`
    pub name: String,
    /// The name of the function behind it, without schema.
    pub function: String,
}

/// A row of `pg_type`.
#[derive(Clone, Debug)]
pub struct Type {
    /// `typname`
    pub name: String,
    /// The conditions of a domain, each as `SELECT …`.
    pub texts: Vec<String>,
    /// The types it is made of, by name: of columns, elements, a domain's own.
    pub of: Vec<String>,
}

/// What is known of the names of one database. By default nothing.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {}

impl Catalogue {
    /// Makes names of rows. `harmless`: functions that somebody vouches for.
    #[must_use]
    pub fn of(_rows: &Rows, _harmless: &[String]) -> Self {
        Self::default()
    }
}
