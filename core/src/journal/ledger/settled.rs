//! Cases that are over leave their reporters' phones after a while: a phone's size follows its work, not the district's age. The
//! office keeps them; what happens to one later brings it back.

use super::{Intake, LedgerError};
use crate::clock::Moment;
use crate::limits;
use crate::store::feeds::{self, FeedRow};
use crate::store::items;
use crate::store::meta;
use crate::work::case::RULES;

/// The day on which all that was over had left.
const LOOKED_ON: &str = "settled/looked_on";

impl Intake<'_, '_> {
    /// Lets cases leave their reporters' feeds that are over and to which nothing has happened for
    /// [`limits::SETTLED_DAYS`]: some in each turn, until none is left that day.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn let_settled_leave(&mut self) -> Result<(), LedgerError> {
        let today = self.now.wall.beijing_day();
        if meta::get::<String>(self.tx, LOOKED_ON)?.is_some_and(|day| day == today) {
            return Ok(());
        }
        let ended: Vec<&str> = crate::work::case::CaseState::ALL
            .iter()
            .map(|state| state.name())
            .filter(|state| RULES.ends(state))
            .collect();
        let before = Moment::from_unix_ms(self.now.wall.unix_ms()).plus_ms(-i64::from(limits::SETTLED_DAYS) * DAY_MS);
        let settled = items::settled(self.tx, RULES.kind, &ended, before, limits::SETTLED_AT_ONCE)?;
        for (item, audience) in &settled {
            items::leave(self.tx, *item, audience)?;
            let left = feeds::append(self.tx, audience, &FeedRow::Leave { item: *item })?;
            feeds::depart(self.tx, audience, *item, left)?;
        }
        if settled.len() < limits::SETTLED_AT_ONCE {
            meta::set(self.tx, LOOKED_ON, &today)?;
        }
        Ok(())
    }
}

const DAY_MS: i64 = 24 * 3_600_000;
