//! How the process gives memory back.

/// Large pieces of memory are mapped one by one from now on, and so given back when they are freed. Called before there
/// are threads.
///
/// glibc raises its limit for that to the largest piece freed so far. A page of a Search is 2.5 MB for a moment (the SDK's
/// `SearchRecord` has 19 KB, and a page has a hundred): from the second one on, such pages would come from heaps that
/// every thread has for itself and hardly ever shrinks, 25 MB after the first minute. A limit that is set stays.
/// Measured by `cargo bench --bench deck -- --only memory`.
pub fn give_back_large() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "an option of the C library that nothing else sets")]
    // SAFETY: `mallopt` takes two numbers, touches the allocator alone, and no other thread runs yet. Where it refuses,
    // memory is as it was.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 128 * 1024);
    }
}
