//! Draws the project's sample photos: `cargo run --release -p xuncheng-tests --bin sample-photos -- samples/photos`.
//!
//! Streets of no real town, traced ray by ray out of boxes, balls and sheets, so that the photos belong to nobody and
//! show nobody. The same bytes come out each time on the same machine and toolchain.

mod album;
mod noise;
mod paint;
mod render;
mod scenes;
mod shape;
mod stage;
mod tree;
mod vec;

use std::error::Error;
use std::fs;
use std::path::Path;

/// A photo is stored with the highest quality that stays below this.
const MOST_BYTES: usize = 330_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments
        .next()
        .ok_or("usage: sample-photos FOLDER [NAME…]: draws all photos, or those whose name contains NAME")?;
    let wanted: Vec<String> = arguments.collect();
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    let album = album::photos();
    for (number, photo) in (1..).zip(&album) {
        if !wanted.is_empty() && !wanted.iter().any(|name| photo.file.contains(name.as_str())) {
            continue;
        }
        let upright = render::render(&(photo.scene)(), number);
        let (bytes, quality) = album::developed(photo, &upright, MOST_BYTES);
        fs::write(folder.join(photo.file), &bytes)?;
        println!("{:<36} {:>7} bytes, quality {quality}", photo.file, bytes.len());
    }
    if wanted.is_empty() {
        fs::write(folder.join("index.toml"), album::index(&album))?;
    }
    Ok(())
}
