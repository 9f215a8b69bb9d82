//! Whole answers about the public schedule, kept to be told again to whoever asks the same without a token. An answer is kept for the
//! edition that it was made of, by the bytes of its question: document, variables, operation name and media type.

use actix_web::web::Bytes;
use aws_lc_rs::digest::{SHA256, digest};
use moka::sync::Cache;

use super::{Edition, media::Media};

/// What one answer costs besides its bytes and those of its question.
const OVERHEAD: usize = 256;
/// The longest question whose answer is kept: nobody asks the same at length.
const LONGEST_QUESTION: usize = 16 * 1024;

/// What was asked, as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    media: Media,
    in_address: bool,
    text: Bytes,
}

impl Question {
    /// The body of a POST.
    pub(super) const fn in_body(media: Media, text: Bytes) -> Self {
        Self { media, in_address: false, text }
    }

    /// The parameters of a GET.
    pub(super) fn in_address(media: Media, parameters: &str) -> Self {
        Self { media, in_address: true, text: Bytes::copy_from_slice(parameters.as_bytes()) }
    }
}

/// An answer as it is written.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    edition: Edition,
    pub(super) body: Bytes,
    /// The hash of the body, by which callers know it.
    pub(super) hash: [u8; 16],
}

impl Kept {
    pub(super) fn of(edition: Edition, body: String) -> Self {
        let body = Bytes::from(body);
        let mut hash = [0; 16];
        hash.copy_from_slice(&digest(&SHA256, &body).as_ref()[..16]);
        Self { edition, body, hash }
    }
}

/// The answers that are kept, within a number of bytes.
pub(super) struct Answers(Option<Cache<Question, Kept>>);

impl Answers {
    /// At most so many bytes of them; with none, nothing is kept.
    pub(super) fn within(bytes: usize) -> Self {
        let size = |question: &Question, kept: &Kept| u32::try_from(question.text.len() + kept.body.len() + OVERHEAD).unwrap_or(u32::MAX);
        Self((bytes > 0).then(|| Cache::builder().weigher(size).max_capacity(bytes as u64).build()))
    }

    /// The answer of this edition.
    pub(super) fn of(&self, question: &Question, edition: Option<Edition>) -> Option<Kept> {
        self.0.as_ref()?.get(question).filter(|kept| Some(kept.edition) == edition)
    }

    /// Keeps an answer.
    pub(super) fn keep(&self, question: &Question, kept: Kept) {
        if let Some(answers) = self.0.as_ref().filter(|_| question.text.len() <= LONGEST_QUESTION) {
            // Shared memory of a larger buffer would be kept with it.
            let text = Bytes::copy_from_slice(&question.text);
            answers.insert(Question { text, ..*question }, kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_again_within_its_edition_and_to_the_same_question_only() {
        let answers = Answers::within(1_000_000);
        let question = |text: &'static str| Question::in_body(Media::Json, Bytes::from_static(text.as_bytes()));
        let edition = Edition { snapshot: 1, phase: 2 };
        answers.keep(&question("{ a }"), Kept::of(edition, "1".to_owned()));
        assert_eq!(answers.of(&question("{ a }"), Some(edition)).map(|kept| kept.body), Some(Bytes::from_static(b"1")));
        for other in [None, Some(Edition { phase: 3, ..edition }), Some(Edition { snapshot: 2, ..edition })] {
            assert!(answers.of(&question("{ a }"), other).is_none(), "{other:?}");
        }
        assert!(answers.of(&question("{ b }"), Some(edition)).is_none());
        assert!(answers.of(&Question::in_body(Media::GraphqlResponse, Bytes::from_static(b"{ a }")), Some(edition)).is_none());
        assert!(answers.of(&Question::in_address(Media::Json, "{ a }"), Some(edition)).is_none());
        let none = Answers::within(0);
        none.keep(&question("{ a }"), Kept::of(edition, "1".to_owned()));
        assert!(none.of(&question("{ a }"), Some(edition)).is_none());
    }
}
