//! A living SageMaker account on the wire.
//!
//! [`World`] is a deterministic engine: seed + scenario + virtual clock = the same bytes. It has no thread, no timer and
//! no clock of its own; its caller advances it. [`World::handle`] takes and gives plain `http` types and speaks the AWS
//! protocols, so the real SDK, boto3 and the AWS CLI talk to it as they talk to AWS.

pub mod world;

pub use world::World;
