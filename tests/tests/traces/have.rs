//! What the office has already is not sent again, by one request that asks.

use xuncheng_tests::fixtures;
use xuncheng_tests::phone::{Phone, in_dongcheng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

use super::wire::next_upload;

fn requests(phone: &Phone, path: &str) -> usize {
    phone.link().log().iter().filter(|sent| sent.request.path == path).count()
}

/// A phone is put back from an older copy: what it had sent since is found out in one request, and goes no second time.
#[test]
fn a_phone_that_was_put_back_sends_no_photo_again() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let mut capture = |n| {
        let picture = li.picture(&fixtures::jpeg_of_at_least(200_000, n));
        li.capture_at("matter/09006", in_dongcheng(), vec![picture]).summary.id
    };
    let [case, _] = [capture(0), capture(1)];
    let mut back = li.copied();
    // It goes on writing, so that its journal and the copy's part. All of the first original arrives, and some of the second.
    li.comment(case, "看过").unwrap();
    li.field_mut().start_sync().unwrap();
    for _ in 0..6 {
        let (id, request) = next_upload(&mut li);
        let outcome = li.carry(&request);
        li.completed(id, &outcome).unwrap();
    }
    let here = li.photo_bytes_sent();
    assert!(here > 250_000, "{here} bytes are at the office");

    back.sync_whatever_happens();
    assert_eq!(requests(&back, "/v1/photos/have"), 1);
    assert_eq!(requests(&back, "/v1/photos/previews"), 0, "the office has the thumbnails");
    let status = back.field().status().unwrap();
    assert_eq!((status.photos.received, status.unsent), (2, 0));
    let whole: usize = status_bytes(&back);
    assert_eq!(back.photo_bytes_sent(), whole - here, "what lies at the office goes no second time");
    world.check_invariants();
}

fn status_bytes(phone: &Phone) -> usize {
    let sql = "SELECT sum(bytes) FROM attachment WHERE own = 1";
    phone.field().store().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Before many photos go, and only then, the office is asked which of them it has: one request for all.
#[test]
fn many_photos_are_asked_about_in_one_request() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    for _ in 0..5 {
        let pictures = (0..11).map(|_| li.new_picture()).collect();
        li.capture_at("matter/09006", in_dongcheng(), pictures);
    }
    li.sync().unwrap();
    assert_eq!(requests(&li, "/v1/photos/have"), 0, "nothing can be there when it begins");

    let mut wang = world.enrolled("wang");
    for _ in 0..5 {
        let pictures = (0..11).map(|_| wang.new_picture()).collect();
        wang.capture_at("matter/09006", in_dongcheng(), pictures);
    }
    // The entries are judged; then the link is gone for a while.
    wang.field_mut().start_sync().unwrap();
    while super::wire::next(&mut wang).1.path == "/v1/sync" {
        super::wire::exchange(&mut wang).unwrap();
    }
    wang.sync().unwrap();
    assert_eq!(requests(&wang, "/v1/photos/have"), 1);
    assert_eq!(wang.field().status().unwrap().photos.received, 55);
    world.network(&wang).clear_log();
    wang.sync().unwrap();
    let idle = world.network(&wang).log();
    assert_eq!(idle.len(), 1, "an idle sync is one request");
    let answer = super::wire::answered(idle[0].outcome.clone()).body.len();
    eprintln!("an idle sync: a message of {} bytes to the office, of {answer} back", idle[0].sent.len());
    assert!(idle[0].sent.len() <= 1024 && answer <= 1024, "of a kilobyte at most, each way");
}
