//! `screenshots/*.svg`, drawn from the sandbox: they show this version or this test fails.
//! `MLDECK_BLESS=1 cargo test --test screenshots` draws them anew, and the pictures for the README from them, for which
//! it needs `rsvg-convert` (Debian: `librsvg2-bin`) and the font DejaVu Sans Mono.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "support/deck.rs"]
#[allow(unreachable_pub, dead_code, reason = "shared by several test programs")]
mod deck;
#[path = "support/kept.rs"]
#[allow(unreachable_pub, dead_code, reason = "shared by several test programs")]
mod kept;
#[path = "support/picture.rs"]
#[allow(unreachable_pub, dead_code, reason = "shared by several test programs")]
mod picture;
#[path = "support/tour.rs"]
#[allow(unreachable_pub, reason = "shared by several test programs")]
mod tour;

use std::{collections::BTreeMap, fmt::Write as _, path::Path, process::Command};

use mldeck::widgets::svg::{Palette, svg};
use sha2::{Digest as _, Sha256};

use deck::Options;

#[test]
fn show_this_version() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots");
    let mut deck = Options::of("fraud-burns").size(140, 40).start();
    let mut wrong = Vec::new();
    tour::tour(&mut deck, |deck, name| {
        let picture = svg(&picture::without_request_ids(deck.frame()), &Palette::default());
        wrong.extend(kept::check(&folder.join(format!("{name}.svg")), &picture).err());
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    pictures(&folder);
}

/// Every drawing has a picture that was made from it as it is, and nobody touched the picture since. Pixels depend on
/// fonts, so they are not compared: `pictures.txt` says which picture belongs to which drawing.
fn pictures(folder: &Path) {
    let list = folder.join("pictures.txt");
    let names = |end: &str| -> Vec<String> {
        let files = std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").file_name());
        let mut names: Vec<String> =
            files.filter_map(|file| Some(file.to_str()?.strip_suffix(end)?.to_owned())).collect();
        names.sort();
        names
    };
    let sum = |name: &str| {
        let bytes = std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    };
    let listed: BTreeMap<String, String> = std::fs::read_to_string(&list)
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, sums)| (name.to_owned(), sums.to_owned()))
        .collect();
    let mut now = String::new();
    for name in names(".svg") {
        let (drawing, picture) = (format!("{name}.svg"), format!("{name}.png"));
        let drawn = sum(&drawing);
        let known = listed.get(&name).is_some_and(|sums| sums.starts_with(&drawn));
        if !known && kept::blessing() {
            let status = Command::new("rsvg-convert")
                .args(["--zoom", "1.5", "-o"])
                .args([folder.join(&picture), folder.join(&drawing)])
                .status()
                .expect("rsvg-convert, of Debian's librsvg2-bin");
            assert!(status.success(), "{picture}");
        }
        let _ = writeln!(now, "{name} {drawn} {}", sum(&picture));
    }
    assert_eq!(names(".svg"), names(".png"), "each drawing has its picture");
    if kept::blessing() {
        std::fs::write(&list, &now).expect("the list is written");
    }
    let kept = std::fs::read_to_string(&list).unwrap_or_default();
    assert_eq!(kept, now, "pictures are stale: MLDECK_BLESS=1 cargo test --test screenshots");
}
