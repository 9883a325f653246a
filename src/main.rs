//! The `cutline` command.
fn main() {}
