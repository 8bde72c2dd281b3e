//! When originals may go. Records and smaller pictures always go at once; originals cost a person's data and battery.
//!
//! This crate knows no platform: whoever drives it says how the phone stands ([`Conditions`]) when a conversation begins and
//! whenever that changes. The rule itself ([`UploadPolicy`]) is a setting of the phone, with the district's as its default. An
//! original that somebody asked for, its person or the office by name, goes whatever the rule says.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::clock::{Moment, Now};
use crate::journal::entry::Exchange;
use crate::limits;
use crate::pack::Pack;
use crate::store::meta::{self, key};
use crate::store::{StoreError, transfers};

/// When originals may go by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UploadPolicy {
    /// Only over networks that are not paid by the byte.
    pub unmetered_only: bool,
    /// Also while roaming.
    pub roaming: bool,
    /// Only while the phone is charging.
    pub charging_only: bool,
    /// On battery, not below this charge in percent; 0 is no floor.
    pub battery_floor_percent: u8,
    /// At most so many megabytes (1,000,000 bytes) a day over networks that are paid by the byte.
    pub metered_megabytes_a_day: u32,
    /// Only those that somebody asks for.
    pub asked_only: bool,
}

impl Default for UploadPolicy {
    fn default() -> Self {
        Self {
            unmetered_only: false,
            roaming: false,
            charging_only: false,
            battery_floor_percent: limits::BATTERY_FLOOR_PERCENT,
            metered_megabytes_a_day: limits::METERED_MEGABYTES_A_DAY,
            asked_only: false,
        }
    }
}

/// The network that a phone has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Not paid by the byte, as far as the platform knows.
    Unmetered,
    /// Paid by the byte.
    Metered,
    /// Another operator's, paid by the byte.
    Roaming,
}

/// Where a phone's power comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// A charger.
    Charging,
    /// Its battery, with so much left.
    Battery {
        /// In percent.
        percent: u8,
    },
}

/// How a phone stands, as its platform says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// Its network.
    pub network: Network,
    /// Its power.
    pub power: Power,
}

impl Default for Conditions {
    /// A machine on the mains and a line: where nobody says anything, nothing waits.
    fn default() -> Self {
        Self { network: Network::Unmetered, power: Power::Charging }
    }
}

/// What originals wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum Hold {
    /// Somebody who asks for them.
    Asking,
    /// A network that is not paid by the byte.
    UnmeteredNetwork,
    /// The end of roaming.
    HomeNetwork,
    /// A charger.
    Charger,
    /// A charger, or this charge of the battery.
    Battery {
        /// In percent.
        floor_percent: u8,
    },
    /// Another day, or a network that is not paid by the byte: today's are used.
    AnotherDay {
        /// What a day has.
        megabytes: u32,
    },
}

impl std::fmt::Display for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Asking => write!(f, "they wait until somebody asks for them"),
            Self::UnmeteredNetwork => write!(f, "they wait for an unmetered network"),
            Self::HomeNetwork => write!(f, "they wait for the end of roaming"),
            Self::Charger => write!(f, "they wait for a charger"),
            Self::Battery { floor_percent } => {
                write!(f, "they wait for a charger, or {floor_percent} % of battery")
            }
            Self::AnotherDay { megabytes } => {
                write!(f, "today's {megabytes} MB are used; they wait for another day, or an unmetered network")
            }
        }
    }
}

/// What originals wait for, where so many bytes have gone today over networks that are paid by the byte; none where they may go.
#[must_use]
pub fn hold(policy: &UploadPolicy, conditions: Conditions, metered_today: u64) -> Option<Hold> {
    let Conditions { network, power } = conditions;
    if policy.asked_only {
        return Some(Hold::Asking);
    }
    match network {
        Network::Unmetered => {}
        Network::Metered | Network::Roaming if policy.unmetered_only => return Some(Hold::UnmeteredNetwork),
        Network::Roaming if !policy.roaming => return Some(Hold::HomeNetwork),
        Network::Metered | Network::Roaming => {}
    }
    match power {
        Power::Charging => {}
        Power::Battery { .. } if policy.charging_only => return Some(Hold::Charger),
        Power::Battery { percent } if percent < policy.battery_floor_percent => {
            return Some(Hold::Battery { floor_percent: policy.battery_floor_percent });
        }
        Power::Battery { .. } => {}
    }
    // What is left has to be worth a request.
    let used_up = network != Network::Unmetered && left_of(policy, metered_today) < limits::PIECE_BYTES_FLOOR;
    used_up.then_some(Hold::AnotherDay { megabytes: policy.metered_megabytes_a_day })
}

fn left_of(policy: &UploadPolicy, metered_today: u64) -> u64 {
    u64::from(policy.metered_megabytes_a_day).saturating_mul(1_000_000).saturating_sub(metered_today)
}

/// What a phone goes by: its own setting, or else the district's.
///
/// # Errors
/// [`StoreError`].
pub fn policy(conn: &Connection, pack: &Pack) -> Result<UploadPolicy, StoreError> {
    Ok(meta::get(conn, key::UPLOAD_POLICY)?.unwrap_or_else(|| pack.originals().clone()))
}

/// How the phone stands, as it was said last.
///
/// # Errors
/// [`StoreError`].
pub fn conditions(conn: &Connection) -> Result<Conditions, StoreError> {
    Ok(meta::get(conn, key::CONDITIONS)?.unwrap_or_default())
}

/// What originals wait for, as the phone stood and the day was when it was told of either last.
///
/// # Errors
/// [`StoreError`].
pub fn holding(conn: &Connection, pack: &Pack) -> Result<Option<Hold>, StoreError> {
    let last: Option<Exchange> = meta::get(conn, key::LAST_EXCHANGE)?;
    let used = match last {
        Some(last) => transfers::metered(conn, &last.server_time.beijing_day())?,
        None => 0,
    };
    Ok(hold(&policy(conn, pack)?, conditions(conn)?, used))
}

/// What the next piece of an original has to keep to.
pub(super) struct Gate {
    /// What all wait for that nobody asked for.
    pub hold: Option<Hold>,
    /// Bytes that may still go today without anybody asking.
    pub most_bytes: u64,
    /// The day that its bytes count for; none where they cost nothing.
    pub metered_day: Option<String>,
}

/// How the rule stands now.
pub(super) fn gate(conn: &Connection, pack: &Pack, now: &Now) -> Result<Gate, StoreError> {
    let (policy, conditions) = (policy(conn, pack)?, conditions(conn)?);
    if conditions.network == Network::Unmetered {
        return Ok(Gate { hold: hold(&policy, conditions, 0), most_bytes: u64::MAX, metered_day: None });
    }
    let day = office_time(conn, now)?.beijing_day();
    let used = transfers::metered(conn, &day)?;
    Ok(Gate { hold: hold(&policy, conditions, used), most_bytes: left_of(&policy, used), metered_day: Some(day) })
}

/// The office's time by the last exchange of this boot, so that a wall clock that jumps neither gives a day anew nor never
/// ends one; the wall clock's where there was none.
fn office_time(conn: &Connection, now: &Now) -> Result<Moment, StoreError> {
    let last: Option<Exchange> = meta::get(conn, key::LAST_EXCHANGE)?;
    let since = |last: &Exchange| i64::try_from(now.monotonic_ms.checked_sub(last.now.monotonic_ms)?).ok();
    let of_this_boot = last.filter(|last| last.now.boot_id == now.boot_id);
    Ok(of_this_boot.and_then(|last| Some(last.server_time.plus_ms(since(&last)?))).unwrap_or(now.wall))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON_A_CHARGER: Power = Power::Charging;

    fn held(policy: &UploadPolicy, network: Network, power: Power, used: u64) -> Option<Hold> {
        hold(policy, Conditions { network, power }, used)
    }

    #[test]
    fn nothing_waits_where_nothing_costs() {
        assert_eq!(hold(&UploadPolicy::default(), Conditions::default(), u64::MAX), None);
    }

    #[test]
    fn each_rule_holds_by_itself_and_says_what_it_waits_for() {
        let usual = UploadPolicy::default;
        let on_battery = |percent| Power::Battery { percent };
        let floor = limits::BATTERY_FLOOR_PERCENT;
        for (policy, network, power, used, found) in [
            (usual(), Network::Metered, ON_A_CHARGER, 0, None),
            (usual(), Network::Roaming, ON_A_CHARGER, 0, Some(Hold::HomeNetwork)),
            (UploadPolicy { roaming: true, ..usual() }, Network::Roaming, ON_A_CHARGER, 0, None),
            (
                UploadPolicy { unmetered_only: true, roaming: true, ..usual() },
                Network::Roaming,
                ON_A_CHARGER,
                0,
                Some(Hold::UnmeteredNetwork),
            ),
            (UploadPolicy { unmetered_only: true, ..usual() }, Network::Unmetered, ON_A_CHARGER, 0, None),
            (
                UploadPolicy { charging_only: true, ..usual() },
                Network::Unmetered,
                on_battery(100),
                0,
                Some(Hold::Charger),
            ),
            (usual(), Network::Unmetered, on_battery(floor), 0, None),
            (usual(), Network::Unmetered, on_battery(floor - 1), 0, Some(Hold::Battery { floor_percent: floor })),
            (usual(), Network::Metered, ON_A_CHARGER, 199_990_000, None),
            (usual(), Network::Metered, ON_A_CHARGER, 200_000_000, Some(Hold::AnotherDay { megabytes: 200 })),
            (usual(), Network::Unmetered, ON_A_CHARGER, 200_000_000, None),
            (UploadPolicy { asked_only: true, ..usual() }, Network::Unmetered, ON_A_CHARGER, 0, Some(Hold::Asking)),
        ] {
            assert_eq!(held(&policy, network, power, used), found, "{policy:?} {network:?} {power:?} {used}");
        }
    }
}
