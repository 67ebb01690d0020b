//! The facts of SageMaker's model, packed: they are a third of a megabyte of words that stand again and again.

#![expect(clippy::disallowed_methods, reason = "a build script hears of its folder by the environment")]
#![expect(clippy::expect_used, reason = "without its facts there is no sandbox to build")]

use std::{env, fs, path::Path};

const FACTS: &str = "model/sagemaker.txt";
/// The most that the method does.
const LEVEL: u8 = 10;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={FACTS}");
    let facts = fs::read(FACTS).expect("the facts are there");
    let out = env::var("OUT_DIR").expect("cargo names the folder");
    let packed = miniz_oxide::deflate::compress_to_vec(&facts, LEVEL);
    fs::write(Path::new(&out).join("facts"), packed).expect("the folder takes a file");
}
