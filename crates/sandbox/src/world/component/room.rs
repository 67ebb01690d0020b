//! How many copies fit: each takes processors, accelerators and memory of one instance.

use serde_json::{Map, Value};

use super::base;
use crate::world::{
    World,
    request::{float, int},
};

/// What an instance has, or a copy takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Room {
    cores: f64,
    accelerators: i64,
    megabytes: i64,
}

/// Size of an instance type, and its virtual processors.
const SIZES: &[(&str, f64)] = &[
    ("medium", 1.0),
    ("large", 2.0),
    ("xlarge", 4.0),
    ("2xlarge", 8.0),
    ("4xlarge", 16.0),
    ("8xlarge", 32.0),
    ("12xlarge", 48.0),
    ("16xlarge", 64.0),
    ("24xlarge", 96.0),
    ("48xlarge", 192.0),
];

/// Beginning of a family's name, GiB for each processor, accelerators, and sizes that have another number of them.
type Family = (&'static str, i64, i64, &'static [(&'static str, i64)]);
const FAMILIES: &[Family] = &[
    ("c", 2, 0, &[]),
    ("m", 4, 0, &[]),
    ("r", 8, 0, &[]),
    ("t", 4, 0, &[]),
    ("g", 4, 1, &[("12xlarge", 4), ("24xlarge", 4), ("48xlarge", 8)]),
    ("p3", 7, 1, &[("8xlarge", 4), ("16xlarge", 8)]),
    ("p", 11, 8, &[]),
    ("inf", 4, 1, &[("24xlarge", 6), ("48xlarge", 12)]),
    ("trn", 4, 1, &[("32xlarge", 16), ("48xlarge", 16)]),
];

/// `None` for a type that is not known here: nothing is said about its room then.
pub(super) fn of_instance(kind: &str) -> Option<Room> {
    let (family, size) = kind.strip_prefix("ml.")?.split_once('.')?;
    let cores = SIZES.iter().find(|(name, _)| *name == size)?.1;
    let (_, gigabytes, usual, more) =
        FAMILIES.iter().filter(|(name, ..)| family.starts_with(name)).max_by_key(|(name, ..)| name.len())?;
    let accelerators = more.iter().find(|(name, _)| *name == size).map_or(*usual, |(_, count)| *count);
    Some(Room { cores, accelerators, megabytes: gigabytes * 1_024 * cores as i64 })
}

/// Virtual processors and GPUs of an instance type; one and none of a type that is not known here.
pub(crate) fn processors(kind: &str) -> (f64, i64) {
    of_instance(kind).map_or((1.0, 0), |room| (room.cores, if has_gpu(kind) { room.accelerators } else { 0 }))
}

/// Whether an instance type computes on GPUs; accelerators of other kinds publish nothing.
pub(crate) fn has_gpu(kind: &str) -> bool {
    kind.starts_with("ml.g") || kind.starts_with("ml.p")
}

fn of_copy(specification: &Map<String, Value>) -> Room {
    let required = specification.get("ComputeResourceRequirements");
    let member = |name: &str| required.and_then(|required| required.get(name));
    Room {
        cores: member("NumberOfCpuCoresRequired").and_then(float).unwrap_or(0.0),
        accelerators: member("NumberOfAcceleratorDevicesRequired")
            .and_then(float)
            .map_or(0, |count| count.ceil() as i64),
        megabytes: member("MinMemoryRequiredInMb").and_then(int).unwrap_or(0),
    }
}

impl Room {
    const fn holds(self, copy: Self) -> bool {
        self.cores >= copy.cores && self.accelerators >= copy.accelerators && self.megabytes >= copy.megabytes
    }

    fn less(self, copy: Self) -> Self {
        Self {
            cores: self.cores - copy.cores,
            accelerators: self.accelerators - copy.accelerators,
            megabytes: self.megabytes - copy.megabytes,
        }
    }
}

/// Most copies on one instance, however small they are: each is looked at when there is something to place. `[?]`: AWS tells of no
/// such limit.
const PER_INSTANCE: i64 = 1_000;

/// Whether the copies that this component wants fit beside those of the others. The largest are placed first.
pub(super) fn fits(world: &World, name: &str) -> bool {
    let Ok(component) = world.inference_component(name) else { return true };
    let Ok(endpoint) = world.endpoint(&component.endpoint) else { return true };
    let Some(variant) = endpoint.variants.iter().find(|variant| variant.name == component.variant) else { return true };
    let Some(instance) = variant.instance_type.as_deref().and_then(of_instance) else { return true };
    let mut copies: Vec<Room> = Vec::new();
    for other in world.components_on(&component.endpoint).filter(|other| other.variant == component.variant) {
        // Adapters live in the copies of their base.
        if base(&other.specification).is_some() {
            continue;
        }
        let count = if other.served.name == name { other.copies() } else { other.placed }.max(0);
        if copies.len() as i64 + count > PER_INSTANCE * variant.current_count {
            return false;
        }
        copies.extend(std::iter::repeat_n(of_copy(&other.specification), count as usize));
    }
    copies.sort_by(|a, b| {
        (b.accelerators, b.megabytes).cmp(&(a.accelerators, a.megabytes)).then(b.cores.total_cmp(&a.cores))
    });
    let mut instances = vec![instance; variant.current_count.clamp(0, 1_000) as usize];
    copies.into_iter().all(|copy| {
        let place = instances.iter_mut().find(|place| place.holds(copy));
        place.map(|place| *place = place.less(copy)).is_some()
    })
}
