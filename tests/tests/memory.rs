//! Bounded memory: no step of a conversation takes more of it because the store is larger, on the phone and at the office.
//! A test of its own in a program of its own: what is counted is the whole process. SQLite's own memory, which its page cache
//! bounds, is not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use peak_alloc::PeakAlloc;
use serde_json::json;
use xuncheng_core::journal::entry::Change;
use xuncheng_core::limits::PAGE_BYTES;
use xuncheng_core::store::list::Query;
use xuncheng_core::sync::session::Action;
use xuncheng_core::work::case::CASE;
use xuncheng_tests::phone::{Phone, in_dongcheng};
use xuncheng_tests::seed;
use xuncheng_tests::world::{MORNING, World};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What `work` takes at its height beside what was taken before.
fn height<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let done = work();
    (done, MEMORY.peak_usage().saturating_sub(before))
}

/// The height of any step of a conversation that ends well: deciding what to send, the office's answer, taking it in.
fn height_of_a_conversation(phone: &mut Phone) -> usize {
    phone.field_mut().start_sync().unwrap();
    // As on a network that is neither fast nor slow: on a fast one a step takes more, up to another bound.
    phone.exchanges_of(PAGE_BYTES as u64);
    let mut highest = 0;
    loop {
        let (action, height_of_deciding) = height(|| phone.next_action().unwrap());
        let Action::Send { id, request } = action else { return highest };
        let (outcome, height_at_the_office) = height(|| phone.carry(&request));
        let (taken, height_of_taking) = height(|| phone.completed(id, &outcome));
        taken.unwrap();
        phone.link().clear_log();
        highest = highest.max(height_of_deciding).max(height_at_the_office).max(height_of_taking);
    }
}

/// Heights of: sending so many cases, reading them on a new phone, an exchange in which nothing is to be said.
fn heights(cases: usize, seed: u64) -> [usize; 3] {
    let world = World::new(seed);
    let mut li = world.enrolled("li");
    for number in 0..cases {
        let place = in_dongcheng();
        let fields = [
            ("category", json!("matter/09006")),
            ("occurred_at", json!(MORNING.unix_ms())),
            ("description", json!(format!("第 {number} 处{}", "占道经营，已告知当事人自行整改；".repeat(50)))),
            ("place", json!({ "lat_e7": place.lat_e7(), "lon_e7": place.lon_e7() })),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).into();
        li.write(None, CASE, Change::Open { fields });
    }
    let sending = height_of_a_conversation(&mut li);
    let mut newcomer = world.phone("li");
    newcomer.enrol(&world.office().code("li")).unwrap();
    newcomer.link().clear_log();
    let reading = height_of_a_conversation(&mut newcomer);
    let held = newcomer.field().cases(&Query::default(), None, 200).unwrap().cases.len();
    assert_eq!(held, 200, "a newcomer reads what there is");
    let idle = height_of_a_conversation(&mut newcomer);
    [sending, reading, idle]
}

#[test]
fn no_step_of_a_conversation_takes_more_memory_because_the_store_is_larger() {
    let seed = seed!();
    // Of either there is more than fits one request, and one page.
    let (few, many) = (heights(700, seed), heights(1400, seed));
    println!("sending, reading, idle, in bytes: of 700 cases {few:?}, of 1,400 {many:?}");
    for (what, (few, many)) in ["sending", "reading", "idle"].into_iter().zip(few.into_iter().zip(many)) {
        assert!(many < few * 5 / 4, "{what} takes {few} bytes with 700 cases, {many} with 1,400");
    }
}
