//! The citizens' service (SAC): attentions.

pub mod attention;
