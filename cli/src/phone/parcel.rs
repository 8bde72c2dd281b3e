//! `xuncheng phone parcel`: what waits in a file, and the office's answer out of one.

use indicatif::HumanBytes;
use serde_json::json;
use xuncheng_core::field::Field;
use xuncheng_core::sync::parcel::Progress;

use super::args::{Args, ParcelCommand};
use crate::machine;
use crate::print::{self, say};

pub(super) fn run(args: &Args, command: &ParcelCommand) -> anyhow::Result<()> {
    let mut field = Field::open(&args.folder)?;
    let bar = print::bytes_bar(args.json);
    let mut tell = |Progress { done, total }| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let (now, seed) = (machine::now(), machine::seed()?);
    match command {
        ParcelCommand::Export { place, originals } => {
            let packed = field.pack_parcel(place, *originals, &now, &seed, &mut tell);
            bar.finish_and_clear();
            let packed = packed?;
            if args.json {
                return print::json(&packed);
            }
            say!("{} ({})", packed.file.display(), HumanBytes(packed.bytes))?;
            say!("{} entries, {} small pictures, {} originals", packed.entries, packed.previews, packed.originals)?;
            if packed.originals_left > 0 {
                say!("{} originals are not in it: they wait for another parcel, or a network", packed.originals_left)?;
            }
            for photo in &packed.unreadable {
                say!("missing or damaged on this phone, and not in it: {photo}")?;
            }
            say!("all of it waits here until the office has answered")?;
            say!(
                "next, at the office: xuncheng parcel import FILE; it makes an answer for {} import",
                args.phone_parcel()
            )?;
        }
        ParcelCommand::Import { file } => {
            let unpacked = field.unpack_parcel(file, &now, &seed, &mut tell);
            bar.finish_and_clear();
            let unpacked = unpacked?;
            if args.json {
                return print::json(&json!({ "answer": unpacked, "status": field.status()? }));
            }
            if unpacked.skipped > 0 {
                say!(
                    "{} of {} pages say what this phone has read since; what is newer comes with the next sync or parcel",
                    unpacked.skipped,
                    unpacked.pages + unpacked.skipped
                )?;
            }
            if let Some(refusal) = &unpacked.refused {
                say!("{}", refusal.detail())?;
            }
            super::show::status(args, &field.status()?)?;
        }
    }
    Ok(())
}

impl Args {
    fn phone_parcel(&self) -> String {
        format!("{} parcel", self.phone())
    }
}
