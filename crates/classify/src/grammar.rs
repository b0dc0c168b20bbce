//! A second opinion from the grammar of SQL: what the tree of a text holds that no replica may run.
//!
//! The grammar is not PostgreSQL's. A text that it does not understand is left to the scan of the tokens; what both
//! understand goes to a replica only if both find nothing against it. The tree is deep where a text is a long chain, and
//! taking it apart recurses: so only short texts of few tokens get here.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, ObjectName, Query, SetExpr, Statement, TableFactor, UtilityOption, Visit, Visitor,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use crate::Lexis;
use crate::catalogue::{Names, Said};
use crate::effects;
use crate::lexer::{Kind, Lexer};
use crate::shape;
use crate::verdict::Against;

/// The longest text.
const LONGEST: usize = 16 * 1024;
/// The most tokens: a chain of half as many operators is as deep as that.
const MOST: usize = 512;

/// What speaks against a replica; nothing, if the text is not understood, or not looked at. Texts of one shape get one
/// answer: it is the shape that is read.
pub(crate) fn against(sql: &[u8], lexis: Lexis, names: Names<'_>) -> Option<Against> {
    let text = shape::text(sql, lexis);
    let text = str::from_utf8(&text).ok().filter(|text| text.len() <= LONGEST)?;
    let mut lexer = Lexer::new(text.as_bytes(), false);
    let few = (0..MOST).any(|_| lexer.next().kind == Kind::End);
    let statements = few.then(|| Parser::parse_sql(&PostgreSqlDialect {}, text).ok()).flatten()?;
    statements.iter().find_map(|statement| statement.visit(&mut Walk { plans: false, names }).break_value())
}

/// The way through a tree.
struct Walk<'a> {
    /// EXPLAIN without ANALYZE: nothing is run.
    plans: bool,
    names: Names<'a>,
}

impl Visitor for Walk<'_> {
    type Break = Against;

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever else there is, and will be, does not only read"
    )]
    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<Against> {
        match statement {
            Statement::Explain { analyze, options, .. } => {
                let runs =
                    |option: &UtilityOption| option.name.value.to_ascii_lowercase().starts_with("analy");
                self.plans = !analyze && !options.iter().flatten().any(runs);
                ControlFlow::Continue(())
            }
            // the scan knows which of the last two read
            Statement::Query(_)
            | Statement::ExplainTable { .. }
            | Statement::Copy { to: true, .. }
            | Statement::ShowVariable { .. } => ControlFlow::Continue(()),
            Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) | Statement::Merge(_)
                if self.plans =>
            {
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Break(Against::Disagreement),
        }
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Against> {
        if self.plans {
            return ControlFlow::Continue(());
        }
        if !query.locks.is_empty() {
            return ControlFlow::Break(Against::Locks);
        }
        let mut parts = vec![&*query.body];
        while let Some(part) = parts.pop() {
            match part {
                SetExpr::Select(select) if select.into.is_some() => {
                    return ControlFlow::Break(Against::MakesTable);
                }
                SetExpr::SetOperation { left, right, .. } => parts.extend([&**left, &**right]),
                SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                    return ControlFlow::Break(Against::Writes);
                }
                SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) | SetExpr::Table(_) => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Against> {
        if let Expr::Function(function) = expr {
            called(&function.name, self.names)
        } else {
            ControlFlow::Continue(())
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what calls a function by name; others hold expressions"
    )]
    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Against> {
        match factor {
            TableFactor::Function { name, .. } | TableFactor::Table { name, args: Some(_), .. } => {
                called(name, self.names)
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// A function of this name is called.
fn called(name: &ObjectName, names: Names<'_>) -> ControlFlow<Against> {
    let parts: Option<Vec<_>> = name.0.iter().map(|part| part.as_ident()).collect();
    let reads = |own| {
        let function = parts.as_deref().and_then(<[_]>::last)?;
        let (text, quoted) = (function.value.as_bytes(), function.quote_style.is_some());
        Some(effects::reads(text, quoted, own, names.call(text)))
    };
    let reads = match parts.as_deref() {
        // groupings inside of GROUPING SETS come as calls; the scan tells them from calls
        Some([function]) if ["rollup", "cube"].iter().any(|it| function.value.eq_ignore_ascii_case(it)) => {
            true
        }
        Some([_]) => reads(false).unwrap_or(false),
        Some([schema, _])
            if ["pg_catalog", "information_schema"]
                .iter()
                .any(|it| schema.value.eq_ignore_ascii_case(it)) =>
        {
            reads(true).unwrap_or(false)
        }
        Some([.., function]) => names.call(function.value.as_bytes()) == Said::Harmless,
        Some([]) | None => false,
    };
    if reads { ControlFlow::Continue(()) } else { ControlFlow::Break(Against::UnknownFunction) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Lexis = Lexis { backslashes: false };

    #[test]
    fn it_sees_what_writes_however_deep() {
        for sql in [
            "WITH x AS (DELETE FROM t RETURNING a) SELECT * FROM x",
            "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
            "SELECT * FROM (SELECT * FROM t FOR UPDATE) x",
            "SELECT 1 UNION SELECT a INTO x FROM t",
            "SELECT * FROM f(1)",
            "SELECT a FROM t WHERE b = (SELECT nextval('s'))",
            "UPDATE t SET a = 1",
        ] {
            assert!(against(sql.as_bytes(), PLAIN, Names::default()).is_some(), "{sql}");
        }
        for sql in [
            "SELECT lower(a), count(*) FROM t",
            "not SQL",
            "SELECT pg_catalog.lower('a')",
            "EXPLAIN SELECT 1",
        ] {
            assert_eq!(against(sql.as_bytes(), PLAIN, Names::default()), None, "{sql}");
        }
    }

    #[test]
    fn long_chains_are_left_alone() {
        for link in ["+1", " OR a", "::int", "[1]", " UNION ALL SELECT 1"] {
            let sql = format!("SELECT a{}", link.repeat(8_000));
            assert_eq!(against(sql.as_bytes(), PLAIN, Names::default()), None);
            let sql = format!("SELECT a{}", link.repeat(MOST / 4 - 2));
            assert_eq!(against(sql.as_bytes(), PLAIN, Names::default()), None);
        }
        for (open, close) in [("(", ")"), ("(SELECT ", ")"), ("CASE WHEN ", " THEN 1 END"), ("ARRAY[", "]")] {
            let sql = format!("SELECT {}1{}", open.repeat(5_000), close.repeat(5_000));
            assert_eq!(against(sql.as_bytes(), PLAIN, Names::default()), None);
        }
    }
}
