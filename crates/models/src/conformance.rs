//! What every embedder must do; each implementation's tests call [`check`].

use crate::{Embedder, cosine, vector::Encoded};

/// Panics with what is wrong.
pub(crate) fn check(embedder: &dyn Embedder) {
    let dimension = embedder.dimension();
    assert!(dimension >= 1);
    assert!(!embedder.id().is_empty() && !embedder.id().contains(char::is_whitespace));
    let long = "a long text of many words ".repeat(2000);
    let texts = ["restart the worker", "東京の天気 🚀 café", "", "   \n", "restart the worker", &long, "\u{0}\u{fffd}"];
    let vectors = embedder.embed(&texts).unwrap();
    assert_eq!(vectors.len(), texts.len());
    for (text, vector) in texts.iter().zip(&vectors) {
        assert_eq!(vector.len(), dimension);
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        assert!(
            (length - 1.0).abs() < 1e-3 || length == 0.0,
            "length {length} of {:?}",
            text.chars().take(20).collect::<String>()
        );
        let back = Encoded::from_vector(vector).unwrap().to_vector();
        assert!(length == 0.0 || cosine(vector, &back) > 0.99);
    }
    assert!(vectors[0].iter().any(|x| *x != 0.0));
    assert_eq!(vectors[0], vectors[4], "equal texts have equal vectors");
    assert_eq!(vectors[2], vec![0.0; dimension], "an empty text has no direction");
    assert_eq!(embedder.embed(&[texts[1]]).unwrap()[0], vectors[1], "a batch changes nothing");
    assert!(embedder.embed(&[]).unwrap().is_empty());
    let related = embedder.embed(&["restart the worker now", "a bouquet of tulips"]).unwrap();
    assert!(cosine(&vectors[0], &related[0]) > cosine(&vectors[0], &related[1]));
}
