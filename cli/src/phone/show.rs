//! What a phone's store looks like on a terminal.

use xuncheng_core::field::{CaseDetail, CasePage, Field, RefusedEntry, Status, VisitSummary};
use xuncheng_core::pack::Role;
use xuncheng_core::place::GeoPoint;
use xuncheng_core::store::list::Query;
use xuncheng_core::sync::clock_offset::ClockOffset;
use xuncheng_core::sync::reoffer::Reoffered;
use xuncheng_core::sync::wait::COPIED;

use super::Args;
use crate::print::{self, Table, say};

fn degrees(point: GeoPoint) -> String {
    format!("{:.6}, {:.6}", point.lat_degrees(), point.lon_degrees())
}

/// Covert visits.
pub(super) fn visits(args: &Args, visits: &[VisitSummary]) -> anyhow::Result<()> {
    if args.json {
        return print::json(&visits);
    }
    let mut table = Table::with(&["number", "site", "found", "when", "photos", "stands"]);
    for visit in visits {
        let number = visit.number.as_deref().unwrap_or("新");
        let stands = if visit.pending { "waits" } else { &visit.state };
        let (when, photos) = (visit.occurred_at.beijing(), visit.photos.to_string());
        table.row([number, &visit.site, &visit.description, &when, &photos, stands]);
    }
    table.print()?;
    Ok(())
}

/// A case with its photos and its story.
pub(super) fn case(args: &Args, field: &Field, case: &CaseDetail) -> anyhow::Result<()> {
    if args.json {
        return print::json(case);
    }
    let summary = &case.summary;
    say!("{}  {}  {}", summary.label, summary.category_name, summary.state_label())?;
    say!("{}", summary.occurred_at.beijing())?;
    for line in
        [Some(&summary.description), summary.address.as_ref()].into_iter().flatten().filter(|line| !line.is_empty())
    {
        say!("{line}")?;
    }
    match summary.place {
        Some(place) => say!("{}", degrees(place))?,
        None if case.may_edit => say!(
            "no position is known: no photo has one and --at gave none; give it with: {} edit {} --at LAT,LON",
            args.phone(),
            summary.label
        )?,
        None => say!("no position is known")?,
    }
    if let Some(org) = &summary.responsible_org {
        let known = field.pack().organisations().iter().find(|known| known.code.as_str() == org);
        say!("responsible: {}", known.map_or(org.as_str(), |known| &known.name))?;
    }
    let mut photos = Table::with(&["photo", "shows", "stands"]);
    for photo in &case.photos {
        let stage = photo.stage.map_or("somebody else's", print::stage);
        let name = photo.sha256.to_string();
        photos.row([name.get(..12).unwrap_or(&name), print::role(&photo.role), stage]);
    }
    photos.print()?;
    let mut story = Table::with(&["done", "verdict"]);
    for entry in &case.entries {
        let verdict = entry.verdict.as_ref().map_or_else(|| "waits".to_owned(), print::verdict);
        story.row([print::change(&entry.change), verdict]);
    }
    story.print()?;
    if !case.steps.is_empty() {
        say!("you can: {}", case.steps.join(", "))?;
    }
    Ok(())
}

/// A page of cases.
pub(super) fn page(args: &Args, field: &Field, query: &Query, page: &CasePage) -> anyhow::Result<()> {
    if args.json {
        return print::json(page);
    }
    if page.cases.is_empty() {
        say!("{}", none(&args.phone(), field, query)?)?;
        return Ok(());
    }
    let mut table = Table::with(&["case", "state", "category", "seen", "what", ""]);
    for case in &page.cases {
        let waits = if case.pending { "waits" } else { "" };
        let what: String = case.description.chars().take(24).collect();
        table.row([&case.label, case.state_label(), &case.category_name, &case.occurred_at.beijing(), &what, waits]);
    }
    table.print()?;
    if let Some(next) = &page.next {
        say!("more: --after {next}")?;
    }
    Ok(())
}

/// Why there is no case to show, and what would bring one.
fn none(phone: &str, field: &Field, query: &Query) -> anyhow::Result<String> {
    if *query != Query::default() {
        return Ok(format!("no case on this phone fits; `{phone} list` shows all that there are"));
    }
    let Some(roles) = field.roles()? else {
        return Ok(format!("no cases yet: `{phone} capture` makes one; `{phone} sync` brings those for its person"));
    };
    let in_the_field = [Role::Inspector, Role::Verifier, Role::Handler].iter().any(|role| roles.contains(role));
    let names: Vec<&str> = roles.iter().map(|role| field.pack().role_label(role)).collect();
    Ok(if in_the_field {
        "no cases".to_owned()
    } else {
        format!(
            "no cases: {} ({}) works on cases in the office's console; a phone shows what its person reported",
            field.person(),
            names.join("、")
        )
    })
}

/// How far a phone's clock is off, in words.
fn clock_of(clock: &ClockOffset) -> String {
    let seconds = |ms: i64| format!("{}.{} s", ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000 / 100);
    let side = if clock.ahead_ms > 0 { "slow" } else { "fast" };
    if clock.ahead_ms.abs() <= clock.within_ms.max(100) {
        format!("right, within {}", seconds(clock.within_ms.max(100)))
    } else {
        format!("{} {side}, within {}", seconds(clock.ahead_ms), seconds(clock.within_ms))
    }
}

/// How the store stands.
pub(super) fn status(args: &Args, status: &Status) -> anyhow::Result<()> {
    if args.json {
        return print::json(status);
    }
    let mut table = Table::with(&["", ""]);
    let last = status.last_exchange.as_ref().map_or_else(|| "never".to_owned(), |last| last.server_time.beijing());
    let photos = &status.photos;
    let held = format!(
        "{} saved, {} sent, {} judged, {} received, {} safe",
        photos.saved, photos.sent, photos.judged, photos.received, photos.safe
    );
    for (name, value) in [
        ("person", status.person.to_string()),
        ("office", status.office.clone().unwrap_or_else(|| "not enrolled".to_owned())),
        ("last exchange", last),
        (
            "entries",
            format!("{} written, {} not sent, {} without a verdict", status.entries, status.unsent, status.pending),
        ),
        ("photos", held),
        ("round trips", status.round_trips.to_string()),
        ("bytes of originals", format!("{} sent, {} of them again", status.bytes_sent, status.bytes_sent_again)),
    ] {
        table.row([name, &value]);
    }
    if let Some(clock) = &status.clock {
        table.row(["this phone's clock", &clock_of(clock)]);
    }
    table.print()?;
    if let Some(held) = &status.originals_held {
        say!("{} originals ({} bytes) are not sent: {}", held.photos, held.bytes, held.detail)?;
        say!("to send them all the same: {} sync --originals now", args.phone())?;
    }
    if status.office_has_backups == Some(false) {
        say!("this office makes no backups: nothing becomes safe, and this phone keeps what it has")?;
    }
    if let Some(reoffer) = &status.reoffer {
        say!(
            "the office has lost something, as after a restore: this phone brings back what it has, {} of {} are left; sync again \
             until none is",
            reoffer.left,
            reoffer.of
        )?;
    }
    if let Some(Reoffered { at, counter, offered, voided }) = &status.reoffered {
        say!(
            "on {} the office had lost something and stands on branch {counter} now: this phone offered it {offered} entries and \
             cases again; {voided} receipts were void, and those originals go again",
            at.beijing()
        )?;
        say!("when you have seen it: {} acknowledge restore", args.phone())?;
    }
    let handle = |refused: &RefusedEntry| refused.entry.to_string().chars().take(8).collect::<String>();
    for refused in &status.refused {
        let verdict = print::verdict(&refused.verdict);
        say!("needs attention: entry {} of case {} — {verdict}", handle(refused), refused.label)?;
    }
    if status.refused_more > 0 {
        say!("needs attention: {} more entries that were refused", status.refused_more)?;
    }
    if let Some(first) = status.refused.first() {
        say!("when you have seen it: {} acknowledge {}, or --all", args.phone(), handle(first))?;
    }
    if let Some(attention) = &status.attention {
        say!("needs attention: {}", attention.detail)?;
        if attention.code == COPIED {
            say!("when you have seen it: {} acknowledge copy", args.phone())?;
        }
    }
    Ok(())
}
