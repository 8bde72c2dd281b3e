//! How often each thing that people wait for syncs: what a slow card or a busy disk is waited for.

use xuncheng_disk::Disk;
use xuncheng_tests::phone::Phone;
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

/// A phone and the office, and their syncs so far.
struct Watched {
    world: World,
    phone: Phone,
    on_the_phone: Disk,
    at_the_office: Disk,
}

impl Watched {
    /// The syncs of `work`, on the phone and at the office.
    fn syncs(&mut self, what: &str, most: (u64, u64), work: impl FnOnce(&mut Phone)) {
        let before = (self.on_the_phone.syncs(), self.at_the_office.syncs());
        work(&mut self.phone);
        self.world.settle();
        let after = (self.on_the_phone.syncs(), self.at_the_office.syncs());
        let syncs = (after.0 - before.0, after.1 - before.1);
        println!("{what}: {} syncs on the phone, {} at the office", syncs.0, syncs.1);
        assert!(syncs.0 <= most.0 && syncs.1 <= most.1, "{what} syncs {syncs:?} times, at most {most:?} were enough");
    }
}

#[test]
fn nothing_syncs_more_often_than_it_must() {
    let world = World::new(seed!());
    let phone = world.enrolled("li");
    let (on_the_phone, at_the_office) = (Disk::counting(phone.folder()), Disk::counting(&world.office().folder()));
    let mut li = Watched { world, phone, on_the_phone, at_the_office };
    li.syncs("a capture with one photo", (7, 0), |phone| drop(phone.capture("matter/09006")));
    li.syncs("a capture with two photos", (13, 0), |phone| {
        let pictures = vec![phone.new_picture(), phone.new_picture()];
        phone.capture_at("matter/09006", xuncheng_tests::phone::in_dongcheng(), pictures);
    });
    li.syncs("a sync of two cases with three photos of one piece each", (16, 64), |phone| phone.sync().unwrap());
    li.syncs("an idle sync", (4, 2), |phone| phone.sync().unwrap());
    let case = li.phone.capture("matter/09006").summary.id;
    li.phone.sync().unwrap();
    li.syncs("a hundred comments", (110, 0), |phone| {
        for number in 0..100 {
            phone.comment(case, &format!("第 {number} 次查看")).unwrap();
        }
    });
    li.syncs("a sync of a hundred entries", (4, 2), |phone| phone.sync().unwrap());
}
