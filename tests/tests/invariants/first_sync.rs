//! What a new phone reads before it is of use: the records of a thousand open cases, and the thumbnails of the newest hundred.

use xuncheng_core::field::PictureFile;
use xuncheng_core::store::list::Query;
use xuncheng_core::sync::session::Outcome;
use xuncheng_tests::fixtures;
use xuncheng_tests::phone::in_dongcheng;
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

const CASES: usize = 1000;
const WITH_THUMBNAILS: usize = 100;

/// At most 5 MB both ways, with thumbnails of noise, which are as large as thumbnails get.
#[test]
fn a_new_phone_is_of_use_after_five_megabytes() {
    let world = World::new(seed!());
    let mut wang = world.enrolled("wang");
    for n in 0..CASES {
        // The newest are what a camera writes, shrunk to a thumbnail of its full size; of the others the records matter alone.
        let bytes = if n + WITH_THUMBNAILS < CASES {
            fixtures::jpeg(32, 24, n as u64)
        } else {
            fixtures::jpeg(640, 480, n as u64)
        };
        let picture = wang.picture(&bytes);
        wang.capture_at("component/01001", in_dongcheng(), vec![picture]);
        if n % 100 == 0 {
            world.wait_minutes(1);
        }
    }
    wang.sync().unwrap();
    world.settle();

    let mut li = world.phone("li");
    li.enrol(&world.office().code("li")).unwrap();
    li.sync().unwrap();
    let (mut sent, mut came, mut requests) = (0, 0, 0);
    for exchange in world.network(&li).log() {
        let Outcome::Answered(answer) = &exchange.outcome else { panic!("a sound network answers") };
        sent += exchange.sent.len();
        came += answer.body.len();
        requests += 1;
    }
    let cases = li.field().cases(&Query::default(), None, WITH_THUMBNAILS).unwrap().cases;
    let here = cases.iter().filter(|case| matches!(case.thumbnail_file, Some(PictureFile::Here { .. }))).count();
    let held: usize =
        li.field().store().query_row("SELECT count(*) FROM item WHERE kind = 'case'", [], |row| row.get(0)).unwrap();
    let pictures = li.field().status().unwrap().fetched_bytes;
    eprintln!(
        "a new phone: {held} cases, {here} thumbnails of {pictures} bytes: {requests} requests, {sent} bytes there, {came} back"
    );
    assert_eq!((held, here), (CASES, WITH_THUMBNAILS));
    assert!(pictures > 1_000_000, "thumbnails of a real size: {pictures}");
    assert!(sent + came <= 5_000_000, "{sent} bytes there and {came} back");
}
