//! What may be set: types, defaults, checks, reload, generated reference.
