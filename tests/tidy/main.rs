//! The tree checks itself: layers, sizes, headers, words and documents.
//!
//! Every rule is a plain function from text to what is wrong with it, so it is tried on bad text beside the
//! rule itself; the tests here hold the rules against the files of the checkout. What a rule wants and why
//! stands in CONTRIBUTING.md.

mod adr;
mod generated;
mod layers;
mod lex;
mod links;
mod shape;
mod tree;
mod words;

use std::fmt::Display;
use std::fs;
use std::path::Path;

use tree::Tree;

/// Fails with every violation in one message.
fn none<T: Display>(violations: impl IntoIterator<Item = T>) {
    let all: Vec<String> = violations.into_iter().map(|violation| format!("  {violation}\n")).collect();
    assert!(all.is_empty(), "{} against the rules of CONTRIBUTING.md:\n{}", all.len(), all.concat());
}

/// A rule that looks at one source at a time, held against all of them.
fn every_source(rule: impl Fn(&tree::Source) -> Vec<tree::Violation>) {
    none(Tree::read().sources.iter().flat_map(rule));
}

#[test]
fn crates_of_ours_depend_downwards_only() {
    none(Tree::read().manifests.iter().flat_map(layers::downwards));
}

#[test]
fn outside_crates_are_used_by_their_owners_only() {
    let tree = Tree::read();
    none(layers::owners(&tree.manifests, &tree.text("deny.toml"), &tree.text("Cargo.lock")));
}

#[test]
fn every_crate_takes_its_lints_and_versions_from_the_workspace() {
    none(Tree::read().manifests.iter().flat_map(layers::shared));
}

#[test]
fn every_file_begins_with_what_it_is() {
    every_source(shape::header);
}

#[test]
fn files_are_short() {
    every_source(shape::length);
}

#[test]
fn functions_are_short() {
    every_source(shape::functions);
}

#[test]
fn structs_have_few_fields() {
    every_source(shape::fields);
}

#[test]
fn long_tests_stand_in_a_file_of_their_own() {
    every_source(shape::tests_beside);
}

#[test]
fn a_library_begins_with_a_map() {
    every_source(shape::map);
}

#[test]
fn files_are_named_for_what_they_do() {
    every_source(shape::name);
}

#[test]
fn lints_are_expected_with_a_reason_and_nothing_is_unsafe() {
    every_source(words::attributes);
}

#[test]
fn what_is_left_to_do_is_said() {
    every_source(words::left_to_do);
}

#[test]
fn tests_do_not_sleep() {
    every_source(words::naps);
}

#[test]
fn links_and_paths_in_documents_lead_somewhere() {
    let tree = Tree::read();
    none(tree.documents.iter().flat_map(|document| links::check(document, tree)));
}

#[test]
fn every_state_machine_is_in_the_list() {
    let tree = Tree::read();
    none(links::states(tree, &tree.text("docs/states.md")));
}

#[test]
fn every_document_can_be_reached_from_the_readme() {
    none(links::unreachable(Tree::read(), "README.md"));
}

#[test]
fn decisions_are_short_numbered_and_whole() {
    none(adr::check(&Tree::read().documents));
}

#[test]
fn generated_documents_have_a_test_that_finds_them_stale() {
    none(generated::unguarded(Tree::read()));
}

#[test]
fn the_program_starts_in_a_short_file() {
    let main = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/main.rs"));
    assert!(main.is_ok_and(|text| text.lines().count() <= 60));
}
