//! An allocator that counts what each thread asks for, so that a test sees its own allocations only.

#![allow(unsafe_code, reason = "an allocator cannot be written without")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<u64> = const { Cell::new(0) };
}

pub struct Counting;

fn count(bytes: usize) {
    // A thread that ends has no counters any more.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
    let _ = BYTES.try_with(|sum| sum.set(sum.get() + bytes as u64));
}

// SAFETY: every call goes to the system's allocator unchanged; counting allocates nothing, as the counters are
// constant-initialized and have no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

/// How often this thread has asked for memory, and for how many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub times: u64,
    pub bytes: u64,
}

/// What `work` asks for on this thread.
pub fn asked<R>(work: impl FnOnce() -> R) -> (R, Asked) {
    let before = (COUNT.get(), BYTES.get());
    let result = work();
    let after = (COUNT.get(), BYTES.get());
    (result, Asked { times: after.0 - before.0, bytes: after.1 - before.1 })
}
