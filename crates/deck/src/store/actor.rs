//! One thread that owns a connection. Jobs go in, answers come out; the caller never waits for a disk.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    task::{Context, Poll, Wake, ready},
    thread::{JoinHandle, Thread},
};

use tokio::sync::oneshot;

use super::StoreError;

/// More than this many waiting jobs means that the disk stands still; further ones are refused.
const QUEUE: usize = 256;

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

pub(super) struct Actor<S> {
    /// `None` once dropped; the thread ends when it has done what is queued.
    jobs: Option<SyncSender<Job<S>>>,
    thread: Option<JoinHandle<()>>,
}

impl<S: 'static> Actor<S> {
    /// `open` runs on the new thread.
    pub(super) fn start(name: &str, open: impl FnOnce() -> S + Send + 'static) -> Result<Self, StoreError> {
        let (jobs, queue) = sync_channel::<Job<S>>(QUEUE);
        let run = move || {
            let mut state = open();
            for job in queue {
                job(&mut state);
            }
        };
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(run)
            .map_err(StoreError::io("starting the thread of", std::path::Path::new(name)))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    pub(super) fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<T> {
        let (reply, answer) = oneshot::channel();
        let job: Job<S> = Box::new(move |state| {
            // Nobody may wait for it any more; the job is done all the same.
            let _ = reply.send(job(state));
        });
        match self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Ok(())) => Answer(Inner::Waiting(answer)),
            Some(Err(TrySendError::Full(_))) => Answer(Inner::Refused(Some(StoreError::Busy))),
            Some(Err(TrySendError::Disconnected(_))) | None => Answer(Inner::Refused(Some(StoreError::Closed))),
        }
    }
}

/// Waits until everything queued is on disk.
impl<S> Drop for Actor<S> {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by the panic hook; a drop never panics.
            let _ = thread.join();
        }
    }
}

/// What a job came to. A future, or [`Answer::wait`] where there is no runtime.
#[must_use = "an append that is not acknowledged may not be on disk"]
pub struct Answer<T>(Inner<T>);

enum Inner<T> {
    Waiting(oneshot::Receiver<Result<T, StoreError>>),
    Refused(Option<StoreError>),
}

impl<T> Answer<T> {
    /// Blocks; for headless commands and tests.
    ///
    /// # Errors
    /// As the job failed, or because the store is closed.
    pub fn wait(mut self) -> Result<T, StoreError> {
        // Not `blocking_recv`: that one panics inside a runtime.
        let waker = Arc::new(Unpark(std::thread::current())).into();
        let mut cx = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut self).poll(&mut cx) {
                Poll::Ready(result) => return result,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl<T> Future for Answer<T> {
    type Output = Result<T, StoreError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().0 {
            Inner::Waiting(answer) => Poll::Ready(ready!(Pin::new(answer).poll(cx)).unwrap_or(Err(StoreError::Closed))),
            Inner::Refused(why) => Poll::Ready(Err(why.take().unwrap_or(StoreError::Closed))),
        }
    }
}

// The receiver is never pinned in place: it is `Unpin` itself.
impl<T> Unpin for Answer<T> {}
