//! The console's words: what codes, states and amounts are called on a screen.

use xuncheng_core::clock::Moment;
use xuncheng_core::journal::entry::PhotoRole;
use xuncheng_core::journal::interval::{Interval, When};
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::pack::CategoryKind;
use xuncheng_core::store::recovered::Gap;
use xuncheng_core::work::case::{CaseState, CaseStep};

use crate::devices::Journal;
use crate::flags::What;

/// A word with a colour of the style sheet beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chip {
    /// What it says.
    pub(super) label: String,
    /// A class of the style sheet.
    pub(super) tone: &'static str,
}

impl Chip {
    fn new(label: &str, tone: &'static str) -> Self {
        Self { label: label.to_owned(), tone }
    }
}

/// When something happened on a phone: what the phone claims, and what is proven; none where that is the minute in which it was
/// received.
pub(super) fn happened(when: &When, received: &str) -> Option<String> {
    let proven = stretch(&when.proven);
    match when.claimed.as_ref().map(stretch) {
        Some(claimed) if claimed == proven => (proven != received).then(|| format!("发生于 {proven}")),
        Some(claimed) => Some(format!("发生于 {claimed}（手机自报），可证 {proven}")),
        None => Some(format!("发生时间：各时钟说法不一，可证 {proven}")),
    }
}

/// A stretch of time to the minute, the day once where it is one.
fn stretch(interval: &Interval) -> String {
    let latest = interval.latest.beijing();
    let Some(earliest) = interval.earliest.map(Moment::beijing) else { return format!("{latest} 之前") };
    if earliest == latest {
        return latest;
    }
    match (earliest.split_once(' '), latest.split_once(' ')) {
        (Some((day, _)), Some((same, time))) if day == same => format!("{earliest} 至 {time}"),
        _ => format!("{earliest} 至 {latest}"),
    }
}

/// Where a case stands; a state of a later version shows by its name.
pub(super) fn state(name: &str) -> Chip {
    let Some(state) = CaseState::named(name) else { return Chip::new(name, "") };
    let tone = match state {
        CaseState::Reported => "tone-warn",
        CaseState::Filed => "tone-blue",
        CaseState::Dispatched => "tone-violet",
        CaseState::Handling | CaseState::Handled => "tone-teal",
        CaseState::Checked | CaseState::Closed => "tone-good",
        CaseState::Declined | CaseState::Withdrawn => "",
    };
    Chip::new(state.label(), tone)
}

/// What a step is called; one of a later version shows by its name.
pub(super) fn step(name: &str) -> &str {
    CaseStep::named(name).map_or(name, |step| step.label())
}

/// A verdict in a word.
pub(super) fn verdict(verdict: &Verdict) -> Chip {
    match verdict {
        Verdict::Applied => Chip::new("生效", "tone-good"),
        Verdict::NoOp => Chip::new("无变化", ""),
        Verdict::Merged { .. } => Chip::new("合并", "tone-violet"),
        Verdict::Rejected { .. } => Chip::new("驳回", "tone-bad"),
        Verdict::Held { .. } => Chip::new("待人工处理", "tone-warn"),
        Verdict::Unknown(_) => Chip::new("新版结论", "tone-warn"),
    }
}

/// What a person decided about something held: of the case itself it changes nothing.
pub(super) fn ruled() -> Chip {
    Chip::new("已决定", "")
}

/// Why a verdict is none of the good ones.
pub(super) fn why(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Applied | Verdict::NoOp | Verdict::Unknown(_) => None,
        Verdict::Merged { lost } => {
            let fields: Vec<&str> = lost.iter().map(|name| field(name)).collect();
            Some(format!("{}已有更新的值，这里的值保留备查", fields.join("、")))
        }
        Verdict::Rejected { code: reason, .. } | Verdict::Held { reason, .. } => Some(code_at_case(reason)),
    }
}

/// Why something was not done, told where the case stands before whoever reads it.
pub(super) fn code_at_case(reason: &Code) -> String {
    // To its author the office says no more than that there is no such case; here everybody sees that there is.
    if *reason == Code::UnknownItem { "提交人当时无权办理此案件".to_owned() } else { code(reason) }
}

/// Why something was not done.
pub(super) fn code(code: &Code) -> String {
    let text = match code {
        Code::NotFromHere => "案件已不在办理这一步的环节",
        Code::StaleRound => "案件已返工，这一步是针对上一轮的",
        Code::ReasonMissing => "没有写明理由",
        Code::OrganisationMissing => "没有选择责任单位",
        Code::AfterPhotoMissing => "处置单位还没有为这次派遣附上整改后照片",
        Code::SamePhoto => "同一张照片已作为别的用途附在案件里",
        Code::OriginalMissing => "有照片原件还没有到达办公室，也没有写明免附理由",
        Code::NotAllowed => "没有办理这一步的权限",
        Code::Revoked => "设备已被停用",
        Code::Malformed => "内容不完整或超出长度",
        Code::TooLarge => "案件内容已达上限，不能再添加",
        Code::UnknownItem => "办公室没有这个案件，或者它不归此人",
        Code::Follows => "它所依据的前一条记录没有生效",
        Code::Dismissed => "办公室核实后驳回",
        Code::Unknown(code) => return format!("原因代码 {code}"),
    };
    text.to_owned()
}

/// What to do about it.
pub(super) const fn advice(code: &Code) -> &'static str {
    match code {
        Code::NotFromHere | Code::StaleRound => "页面已显示最新状态，请按现在的环节办理。",
        Code::ReasonMissing => "请选择或填写理由后再提交。",
        Code::OrganisationMissing => "请选择责任单位后再提交。",
        Code::AfterPhotoMissing => "请处置人员用手机拍摄并同步整改后照片，再反馈。",
        Code::SamePhoto => "请重新拍摄一张。",
        Code::OriginalMissing => "请等手机同步原件，或写明免附原件的理由。",
        Code::NotAllowed => "请由有权限的人员登录后办理。",
        Code::Malformed => "请检查填写的内容后再提交。",
        Code::Revoked | Code::TooLarge | Code::UnknownItem | Code::Follows | Code::Dismissed | Code::Unknown(_) => {
            "请联系系统管理员。"
        }
    }
}

/// What can be done about something held, told to whoever finds it at the office.
pub(super) const fn remedy(code: &Code) -> &'static str {
    match code {
        Code::NotAllowed | Code::UnknownItem => "请核实内容。属实的，可以放行，由放行人担保；不需要的，驳回。",
        Code::Revoked => "请核实是谁在使用这部手机。内容属实的，可以放行；不属实的，驳回。",
        Code::Malformed => "内容有误，不能放行。请向提交人核实，由提交人在手机上重新提交，再驳回这一条。",
        Code::TooLarge => "案件已满，不能放行。需要补充的内容，请另行上报一件，再驳回这一条。",
        Code::Follows => "请先处理它所依据的那一条，这一条随之处理。",
        Code::NotFromHere
        | Code::StaleRound
        | Code::ReasonMissing
        | Code::OrganisationMissing
        | Code::AfterPhotoMissing
        | Code::SamePhoto
        | Code::OriginalMissing
        | Code::Dismissed
        | Code::Unknown(_) => "请核实内容；需要时联系系统管理员。",
    }
}

/// What a photo shows.
pub(super) fn role(role: &PhotoRole) -> &str {
    match role {
        PhotoRole::Scene => "远景",
        PhotoRole::Close => "近景",
        PhotoRole::After => "整改后",
        PhotoRole::Check => "核查",
        PhotoRole::Unknown(name) => name,
    }
}

/// Why a photo has to be looked at: it is not what its phone said of it.
pub(super) const fn doubt(what: What) -> &'static str {
    match what {
        What::Thumbnail => "手机发来的缩略图与原件不符，请核对",
        What::View => "手机上的预览图与原件不符，请核对",
        What::Sm3 => "原件的 SM3 摘要与记录不符，请核对",
        What::Unreadable => "原件无法打开，请核对",
    }
}

/// What a kind of categories is called.
pub(super) fn class(kind: &CategoryKind) -> &str {
    match kind {
        CategoryKind::Component => "部件",
        CategoryKind::Matter => "事项",
        CategoryKind::Unknown(name) => name.as_str(),
    }
}

/// What a field is called; one without a word here shows by its name.
pub(super) fn field(name: &str) -> &str {
    match name {
        "number" => "案卷号",
        "category" => "类别",
        "category_name" => "类别名称",
        "description" => "问题描述",
        "address" => "地址",
        "place" => "坐标",
        "area" => "片区",
        "tags" => "标签",
        "occurred_at" => "发现时间",
        "responsible_org" => "责任单位",
        "originals" => "原件",
        "reason" => "理由",
        "note" => "说明",
        "waiver" => "免附原件理由",
        other => other,
    }
}

/// How many records of a phone the office has.
pub(super) fn entries(received: u64) -> String {
    if received == 0 { "还没有收到记录".to_owned() } else { format!("已收到 {received} 条记录") }
}

/// Who has signed for how much of a phone's journal.
pub(super) fn signed(journal: &Journal) -> String {
    let Journal { received, signed, countersigned, .. } = *journal;
    match countersigned {
        _ if received == 0 => String::new(),
        Some(countersigned) if signed == received && countersigned == received => {
            "手机已全部签名，办公室已会签".to_owned()
        }
        Some(countersigned) => format!("手机签名到第 {signed} 条，办公室会签到第 {countersigned} 条"),
        None => format!("手机签名到第 {signed} 条；办公室恢复后它还没有同步过"),
    }
}

/// What a phone had written by its last request and the office has not; none where nothing is missing.
pub(super) fn unsent(journal: &Journal) -> Option<String> {
    let written = journal.written.filter(|written| *written > journal.received)?;
    Some(format!("手机上写到第 {written} 条，还有 {} 条没有到", written - journal.received))
}

/// How far a phone's clock is off, where the office's is so far ahead of it.
pub(super) fn clock(ahead_ms: i64) -> String {
    let seconds = ahead_ms.unsigned_abs() / 1000;
    let amount = match seconds {
        ..=2 => return "时钟准确".to_owned(),
        3..=119 => format!("{seconds} 秒"),
        120..=7199 => format!("{} 分钟", seconds / 60),
        7200..=172_799 => format!("{} 小时", seconds / 3600),
        _ => format!("{} 天", seconds / 86_400),
    };
    format!("时钟偏差：{} {amount}", if ahead_ms > 0 { "慢" } else { "快" })
}

/// What is missing of a phone's journal between what has come and what others brought back of it; none where nothing is.
pub(super) fn gap(gap: &Gap) -> Option<String> {
    let missing = gap.missing();
    (missing > 0).then(|| format!("其他手机带回了它到第 {} 条为止的内容，中间还缺 {missing} 条", gap.known))
}

/// An amount of bytes as people read it.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")];
    let Some((size, unit)) = UNITS.into_iter().find(|(size, _)| bytes >= *size) else { return format!("{bytes} B") };
    // In tenths, in whole numbers: 3.2 MB.
    let tenths = bytes.saturating_mul(10) / size;
    if tenths >= 1000 { format!("{} {unit}", tenths / 10) } else { format!("{}.{} {unit}", tenths / 10, tenths % 10) }
}

/// How long ago something was.
pub(super) fn ago(at: Moment, now: Moment) -> String {
    let minutes = now.unix_ms().saturating_sub(at.unix_ms()).div_euclid(60_000);
    match minutes {
        ..=0 => "刚刚".to_owned(),
        1..=59 => format!("{minutes} 分钟前"),
        60..=1439 => format!("{} 小时前", minutes / 60),
        _ => format!("{} 天前", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_reads_as_fast_or_slow() {
        for (ahead_ms, read) in [
            (0, "时钟准确"),
            (-2_900, "时钟准确"),
            (65_000, "时钟偏差：慢 65 秒"),
            (-180_000, "时钟偏差：快 3 分钟"),
            (-3 * 3_600_000, "时钟偏差：快 3 小时"),
            (366 * 86_400_000, "时钟偏差：慢 366 天"),
            (i64::MIN, "时钟偏差：快 106751991167 天"),
        ] {
            assert_eq!(clock(ahead_ms), read);
        }
    }

    #[test]
    fn amounts_and_times_read_as_people_say_them() {
        assert_eq!(
            [0, 1023, 1536, 3_355_443, 250 << 20, 5 << 30].map(bytes),
            ["0 B", "1023 B", "1.5 KB", "3.1 MB", "250 MB", "5.0 GB"]
        );
        let now = Moment::from_unix_ms(1_000_000_000_000);
        let before = |minutes: i64| ago(now.plus_ms(-minutes * 60_000), now);
        assert_eq!(
            [-5, 0, 1, 59, 60, 1439, 1440, 4320].map(before),
            ["刚刚", "刚刚", "1 分钟前", "59 分钟前", "1 小时前", "23 小时前", "1 天前", "3 天前"]
        );
    }

    #[test]
    fn a_journal_reads_as_what_was_signed_for() {
        let words = |received, signed, countersigned| {
            super::signed(&Journal { written: None, received, signed, countersigned })
        };
        assert_eq!(words(0, 0, None), "");
        assert_eq!(words(128, 128, Some(128)), "手机已全部签名，办公室已会签");
        assert_eq!(words(128, 128, Some(120)), "手机签名到第 128 条，办公室会签到第 120 条");
        assert_eq!(words(128, 128, None), "手机签名到第 128 条；办公室恢复后它还没有同步过");
    }

    #[test]
    fn every_state_and_step_of_the_flow_has_a_word() {
        for known in CaseState::ALL {
            assert_eq!(state(known.name()).label, known.label());
        }
        assert_eq!(state("parked").label, "parked");
        assert_eq!(step("file"), "立案");
    }
}
