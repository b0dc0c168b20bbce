//! SQL text to a verdict: what a statement reads, writes and needs.
