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

/// What a document by its hash is sent with. The hash is to be learnt or known each time, and not only when nobody asked before.
const BY_HASH: &[u8] = b"persistedQuery";

/// What was asked, as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    media: Media,
    in_address: bool,
    text: Bytes,
}

impl Question {
    /// The body of a POST; nothing where its answer is not kept.
    pub(super) fn in_body(media: Media, text: Bytes) -> Option<Self> {
        Self::of(media, false, text)
    }

    /// The parameters of a GET, likewise.
    pub(super) fn in_address(media: Media, parameters: &str) -> Option<Self> {
        Self::of(media, true, Bytes::copy_from_slice(parameters.as_bytes()))
    }

    fn of(media: Media, in_address: bool, text: Bytes) -> Option<Self> {
        let by_hash = text.windows(BY_HASH.len()).any(|words| words == BY_HASH);
        (!by_hash && text.len() <= LONGEST_QUESTION).then_some(Self { media, in_address, text })
    }
}

/// A whole answer as it is written.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub(super) edition: Edition,
    pub(super) body: Bytes,
    /// The hash of the body, by which callers know it, where it is asked for in an address.
    pub(super) hash: Option<[u8; 16]>,
}

impl Whole {
    pub(super) fn of(edition: Edition, question: &Question, body: String) -> Self {
        // Without what the text had room for besides: that would be kept, and not counted.
        let body = Bytes::from(body.into_boxed_str().into_boxed_bytes());
        let hash = question.in_address.then(|| {
            let mut hash = [0; 16];
            hash.copy_from_slice(&digest(&SHA256, &body).as_ref()[..16]);
            hash
        });
        Self { edition, body, hash }
    }
}

/// The answers that are kept, within a number of bytes.
pub(super) struct Answers(Option<Cache<Question, Whole>>);

impl Answers {
    /// At most so many bytes of them; with none, nothing is kept.
    pub(super) fn within(bytes: usize) -> Self {
        let size = |question: &Question, kept: &Whole| u32::try_from(question.text.len() + kept.body.len() + OVERHEAD).unwrap_or(u32::MAX);
        Self((bytes > 0).then(|| Cache::builder().weigher(size).max_capacity(bytes as u64).build()))
    }

    /// The answer of this edition.
    pub(super) fn of(&self, question: &Question, edition: Option<Edition>) -> Option<Whole> {
        self.0.as_ref()?.get(question).filter(|kept| Some(kept.edition) == edition)
    }

    /// Keeps an answer.
    pub(super) fn keep(&self, question: &Question, kept: Whole) {
        if let Some(answers) = &self.0 {
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
        let question = |text: &'static str| Question::in_body(Media::Json, Bytes::from_static(text.as_bytes())).unwrap();
        let edition = Edition { snapshot: 1, phase: 2, ends: None };
        let whole = || Whole::of(edition, &question("{ a }"), "1".to_owned());
        answers.keep(&question("{ a }"), whole());
        assert_eq!(answers.of(&question("{ a }"), Some(edition)).map(|kept| kept.body), Some(Bytes::from_static(b"1")));
        for other in [None, Some(Edition { phase: 3, ..edition }), Some(Edition { snapshot: 2, ..edition })] {
            assert!(answers.of(&question("{ a }"), other).is_none(), "{other:?}");
        }
        assert!(answers.of(&question("{ b }"), Some(edition)).is_none());
        assert!(answers.of(&Question::in_body(Media::GraphqlResponse, Bytes::from_static(b"{ a }")).unwrap(), Some(edition)).is_none());
        assert!(answers.of(&Question::in_address(Media::Json, "{ a }").unwrap(), Some(edition)).is_none());
        assert_eq!(Question::in_address(Media::Json, "extensions={\"persistedQuery\":{}}"), None);
        let none = Answers::within(0);
        none.keep(&question("{ a }"), whole());
        assert!(none.of(&question("{ a }"), Some(edition)).is_none());
    }
}
