//! mldeck: the on-call console for machine learning on AWS.

pub mod term;
pub mod theme;
