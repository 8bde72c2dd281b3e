//! What waits by itself and holds up nothing else: an entry, a thumbnail, an original, a whole conversation.

use xuncheng_core::id::{ItemId, PhotoHash};
use xuncheng_core::journal::entry::Entry;
use xuncheng_core::photo::Fingerprint;
use xuncheng_core::sync::session::{Action, Body, Method, Outcome, Request, Response};
use xuncheng_core::sync::wire::Problem;
use xuncheng_tests::fixtures;
use xuncheng_tests::network::Exchange;
use xuncheng_tests::phone::{Phone, in_dongcheng};
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

use super::wire::{exchange, next, next_upload};

/// An entry that the office cannot take at all holds up no photo of the entries that it has, and is offered again.
#[test]
fn an_entry_that_is_not_taken_holds_up_no_photo() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006");
    let photo = case.photos[0].sha256;
    li.field_mut().start_sync().unwrap();
    exchange(&mut li).unwrap();
    write_what_no_office_reads(&mut li, case.summary.id);
    assert!(world.office().original(&photo).is_none());

    let refused = exchange(&mut li).unwrap_err();
    assert!(refused.to_string().contains("could not read an entry"), "{refused}");
    let mut until = None;
    for _ in 0..20 {
        match li.next_action().unwrap() {
            Action::Send { id, request } => {
                let outcome = li.carry(&request);
                li.completed(id, &outcome).unwrap();
            }
            Action::WaitUntil { monotonic_ms } => {
                until = Some(monotonic_ms);
                break;
            }
            Action::Done => panic!("a phone never stops offering"),
        }
    }
    let until = until.expect("all that could go has gone, and the entry waits");
    assert_eq!(world.office().original(&photo), li.original(&photo));
    let status = li.field().status().unwrap();
    assert_eq!((status.photos.received, status.unsent), (1, 1));
    assert_eq!(status.attention.map(|attention| attention.code).as_deref(), Some("malformed"));
    // It is offered again once the wait is over, and whenever a conversation begins.
    world.network(&li).clear_log();
    world.wait_minutes(until / 60_000 + 1);
    exchange(&mut li).unwrap_err();
    li.sync().unwrap_err();
    assert_eq!(world.network(&li).log().len(), 2);
}

/// Writes an entry whose header is of no form that this office reads, as a much later version might.
fn write_what_no_office_reads(phone: &mut Phone, item: ItemId) {
    phone.comment(item, "以后的版本").unwrap();
    let header = "{\"of\":\"a later form\"}".to_owned();
    let entry = Entry { header, origin: None, sealed: None, body: None, private: None };
    let last = "UPDATE entry SET header = ?1, header_hash = ?2 WHERE seq = (SELECT max(seq) FROM entry)";
    phone.field().store().execute(last, (&entry.header, entry.header_hash())).unwrap();
}

/// An office that asks to be left alone is left alone for that long, by whatever lane; a new network may be tried at once.
#[test]
fn an_office_that_asks_to_be_left_alone_is() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    li.capture("matter/09006");
    li.field_mut().start_sync().unwrap();
    let (id, _) = next(&mut li);
    let headers = vec![("retry-after".to_owned(), "600".to_owned())];
    let busy = Response { status: 503, headers, body: Vec::new() };
    li.completed(id, &Outcome::Answered(busy)).unwrap_err();
    let Action::WaitUntil { monotonic_ms } = li.next_action().unwrap() else { panic!("it waits") };
    assert!(monotonic_ms >= li.now().monotonic_ms + 600_000, "for as long as it was asked");
    world.wait_minutes(11);
    exchange(&mut li).unwrap();
    li.sync().unwrap();
    assert_eq!(li.field().status().unwrap().unsent, 0);
    world.check_invariants();
}

/// The word that the link is back ends a wait after failures at once; what the office itself asked for it does not end, and what a
/// portal asked for in its place it does.
#[test]
fn the_link_is_back_ends_every_wait_but_the_offices() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    li.capture("matter/09006");
    li.field_mut().start_sync().unwrap();
    for _ in 0..12 {
        let (id, _) = next(&mut li);
        li.completed(id, &Outcome::Unreachable("no network".to_owned())).unwrap_err();
        assert!(matches!(li.next_action().unwrap(), Action::WaitUntil { .. }));
        li.field_mut().start_sync().unwrap();
    }
    let busy = |body: Vec<u8>| {
        let headers = vec![("Retry-After".to_owned(), "600".to_owned())];
        Outcome::Answered(Response { status: 503, headers, body })
    };
    let (id, _) = next(&mut li);
    li.completed(id, &busy(b"<html>sign in</html>".to_vec())).unwrap_err();
    let Action::WaitUntil { monotonic_ms } = li.next_action().unwrap() else { panic!("it waits") };
    assert!(monotonic_ms >= li.now().monotonic_ms + 600_000);
    li.field_mut().start_sync().unwrap();
    let (id, _) = next(&mut li);

    let problem = Problem { status: 503, code: "busy".to_owned(), detail: "忙".to_owned() };
    li.completed(id, &busy(serde_json::to_vec(&problem).unwrap())).unwrap_err();
    let begun = li.now().monotonic_ms;
    for _ in 0..3 {
        li.field_mut().start_sync().unwrap();
        let Action::WaitUntil { monotonic_ms } = li.next_action().unwrap() else { panic!("the office asked for it") };
        assert_eq!(monotonic_ms, begun + 600_000, "for as long as that, and no longer");
    }
    world.wait_minutes(11);
    li.sync().unwrap();
    assert_eq!(li.field().status().unwrap().unsent, 0);
}

/// A photo that the office does not take waits by itself: the others go on, and it goes when the office takes it.
#[test]
fn a_photo_that_is_not_taken_holds_up_no_other() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let first = li.capture("matter/09006").photos[0].sha256;
    let second = li.capture("matter/09006").photos[0].sha256;
    li.field_mut().start_sync().unwrap();
    let problem = Problem { status: 409, code: "not_of_entry".to_owned(), detail: "这张照片不对".to_owned() };
    let refusal = Response { status: 409, headers: Vec::new(), body: serde_json::to_vec(&problem).unwrap() };
    let mut refused = 0;
    for _ in 0..200 {
        match li.next_action().unwrap() {
            Action::Send { id, request } if is_of(&request, &first) => {
                refused += 1;
                li.completed(id, &Outcome::Answered(refusal.clone())).unwrap_err();
            }
            Action::Send { id, request } => {
                let outcome = li.carry(&request);
                li.completed(id, &outcome).unwrap();
            }
            Action::WaitUntil { monotonic_ms } if world.office().original(&second).is_none() || refused < 4 => {
                world.wait_ms(monotonic_ms - li.now().monotonic_ms);
            }
            Action::WaitUntil { .. } => break,
            Action::Done => panic!("the first photo is still owed"),
        }
    }
    assert!(world.office().original(&second).is_some() && world.office().original(&first).is_none());
    let attention = li.field().status().unwrap().attention.expect("a person is told");
    assert_eq!((attention.code.as_str(), refused), ("not_of_entry", 4));
    li.sync().unwrap();
    assert_eq!(world.office().original(&first), li.original(&first));
    assert_eq!(li.field().status().unwrap().attention, None);
    world.check_invariants();
}

/// Whether a request sends `photo`, or makes an upload for it.
fn is_of(request: &Request, photo: &PhotoHash) -> bool {
    matches!(&request.body, Body::File { path, .. } if path.to_string_lossy().contains(&photo.to_string()))
}

/// Thumbnails that the office leaves out of its answer are sent again later, and nothing waits for them.
#[test]
fn a_thumbnail_that_is_left_out_holds_up_nothing() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("matter/09006");
    li.field_mut().start_sync().unwrap();
    exchange(&mut li).unwrap();
    let (id, request) = next(&mut li);
    assert!(request.path.ends_with("/previews"), "{}", request.path);
    // The office cannot read the entry for a while: it neither takes nor refuses.
    let ledger = rusqlite::Connection::open(world.office().folder().join("ledger.sqlite")).unwrap();
    let shows = "SELECT body FROM entry WHERE change = 'attach'";
    let body: String = ledger.query_row(shows, [], |row| row.get(0)).unwrap();
    let put = |body: &str| ledger.execute("UPDATE entry SET body = ?1 WHERE change = 'attach'", [body]).unwrap();
    put("");
    let outcome = li.carry(&request);
    put(&body);
    li.completed(id, &outcome).unwrap();
    let Action::WaitUntil { monotonic_ms } = li.next_action().unwrap() else { panic!("it is set aside") };
    world.wait_ms(monotonic_ms - li.now().monotonic_ms);
    li.sync_whatever_happens();
    assert_eq!(world.office().original(&case.photos[0].sha256), li.original(&case.photos[0].sha256));
    world.check_invariants();
}

/// A view that something on the way takes for too large holds up no original, and goes when another network lets it through.
#[test]
fn a_view_that_is_too_large_for_the_way_waits_for_another_network() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let photo = li.capture_in_heic("matter/09006", &fixtures::jpeg_of_at_least(400_000, 6)).photos[0].sha256;
    let view = std::fs::read(li.field().photos().view(&photo)).unwrap();
    let at_office = world.office().folder().join("photos");
    let name = Fingerprint::of(&view).sha256.to_string();
    let kept = at_office.join(&name[..2]).join(format!("{name}.sent.jpg"));
    world.network(&li).most_bytes(Some(view.len() / 2));
    li.sync_whatever_happens();
    assert!(world.office().original(&photo).is_some() && !kept.exists());
    let refused = |sent: &Exchange| matches!(&sent.outcome, Outcome::Answered(answer) if answer.status == 413);
    assert_eq!(world.network(&li).log().iter().filter(|sent| refused(sent)).count(), 1, "it is tried once");

    world.network(&li).most_bytes(None);
    li.sync().unwrap();
    assert_eq!(std::fs::read(kept).unwrap(), view);
    world.network(&li).clear_log();
    li.sync().unwrap();
    assert!(world.network(&li).log().iter().all(|sent| !sent.request.path.ends_with("/previews")), "and then no more");
    world.check_invariants();
}

/// An original that is gone from a phone is said for as long as the office has not got it, not until the next answer.
#[test]
fn a_lost_original_is_said_until_the_office_has_it() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let lost = li.capture("matter/09006").photos[0].sha256;
    let kept = li.capture("matter/09006").photos[0].sha256;
    std::fs::remove_file(li.field().photos().original(&lost)).unwrap();
    for _ in 0..2 {
        li.sync().unwrap();
        let attention = li.field().status().unwrap().attention.expect("a person is told");
        assert_eq!(attention.code, "original_lost");
        assert!(attention.detail.contains(&lost.to_string()), "{}", attention.detail);
    }
    assert!(world.office().original(&kept).is_some());
}

/// An upload that another request writes to is left alone for a while: it is not asked about and sent without end.
#[test]
fn an_upload_that_is_locked_waits() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let picture = li.picture(&fixtures::jpeg_of_at_least(300_000, 4));
    let photo = li.capture_at("matter/09006", in_dongcheng(), vec![picture]).photos[0].sha256;
    li.field_mut().start_sync().unwrap();
    let (id, create) = next_upload(&mut li);
    let outcome = li.carry(&create);
    li.completed(id, &outcome).unwrap();
    let problem = Problem { status: 423, code: "locked".to_owned(), detail: "someone writes".to_owned() };
    for _ in 0..3 {
        let (id, _) = next_upload_piece(&world, &mut li);
        let locked = Response { status: 423, headers: Vec::new(), body: serde_json::to_vec(&problem).unwrap() };
        li.completed(id, &Outcome::Answered(locked)).unwrap();
        assert!(matches!(li.next_action().unwrap(), Action::WaitUntil { .. }), "not without end");
        assert_eq!(li.field().status().unwrap().attention, None, "nobody could help with it");
    }
    li.sync_whatever_happens();
    assert_eq!(world.office().original(&photo), li.original(&photo));
    assert_eq!(li.field().status().unwrap().bytes_sent_again, 0, "the office read nothing of what it refused");
}

/// Waits and carries whatever comes before the next piece of an upload, and gives that piece.
fn next_upload_piece(world: &World, phone: &mut Phone) -> (xuncheng_core::id::Nonce, Request) {
    for _ in 0..20 {
        match phone.next_action().unwrap() {
            Action::Send { id, request } if request.method == Method::Patch => return (id, request),
            Action::Send { id, request } => {
                let outcome = phone.carry(&request);
                phone.completed(id, &outcome).unwrap();
            }
            Action::WaitUntil { monotonic_ms } => world.wait_ms(monotonic_ms - phone.now().monotonic_ms),
            Action::Done => break,
        }
    }
    panic!("there is no piece to send");
}
