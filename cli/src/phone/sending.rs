//! When this phone's originals go: how it stands, what its policy is, and which go all the same.

use xuncheng_core::field::Field;
use xuncheng_core::sync::policy::{Conditions, Network, UploadPolicy};

use super::Args;
use super::args::{NetworkKind, PolicyArgs, Stands};
use super::show;
use crate::print::{self, Table};

/// Notes how the phone stands, where that was said.
pub(super) fn stand(field: &mut Field, stands: Stands) -> anyhow::Result<()> {
    if stands.network.is_none() && stands.battery.is_none() {
        return Ok(());
    }
    let before = field.conditions()?;
    let network = stands.network.map_or(before.network, |kind| match kind {
        NetworkKind::Unmetered => Network::Unmetered,
        NetworkKind::Metered => Network::Metered,
        NetworkKind::Roaming => Network::Roaming,
    });
    field.set_conditions(Conditions { network, power: stands.battery.unwrap_or(before.power) })?;
    Ok(())
}

/// Asks for photos by the beginnings of their names.
pub(super) fn now(args: &Args, photos: &[String]) -> anyhow::Result<()> {
    let mut field = Field::open(&args.folder)?;
    let named = photos.iter().map(|photo| field.find_photo(photo)).collect::<Result<Vec<_>, _>>()?;
    for photo in named {
        field.send_originals_now(Some(photo))?;
    }
    show::status(args, &field.status()?)
}

/// Shows the policy, and sets what is given of it.
pub(super) fn policy(args: &Args, given: &PolicyArgs) -> anyhow::Result<()> {
    let mut field = Field::open(&args.folder)?;
    let before = field.upload_policy()?;
    let policy = UploadPolicy {
        unmetered_only: given.unmetered_only.unwrap_or(before.unmetered_only),
        roaming: given.roaming.unwrap_or(before.roaming),
        charging_only: given.charging_only.unwrap_or(before.charging_only),
        battery_floor_percent: given.battery_floor.unwrap_or(before.battery_floor_percent),
        metered_megabytes_a_day: given.megabytes_a_day.unwrap_or(before.metered_megabytes_a_day),
        asked_only: given.asked_only.unwrap_or(before.asked_only),
    };
    if given.default {
        field.set_upload_policy(None)?;
    } else if policy != before {
        field.set_upload_policy(Some(&policy))?;
    }
    let policy = field.upload_policy()?;
    if args.json {
        return print::json(&policy);
    }
    let yes = |yes| if yes { "yes" } else { "no" }.to_owned();
    let mut table = Table::with(&["originals go by themselves", ""]);
    for (name, value) in [
        ("only over unmetered networks", yes(policy.unmetered_only)),
        ("also while roaming", yes(policy.roaming)),
        ("only while charging", yes(policy.charging_only)),
        ("on battery, from a charge of", format!("{} %", policy.battery_floor_percent)),
        ("over metered networks, a day", format!("{} MB", policy.metered_megabytes_a_day)),
        ("only when asked for", yes(policy.asked_only)),
    ] {
        table.row([name, &value]);
    }
    Ok(table.print()?)
}
