//! What settings of a session mean for its texts.

/// Whether characters of this encoding of a client's have bytes of ASCII inside, which look like a backslash or like
/// operators: a text with backslashes is then as one whose backslashes may escape.
#[must_use]
pub fn has_ascii_inside(client_encoding: &str) -> bool {
    const ENCODINGS: [&str; 12] = [
        "big5",
        "gb18030",
        "gbk",
        "johab",
        "mskanji",
        "shiftjis",
        "shiftjis2004",
        "sjis",
        "uhc",
        "win932",
        "win936",
        "win949",
    ];
    let plain: String = client_encoding.chars().filter(char::is_ascii_alphanumeric).collect();
    ENCODINGS.iter().any(|encoding| plain.eq_ignore_ascii_case(encoding))
        || plain.eq_ignore_ascii_case("win950")
}

/// Whether this `search_path` finds a name elsewhere before it finds it in `pg_catalog`, or finds functions in
/// `pg_temp`: what is known of names does not hold then.
#[must_use]
pub fn hides_catalog(search_path: &str) -> bool {
    let schema = |part: &str| part.trim().trim_matches(['"', '\'']).to_lowercase();
    let mut schemas = search_path.split(',').map(schema).enumerate();
    schemas.any(|(at, schema)| schema.starts_with("pg_temp") || (schema == "pg_catalog" && at > 0))
}
