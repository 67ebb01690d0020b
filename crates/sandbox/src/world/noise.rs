//! Chance without a stream: every draw is a hash of what it is about, so any minute can be asked in any order.

/// 64 well-mixed bits of `parts` (splitmix64 over each).
pub(crate) fn hash(parts: &[u64]) -> u64 {
    parts.iter().fold(0x9e37_79b9_7f4a_7c15, |state, part| mix(state ^ mix(*part)))
}

const fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A name as a part of a hash (FNV-1a).
pub(crate) fn name(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Uniform in 0..1.
pub(crate) fn unit(parts: &[u64]) -> f64 {
    (hash(parts) >> 11) as f64 / (1u64 << 53) as f64
}

/// Roughly normal: mean 0, deviation 1, never beyond ±3.5.
pub(crate) fn normal(parts: &[u64]) -> f64 {
    let bits = hash(parts);
    let quarter = |shift: u32| ((bits >> shift) & 0xffff) as f64 / 65_536.0;
    (quarter(0) + quarter(16) + quarter(32) + quarter(48) - 2.0) * 1.732
}

/// `8-4-4-4-12` hexadecimal digits.
pub(crate) fn uuid(parts: &[u64]) -> String {
    let high = hash(parts);
    let low = mix(high);
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        (low >> 48) & 0xfff,
        low & 0xffff_ffff_ffff
    )
}

/// 64 hexadecimal digits, as in an image digest.
pub(crate) fn digest(parts: &[u64]) -> String {
    let mut out = String::with_capacity(64);
    let mut state = hash(parts);
    for _ in 0..4 {
        out.push_str(&format!("{state:016x}"));
        state = mix(state);
    }
    out
}
