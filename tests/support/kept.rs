//! Files that tests write when told to, and compare otherwise.

use std::path::Path;

/// Whether files are written anew instead of compared.
#[expect(clippy::disallowed_methods, reason = "how tests are told to write instead of compare")]
pub fn blessing() -> bool {
    std::env::var("MLDECK_BLESS").is_ok_and(|bless| bless == "1")
}

/// Compares with the file, or writes it when `MLDECK_BLESS=1`. Returns what is wrong.
pub fn check(path: &Path, content: &str) -> Result<(), String> {
    if blessing() {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        }
        return std::fs::write(path, content).map_err(|error| format!("{}: {error}", path.display()));
    }
    let known = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if known == content {
        return Ok(());
    }
    let differs = known.lines().zip(content.lines()).position(|(a, b)| a != b).unwrap_or_default();
    let line = |text: &str| text.lines().nth(differs).unwrap_or_default().to_owned();
    Err(format!(
        "{} is stale from line {} on (MLDECK_BLESS=1 writes it anew):\n- {}\n+ {}",
        path.display(),
        differs + 1,
        line(&known),
        line(content)
    ))
}
