//! What is asked of the catalogue, in the words of PostgreSQL 13 to 18.
//!
//! Everybody may ask it. Names without schema are found in `pg_catalog` alone, as the connection's search path is empty;
//! for the same reason definitions come with the schemas of what they name. Every row begins with a letter that says
//! what it is, and with its name.
//!
//! | letter | what | then |
//! |---|---|---|
//! | `f`, `v` | function; `v`: it is volatile | language, body, whether it takes one argument, its defaults, what an aggregate calls, its types |
//! | `w` | view | definition |
//! | `u` | table that is not logged, or that has such a part | |
//! | `s` | sequence | |
//! | `p` | table with a policy | the policy's condition |
//! | `o` | operator | function |
//! | `t` | type | a type that it is made of, a domain's condition |
//! | `c` | source of a cast | target, function |
//!
//! Several names are one value with [`super::BETWEEN`] between them. A text that is too long comes as one that ends in
//! the middle of a name, which nobody takes for harmless.

/// The first of the oids that are not PostgreSQL's own.
macro_rules! first {
    () => {
        "16384"
    };
}

/// The schemas that are no session's own.
macro_rules! lasting {
    () => {
        "(SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)')"
    };
}

/// Of what there is: how much, and a sum over what it is and since which transaction. What was changed has another one.
macro_rules! print_of {
    ($of:literal) => {
        print_of!("oid", $of)
    };
    ($id:literal, $of:literal) => {
        concat!(
            "(SELECT concat(count(*), ':', sum(hashint8((",
            $id,
            "::int8 << 32) | xmin::text::int8))) FROM ",
            $of,
            ")"
        )
    };
}

/// What changes when anything of what is asked for does.
pub(super) const PRINT: &str = concat!(
    "SELECT concat_ws(',', current_setting('server_version_num'), ",
    print_of!("pg_proc WHERE oid >= 16384"),
    ", ",
    // tables, too: a new column of theirs is in their row type
    print_of!(
        "pg_class WHERE oid >= 16384 AND relpersistence <> 't' AND relkind IN ('r', 'p', 'm', 'v', 'c', 'S')"
    ),
    ", ",
    print_of!("inhrelid", "pg_inherits WHERE inhrelid >= 16384"),
    ", ",
    print_of!("pg_rewrite WHERE oid >= 16384 AND ev_type = '1'"),
    ", ",
    print_of!("pg_policy"),
    ", ",
    print_of!("pg_operator WHERE oid >= 16384"),
    ", ",
    print_of!("pg_cast WHERE oid >= 16384"),
    ", ",
    print_of!("pg_constraint WHERE contypid <> 0 AND oid >= 16384"),
    ", ",
    print_of!(
        "pg_type WHERE oid >= 16384 AND typnamespace IN \
         (SELECT n.oid FROM pg_namespace n WHERE n.nspname !~ '^pg_(toast|temp)')"
    ),
    ")"
);

/// A text, or what stands for one that is too long.
macro_rules! text {
    ($text:literal) => {
        concat!("CASE WHEN octet_length(", $text, ") <= 65536 THEN ", $text, " ELSE '\"' END")
    };
}

/// Functions and aggregates that can be called in an expression, with their bodies from here. Of what is volatile
/// nobody needs the body.
macro_rules! functions {
    ($body:literal) => {
        concat!(
            "SELECT CASE WHEN volatile OR octet_length(body) > 65536 OR octet_length(defaults) > 65536 THEN 'v' \
             ELSE 'f' END, proname, lanname, CASE WHEN octet_length(body) <= 65536 THEN body END, one, \
             CASE WHEN octet_length(defaults) <= 65536 THEN defaults END, calls, types FROM (\
             SELECT p.proname, l.lanname, p.provolatile = 'v' AS volatile, \
             CASE WHEN p.prokind = 'a' OR p.provolatile = 'v' THEN '' ELSE ",
            $body,
            " END AS body, p.pronargs >= 1 AND p.pronargs - p.pronargdefaults <= 1 AS one, \
             CASE WHEN p.proargdefaults IS NOT NULL THEN 'SELECT ' || pg_get_expr(p.proargdefaults, 0) \
             END AS defaults, (SELECT string_agg(q.proname, chr(31)) FROM pg_proc q WHERE q.oid IN \
             (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, \
             a.aggminvtransfn, a.aggmfinalfn)) AS calls, \
             (SELECT string_agg(DISTINCT coalesce(e.typname, t.typname), chr(31)) \
             FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]) || p.prorettype) x JOIN pg_type t ON t.oid = x \
             LEFT JOIN pg_type e ON e.oid = t.typelem WHERE t.oid >= ",
            first!(),
            ") AS types FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang \
             LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid WHERE p.oid >= ",
            first!(),
            " AND p.pronamespace IN ",
            lasting!(),
            // the functions of triggers are called by nothing else
            " AND p.prorettype NOT IN (2279, 3838)) f",
        )
    };
}

/// Before PostgreSQL 14 bodies are strings.
pub(super) const FUNCTIONS_OF_13: &str = functions!("p.prosrc");
/// Since then they may be something else.
pub(super) const FUNCTIONS: &str =
    functions!("CASE WHEN p.prosqlbody IS NOT NULL THEN pg_get_function_sqlbody(p.oid) ELSE p.prosrc END");

/// Views; what no replica can read; sequences; tables whose rows somebody may not see.
pub(super) const RELATIONS: &str = concat!(
    "WITH RECURSIVE lost AS (SELECT oid FROM pg_class WHERE relpersistence = 'u' AND relkind IN ('r', 'p', 'm') \
     UNION SELECT i.inhparent FROM pg_inherits i JOIN lost ON lost.oid = i.inhrelid) \
     SELECT 'u', c.relname, NULL FROM pg_class c JOIN lost ON lost.oid = c.oid \
     UNION ALL SELECT 's', relname, NULL FROM pg_class WHERE relkind = 'S' AND relpersistence <> 't' \
     UNION ALL SELECT 'w', relname, ",
    text!("text"),
    " FROM (SELECT relname, pg_get_viewdef(oid) AS text FROM pg_class WHERE relkind = 'v' AND oid >= ",
    first!(),
    " AND relnamespace IN ",
    lasting!(),
    ") v UNION ALL SELECT 'p', relname, ",
    text!("text"),
    " FROM (SELECT c.relname, 'SELECT ' || pg_get_expr(p.polqual, p.polrelid) AS text FROM pg_policy p \
     JOIN pg_class c ON c.oid = p.polrelid WHERE c.relrowsecurity AND p.polcmd IN ('r', '*') \
     AND p.polqual IS NOT NULL) p",
);

/// Operators.
pub(super) const OPERATORS: &str = concat!(
    "SELECT 'o', o.oprname, p.proname FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode \
     WHERE o.oid >= ",
    first!(),
    " AND o.oprnamespace IN ",
    lasting!(),
);

/// Types but for those of partitions, what they are made of, the conditions of domains.
pub(super) const TYPES: &str = concat!(
    "WITH ours AS (SELECT t.oid, t.typname, t.typtype, t.typbasetype, t.typelem, t.typrelid FROM pg_type t \
     LEFT JOIN pg_type e ON e.oid = t.typelem \
     LEFT JOIN pg_class c ON c.oid = CASE WHEN t.typrelid <> 0 THEN t.typrelid ELSE e.typrelid END \
     WHERE t.oid >= ",
    first!(),
    " AND t.typnamespace IN ",
    lasting!(),
    " AND c.relispartition IS NOT TRUE) \
     SELECT 't', typname, NULL, NULL FROM ours \
     UNION ALL SELECT 't', o.typname, b.typname, NULL FROM ours o JOIN ours b ON b.oid = o.typbasetype \
     UNION ALL SELECT 't', o.typname, b.typname, NULL FROM ours o JOIN ours b ON b.oid = o.typelem \
     UNION ALL SELECT 't', o.typname, b.typname, NULL FROM ours o JOIN pg_range r ON r.rngtypid = o.oid \
     JOIN ours b ON b.oid = r.rngsubtype \
     UNION ALL SELECT DISTINCT 't', o.typname, b.typname, NULL FROM ours o JOIN pg_attribute a ON a.attrelid = o.typrelid \
     JOIN ours b ON b.oid = a.atttypid WHERE a.attnum > 0 AND NOT a.attisdropped \
     UNION ALL SELECT 't', typname, NULL, ",
    text!("text"),
    " FROM (SELECT o.typname, 'SELECT ' || pg_get_expr(k.conbin, 0) AS text FROM pg_constraint k \
     JOIN ours o ON o.oid = k.contypid WHERE k.conbin IS NOT NULL) d",
);

/// Casts with a function that is not PostgreSQL's own.
pub(super) const CASTS: &str = concat!(
    "SELECT 'c', CASE WHEN s.typnamespace = 11 THEN '' ELSE s.typname END, t.typname, p.proname FROM pg_cast k \
     JOIN pg_proc p ON p.oid = k.castfunc JOIN pg_type s ON s.oid = k.castsource \
     JOIN pg_type t ON t.oid = k.casttarget WHERE p.pronamespace <> 11 OR p.oid >= ",
    first!(),
);

/// A multirange is made of what its range is made of; there are such since PostgreSQL 14.
pub(super) const MULTIRANGES: &str = concat!(
    "SELECT 't', t.typname, b.typname, NULL FROM pg_range r JOIN pg_type t ON t.oid = r.rngmultitypid \
     JOIN pg_type b ON b.oid = r.rngtypid WHERE t.oid >= ",
    first!(),
);
