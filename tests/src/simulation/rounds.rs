//! A step counts in the round that its author saw: who handled a case before it was sent back has not handled it since. Told from
//! the entries alone, without the judge.

use rusqlite::Connection;
use xuncheng_core::id::ItemId;
use xuncheng_core::journal::entry::Change;
use xuncheng_core::store::{entries, items};
use xuncheng_core::work::case::RULES;
use xuncheng_core::work::flow::Also;

use super::words::cases;

/// Checks every case of a ledger.
pub(super) fn none_counts_in_another(conn: &Connection) {
    for case in cases(conn) {
        of_case(conn, case);
    }
}

fn of_case(conn: &Connection, case: ItemId) {
    let mut reworks = 0;
    for id in items::applied(conn, case).expect("the ledger can be read") {
        let entry = entries::get(conn, id).expect("the ledger can be read").expect("an applied entry is here");
        let header = entry.read_header().expect("an applied entry has a header");
        match entry.read_body(&header).expect("an applied entry has a body").change {
            Change::Step { transition, round, .. } => {
                assert_eq!(round, reworks, "step {id} of case {case} counts in another round than it was taken in");
                let begins_another =
                    RULES.steps.iter().any(|row| row.step == transition && row.also.contains(&Also::NextRound));
                reworks += u32::from(begins_another);
            }
            // What a phone brought back as the office had signed it stands in for entries that are not here.
            Change::Restored { .. } => return,
            Change::Open { .. }
            | Change::Edit { .. }
            | Change::Attach { .. }
            | Change::Comment { .. }
            | Change::Release { .. }
            | Change::Dismiss { .. }
            | Change::Erase { .. } => {}
        }
    }
}
