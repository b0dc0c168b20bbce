//! One client, accept to close; the only crate that knows all stages.
