//! Parcels that are damaged, another's, or made by somebody who means no good: each has an error that says what to do, and
//! nothing is lost by it.

use std::fs;
use std::path::{Path, PathBuf};

use xuncheng_core::clock::Seed;
use xuncheng_core::crypto::{SealingKey, SealingPublicKey, SoftwareKey};
use xuncheng_core::field::FieldError;
use xuncheng_core::id::{EntryId, Nonce, PhotoHash};
use xuncheng_core::limits;
use xuncheng_core::store::meta::{self, key};
use xuncheng_core::sync::parcel::pack::Originals;
use xuncheng_core::sync::parcel::{Maker, Packer, ParcelError, Part, Progress};
use xuncheng_core::sync::session::{Action, OfficeKeys};
use xuncheng_office::OfficeError;
use xuncheng_tests::phone::{Phone, body_of};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

fn damaged(error: &OfficeError) -> bool {
    matches!(error, OfficeError::Parcel { source: ParcelError::Damaged(_), .. })
}

/// What the office cannot read of a parcel it says, and what came before that place counts.
#[test]
fn a_parcel_that_was_cut_off_or_altered_anywhere() {
    let world = World::new(seed!());
    let office = world.office();
    let mut li = world.enrolled("li");
    let item = li.capture("matter/09006").summary.id;
    let packed = li.pack(Originals::All).unwrap();
    let whole = fs::read(&packed.file).unwrap();
    let first_chunk = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0 + 1;
    for _ in 0..24 {
        let mut bytes = whole.clone();
        let at = usize::try_from(world.roll(whole.len() as u64)).unwrap();
        let cut = world.roll(2) == 0;
        if cut {
            bytes.truncate(at)
        } else {
            bytes[at] ^= 1 << world.roll(8)
        }
        let file = packed.file.with_extension("bad");
        fs::write(&file, &bytes).unwrap();
        let error = office.take_in(&file).unwrap_err();
        assert!(at < first_chunk || damaged(&error), "{error} at {at}");
        assert!(matches!(error, OfficeError::Parcel { .. }) && error.to_string().contains(".bad"), "{error}");
        let no_answer = office.take_in(&file).unwrap_err();
        assert!(matches!(no_answer, OfficeError::Parcel { .. }));
    }
    let mut longer = whole.clone();
    longer.push(0);
    fs::write(packed.file.with_extension("long"), &longer).unwrap();
    assert!(damaged(&office.take_in(&packed.file.with_extension("long")).unwrap_err()));

    let taken = office.take_in(&packed.file).unwrap();
    assert_eq!(taken.refused, [] as [String; 0]);
    li.unpack(&office.answer(taken.device).unwrap()).unwrap();
    assert!(!li.case(item).summary.pending);
    world.check_invariants();
}

/// The same of an answer, on a phone.
#[test]
fn an_answer_that_was_cut_off_or_altered_anywhere() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let item = li.capture("matter/09006").summary.id;
    let taken = world.office().take_in(&li.pack(Originals::All).unwrap().file).unwrap();
    let answer = world.office().answer(taken.device).unwrap();
    let whole = fs::read(&answer).unwrap();
    for _ in 0..24 {
        let mut bytes = whole.clone();
        let at = usize::try_from(world.roll(whole.len() as u64)).unwrap();
        if world.roll(2) == 0 {
            bytes.truncate(at)
        } else {
            bytes[at] ^= 1 << world.roll(8)
        }
        let file = answer.with_extension("bad");
        fs::write(&file, &bytes).unwrap();
        let error = li.unpack(&file).unwrap_err();
        assert!(matches!(error, FieldError::Parcel { .. }), "{error} at {at}");
    }
    li.unpack(&answer).unwrap();
    assert!(!li.case(item).summary.pending);
    world.check_invariants();
}

#[test]
fn a_parcel_for_somebody_else() {
    let seed = seed!();
    let (world, elsewhere) = (World::new(seed), World::new(seed.wrapping_add(1)));
    let (mut li, mut wang) = (world.enrolled("li"), world.enrolled("wang"));
    let mut stranger = elsewhere.enrolled("li");
    let not_for_here =
        |error: &OfficeError| matches!(error, OfficeError::Parcel { source: ParcelError::NotForHere(_), .. });

    let theirs = stranger.pack(Originals::All).unwrap();
    assert!(not_for_here(&world.office().take_in(&theirs.file).unwrap_err()), "another district's");
    let packed = li.pack(Originals::All).unwrap();
    let taken = world.office().take_in(&packed.file).unwrap();
    let answer = world.office().answer(taken.device).unwrap();
    assert!(not_for_here(&world.office().take_in(&answer).unwrap_err()), "an answer");
    for file in [&answer, &packed.file] {
        let error = wang.unpack(file).unwrap_err();
        assert!(
            matches!(error, FieldError::Parcel { source: ParcelError::NotForHere(_), .. }),
            "another phone's: {error}"
        );
    }
    let mut unknown = world.phone("li");
    assert!(matches!(unknown.pack(Originals::All), Err(FieldError::Sync(_))), "who is enrolled nowhere makes none");

    let picture = li.new_picture();
    for other in [picture.as_path(), Path::new(env!("CARGO_MANIFEST_DIR")), &world.office().folder().join("not there")]
    {
        assert!(matches!(li.unpack(other), Err(FieldError::Parcel { .. })), "{}", other.display());
        assert!(matches!(world.office().take_in(other), Err(OfficeError::Parcel { .. })), "{}", other.display());
    }
    let later = packed.file.with_extension("later");
    fs::write(&later, b"xuncheng-parcel 2\nwhatever\n").unwrap();
    let said = world.office().take_in(&later).unwrap_err().to_string();
    assert!(said.contains("later version"), "{said}");
    // A first line without an end is not read for ever.
    fs::write(&later, vec![b'x'; 10_000_000]).unwrap();
    assert!(said != world.office().take_in(&later).unwrap_err().to_string());
    world.check_invariants();
}

/// A phone that holds its keys and means no good.
struct Hostile<'a> {
    phone: &'a Phone,
    sealing: SealingPublicKey,
    signer: SoftwareKey,
    stick: PathBuf,
}

impl<'a> Hostile<'a> {
    fn of(phone: &'a Phone, stick: PathBuf) -> Self {
        let office: OfficeKeys = meta::get(phone.field().store(), key::OFFICE).unwrap().unwrap();
        let signer = SoftwareKey::load(&phone.folder().join("device.key")).unwrap();
        Self { phone, sealing: office.sealing.unwrap(), signer, stick }
    }

    fn maker(&self) -> Maker {
        let reply = SealingKey::generate(&mut Seed::from_bytes([3; 32]).entropy()).public_key().clone();
        Maker::Phone { incarnation: self.phone.incarnation(), succeeds: None, reply }
    }

    /// A parcel of these parts.
    fn parcel(&self, maker: Maker, signer: &SoftwareKey, parts: &[(Part, Vec<u8>)]) -> PathBuf {
        let mut entropy = Seed::from_bytes([4; 32]).entropy();
        let about = (Nonce::from_bytes([5; 16]), self.phone.now().wall, maker);
        let file = fs::File::create(&self.stick).unwrap();
        let mut packer = Packer::begin(file, &self.sealing, about, signer, &mut entropy).unwrap();
        for (part, bytes) in parts {
            packer.message(part.clone(), bytes).unwrap();
        }
        packer.end().unwrap();
        self.stick.clone()
    }
}

/// What a phone would send next over a network.
fn recorded(phone: &mut Phone) -> Vec<u8> {
    phone.field_mut().start_sync().unwrap();
    let Action::Send { request, .. } = phone.next_action().unwrap() else { panic!("there is something to send") };
    body_of(&request)
}

#[test]
fn a_hostile_phones_parcel() {
    let world = World::new(seed!());
    let office = world.office();
    let (mut li, mut wang) = (world.enrolled("li"), world.enrolled("wang"));
    let item = li.capture("matter/09006").summary.id;
    let case = li.case(item);
    let own = recorded(&mut li);
    let theirs = recorded(&mut wang);
    let hostile = Hostile::of(&li, office.folder().with_file_name("hostile.xcp"));
    let made = |parts: &[(Part, Vec<u8>)]| hostile.parcel(hostile.maker(), &hostile.signer, parts);

    // Another's recorded request: its answer would be sealed for whoever made the parcel.
    let taken = office.take_in(&made(&[(Part::Sync, theirs)])).unwrap();
    assert_eq!((taken.entries, taken.refused.len()), (0, 1), "{:?}", taken.refused);
    assert!(matches!(office.answer(taken.device), Err(OfficeError::NoAnswer(_))), "nothing is answered");

    // Signed by another key than the device's; made in another's name; by an office.
    let other = SoftwareKey::generate(&mut Seed::from_bytes([6; 32]).entropy());
    let forged = office.take_in(&hostile.parcel(hostile.maker(), &other, &[(Part::Sync, own.clone())])).unwrap_err();
    assert!(matches!(forged, OfficeError::Parcel { source: ParcelError::Crypto(_), .. }), "{forged}");
    let Maker::Phone { reply, .. } = hostile.maker() else { panic!("a phone's") };
    let in_wangs_name = Maker::Phone { incarnation: wang.incarnation(), succeeds: None, reply };
    let forged =
        office.take_in(&hostile.parcel(in_wangs_name, &hostile.signer, &[(Part::Sync, own.clone())])).unwrap_err();
    assert!(matches!(forged, OfficeError::Parcel { source: ParcelError::Crypto(_), .. }), "{forged}");
    let as_office = Maker::Office { answers: Nonce::from_bytes([5; 16]) };
    let forged = office.take_in(&hostile.parcel(as_office, &hostile.signer, &[])).unwrap_err();
    assert!(matches!(forged, OfficeError::Parcel { source: ParcelError::NotForHere(_), .. }), "{forged}");

    // Messages that are none, too long, or bombs; originals of no entry, of other bytes, too long, of another length.
    let bomb = zstd::bulk::compress(&vec![b'0'; 100_000_000], 19).unwrap();
    let photo = case.photos[0].sha256;
    let entry = xuncheng_core::store::photos::own(li.field().store()).unwrap()[0].entry;
    let bytes = li.original(&photo).unwrap();
    let mut altered = bytes.clone();
    altered[100] ^= 1;
    let original = |entry, sha256| Part::Original { entry, sha256 };
    let taken = office
        .take_in(&made(&[
            (Part::Unknown(serde_json::json!({ "petition": 1 })), vec![0; 100_000]),
            (original(entry, photo), bytes.clone()),
            (Part::Sync, own),
            (Part::Sync, b"no message".to_vec()),
            (Part::Sync, bomb.clone()),
            (Part::Sync, vec![0; limits::REQUEST_BYTES + 1]),
            (Part::Previews, bomb),
            (original(EntryId::from_bytes([1; 16]), photo), bytes.clone()),
            (original(entry, PhotoHash::from_bytes([1; 32])), bytes.clone()),
            (original(entry, photo), bytes[1..].to_vec()),
            (original(entry, photo), altered),
            (original(entry, photo), bytes.clone()),
        ]))
        .unwrap();
    assert_eq!((taken.entries, taken.originals), (2, 1), "what is good in it counts");
    assert_eq!(taken.refused.len(), 9, "{:#?}", taken.refused);
    assert!(taken.refused[0].contains("no such entry"), "one that comes before its entry: {:?}", taken.refused);
    assert_eq!(office.original(&photo), Some(bytes));
    world.check_invariants();
}

/// A heading that promises more than any disk has, and no bytes: nothing is set aside for it.
#[test]
fn a_parcel_that_promises_more_than_it_has() {
    let world = World::new(seed!());
    let li = world.enrolled("li");
    let hostile = Hostile::of(&li, world.office().folder().with_file_name("hostile.xcp"));
    let mut entropy = Seed::from_bytes([4; 32]).entropy();
    let about = (Nonce::from_bytes([5; 16]), li.now().wall, hostile.maker());
    let file = fs::File::create(&hostile.stick).unwrap();
    let mut packer = Packer::begin(file, &hostile.sealing, about, &hostile.signer, &mut entropy).unwrap();
    let endless = Part::Original { entry: EntryId::from_bytes([1; 16]), sha256: PhotoHash::from_bytes([1; 32]) };
    let Part::Original { entry, sha256 } = endless else { panic!("an original") };
    packer.original((entry, sha256), u64::MAX, &b"and no more"[..], |_| {}).unwrap_err();
    packer.end().unwrap();
    let mut heard = Vec::new();
    let mut ledger = xuncheng_office::Ledger::open(&xuncheng_office::Config::new(world.office().folder())).unwrap();
    let error =
        xuncheng_office::parcel::take_in(&mut ledger, &hostile.stick, &mut |Progress { done, .. }| heard.push(done));
    assert!(matches!(error, Err(OfficeError::Parcel { source: ParcelError::Form(_), .. })), "{error:?}");
}

/// A file that is there is not written over, a folder that is not there is no place, and nothing is left of what failed.
#[test]
fn a_place_that_takes_no_parcel() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    li.capture("matter/09006");
    let packed = li.pack(Originals::All).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&packed.file).unwrap().permissions().mode() & 0o777, 0o600, "only its owner reads it");
    }
    let name = packed.file.file_name().unwrap().to_str().unwrap().to_owned();
    assert!(name.starts_with("巡城-包裹-20260721-") && name.ends_with(".xcp"), "{name}");
    let before = fs::read(&packed.file).unwrap();
    let (now, seed) = (li.now(), Seed::from_bytes([1; 32]));
    let mut at = |place: &Path| li.field_mut().pack_parcel(place, Originals::All, &now, &seed, &mut |_| {});
    let taken = at(&packed.file).unwrap_err();
    assert!(matches!(taken, FieldError::Parcel { .. }) && taken.to_string().contains("already"), "{taken}");
    at(&packed.file.join("in a file")).unwrap_err();
    at(&world.office().folder().join("nowhere/parcel.xcp")).unwrap_err();
    assert_eq!(fs::read(&packed.file).unwrap(), before);
    assert_eq!(fs::read_dir(packed.file.parent().unwrap()).unwrap().count(), 1);
    assert_eq!(li.field().status().unwrap().unsent, 2);
}
