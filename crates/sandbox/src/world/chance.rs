//! A key that draws are made from: [`noise`] with a memory of what it is about.

use super::noise;

/// `of` and `named` give independent children; the same key always gives the same draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(noise::hash(&[seed]))
    }

    #[must_use]
    pub(crate) fn of(self, tag: u64) -> Self {
        Self(noise::hash(&[self.0, tag]))
    }

    #[must_use]
    pub(crate) fn named(self, name: &str) -> Self {
        self.of(noise::name(name))
    }

    /// Many draws in a row, cheaper than a child for each.
    pub(crate) fn stream(self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.0)
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn unit(self) -> f64 {
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn between(self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform in `0..count`; 0 when `count` is 0.
    pub(crate) const fn below(self, count: u64) -> u64 {
        if count == 0 { 0 } else { self.0 % count }
    }

    /// One of `all`, which must not be empty.
    pub(crate) fn pick<T>(self, all: &[T]) -> &T {
        &all[self.below(all.len() as u64) as usize]
    }

    pub(crate) fn normal(self) -> f64 {
        noise::normal(&[self.0])
    }

    /// Lower-case letters and digits, as AWS makes execution ids and job suffixes.
    pub(crate) fn id(self, length: usize) -> String {
        const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        (0..length as u64).map(|i| char::from(ALPHABET[self.of(i).below(36) as usize])).collect()
    }

    /// 40 hexadecimal digits.
    pub(crate) fn commit(self) -> String {
        noise::digest(&[self.0])[..40].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_spread_and_repeat() {
        let chance = Chance::new(7);
        let mean = (0..10_000).map(|i| chance.of(i).unit()).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        assert_eq!(chance.of(3).id(12), Chance::new(7).of(3).id(12));
        assert_ne!(chance.named("a"), chance.named("b"));
    }
}
