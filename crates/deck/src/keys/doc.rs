//! `docs/keys.md`, from the registry and the default keys. A test compares; `MLDECK_BLESS=1` writes.

#![cfg(test)]

use std::fmt::Write as _;

use super::{Command, Keymap, Scope, key::spell};

fn document(map: &Keymap) -> String {
    let mut out = String::from(
        "# Keys\n\nWritten by a test from the command registry and `crates/deck/src/keys/default.toml`; run it with `MLDECK_BLESS=1` to write it anew.\n\n\
         No lowercase letter and no Ctrl chord leads to a change in AWS; `z` opens a plan, whose target is typed in every account.\n\
         Commands marked ⚠ do, after a plan and its confirmation.\n",
    );
    for &scope in Scope::ALL {
        let _ = write!(out, "\n## {}\n\n| keys | command | |\n|---|---|---|\n", scope.name());
        let mut seen = Vec::new();
        for binding in map.bindings().iter().filter(|b| b.scope == scope) {
            if seen.contains(&binding.command) {
                continue;
            }
            seen.push(binding.command);
            let keys = map.bindings().iter().filter(|b| b.scope == scope && b.command == binding.command);
            let keys: Vec<_> = keys.map(|b| code(&spell(&b.keys))).collect();
            row(&mut out, &keys.join(" "), binding.command);
        }
    }
    out.push_str("\n## Without a key\n\nIn the command line, the action menu, and for keys of your own.\n\n| | command | |\n|---|---|---|\n");
    for &command in Command::ALL {
        if map.bindings().iter().all(|b| b.command != command) {
            row(&mut out, "", command);
        }
    }
    out
}

fn row(out: &mut String, keys: &str, command: Command) {
    let spec = command.spec();
    let mark = if spec.mutates { "⚠ " } else { "" };
    let _ = writeln!(out, "| {keys} | `{}` | {mark}{} |", spec.name, spec.doc.replace('|', "\\|"));
}

fn code(keys: &str) -> String {
    format!("`{}`", keys.replace('|', "\\|"))
}

#[test]
fn the_documented_keys_are_the_default_keys() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/keys.md");
    let fresh = document(&Keymap::default());
    #[expect(clippy::disallowed_methods, reason = "a switch of the test run, not of the program")]
    let bless = std::env::var_os("MLDECK_BLESS").is_some();
    if bless {
        std::fs::write(&path, &fresh).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == fresh, "docs/keys.md is stale: run this test with MLDECK_BLESS=1");
}
