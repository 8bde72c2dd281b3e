//! All that is printed: words and tables for people, JSON for programs. Whatever text is in it, it is shown and not obeyed
//! ([`plain`]).

mod plain;

use std::fmt;
use std::io::{self, Write as _};

use comfy_table::{ContentArrangement, presets};
use xuncheng_core::journal::entry::{Change, PhotoRole};
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::store::photos::PhotoStage;
use xuncheng_core::work::case::CaseStep;
use xuncheng_core::work::flow::Who;

/// Prints a line, or says why it cannot: whoever reads may have gone, and that is no fault of ours (see `main`).
macro_rules! say {
    ($($what:tt)*) => {
        $crate::print::line(format_args!($($what)*))
    };
}
pub(crate) use say;

/// What [`say!`] does: a line, and those that a text in it has, set in.
pub(crate) fn line(words: fmt::Arguments<'_>) -> io::Result<()> {
    writeln!(io::stdout(), "{}", plain::line(&words.to_string()))
}

/// Says beside the output what went wrong.
pub(crate) fn complain(words: &str) {
    eprintln!("{}", plain::line(words));
}

/// What this program itself draws in more than one line: a QR code.
pub(crate) fn drawing(drawn: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{drawn}")
}

/// A text of others, for what prints by itself: a progress bar.
pub(crate) fn text(text: &str) -> String {
    plain::line(text)
}

/// A table, as wide as its content.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    /// A table with these headings.
    pub(crate) fn with(headings: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(headings);
        Self(table)
    }

    /// One more row; a text of several lines keeps them in its cell.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = impl AsRef<str>>) {
        self.0.add_row(cells.into_iter().map(|cell| plain::plain(cell.as_ref())));
    }

    /// Prints it.
    pub(crate) fn print(&self) -> io::Result<()> {
        writeln!(io::stdout(), "{}", self.0)
    }
}

/// How far a parcel is, for whoever watches a terminal; a program that reads JSON sees none of it.
pub(crate) fn bytes_bar(json: bool) -> indicatif::ProgressBar {
    let bar = if json { indicatif::ProgressBar::hidden() } else { indicatif::ProgressBar::no_length() };
    match indicatif::ProgressStyle::with_template("{spinner} {wide_bar} {bytes}/{total_bytes} {eta}") {
        Ok(style) => bar.with_style(style),
        // The template is ours; without it the bar is plainer.
        Err(_) => bar,
    }
}

/// Prints a list: each row as its JSON for programs, or as its cells for people.
pub(crate) fn rows(
    json: bool,
    headings: &[&str],
    rows: impl Iterator<Item = (serde_json::Value, Vec<String>)>,
) -> anyhow::Result<()> {
    if json {
        return self::json(&rows.map(|(row, _)| row).collect::<Vec<_>>());
    }
    let mut table = Table::with(headings);
    for (_, cells) in rows {
        table.row(cells);
    }
    Ok(table.print()?)
}

/// Prints `value` as JSON, for programs.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{}", plain::json(&serde_json::to_string_pretty(value)?))?)
}

/// The same in one line.
pub(crate) fn json_line<T: serde::Serialize>(value: &T) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{}", plain::json(&serde_json::to_string(value)?))?)
}

/// Where a photo stands.
pub(crate) const fn stage(stage: PhotoStage) -> &'static str {
    match stage {
        PhotoStage::Saved => "saved 已保存",
        PhotoStage::Sent => "sent 已发送",
        PhotoStage::Judged => "judged 已判定",
        PhotoStage::Received => "original received 原件已签收",
        PhotoStage::Safe => "original safe 原件已备份",
    }
}

/// What a photo shows.
pub(crate) fn role(role: &PhotoRole) -> &str {
    match role {
        PhotoRole::Scene => "scene 远景",
        PhotoRole::Close => "close 近景",
        PhotoRole::After => "after 整改后",
        PhotoRole::Check => "check 核查",
        PhotoRole::Unknown(word) => word,
    }
}

/// What was done, in a line.
pub(crate) fn change(change: &Change) -> String {
    match change {
        Change::Open { .. } => "reported 上报".to_owned(),
        Change::Edit { fields } => {
            let names: Vec<&str> = fields.keys().map(String::as_str).collect();
            match names[..] {
                ["originals"] => "original arrived 原件到达".to_owned(),
                ["number"] => "numbered 编号".to_owned(),
                _ => format!("edited 修改: {}", names.join(", ")),
            }
        }
        Change::Attach { photo, .. } => format!("photo 照片: {} ({} bytes)", role(&photo.role), photo.bytes),
        Change::Step { transition, args, .. } => {
            let label = CaseStep::named(transition).map_or("", CaseStep::label);
            let said: Vec<&str> = args.values().filter_map(serde_json::Value::as_str).collect();
            let said = if said.is_empty() { String::new() } else { format!(": {}", said.join(", ")) };
            format!("{transition} {label}{said}")
        }
        Change::Comment { text } => format!("comment 备注: {text}"),
        Change::Release { reason, .. } => format!("released 放行: {reason}"),
        Change::Restored { .. } => "brought back 恢复".to_owned(),
        Change::Dismiss { reason, .. } => format!("dismissed 驳回: {reason}"),
        Change::Erase { entry, reason, .. } => format!("personal part of {entry} erased 抹除: {reason}"),
    }
}

/// What the office decided.
pub(crate) fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Applied => "applied 生效".to_owned(),
        Verdict::NoOp => "no change 无变化".to_owned(),
        Verdict::Merged { lost } => format!("merged 合并 (kept beside: {})", lost.join(", ")),
        Verdict::Rejected { code, .. } => format!("rejected 驳回: {}", reason(code)),
        Verdict::Held { reason: code, .. } => format!("held 待人工处理: {}", reason(code)),
        Verdict::Unknown(verdict) => format!("a verdict of a later version 新版结论: {verdict}"),
    }
}

/// Whom a rule lets do something.
pub(crate) const fn who(who: Who) -> &'static str {
    match who {
        Who::Author => "whoever reported it",
        Who::Inspector => "an inspector 采集员",
        Who::CovertInspector => "a covert inspector 暗访员",
        Who::Appraiser => "an appraiser 考评员",
        Who::Acceptor => "an acceptor 受理员",
        Who::Dispatcher => "a dispatcher 派遣员",
        Who::Handler => "a handler 处置人员 of the organisation that it was dispatched to",
        Who::Verifier => "a verifier 核查员 who neither reported nor handled it",
        Who::Admin => "an administrator 系统管理员",
        Who::Office => "the office itself",
    }
}

/// Why something was refused, and what to do.
pub(crate) fn reason(code: &Code) -> String {
    match code {
        Code::NotFromHere => "the case is not where this step starts from".to_owned(),
        Code::StaleRound => "it was meant for an earlier round; look at the case again".to_owned(),
        Code::ReasonMissing => "a reason is needed: --reason".to_owned(),
        Code::OrganisationMissing => "a responsible organisation is needed: --org".to_owned(),
        Code::AfterPhotoMissing => "a photo that the unit took after the work is needed: --photo".to_owned(),
        Code::SamePhoto => "the same picture is part of the case already: take a new one".to_owned(),
        Code::OriginalMissing => {
            "an original has not arrived at the office: sync the phone that holds it, or give --waiver".to_owned()
        }
        Code::NotAllowed => "this person may not do this".to_owned(),
        Code::Revoked => "this device was revoked by the office".to_owned(),
        Code::Malformed => "it cannot be read".to_owned(),
        Code::TooLarge => "the case holds as much as phones can take: nothing more can be added to it".to_owned(),
        Code::UnknownItem => "there is no such case at the office, or it is not this person's".to_owned(),
        Code::Follows => "it follows an entry that was not taken".to_owned(),
        Code::Dismissed => {
            "the office looked at it and set it aside; ask there, and report anew what still stands".to_owned()
        }
        Code::Unknown(code) => code.clone(),
    }
}
