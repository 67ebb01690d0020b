//! What was answered a while ago, for reads from a copy that lags.

use std::collections::VecDeque;

use bytes::Bytes;
use http::{Request, Response};
use mldeck_core::time::Timestamp;

/// Answers kept; older ones fall out.
const KEPT: usize = 64;

/// Answers to questions, oldest first.
#[derive(Debug)]
pub(super) struct Told {
    answers: VecDeque<(Timestamp, Question, Response<Bytes>)>,
}

/// What tells one question from another: the operation, and its input.
type Question = (Option<http::HeaderValue>, Bytes);

fn question(request: &Request<Bytes>) -> Question {
    (request.headers().get("x-amz-target").cloned(), request.body().clone())
}

impl Told {
    pub(super) const fn new() -> Self {
        Self { answers: VecDeque::new() }
    }

    pub(super) fn keep(&mut self, at: Timestamp, request: &Request<Bytes>, answer: &Response<Bytes>) {
        if self.answers.len() >= KEPT {
            self.answers.pop_front();
        }
        self.answers.push_back((at, question(request), answer.clone()));
    }

    /// The newest answer to this question that was given at `until` or before.
    pub(super) fn newest(&self, until: Timestamp, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let question = question(request);
        let mut known = self.answers.iter().rev().filter(|(at, asked, _)| *at <= until && *asked == question);
        known.next().map(|(_, _, answer)| answer.clone())
    }
}
