//! A deterministic embedder without a model: feature hashing of words and their trigrams.
//!
//! It finds what shares words or word parts, so tests of the whole recall path need no model file. It knows no meaning.

use crate::{Embedder, vector};
use jay_types::Error;
use unicode_segmentation::UnicodeSegmentation as _;

/// Feature hashing of lower-cased words (weight 1) and their character trigrams (weight 0.5, shared by the word's
/// length), with signs, into a fixed number of dimensions (Weinberger et al. 2009).
#[derive(Clone, Debug)]
pub struct HashEmbedder {
    id: String,
    dimension: usize,
}

impl HashEmbedder {
    /// Fewest and most dimensions.
    pub const DIMENSIONS: std::ops::RangeInclusive<usize> = 64..=256;

    /// An embedder of `dimension` dimensions.
    ///
    /// # Errors
    /// `bad_input` outside [`Self::DIMENSIONS`].
    pub fn new(dimension: usize) -> Result<Self, Error> {
        if !Self::DIMENSIONS.contains(&dimension) {
            let (min, max) = (Self::DIMENSIONS.start(), Self::DIMENSIONS.end());
            return Err(Error::bad_input(format!("hash embedder has {min} to {max} dimensions, not {dimension}"))
                .hint("See `jay config show` for the embedder that is set."));
        }
        Ok(Self { id: format!("hash-1-{dimension}"), dimension })
    }

    fn vector(&self, text: &str) -> Vec<f32> {
        let mut out = vec![0.0; self.dimension];
        for word in text.unicode_words() {
            let word = word.to_lowercase();
            self.add(&mut out, &word, 1.0);
            let framed: Vec<char> = std::iter::once('^').chain(word.chars()).chain(std::iter::once('$')).collect();
            let trigrams = framed.windows(3);
            let weight = 0.5 / (trigrams.len().max(1) as f32).sqrt();
            for trigram in trigrams {
                self.add(&mut out, &trigram.iter().collect::<String>(), weight);
            }
        }
        vector::normalise(&mut out);
        out
    }

    fn add(&self, out: &mut [f32], feature: &str, weight: f32) {
        let hash = blake3::hash(feature.as_bytes());
        let Some((head, _)) = hash.as_bytes().split_first_chunk::<8>() else { return };
        let bits = u64::from_le_bytes(*head);
        let slot = usize::try_from((bits >> 1) % (self.dimension as u64)).unwrap_or(0);
        if let Some(value) = out.get_mut(slot) {
            *value += if bits & 1 == 0 { weight } else { -weight };
        }
    }
}

impl Embedder for HashEmbedder {
    fn id(&self) -> &str {
        &self.id
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        Ok(texts.iter().map(|text| self.vector(text)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{conformance, cosine};

    #[test]
    fn conforms() {
        for dimension in [64, 100, 256] {
            conformance::check(&HashEmbedder::new(dimension).unwrap());
        }
    }

    #[test]
    fn dimensions_are_bounded() {
        for dimension in [0, 63, 257] {
            assert_eq!(HashEmbedder::new(dimension).unwrap_err().code, jay_types::Code::BadInput);
        }
        assert_eq!(HashEmbedder::new(128).unwrap().id(), "hash-1-128");
    }

    #[test]
    fn word_parts_count() {
        let embedder = HashEmbedder::new(256).unwrap();
        let v = embedder.embed(&["restart the worker", "the workers restarted", "garden flowers bloom"]).unwrap();
        assert!(cosine(&v[0], &v[1]) > cosine(&v[0], &v[2]) + 0.1);
    }

    /// Stored vectors of this id must stay comparable: a change of the recipe needs another id.
    #[test]
    fn the_recipe_is_fixed() {
        let v = HashEmbedder::new(64).unwrap().embed(&["port 5433"]).unwrap();
        let sum: f32 = v[0].iter().enumerate().map(|(i, x)| x * (i as f32)).sum();
        let strongest = v[0].iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).map(|(i, _)| i);
        assert_eq!((format!("{sum:.3}"), strongest), ("6.641".to_owned(), Some(24)));
    }
}
