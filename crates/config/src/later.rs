//! What the configuration is going to know but does not yet: a helpful answer instead of "unknown key".

/// Keys described for users that this version has nothing behind, and what to do about them.
/// An entry goes away together with the issue that brings the feature.
const LATER: &[(&str, &str)] = &[
    ("cache", "remove the section: nothing is cached"),
    ("limit", "remove the section: nothing is limited"),
    ("insight", "remove the section"),
    ("state", "remove the section"),
];

/// What to do about a key that is not supported yet; none if the key was never described.
pub(crate) fn remedy(key: &str) -> Option<&'static str> {
    // the keys of [pool] may stand in two other tables
    let in_pool = key.strip_prefix("database.").or_else(|| key.strip_prefix("user."));
    let in_pool = in_pool.map(|name| format!("pool.{}", name.trim_start_matches("pool.")));
    let means = |later: &str| later == key || in_pool.as_deref() == Some(later);
    LATER.iter().find(|(later, _)| means(later)).map(|(_, remedy)| *remedy)
}

/// Every key that is not supported yet, for the reference.
pub(crate) fn keys() -> impl Iterator<Item = &'static str> {
    LATER.iter().map(|(key, _)| *key)
}
