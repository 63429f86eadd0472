//! What was committed, as proof for whoever submitted: a receipt, and the entity's seal over it.

pub mod check;
pub mod json;
pub mod seal;
