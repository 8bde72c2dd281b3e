//! Packs a district as this version leaves it to the next one: see `xuncheng_tests::upgrade`.

use std::process::ExitCode;

use xuncheng_tests::upgrade;

fn main() -> ExitCode {
    let version = env!("CARGO_PKG_VERSION");
    let file = upgrade::file_of(version);
    match upgrade::pack(version, &file) {
        Ok(()) => {
            println!("{}: commit it, and never make it anew", file.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("cannot write {}: {error}", file.display());
            eprintln!("what a version left is packed once, by that version: a new version gets a new number first");
            ExitCode::FAILURE
        }
    }
}
