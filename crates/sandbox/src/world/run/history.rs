//! Runs that people started in the last month.

use mldeck_core::time::{DAY, MINUTE, SECOND, Timestamp};

use super::{
    Cause, Fate, PEOPLE, Run, Series,
    recipe::{KNOBS, Recipe, recipe},
};
use crate::world::{World, chance::Chance, estate::FAMILIES};

/// Hand-started training jobs and notebook runs in an ordinary account, all families together.
const SWEEPS: u32 = 320;
const NOTEBOOKS: u32 = 40;
pub(crate) const HISTORY: i64 = 30 * DAY;

/// One value per hyperparameter out of its choices.
pub(crate) fn draw_knobs(recipe: &Recipe, chance: Chance) -> [f32; KNOBS] {
    let mut values = [0.0; KNOBS];
    for (i, (value, knob)) in values.iter_mut().zip(recipe.knobs).enumerate() {
        *value = *chance.of(i as u64).pick(knob.choices) as f32;
    }
    values
}

/// The data of the last Monday before `at`: training sets are cut weekly.
pub(crate) fn data_day(at: Timestamp) -> u16 {
    let day = at.millis() / DAY;
    // The epoch was a Thursday.
    (day - (day + 3).rem_euclid(7)) as u16
}

pub(crate) fn generate(world: &mut World) {
    let flag = |name: &str| {
        world.scenario.more.get("learning").and_then(|table| table.get(name)).and_then(toml::Value::as_integer)
    };
    world.runs.width = flag("metrics").map_or(0, |count| count.clamp(0, u8::MAX.into()) as u8);
    let sweeps = flag("runs").map_or(SWEEPS, |runs| runs.clamp(0, 1_000_000) as u32);
    let start = world.start;
    let chance = Chance::new(world.seed).named("runs");
    for (series, count) in [(Series::Sweep, sweeps), (Series::Notebook, NOTEBOOKS)] {
        let mut numbers = [0_u32; 16];
        for i in 0..count {
            // Evenly spread with jitter, oldest first, so that numbers rise with time.
            let chance = chance.of(series as u64).of(u64::from(i));
            let share = (f64::from(i) + chance.of(0).unit()) / f64::from(count.max(1));
            let family = (chance.of(1).below(FAMILIES.len() as u64)) as u8;
            let number = &mut numbers[usize::from(family) % 16];
            *number += 1;
            let at = start.plus(-((1.0 - share) * HISTORY as f64) as i64 / SECOND * SECOND);
            world.runs.push(sweep(series, family, *number, at, chance));
        }
        // Somebody is always training something.
        if series == Series::Sweep && count > 0 {
            numbers[0] += 1;
            let at = start.plus(-17 * MINUTE);
            let mut running = sweep(series, 0, numbers[0], at, chance.named("running"));
            (running.fate, running.stopped) = (Fate::Completes, None);
            world.runs.push(running);
        }
    }
}

fn sweep(series: Series, family: u8, number: u32, at: Timestamp, chance: Chance) -> Run {
    let recipe = recipe(&FAMILIES[usize::from(family) % FAMILIES.len()]);
    let is_job = series == Series::Sweep;
    let fate = match chance.of(2).below(100) {
        0..3 if is_job => Fate::Fails(Cause::KeyError),
        3..5 if is_job => Fate::Fails(Cause::NoData),
        5..8 => Fate::Fails(Cause::OutOfMemory),
        _ => Fate::Completes,
    };
    let stopped =
        (chance.of(3).below(100) < 4).then(|| at.plus((chance.of(4).between(6.0, 12.0) * MINUTE as f64) as i64));
    Run {
        family,
        series,
        number,
        created: at,
        fate,
        stopped,
        by: chance.of(5).below(PEOPLE.len() as u64) as u8,
        knobs: draw_knobs(recipe, chance.of(6)),
        day: data_day(at.plus(-(chance.of(7).below(2) as i64) * 7 * DAY)),
        image: chance.of(8).below(3) as u8,
        instance: chance.of(9).below(recipe.instances.len() as u64) as u8,
        width: 0,
    }
}
