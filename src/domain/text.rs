//! Text that can be stored, exchanged and found.
