//! Answers that are kept for as long as what they were made from.

use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::limits;

/// Answers made from one snapshot, by what was asked. The next snapshot begins without any, so that none is ever out of
/// date.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_question: HashMap<Box<str>, Bytes>,
    bytes: usize,
}

impl Answers {
    /// The answer to a question, made now unless it is known. Nobody waits while another makes one.
    ///
    /// # Errors
    /// As `make`.
    pub(crate) fn get_or_make<E>(
        &self,
        question: &str,
        make: impl FnOnce() -> Result<Bytes, E>,
    ) -> Result<Bytes, E> {
        if let Some(known) = self.0.lock().by_question.get(question) {
            return Ok(known.clone());
        }
        let answer = make()?;
        self.0.lock().keep(question, &answer);
        Ok(answer)
    }
}

impl Kept {
    fn keep(&mut self, question: &str, answer: &Bytes) {
        let bytes = question.len() + answer.len();
        if bytes > limits::ANSWERS_BYTES / 4 {
            return;
        }
        let full =
            self.bytes + bytes > limits::ANSWERS_BYTES || self.by_question.len() >= limits::ANSWERS;
        if full {
            *self = Self::default();
        }
        let before = self.by_question.insert(question.into(), answer.clone());
        self.bytes += match before {
            Some(_) => 0,
            None => bytes,
        };
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn ask(answers: &Answers, question: &str, made: &mut u32, bytes: usize) -> usize {
        let answer = answers.get_or_make(question, || {
            *made += 1;
            Ok::<_, Infallible>(Bytes::from(vec![b'x'; bytes]))
        });
        answer.map_or(0, |answer| answer.len())
    }

    #[test]
    fn an_answer_is_made_once_and_what_is_kept_stays_bounded() {
        let (answers, mut made) = (Answers::default(), 0);
        assert_eq!(ask(&answers, "a", &mut made, 10), 10);
        assert_eq!(ask(&answers, "a", &mut made, 10), 10);
        assert_eq!(made, 1);
        for i in 0..limits::ANSWERS * 3 {
            ask(&answers, &format!("{i}"), &mut made, 100_000);
            let kept = answers.0.lock();
            assert!(kept.by_question.len() <= limits::ANSWERS);
            assert!(kept.bytes <= limits::ANSWERS_BYTES);
        }
        ask(&answers, "too large", &mut made, limits::ANSWERS_BYTES);
        assert!(!answers.0.lock().by_question.contains_key("too large"));
    }
}
