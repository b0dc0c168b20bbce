//! Keywords, by what may stand beside them.

/// Words that stand before a parenthesis and are no function unless quoted or qualified: the reserved words,
/// and those that PostgreSQL takes for columns but not for functions, of 15 and of 18.
pub(super) const BEFORE_PARENTHESIS: &str = "\
    all analyse analyze and any array as asc asymmetric between bigint bit boolean both case cast char \
    character check coalesce collate column constraint create current_catalog current_date current_role \
    current_time current_timestamp current_user dec decimal default deferrable desc distinct do else end \
    except exists extract false fetch float for foreign from grant greatest group grouping having ilike \
    in initially inout int integer intersect interval into join json json_array json_arrayagg \
    json_exists json_object json_objectagg json_query json_scalar json_serialize json_table json_value \
    lateral leading least limit localtime localtimestamp merge_action national nchar none normalize not \
    null nullif numeric offset on only operator or order out overlay placing position precision primary \
    real references returning row select session_user setof smallint some substring symmetric \
    system_user table then time timestamp to trailing treat trim true union unique user using values \
    varchar variadic when where window with xmlattributes xmlconcat xmlelement xmlexists xmlforest \
    xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable";

/// Whether an expression can begin right behind this word. In definitions, words that are not reserved are
/// names of columns, and a type follows.
pub(super) fn precedes(word: &[u8], defines: bool) -> bool {
    let mut lower = [0; 12];
    let Some(lower) = lower.get_mut(..word.len()) else { return false };
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    match &*lower {
        b"all" | b"analyse" | b"analyze" | b"and" | b"any" | b"array" | b"asymmetric" | b"both" | b"case"
        | b"cast" | b"check" | b"collate" | b"default" | b"deferrable" | b"distinct" | b"do" | b"else"
        | b"except" | b"fetch" | b"for" | b"from" | b"having" | b"in" | b"initially" | b"intersect"
        | b"lateral" | b"leading" | b"limit" | b"not" | b"offset" | b"on" | b"only" | b"or" | b"placing"
        | b"returning" | b"select" | b"some" | b"symmetric" | b"then" | b"to" | b"trailing" | b"union"
        | b"using" | b"variadic" | b"when" | b"where" => true,
        b"between" | b"by" | b"escape" | b"ilike" | b"is" | b"join" | b"like" | b"natural" | b"overlaps"
        | b"similar" | b"tablesample" | b"zone" => true,
        b"content" | b"document" | b"first" | b"groups" | b"key" | b"next" | b"passing" | b"path"
        | b"range" | b"ref" | b"rows" | b"value" | b"version" => !defines,
        _ => false,
    }
}

/// Whether this is a kind of index.
pub(super) fn is_index(word: &[u8]) -> bool {
    ["btree", "hash", "gist", "gin", "spgist", "brin"]
        .iter()
        .any(|kind| word.eq_ignore_ascii_case(kind.as_bytes()))
}
