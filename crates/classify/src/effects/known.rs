//! What is known by name of types, operators, catalogues and keywords, for the question of replicas.

/// The types of `pg_catalog` that no function of a user's stands behind, and the words of the grammar for them, of
/// PostgreSQL 15 and 18.
const TYPES: &str = "\
    aclitem bigint bit bool boolean box bpchar bytea char character cid cidr circle date datemultirange \
    daterange dec decimal double float float4 float8 gtsvector inet int int2 int2vector int4 int4multirange \
    int4range int8 int8multirange int8range integer interval json jsonb jsonpath line lseg macaddr macaddr8 \
    money name national nchar numeric nummultirange numrange oid oidvector path pg_brin_bloom_summary \
    pg_brin_minmax_multi_summary pg_dependencies pg_lsn pg_mcv_list pg_ndistinct pg_node_tree pg_snapshot \
    point polygon real refcursor regclass regcollation regconfig regdictionary regnamespace regoper \
    regoperator regproc regprocedure regrole regtype smallint text tid time timestamp timestamptz timetz \
    tsmultirange tsquery tsrange tstzmultirange tstzrange tsvector txid_snapshot uuid varbit varchar xid \
    xid8 xml";

/// The tables and views of `pg_catalog` that say the same on every server of a cluster: no statistics, no locks, no
/// settings, nothing about sessions, files or replication.
const CATALOGUES: &str = "\
    pg_aggregate pg_am pg_amop pg_amproc pg_attrdef pg_attribute pg_auth_members pg_authid pg_cast pg_class \
    pg_collation pg_constraint pg_conversion pg_database pg_db_role_setting pg_default_acl pg_depend \
    pg_description pg_enum pg_event_trigger pg_extension pg_foreign_data_wrapper pg_foreign_server \
    pg_foreign_table pg_group pg_index pg_indexes pg_inherits pg_init_privs pg_language pg_largeobject \
    pg_largeobject_metadata pg_matviews pg_namespace pg_opclass pg_operator pg_opfamily pg_parameter_acl \
    pg_partitioned_table pg_policies pg_policy pg_proc pg_publication pg_publication_namespace \
    pg_publication_rel pg_publication_tables pg_range pg_replication_origin pg_rewrite pg_roles pg_rules \
    pg_seclabel pg_seclabels pg_sequence pg_shadow pg_shdepend pg_shdescription pg_shseclabel pg_statistic \
    pg_statistic_ext pg_statistic_ext_data pg_stats pg_stats_ext pg_stats_ext_exprs pg_subscription \
    pg_subscription_rel pg_tables pg_tablespace pg_timezone_abbrevs pg_timezone_names pg_transform pg_trigger pg_ts_config pg_ts_config_map pg_ts_dict pg_ts_parser pg_ts_template pg_type \
    pg_user pg_user_mapping pg_user_mappings pg_views";

/// The operators of `pg_catalog`, of PostgreSQL 15 and 18, and what the grammar makes of its own.
const OPERATORS: &str = "\
    !! !~ !~* !~~ !~~* # ## #- #> #>> % & && &< &<| &> * *< *<= *<> *= *> *>= + - -> ->> -|- / < <-> << <<= \
    <<| <= <> <@ <^ = > >= >> >>= >^ ? ?# ?& ?- ?-| ?| ?|| @ @-@ @> @? @@ @@@ ^ ^@ | |&> |/ |>> || ||/ ~ ~* \
    ~<=~ ~<~ ~= ~>=~ ~>~ ~~ ~~* => !=";

/// Words with a string behind them that is no literal of a type of that name.
const BEFORE_TEXT: &str = "\
    all and any as asymmetric between both by case columns content default delimiter distinct document else \
    empty encoding error escape except fetch for format from having ilike in is key leading like limit name \
    not null offset on or passing path placing precision quote return select similar standalone symmetric \
    then to trailing uescape union using value values varying version when where zone";

/// Those words of them that are no names: in quotes they are somebody's own.
const GRAMMAR: &str = "\
    bigint boolean character dec decimal double float int integer national nchar real smallint";

/// The domains of information_schema: functions on the list, because they are called to convert, and names that
/// columns have.
const DOMAINS: &str = "cardinal_number character_data sql_identifier time_stamp yes_or_no";

/// Whether this is a type of the server's own, or an array of it; the word is as it is written, or what stood in
/// quotes.
pub(super) fn is_type(word: &[u8], quoted: bool) -> bool {
    let word = word.strip_prefix(b"_").unwrap_or(word);
    if quoted {
        let is_exact = |known: &str| known.as_bytes() == word;
        return TYPES.split(' ').any(is_exact) && !GRAMMAR.split(' ').any(is_exact);
    }
    is_one_of(TYPES, word)
}

/// The settings that are the same on every server, or go with their client.
const SETTINGS: &str = "\
    application_name array_nulls backslash_quote block_size bytea_output client_encoding client_min_messages datestyle \
    default_text_search_config default_transaction_deferrable default_transaction_isolation escape_string_warning \
    extra_float_digits integer_datetimes intervalstyle is_superuser lc_collate lc_ctype lc_messages lc_monetary \
    lc_numeric lc_time lock_timeout max_function_args max_identifier_length max_index_keys quote_all_identifiers role \
    row_security search_path segment_size server_encoding server_version server_version_num session_authorization \
    standard_conforming_strings statement_timeout timezone transaction_isolation wal_block_size xmlbinary xmloption";

/// Whether SHOW of this may be answered by a replica.
pub(super) fn is_setting(word: &[u8]) -> bool {
    is_one_of(SETTINGS, word)
}

/// Whether PostgreSQL reads these characters as operators.
pub(super) fn is_made_of_operators(run: &[u8]) -> bool {
    run.iter().all(|byte| b"~!@#%^&|`?+-*/<>=".contains(byte))
}

/// Whether this is a domain of information_schema.
pub(super) fn is_domain(word: &[u8]) -> bool {
    is_one_of(DOMAINS, word)
}

/// Whether this is one of the catalogues that say the same on every server.
pub(super) fn is_catalogue(word: &[u8]) -> bool {
    is_one_of(CATALOGUES, word)
}

/// Whether a string may stand behind this word by the grammar.
pub(super) fn precedes_text(word: &[u8]) -> bool {
    is_one_of(BEFORE_TEXT, word)
}

/// The words that the grammar has for a type of this name.
pub(super) fn words_of_type(name: &str) -> &'static [&'static str] {
    match name {
        "bool" => &["boolean"],
        "bpchar" => &["char", "character", "nchar", "national"],
        "float4" => &["real", "float"],
        "float8" => &["double", "float"],
        "int2" => &["smallint"],
        "int4" => &["int", "integer"],
        "int8" => &["bigint"],
        "numeric" => &["dec", "decimal"],
        "timestamptz" => &["timestamp"],
        "timetz" => &["time"],
        "varbit" => &["bit"],
        "varchar" => &["char", "character", "nchar", "national"],
        _ => &[],
    }
}

/// How many of these characters are the first operator: signs at the end are others.
pub(super) fn length_of_operator(run: &[u8]) -> usize {
    if run.iter().any(|byte| b"~!@#%^&|`?".contains(byte)) {
        return run.len();
    }
    run.iter().rposition(|byte| !b"+-".contains(byte)).map_or(1, |last| last + 1)
}

/// Whether these are operators of the server's own. A run of operator characters that ends in signs is an operator and
/// signs, unless it has one of the characters that make an operator of all of it (PostgreSQL's documentation, 4.1.3).
pub(super) fn is_operator(mut run: &[u8]) -> bool {
    let whole = run.iter().any(|byte| b"~!@#%^&|`?".contains(byte));
    loop {
        if OPERATORS.split(' ').any(|operator| operator.as_bytes() == run) {
            return true;
        }
        run = match run {
            [rest @ .., b'+' | b'-'] if !whole && !rest.is_empty() => rest,
            _ => return false,
        };
    }
}

fn is_one_of(list: &str, word: &[u8]) -> bool {
    list.split(' ').any(|known| known.as_bytes().eq_ignore_ascii_case(word))
}
