//! Texts of others on this terminal: what colleagues wrote, what an office answered, how a file is called.
//!
//! A terminal obeys some characters instead of showing them, and shows others not at all: either way a text could say what
//! nobody wrote. Here each of them is shown as what it is.

use std::fmt::Write as _;

/// `text` as a terminal may show it: ESC as ␛, a sign that turns the writing round as `<U+202E>`. It keeps its lines.
pub(super) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for sign in text.replace("\r\n", "\n").chars() {
        match sign {
            '\n' => shown.push('\n'),
            // Where it goes is the terminal's choice, and a table's width hangs on it.
            '\t' => shown.push(' '),
            '\u{7f}' => shown.push('␡'),
            '\0'..='\u{1f}' => shown.extend(char::from_u32(u32::from(sign) + u32::from('␀'))),
            sign if is_hidden(sign) => {
                // A String takes whatever is written to it.
                let _ = write!(shown, "<U+{:04X}>", u32::from(sign));
            }
            sign => shown.push(sign),
        }
    }
    shown
}

/// The same in a line of its own, or in more: those after the first are set in, so that none passes for one of ours.
pub(super) fn line(text: &str) -> String {
    plain(text).replace('\n', "\n  ")
}

/// JSON with the same characters as its escapes: the text in it is what it was.
pub(super) fn json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        if is_hidden(sign) || sign == '\u{7f}' {
            for unit in sign.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            // Serde has escaped those below a space, and set the lines.
            escaped.push(sign);
        }
    }
    escaped
}

/// Whether a terminal obeys the character, or shows nothing where it stands: C1 controls, and what Unicode calls ignorable or
/// format characters, with the letters that are blank. Those that choose between forms of the character before them
/// (variation selectors, in rare names and in emoji) are none.
const fn is_hidden(sign: char) -> bool {
    matches!(
        sign,
        '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{600}'..='\u{605}'
            | '\u{61c}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{110bd}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_or_hides_is_shown_and_all_else_stays() {
        assert_eq!(plain("a\u{1b}[2J\u{1b}]0;改\u{7}\u{0}\u{7f}b"), "a␛[2J␛]0;改␇␀␡b");
        assert_eq!(plain("\u{9b}31m"), "<U+009B>31m");
        assert_eq!(plain("甲\u{202e}乙\u{2066}丙\u{200b}\u{e0041}"), "甲<U+202E>乙<U+2066>丙<U+200B><U+E0041>");
        assert_eq!(plain("一\r\n二\n三\r四\t五"), "一\n二\n三␍四 五");
        let kept = "机动车道边井盖缺失，é 👍🏽 葛\u{e0100}城 ─│✓";
        assert_eq!(plain(kept), kept);
    }

    #[test]
    fn a_second_line_never_begins_where_ours_do() {
        assert_eq!(line("坏了\nyou can: close"), "坏了\n  you can: close");
    }

    #[test]
    fn json_says_the_same_in_escapes() {
        let text = "甲\u{1b}[2J\u{9b}\u{7f}\u{202e}\u{e0041}\n乙";
        let written = json(&serde_json::to_string_pretty(&[text]).unwrap());
        assert!(!written.chars().any(|sign| is_hidden(sign) || (sign.is_control() && sign != '\n')), "{written:?}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&written).unwrap(), [text]);
    }
}
