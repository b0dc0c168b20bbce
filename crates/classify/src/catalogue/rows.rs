//! What is read of a database's catalogue. The expressions in SQL say what each value is; `'t'::regclass` is the
//! catalogue the row is of.

/// Everything that did not come with the server (`oid >= 16384`), and is not temporary. Names are without schema: which one
/// a name without schema means, the search path decides, so that everything of a name counts. They are as the catalogue
/// has them: in lower case only if they are.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// `pg_proc`: functions, procedures, aggregates, window functions.
    pub functions: Vec<Function>,
    /// `pg_class`: views, sequences, tables that are not logged, tables with policies, and all tables that such ones are
    /// partitions of or inherit from, at any remove.
    pub relations: Vec<Relation>,
    /// `pg_operator`
    pub operators: Vec<Operator>,
    /// `pg_type`, also those of tables; those of arrays may be left out.
    pub types: Vec<Type>,
    /// `pg_cast`, of those with a function.
    pub casts: Vec<Cast>,
}

/// A row of `pg_proc`.
#[derive(Clone, Debug, Default)]
pub struct Function {
    /// `proname`
    pub name: String,
    /// `lanname`
    pub language: String,
    /// `provolatile = 'v'`, as it is of procedures.
    pub volatile: bool,
    /// `(value).name` may call it: `pronargs >= 1 AND pronargs - pronargdefaults <= 1`.
    pub takes_one: bool,
    /// `coalesce(pg_get_function_sqlbody(oid), prosrc)`
    pub body: String,
    /// `coalesce('SELECT ' || pg_get_expr(proargdefaults, 'pg_proc'::regclass), '')`
    pub defaults: String,
    /// Of an aggregate the names of its functions, `proname` of `aggtransfn`, `aggfinalfn`, `aggcombinefn`,
    /// `aggserialfn`, `aggdeserialfn`, `aggmtransfn`, `aggminvtransfn` and `aggmfinalfn`, as far as they are not zero.
    pub calls: Vec<String>,
    /// `typname` of its arguments and its result (`prorettype`, and `coalesce(proallargtypes, proargtypes)`), as far as
    /// they did not come with the server; of an array, that of its elements.
    pub types: Vec<String>,
}

/// A row of `pg_class`.
#[derive(Clone, Debug, Default)]
pub struct Relation {
    /// `relname`
    pub name: String,
    /// `relpersistence = 'u'`
    pub unlogged: bool,
    /// `relkind = 'S'`
    pub sequence: bool,
    /// Of a view (`relkind = 'v'`, not `'m'`) `pg_get_viewdef(oid)`; of a table with `relrowsecurity`, for each policy
    /// that is for SELECT (`polcmd IN ('r', '*')`), `'SELECT ' || pg_get_expr(polqual, polrelid)`.
    pub texts: Vec<String>,
    /// `relname` of its partitions and of the tables that inherit from it (`pg_inherits`), as far as they are themselves
    /// among [`Rows::relations`].
    pub parts: Vec<String>,
}

/// A row of `pg_operator`.
#[derive(Clone, Debug, Default)]
pub struct Operator {
    /// `oprname`
    pub name: String,
    /// `proname` of `oprcode`, whatever schema that is in.
    pub function: String,
}

/// A row of `pg_type`.
#[derive(Clone, Debug, Default)]
pub struct Type {
    /// `typname`
    pub name: String,
    /// Of a domain the conditions of its constraints, each `'SELECT ' || pg_get_expr(conbin, 0)`.
    pub texts: Vec<String>,
    /// `typname` of what it is made of, as far as that is not in `pg_catalog`: the types of its columns (`pg_attribute` of
    /// `typrelid`), `typelem`, `typbasetype`, `rngsubtype`.
    pub of: Vec<String>,
}

/// A row of `pg_cast`.
#[derive(Clone, Debug, Default)]
pub struct Cast {
    /// `typname` of `castsource`, if that is not in `pg_catalog`; else empty.
    pub source: String,
    /// `typname` of `casttarget`, also of one in `pg_catalog`.
    pub target: String,
    /// `proname` of `castfunc`.
    pub function: String,
}
