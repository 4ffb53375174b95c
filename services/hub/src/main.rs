//! The program `rapport`.

use std::process::ExitCode;

fn main() -> ExitCode {
    rapport_hub::cli::main()
}
