//! The story of a case, oldest first: every entry that whoever looks may read, with who, when, what and what the office
//! decided about it.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::Value;
use xuncheng_core::clock::Moment;
use xuncheng_core::id::{EntryId, IncarnationId, ItemId, PersonId};
use xuncheng_core::journal::effect::Effect;
use xuncheng_core::journal::entry::{Change, Entry, Header};
use xuncheng_core::journal::interval::When;
use xuncheng_core::journal::verdict::{Judgement, Verdict};
use xuncheng_core::journal::view::View;
use xuncheng_core::pack::Pack;
use xuncheng_core::place::GeoPoint;
use xuncheng_core::store::{entries, judgements};

use super::error::ConsoleError;
use super::names::{Names, area_name, category_name, coordinates, org_name};
use super::viewer::Viewer;
use super::words::{self, Chip};

/// One event of the story. What one hand did in one go (a capture's photos, originals that arrived) is one event.
#[derive(Debug)]
pub(super) struct Event {
    /// Office time, to the minute; empty where it was not judged.
    pub(super) when: String,
    /// Who, as far as whoever looks may know.
    pub(super) who: String,
    /// With what: the phone's name, or the console; none where not even that is to be known.
    pub(super) by: Option<String>,
    /// When it happened on a phone, in words, for whoever may know who; none of what an office hand wrote.
    pub(super) happened: Option<String>,
    /// What was done.
    pub(super) what: String,
    /// What was said or changed: a label, a text.
    pub(super) details: Vec<(String, String)>,
    /// Values that took the place of others.
    pub(super) changes: Vec<Replaced>,
    /// Addresses of thumbnails, with what each shows.
    pub(super) photos: Vec<(String, String)>,
    /// What the office decided.
    pub(super) verdict: Chip,
    /// Why, where it was not simply applied.
    pub(super) why: Option<String>,
    /// Values of this event that did not win: field, value.
    pub(super) lost: Vec<(String, String)>,
    taken: Option<When>,
    kind: Kind,
}

/// A value that took the place of another.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Replaced {
    /// The field.
    pub(super) label: String,
    /// What stood before.
    pub(super) old: String,
    /// What stands from then on.
    pub(super) new: String,
}

/// What events of one go have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// A capture and its photos, by one hand.
    Photos(Option<PersonId>),
    /// Originals that arrived.
    Arrivals(usize),
    /// Anything else stands alone.
    Alone,
}

/// The story of `item`.
pub(super) fn read(
    conn: &Connection,
    pack: &Pack,
    viewer: &Viewer,
    names: &Names,
    item: ItemId,
    view: &View,
) -> Result<Vec<Event>, ConsoleError> {
    let mut events: Vec<Event> = Vec::new();
    let mut standing = Standing::default();
    for entry in entries::of_item(conn, item)? {
        let Ok(header) = entry.read_header() else { continue };
        if !viewer.may_read(conn, item, header.id)? {
            continue;
        }
        let judged = judgements::get(conn, header.id)?.map(|judged| judged.judgement);
        let incarnation = entries::incarnation(conn, header.id)?;
        let teller = Teller { pack, viewer, names, item, view };
        let effects = judged.as_ref().and_then(|judged| judged.read_effects().ok()).unwrap_or_default();
        let won = Won { effects: &effects, over: &standing };
        let mut event = teller.event(&entry, &header, judged.as_ref(), incarnation, &won);
        if teller.tells_when(&entry, &header, incarnation) {
            event.happened_at(When::of_entry(conn, &entry, &header)?);
        }
        standing.take(effects);
        match events.last_mut() {
            Some(last) if continues(last, &event) => last.take(event),
            Some(_) | None => events.push(event),
        }
    }
    Ok(events)
}

fn continues(last: &Event, next: &Event) -> bool {
    let same_time = last.when == next.when && last.verdict == next.verdict && last.lost.is_empty();
    same_time
        && match (&last.kind, &next.kind) {
            (Kind::Photos(a), Kind::Photos(b)) => a == b && next.what.starts_with("添加照片"),
            (Kind::Arrivals(_), Kind::Arrivals(_)) => true,
            (Kind::Photos(_) | Kind::Arrivals(_) | Kind::Alone, _) => false,
        }
}

impl Event {
    fn happened_at(&mut self, taken: Option<When>) {
        self.taken = taken;
        // Where it says no more than the time above it, it is left out.
        self.happened = taken.as_ref().and_then(|taken| words::happened(taken, &self.when));
    }

    /// Takes what `next` tells into this event.
    fn take(&mut self, next: Self) {
        self.photos.extend(next.photos);
        self.happened_at(self.taken.zip(next.taken).map(|(one, other)| one.hull(other)));
        match (&mut self.kind, next.kind) {
            (Kind::Arrivals(count), Kind::Arrivals(more)) => {
                *count += more;
                self.what = arrivals(*count);
            }
            (Kind::Photos(_), _) if self.what.starts_with("添加照片") => {
                self.what = format!("添加照片 {} 张", self.photos.len())
            }
            (Kind::Photos(_) | Kind::Arrivals(_) | Kind::Alone, _) => {}
        }
    }
}

fn arrivals(count: usize) -> String {
    format!("照片原件到达办公室 {count} 张，已签收")
}

/// The fields as they stood before an entry: the story of the effects so far.
#[derive(Debug, Default)]
struct Standing(BTreeMap<String, Value>);

impl Standing {
    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::SetField { field, value } = effect {
                self.0.insert(field, value);
            }
        }
    }
}

/// What an entry did, and to what.
struct Won<'a> {
    effects: &'a [Effect],
    over: &'a Standing,
}

struct Teller<'a> {
    pack: &'a Pack,
    viewer: &'a Viewer,
    names: &'a Names,
    item: ItemId,
    view: &'a View,
}

impl Teller<'_> {
    fn event(
        &self,
        entry: &Entry,
        header: &Header,
        judged: Option<&Judgement>,
        incarnation: Option<IncarnationId>,
        won: &Won<'_>,
    ) -> Event {
        let who = entry.read_private(header).ok().map(|private| private.who);
        let verdict = judged.map(|judged| &judged.verdict);
        let mut event = Event {
            when: judged.map(|judged| judged.received.beijing()).unwrap_or_default(),
            who: who.as_ref().map_or_else(|| "不明".to_owned(), |who| self.names.shown(self.pack, self.viewer, who)),
            by: self.by(who.as_ref(), incarnation),
            happened: None,
            what: "无法读取的记录".to_owned(),
            details: Vec::new(),
            changes: Vec::new(),
            photos: Vec::new(),
            verdict: verdict.map_or_else(|| Chip { label: "未裁定".to_owned(), tone: "" }, words::verdict),
            why: verdict.and_then(words::why),
            lost: self.lost(header.id),
            taken: None,
            kind: Kind::Alone,
        };
        if let Ok(body) = entry.read_body(header) {
            event.what = what(&body.change, verdict);
            event.details = details(self.pack, &body.change, verdict);
            // Whether two photos are of one hand is not told of a hand that is not.
            let hand = who.filter(|who| self.names.may_know(self.viewer, who));
            self.tell(&mut event, &body.change, hand, verdict);
            if let Change::Edit { fields } = &body.change {
                event.changes = self.replaced(fields, won);
                event.details.retain(|(label, _)| event.changes.iter().all(|change| change.label != *label));
            }
        }
        event
    }

    /// Whether it is told when an entry was written by clocks: it was on a phone, and whoever looks may know whose.
    fn tells_when(&self, entry: &Entry, header: &Header, incarnation: Option<IncarnationId>) -> bool {
        let by_phone = incarnation.is_some_and(|incarnation| self.names.device(&incarnation).is_some());
        by_phone && entry.read_private(header).is_ok_and(|private| self.names.may_know(self.viewer, &private.who))
    }

    fn by(&self, who: Option<&PersonId>, incarnation: Option<IncarnationId>) -> Option<String> {
        let device = incarnation.and_then(|incarnation| self.names.device(&incarnation));
        match (device, who) {
            (_, Some(who)) if !self.names.may_know(self.viewer, who) && !self.viewer.person.is_at_a_desk() => None,
            (Some(device), Some(who)) if self.names.may_know(self.viewer, who) => Some(device.name.clone()),
            (Some(_), _) => Some("手机".to_owned()),
            (None, Some(who)) if self.names.knows(who) => Some("控制台".to_owned()),
            (None, _) => Some("办公室程序".to_owned()),
        }
    }

    fn tell(&self, event: &mut Event, change: &Change, who: Option<PersonId>, verdict: Option<&Verdict>) {
        match change {
            Change::Open { .. } => event.kind = Kind::Photos(who),
            Change::Attach { photo, .. } => {
                let address = format!("/cases/{}/photos/{}", self.item, photo.sha256);
                event.photos.push((address, words::role(&photo.role).to_owned()));
                event.kind = Kind::Photos(who);
            }
            Change::Edit { fields } => {
                if let Some(count) = arrived(fields, verdict) {
                    event.kind = Kind::Arrivals(count);
                }
            }
            Change::Release { .. } | Change::Dismiss { .. } | Change::Erase { .. } => event.verdict = words::ruled(),
            Change::Step { .. } | Change::Comment { .. } | Change::Restored { .. } => {}
        }
    }

    /// What of `fields` won over a value that stood before.
    fn replaced(&self, fields: &BTreeMap<String, Value>, won: &Won<'_>) -> Vec<Replaced> {
        let replaced = |(name, value): (&String, &Value)| {
            let wins = |effect: &Effect| matches!(effect, Effect::SetField { field, .. } if field == name);
            let old = won.over.0.get(name).map(|old| self.value(name, old)).filter(|old| !old.is_empty())?;
            let new = Some(self.value(name, value)).filter(|new| !new.is_empty());
            let new = new.unwrap_or_else(|| "（清空）".to_owned());
            won.effects.iter().any(wins).then(|| Replaced { label: words::field(name).to_owned(), old, new })
        };
        fields.iter().filter_map(replaced).collect()
    }

    /// The values of `entry` that did not win.
    fn lost(&self, entry: EntryId) -> Vec<(String, String)> {
        let lost = self.view.losers.iter().filter(|loser| loser.writer == entry);
        lost.map(|loser| (words::field(&loser.field).to_owned(), self.value(&loser.field, &loser.value))).collect()
    }

    fn value(&self, name: &str, value: &Value) -> String {
        value_text(self.pack, name, value)
    }
}

/// What an entry did, or was to do where that did not come about.
pub(super) fn what(change: &Change, verdict: Option<&Verdict>) -> String {
    match change {
        Change::Open { .. } => "上报".to_owned(),
        Change::Edit { fields } => match arrived(fields, verdict) {
            Some(count) => arrivals(count),
            None if fields.contains_key("number") => "编号".to_owned(),
            None => "修改".to_owned(),
        },
        Change::Attach { .. } => "添加照片 1 张".to_owned(),
        Change::Step { transition, .. } => {
            let step = words::step(transition);
            if verdict.is_some_and(Verdict::applies) { step.to_owned() } else { format!("提交“{step}”") }
        }
        Change::Comment { .. } => "意见".to_owned(),
        Change::Release { .. } => "放行".to_owned(),
        Change::Restored { .. } => "恢复".to_owned(),
        Change::Dismiss { .. } => "驳回".to_owned(),
        Change::Erase { .. } => "抹除个人信息".to_owned(),
    }
}

/// How many originals have arrived, where that is all that is told. What a phone says of it is held, and tells no such thing.
fn arrived(fields: &BTreeMap<String, Value>, verdict: Option<&Verdict>) -> Option<usize> {
    let by_the_office = !matches!(verdict, Some(Verdict::Held { .. }));
    let originals = fields.get("originals").filter(|_| fields.len() == 1 && by_the_office)?;
    Some(originals.as_array().map_or(1, Vec::len))
}

/// What an entry says: a label, a text.
pub(super) fn details(pack: &Pack, change: &Change, verdict: Option<&Verdict>) -> Vec<(String, String)> {
    let fields = match change {
        Change::Edit { fields } if arrived(fields, verdict).is_some() => return Vec::new(),
        Change::Open { fields } | Change::Edit { fields } | Change::Step { args: fields, .. } => fields,
        Change::Comment { text } => return vec![(String::new(), text.clone())],
        Change::Release { reason, .. } | Change::Dismiss { reason, .. } | Change::Erase { reason, .. } => {
            return vec![(words::field("reason").to_owned(), reason.clone())];
        }
        Change::Attach { .. } | Change::Restored { .. } => return Vec::new(),
    };
    // The category's code stands in the list of facts; here its name says enough.
    fields
        .iter()
        .map(|(name, value)| (words::field(name).to_owned(), value_text(pack, name, value)))
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

/// A field's value in words.
fn value_text(pack: &Pack, name: &str, value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    match name {
        "category" => category_name(pack, text).unwrap_or_else(|| text.to_owned()),
        "responsible_org" => org_name(pack, text),
        "area" => area_name(pack, text).unwrap_or_else(|| text.to_owned()),
        "place" => serde_json::from_value::<GeoPoint>(value.clone())
            .map_or_else(|_| String::new(), |point| coordinates(&point)),
        "occurred_at" => value.as_i64().map(|ms| Moment::from_unix_ms(ms).beijing()).unwrap_or_default(),
        _ => match value {
            Value::Null => "（清空）".to_owned(),
            Value::String(text) => text.clone(),
            Value::Array(members) => {
                members.iter().map(|member| value_text(pack, "", member)).collect::<Vec<_>>().join("、")
            }
            Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_read_as_words() {
        let pack = Pack::bazhou().unwrap();
        let text = |name, value: Value| value_text(&pack, name, &value);
        assert_eq!(text("category", json!("matter/09006")), "占道经营");
        assert_eq!(text("responsible_org", json!("chengguan")), "城管执法大队");
        assert_eq!(text("area", json!("511902001")), "东城街道");
        assert_eq!(text("occurred_at", json!(1_784_596_440_000_i64)), "2026-07-21 09:14");
        assert_eq!(
            text("place", json!({ "lat_e7": 318_672_000, "lon_e7": -1_067_431_000 })),
            "31.867200°N 106.743100°W"
        );
        assert_eq!(text("address", json!(null)), "（清空）");
        assert_eq!(text("tags", json!(["急", "复发"])), "急、复发");
    }
}
