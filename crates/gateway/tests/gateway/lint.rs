//! Only the gateway talks to AWS.

use std::path::{Path, PathBuf};

fn rust_files(folder: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                rust_files(&path, out);
            }
        } else if name.ends_with(".rs") {
            out.push(path);
        }
    }
}

#[test]
fn nothing_outside_the_gateway_uses_an_sdk_client() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    assert!(files.len() > 40, "the repository was not found: {}", root.display());
    // Spelled apart, so that this file is not its own finding.
    let banned = ["aws_sdk", "_"].concat();
    let gateway = root.join("crates/gateway");
    let offenders: Vec<_> = files
        .iter()
        .filter(|path| !path.starts_with(&gateway))
        .filter(|path| std::fs::read_to_string(path).is_ok_and(|text| text.contains(&banned)))
        .collect();
    assert!(offenders.is_empty(), "SDK clients belong in crates/gateway: {offenders:?}");
}
