//! Several questions at once, a few at a time, without spawning: cancelled together with whoever asked.

use std::{
    future::Future,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Runs `ask` on every item, at most four at a time; the answers come in the order of `items`.
pub(crate) async fn four<T, A, F>(items: &[T], ask: impl Fn(usize) -> F) -> Vec<A>
where
    F: Future<Output = A>,
{
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(Vec::with_capacity(items.len()));
    let lane = || async {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= items.len() {
                return;
            }
            // Boxed: four of them would else lie in the future of whoever asks.
            let answer = Box::pin(ask(index)).await;
            answers.lock().unwrap_or_else(PoisonError::into_inner).push((index, answer));
        }
    };
    tokio::join!(lane(), lane(), lane(), lane());
    let mut answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn four_at_a_time_and_in_order() {
        let items: Vec<u64> = (0..10).collect();
        let (busy, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let out = four(&items, |index| {
            let (items, busy, most) = (&items, &busy, &most);
            async move {
                most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                for _ in 0..100 - items[index] {
                    tokio::task::yield_now().await;
                }
                busy.fetch_sub(1, Ordering::SeqCst);
                items[index] * 2
            }
        })
        .await;
        assert_eq!(out, [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
        assert_eq!(most.into_inner(), 4);
    }
}
