//! The program `rapport`.
fn main() {}
