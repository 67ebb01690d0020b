//! The quantile sketch in `statistics.json`: levels of items where an item on level `i` stands for `2^i` rows.

/// Parameters as Model Monitor writes them.
pub(crate) const SHRINK: f64 = 0.64;
pub(crate) const SIZE: f64 = 2048.0;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sketch {
    pub(crate) levels: Vec<Vec<f64>>,
}

impl Sketch {
    pub(crate) fn new(items: impl IntoIterator<Item = f64>) -> Self {
        let mut sketch = Self { levels: vec![Vec::new()] };
        let mut room = sketch.room(0);
        for item in items {
            sketch.levels[0].push(item);
            if sketch.levels[0].len() > room {
                sketch.compact();
                room = sketch.room(0);
            }
        }
        sketch
    }

    /// Items with their weights in ascending order.
    pub(crate) fn sorted(&self) -> Vec<(f64, f64)> {
        let mut all: Vec<(f64, f64)> = self
            .levels
            .iter()
            .enumerate()
            .flat_map(|(level, items)| items.iter().map(move |item| (*item, (1_u64 << level) as f64)))
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        all
    }

    /// Capacity shrinks from the top level down.
    fn room(&self, level: usize) -> usize {
        let depth = (self.levels.len() - 1 - level) as i32;
        (SIZE * SHRINK.powi(depth)).ceil().max(2.0) as usize
    }

    fn compact(&mut self) {
        let mut level = 0;
        while level < self.levels.len() {
            if self.levels[level].len() > self.room(level) {
                if level + 1 == self.levels.len() {
                    self.levels.push(Vec::new());
                }
                let mut items = std::mem::take(&mut self.levels[level]);
                items.sort_by(f64::total_cmp);
                // An odd one stays behind, or the weights would not add up.
                if items.len() % 2 == 1
                    && let Some(odd) = items.pop()
                {
                    self.levels[level].push(odd);
                }
                // Offsets alternate with the fill above, so that halves are not always rounded the same way.
                let offset = self.levels[level + 1].len() % 2;
                self.levels[level + 1].extend(items.into_iter().skip(offset).step_by(2));
            }
            level += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_weight_and_quantiles() {
        for rows in [0_u64, 1, 2_047, 2_049, 12_441, 100_000] {
            // A permutation of 0..rows: 7919 is prime and larger than no common factor of the sizes above.
            let sketch = Sketch::new((0..rows).map(|i| (i * 7_919 % rows.max(1)) as f64));
            let weight: f64 = sketch.sorted().iter().map(|(_, weight)| weight).sum();
            assert_eq!(weight, rows as f64, "compaction keeps the sum");
            let mut below = 0.0;
            for (item, weight) in sketch.sorted() {
                below += weight;
                let error = (below / rows as f64 - (item + 1.0) / rows as f64).abs();
                assert!(error < 0.02, "{rows} rows: off by {error} at {item}");
            }
        }
    }
}
