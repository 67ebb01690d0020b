//! Writes what the fuzzer begins with.

fn main() -> std::io::Result<()> {
    mldeck_fuzz::write_seeds()
}
