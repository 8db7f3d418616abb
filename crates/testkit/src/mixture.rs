//! Vectors that lie as those of texts do: mixtures of topics, in few directions more than in the others, not around 0.
//!
//! How they are made: topics are random directions whose variance falls with the dimension, plus a common direction of
//! 0.3 times their length; a vector is 1, 0.6 and 0.4 parts (each times 0.5 to 1.5) of three of them, scaled to length
//! 1, plus noise of the same shape and half its length, scaled to length 1. A query is one more of them.

use crate::Random;

/// Weight of the direction that all topics share.
const COMMON: f32 = 0.3;
/// Length of the noise on a vector of length 1.
const NOISE: f32 = 0.5;
/// Parts of the topics of one vector.
const PARTS: [f32; 3] = [1.0, 0.6, 0.4];

/// A source of vectors of length 1.
#[derive(Debug)]
pub struct Mixture {
    random: Random,
    topics: Vec<Vec<f32>>,
    /// How far values spread in each dimension; of length 1 all together.
    spread: Vec<f32>,
}

impl Mixture {
    /// Mixtures of `topics` topics (at least one).
    #[must_use]
    pub fn new(seed: u64, dimension: usize, topics: usize) -> Self {
        let mut spread: Vec<f32> = (0..dimension).map(|index| 1.0 / (1.0 + index as f32 / 16.0).sqrt()).collect();
        to_length_one(&mut spread);
        let mut mixture = Self { random: Random::new(seed), topics: Vec::new(), spread };
        let mut common: Vec<f32> = (0..dimension).map(|_| mixture.bell()).collect();
        to_length_one(&mut common);
        for _ in 0..topics.max(1) {
            let mut topic = mixture.noise();
            to_length_one(&mut topic);
            topic.iter_mut().zip(&common).for_each(|(value, common)| *value += COMMON * common);
            to_length_one(&mut topic);
            mixture.topics.push(topic);
        }
        mixture
    }

    /// The next vector.
    pub fn vector(&mut self) -> Vec<f32> {
        let mut vector = vec![0.0; self.spread.len()];
        for part in PARTS {
            let weight = part * (0.5 + self.random.fraction() as f32);
            let topic = self.random.index(self.topics.len());
            for (value, of_topic) in vector.iter_mut().zip(self.topics.get(topic).into_iter().flatten()) {
                *value += weight * of_topic;
            }
        }
        to_length_one(&mut vector);
        let noise = self.noise();
        vector.iter_mut().zip(noise).for_each(|(value, noise)| *value += NOISE * noise);
        to_length_one(&mut vector);
        vector
    }

    /// Noise of about length 1, more of it in the first dimensions.
    fn noise(&mut self) -> Vec<f32> {
        (0..self.spread.len()).map(|index| self.bell() * self.spread.get(index).copied().unwrap_or_default()).collect()
    }

    /// A number about normally distributed, with variance 1.
    fn bell(&mut self) -> f32 {
        let sum: f64 = (0..6).map(|_| self.random.fraction()).sum();
        ((sum - 3.0) * std::f64::consts::SQRT_2) as f32
    }
}

fn to_length_one(vector: &mut [f32]) {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    vector.iter_mut().for_each(|value| *value /= length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_have_length_one_and_share_a_direction() {
        let mut mixture = Mixture::new(1, 64, 20);
        let vectors: Vec<Vec<f32>> = (0..200).map(|_| mixture.vector()).collect();
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        assert!(vectors.iter().all(|vector| (dot(vector, vector) - 1.0).abs() < 1e-4));
        let mean: Vec<f32> =
            (0..64).map(|index| vectors.iter().map(|vector| vector[index]).sum::<f32>() / 200.0).collect();
        let apart = dot(&mean, &mean).sqrt();
        assert!((0.1..0.6).contains(&apart), "{apart}");
        assert_eq!(Mixture::new(1, 64, 20).vector(), vectors[0]);
    }
}
