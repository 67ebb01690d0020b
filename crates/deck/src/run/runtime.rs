//! The threads of everything that is not a key: requests, replies, timers, disks.

use std::{io, num::NonZero, thread};

use rustix::process::nice;
use tokio::runtime::{Builder, Runtime};

/// So much below the threads that a key passes through.
const NICER: i32 = 5;

/// A runtime that leaves the processors to keys: reading a page of replies takes milliseconds of computing, and a key that
/// comes meanwhile must not wait for its end. So there is a processor without a worker where there are two, and where a
/// worker is in the way all the same, the kernel lets the key go first.
///
/// # Errors
/// When the system gives no thread.
pub fn behind_keys() -> io::Result<Runtime> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    Builder::new_multi_thread()
        .worker_threads((processors - 1).clamp(1, 2))
        .on_thread_start(give_way)
        .enable_all()
        .build()
}

/// Puts the calling thread behind those that a key passes through, for good.
pub fn give_way() {
    // Of this thread only, on Linux; elsewhere the call means the process, keys included.
    if cfg!(target_os = "linux") {
        let _ = nice(NICER);
    }
}
