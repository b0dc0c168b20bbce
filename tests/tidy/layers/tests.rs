//! Layers and owners tried on manifests that break them.

use super::*;

fn manifest(name: &str, rest: &str) -> Document {
    let text = format!("[package]\nname = \"{name}\"\n{rest}");
    Document { path: format!("crates/{name}/Cargo.toml"), text }
}

fn said(violations: &[Violation]) -> String {
    violations.iter().map(|violation| format!("{violation}\n")).collect()
}

#[test]
fn a_crate_that_reaches_up_is_found() {
    let up = manifest("pgweir-wire", "[dependencies]\nnet.workspace = true\n");
    assert!(said(&downwards(&up)).contains("pgweir-wire must not depend on net"));
    let beside =
        manifest("pgweir-route", "[target.'cfg(unix)'.dependencies]\ncache = { workspace = true }\n");
    assert_eq!(downwards(&beside).len(), 1);
    let down = manifest("pgweir-pool", "[dependencies]\nnet.workspace = true\ntokio.workspace = true\n");
    assert_eq!(downwards(&down), []);
    assert_eq!(downwards(&manifest("pgweir-new", "")).len(), 1);
}

#[test]
fn the_kit_is_for_the_tests_of_the_program() {
    let kit = "testkit.workspace = true\n";
    assert_eq!(downwards(&manifest("pgweir", &format!("[dev-dependencies]\n{kit}"))), []);
    assert_eq!(downwards(&manifest("pgweir", &format!("[dependencies]\n{kit}"))).len(), 1);
    assert_eq!(downwards(&manifest("pgweir-pool", &format!("[dev-dependencies]\n{kit}"))).len(), 1);
}

#[test]
fn a_crate_with_lints_or_versions_of_its_own_is_found() {
    let package = "version.workspace = true\nedition.workspace = true\nrust-version.workspace = true\n\
                   license.workspace = true\npublish.workspace = true\n";
    let lints = "[lints]\nworkspace = true\n";
    assert_eq!(shared(&manifest("a", &format!("{package}{lints}"))), []);
    assert_eq!(shared(&manifest("a", package)).len(), 1);
    assert_eq!(shared(&manifest("a", lints)).len(), 5);
    let own = manifest("a", &format!("{package}{lints}[dependencies]\nb = \"1\"\n"));
    assert!(said(&shared(&own)).contains("the version of b"));
}

const DENY: &str = "[[bans.deny]]\ncrate = \"toml\"\nwrappers = [\"pgweir-config\"]\n";
const LOCK: &str = "[[package]]\nname = \"toml\"\ndependencies = [\"winnow\"]\n";

#[test]
fn a_crate_used_by_its_owners_passes_in_tests_by_anybody() {
    let config = manifest("pgweir-config", "[dependencies]\ntoml.workspace = true\nbytes.workspace = true\n");
    let tests = manifest("pgweir", "[dev-dependencies]\ntoml.workspace = true\n");
    assert_eq!(owners(&[config, tests], DENY, LOCK), []);
}

#[test]
fn a_crate_used_by_somebody_else_is_found() {
    let config = manifest("pgweir-config", "[dependencies]\ntoml.workspace = true\n");
    let session = manifest("pgweir-session", "[dependencies]\ntoml.workspace = true\n");
    assert!(said(&owners(&[config, session], DENY, LOCK)).contains("pgweir-session must not depend on toml"));
}

#[test]
fn a_crate_that_somebody_of_the_others_brings_in_is_found() {
    let deny =
        "[[bans.deny]]\ncrate = \"openssl\"\n[[bans.deny]]\ncrate = \"a\"\nwrappers = [\"pgweir-net\"]\n";
    let lock = "[[package]]\nname = \"a\"\ndependencies = [\"b\"]\n\
                [[package]]\nname = \"b\"\ndependencies = [\"openssl 1.0.0\"]\n";
    let net = |kind| manifest("pgweir-net", &format!("[{kind}]\na = \"1\"\n"));
    assert!(said(&owners(&[net("dependencies")], deny, lock)).contains("b must not depend on openssl"));
    assert!(!said(&owners(&[net("dev-dependencies")], deny, lock)).contains("openssl"), "tests may");
}

#[test]
fn a_new_crate_without_an_owner_and_an_owner_without_use_are_found() {
    let new = manifest("pgweir-net", "[dependencies]\nanother = \"1\"\n");
    assert!(said(&owners(&[new], DENY, LOCK)).contains("another has no owner"));
    let gone = format!("{DENY}[[bans.deny]]\ncrate = \"bytes\"\nwrappers = [\"pgweir-config\"]\n");
    let net = manifest("pgweir-net", "[dependencies]\nbytes = \"1\"\n");
    assert!(said(&owners(&[net], &gone, LOCK)).contains("pgweir-config does not depend on bytes any more"));
}
