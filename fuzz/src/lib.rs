//! What a fuzz target does with its bytes.

pub mod asked;
pub mod outside;

use std::cell::RefCell;

use mldeck_sandbox::{Options, Scenario, World};

/// An account answers so many requests, then there is a new one: what was made must not pile up.
const ANSWERS: u32 = 20_000;

thread_local! {
    static ACCOUNT: RefCell<Option<(World, u32)>> = const { RefCell::new(None) };
}

fn account() -> World {
    let scenario = Scenario::named("quiet-night").expect("a scenario that is built in");
    World::new(Options { seed: scenario.seed, start: scenario.start, scenario })
}

/// Sends the request that the bytes make; panics when the answer is none that AWS gives.
pub fn run(protocol: asked::Protocol, data: &[u8]) {
    let Some(request) = asked::request(protocol, data) else { return };
    ACCOUNT.with_borrow_mut(|kept| {
        let (mut world, count) = kept.take().filter(|(_, count)| *count < ANSWERS).unwrap_or_else(|| (account(), 0));
        let response = world.handle(&request);
        if let Some(complaint) = asked::complaint(&request, &response) {
            panic!("{request:?}\n{complaint}");
        }
        *kept = Some((world, count + 1));
    });
}

/// Hands the bytes to the reader of that name among [`outside::TARGETS`].
///
/// # Panics
/// When there is no such reader, or what it reads breaks a promise.
pub fn read(name: &str, data: &[u8]) {
    let (_, check) = outside::TARGETS.iter().find(|(known, _)| *known == name).expect("a reader of the table");
    check(data);
}

/// Writes the seeds below `fuzz/corpus`, where the targets look for them.
///
/// # Errors
/// When a file cannot be written.
pub fn write_seeds() -> std::io::Result<()> {
    for protocol in asked::ALL {
        let home = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(format!("{protocol:?}").to_lowercase());
        std::fs::create_dir_all(&home)?;
        for (n, seed) in asked::seeds(protocol).iter().enumerate() {
            std::fs::write(home.join(format!("seed-{n}")), seed)?;
        }
    }
    Ok(())
}
