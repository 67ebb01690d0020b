//! Nights of one or two operators, played as fast as the processors allow.
//!
//! `cargo run --release --example simulate -- --seeds 1000000 [--first-seed N] [--trace]`: planner, executor, journal and
//! gateway that ship, against the embedded account, on virtual time. A seed is the whole story. Ends with 1 when a rule was
//! broken.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a night that cannot be laid out ends the run")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the report is the product")]

#[path = "../tests/simulation/night/mod.rs"]
#[allow(unreachable_pub, dead_code, reason = "shared with tests/simulation")]
mod night;

use std::{
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use clap::Parser;
use mldeck::run::clock;
use night::{Setup, play, tally::Tally};

/// Seeds that a thread takes at once.
const BATCH: u64 = 64;
const REPORT: Duration = Duration::from_secs(10);

#[derive(Parser)]
struct Arguments {
    /// How many nights.
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
    /// Print what happens in each night.
    #[arg(long)]
    trace: bool,
    /// Threads; one per processor without it.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if arguments.trace { 1 } else { arguments.threads.unwrap_or(processors).max(1) };
    let (next, end) = (AtomicU64::new(arguments.first_seed), arguments.first_seed.saturating_add(arguments.seeds));
    let started = clock::instant();
    let tally = std::thread::scope(|scope| {
        let mut working: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(&next, end, arguments.trace))).collect();
        let mut reported = started;
        while working.iter().any(|thread| !thread.is_finished()) {
            std::thread::park_timeout(Duration::from_millis(50));
            if clock::instant().duration_since(reported) >= REPORT {
                reported = clock::instant();
                let done = next.load(Ordering::Relaxed).min(end) - arguments.first_seed;
                let rate = done as f64 / reported.duration_since(started).as_secs_f64();
                eprintln!("{done} of {} seeds, {rate:.0} a second", arguments.seeds);
            }
        }
        let mut tally = Tally::default();
        for thread in working.drain(..) {
            tally.and(thread.join().expect("a night that panics is a bug of the simulation"));
        }
        tally
    });
    let took = clock::instant().duration_since(started).as_secs_f64();
    println!(
        "{} seeds from {} in {took:.1} s on {threads} threads: {:.0} a second",
        tally.nights,
        arguments.first_seed,
        tally.nights as f64 / took
    );
    println!("{tally}");
    match tally.verdict() {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            println!("{wrong}");
            ExitCode::FAILURE
        }
    }
}

fn work(next: &AtomicU64, end: u64, traced: bool) -> Tally {
    let mut tally = Tally::default();
    loop {
        let from = next.fetch_add(BATCH, Ordering::Relaxed);
        if from >= end {
            return tally;
        }
        for seed in from..(from + BATCH).min(end) {
            let night = play(&Setup { seed, traced, ..Setup::default() });
            if traced {
                println!("{}", night.trace);
            }
            tally.count(seed, &night);
        }
    }
}
