//! Numbers that are always the same, and words made of them.

/// A sequence of numbers that looks like chance and is the same in every run (xorshift64*).
pub struct Seeded(u64);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// The next number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % end
    }

    /// The next number below `end`, small ones far more often.
    pub fn skewed(&mut self, end: u64) -> u64 {
        let most = self.below(end) + 1;
        self.below(most)
    }
}

const SYLLABLES: [&str; 16] =
    ["ca", "de", "li", "so", "re", "ta", "men", "cion", "pre", "ti", "ra", "lo", "ma", "na", "es", "tu"];

/// The word with this number: the same one always.
pub fn word(number: u64) -> String {
    let mut seeded = Seeded::new(number);
    let syllables = 2 + seeded.below(4);
    (0..syllables).map(|_| SYLLABLES[usize::try_from(seeded.below(16)).unwrap()]).collect()
}

/// So many words, of twenty thousand.
pub fn words(seeded: &mut Seeded, count: usize) -> String {
    (0..count).map(|_| word(seeded.skewed(20_000))).collect::<Vec<_>>().join(" ")
}
