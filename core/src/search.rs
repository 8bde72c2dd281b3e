//! Chinese text search without a dictionary: the same rows are found on every platform.
//!
//! Two-character words (盲道, 井盖) are the usual query, and SQLite's trigram index does not find them. So text is cut into
//! single characters before it is indexed, and a query becomes a phrase of characters: exact substrings, from one
//! character on. Latin letters and digits stay in runs (`bz`, `000123`), and the last run of a term matches by its beginning.
//!
//! Index [`segment`]ed text in an FTS5 table with `tokenize = 'ascii'` ([`FTS5_TOKENIZER`]), and give [`match_query`] to
//! `MATCH`. [`Query::matches`] is the same rule for small lists in memory.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::limits;

/// The FTS5 tokenizer for [`segment`]ed text.
///
/// It splits at ASCII separators only. `unicode61` would do for common text, but drops characters younger than its tables:
/// people and places are named with them.
pub const FTS5_TOKENIZER: &str = "ascii";

/// `text` as it is indexed: NFKC-folded (full width to half width, ㎡ to m2), lower case, one space between tokens.
///
/// Every character from U+2E80 on (Han in all planes, kana, private use) is a token of its own; other letters and digits
/// stay in runs; punctuation, marks and control characters are dropped. Empty when nothing searchable is left.
#[must_use]
pub fn segment(text: &str) -> String {
    if text.chars().all(|c| folded_alone(c).is_some()) {
        cut(text.chars().filter_map(folded_alone), text.len())
    } else {
        cut(folded(text), text.len())
    }
}

fn folded(text: &str) -> impl Iterator<Item = char> {
    text.nfkc().flat_map(char::to_lowercase).filter(|c| !is_combining_mark(*c))
}

/// What [`folded`] makes of a character that it folds the same whatever stands beside it: those that nearly all text here is made of
/// need none of its tables.
fn folded_alone(c: char) -> Option<char> {
    match c {
        '\0'..='\u{7F}' => Some(c.to_ascii_lowercase()),
        '\u{4E00}'..='\u{9FFF}' | '、' | '。' | '《' | '》' => Some(c),
        // Full width.
        '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).map(|c| c.to_ascii_lowercase()),
        _ => None,
    }
}

fn cut(folded: impl Iterator<Item = char>, bytes: usize) -> String {
    let mut segmented = String::with_capacity(bytes + bytes / 3);
    let mut in_run = false;
    for c in folded {
        if !is_searchable(c) {
            in_run = false;
            continue;
        }
        let alone = stands_alone(c);
        if !segmented.is_empty() && (alone || !in_run) {
            segmented.push(' ');
        }
        segmented.push(c);
        in_run = !alone;
    }
    segmented
}

/// The FTS5 query for what a person typed; `None` when nothing searchable remains.
///
/// Terms are separated by white space and must all be found; a term also finds its synonyms. Only the first
/// [`limits::QUERY_CHARS`] characters count. The result is always valid FTS5: no quote or operator of `text` gets through.
#[must_use]
pub fn match_query(text: &str, synonyms: &Synonyms) -> Option<String> {
    Query::parse(text, synonyms).map(|query| query.to_fts5())
}

/// A query understood: every term must be found, each as any of its phrases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    terms: Vec<Vec<Phrase>>,
}

/// Tokens in a row; the last one by its beginning where it is a run.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Phrase {
    segmented: String,
    prefix: bool,
}

impl Query {
    /// What a person typed, by the rules of [`match_query`].
    #[must_use]
    pub fn parse(text: &str, synonyms: &Synonyms) -> Option<Self> {
        let bounded: String = text.chars().take(limits::QUERY_CHARS).collect();
        let terms: Vec<Vec<Phrase>> = bounded
            .split_whitespace()
            .map(segment)
            .filter(|term| !term.is_empty())
            .map(|term| {
                let others = synonyms.others(&term);
                std::iter::once(term.as_str()).chain(others).map(Phrase::new).collect()
            })
            .collect();
        if terms.is_empty() { None } else { Some(Self { terms }) }
    }

    /// The query for FTS5's `MATCH`.
    #[must_use]
    pub fn to_fts5(&self) -> String {
        let term = |phrases: &Vec<Phrase>| match phrases.as_slice() {
            [one] => one.to_fts5(),
            several => format!("({})", several.iter().map(Phrase::to_fts5).collect::<Vec<_>>().join(" OR ")),
        };
        self.terms.iter().map(term).collect::<Vec<_>>().join(" AND ")
    }

    /// Whether `text` would be found, for lists too small to index.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let text = format!(" {} ", segment(text));
        self.terms.iter().all(|phrases| phrases.iter().any(|phrase| phrase.is_in(&text)))
    }
}

impl Phrase {
    fn new(segmented: &str) -> Self {
        let prefix = segmented.chars().next_back().is_some_and(|last| !stands_alone(last));
        Self { segmented: segmented.to_owned(), prefix }
    }

    fn to_fts5(&self) -> String {
        // `segment` lets no quote through; doubling them keeps this line right on its own.
        let quoted = self.segmented.replace('"', "\"\"");
        if self.prefix { format!("\"{quoted}\" *") } else { format!("\"{quoted}\"") }
    }

    /// `text` is segmented, with a space at both ends.
    fn is_in(&self, text: &str) -> bool {
        let end = if self.prefix { "" } else { " " };
        text.contains(&format!(" {}{end}", self.segmented))
    }
}

/// Groups of words that mean the same to a person who searches: 小广告 and 牛皮癣, 井盖 and 窨井盖.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Synonyms {
    groups: Vec<BTreeSet<String>>,
    groups_of: BTreeMap<String, Vec<usize>>,
}

impl Synonyms {
    /// No synonyms: a term finds itself only.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Synonyms out of groups of words. Words without anything searchable are passed over.
    pub fn new<'a, G>(groups: impl IntoIterator<Item = G>) -> Self
    where
        G: IntoIterator<Item = &'a str>,
    {
        let mut synonyms = Self::default();
        for group in groups {
            let words: BTreeSet<String> = group.into_iter().map(segment).filter(|word| !word.is_empty()).collect();
            for word in &words {
                synonyms.groups_of.entry(word.clone()).or_default().push(synonyms.groups.len());
            }
            synonyms.groups.push(words);
        }
        synonyms
    }

    /// The other words of all groups that hold this segmented term, each once.
    fn others<'a>(&'a self, term: &str) -> BTreeSet<&'a str> {
        let groups = self.groups_of.get(term).into_iter().flatten().filter_map(|index| self.groups.get(*index));
        groups.flatten().map(String::as_str).filter(|word| *word != term).collect()
    }
}

/// Private use counts: rare characters of old systems live there.
fn is_searchable(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{20000}'..='\u{3FFFD}' | '\u{F0000}'..='\u{FFFFD}' | '\u{100000}'..='\u{10FFFD}')
}

fn stands_alone(c: char) -> bool {
    c >= '\u{2E80}'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::*;

    fn index(texts: &[&str]) -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(&format!("CREATE VIRTUAL TABLE t USING fts5(text, tokenize = '{FTS5_TOKENIZER}')")).unwrap();
        for text in texts {
            conn.execute("INSERT INTO t (text) VALUES (?1)", [segment(text)]).unwrap();
        }
        conn
    }

    fn hits(conn: &Connection, fts5: &str) -> rusqlite::Result<i64> {
        conn.query_row("SELECT count(*) FROM t WHERE t MATCH ?1", [fts5], |row| row.get(0))
    }

    fn found(texts: &[&str], query: &str, synonyms: &Synonyms) -> i64 {
        match_query(query, synonyms).map_or(0, |fts5| hits(&index(texts), &fts5).unwrap())
    }

    const STREET: [&str; 3] = ["桂花街盲道破损三处", "江北路窨井盖移位", "状元桥头占道经营"];

    #[test]
    fn short_chinese_words_are_found_as_exact_substrings() {
        for (query, count) in
            [("盲道", 1), ("道", 2), ("井盖移", 1), ("占道经营", 1), ("道盲", 0), ("道 破损", 1), ("道 街 桥", 0)]
        {
            assert_eq!(found(&STREET, query, &Synonyms::none()), count, "{query}");
        }
    }

    #[test]
    fn full_width_and_case_make_no_difference_and_runs_match_by_their_beginning() {
        let texts = ["ＢＺ－２０２６－０００１２３号案件，面积１２㎡", "A12栋", "3A12栋"];
        for (query, count) in [
            ("bz-2026-000123", 1),
            ("BZ-2026-0001", 1),
            ("２０２６", 1),
            ("000123号", 1),
            ("12m2", 1),
            ("a12", 1),
            ("A12栋", 1),
            ("12栋", 0),
        ] {
            assert_eq!(found(&texts, query, &Synonyms::none()), count, "{query}");
        }
    }

    #[test]
    fn what_folds_alone_folds_the_same_beside_anything() {
        let alone: Vec<char> = ('\0'..=char::MAX).filter(|c| folded_alone(*c).is_some()).collect();
        for c in &alone {
            let text = format!("街{c}a{c}{c}");
            assert_eq!(cut(folded(&text), 0), segment(&text), "{c:?}");
        }
        assert!(alone.len() > 20_000);
    }

    #[test]
    fn rare_characters_are_found() {
        // Extensions C, F, G and H, and private use.
        let texts = ["𫚯江路", "\u{2CEB1}家巷", "\u{30000}", "\u{31350}", "\u{E815}村"];
        for query in ["𫚯", "𫚯江", "\u{2CEB1}家", "\u{30000}", "\u{31350}", "\u{E815}"] {
            assert_eq!(found(&texts, query, &Synonyms::none()), 1, "{query}");
        }
    }

    #[test]
    fn a_word_finds_its_synonyms() {
        let synonyms = Synonyms::new([vec!["小广告", "牛皮癣"], vec!["摆摊", "占道经营"], vec!["井盖", "窨井盖"]]);
        assert_eq!(found(&["墙面牛皮癣", "电杆小广告"], "小广告", &synonyms), 2);
        assert_eq!(found(&STREET, "摆摊 状元桥", &synonyms), 1);
        assert_eq!(found(&STREET, "窨井盖", &synonyms), 1);
        assert_eq!(match_query("摆摊", &synonyms).unwrap(), r#"("摆 摊" OR "占 道 经 营")"#);
    }

    #[test]
    fn operators_of_fts5_are_only_words() {
        for query in [
            "\" OR 1",
            "NEAR(",
            "a* AND",
            "{text}: b",
            "^道",
            "-道",
            "NOT 道",
            "'; DROP TABLE t; --",
            "text:道",
            "\"\"",
            "(",
            "道\0街",
        ] {
            if let Some(fts5) = match_query(query, &Synonyms::none()) {
                hits(&index(&STREET), &fts5).unwrap_or_else(|error| panic!("{query}: {fts5}: {error}"));
            }
        }
        assert_eq!(found(&STREET, "\" OR 1", &Synonyms::none()), 0);
        assert_eq!(match_query("\" 《》！ *", &Synonyms::none()), None);
        assert_eq!(match_query("", &Synonyms::none()), None);
    }

    #[test]
    fn a_query_is_bounded() {
        let long = "道".repeat(limits::QUERY_CHARS * 100);
        let fts5 = match_query(&long, &Synonyms::none()).unwrap();
        assert_eq!(fts5.chars().filter(|c| *c == '道').count(), limits::QUERY_CHARS);
    }

    proptest! {
        #[test]
        fn no_text_makes_a_syntax_error_and_memory_agrees_with_fts5(text in any::<String>(), query in any::<String>()) {
            let synonyms = Synonyms::new([["道", "街"]]);
            if let Some(query) = Query::parse(&query, &synonyms) {
                prop_assert_eq!(hits(&index(&[&text]), &query.to_fts5()).unwrap() == 1, query.matches(&text));
            }
        }

        #[test]
        fn every_piece_of_a_street_report_is_found(
            (text, from, len) in "[道街桥井盖a1 ，]{1,20}".prop_flat_map(|t| { let n = t.chars().count(); (Just(t), 0..n, 1..=n) }),
        ) {
            let piece: String = text.chars().skip(from).take(len).collect();
            // A run is found by its beginning, so a piece starts where a run may start.
            prop_assume!(from == 0 || !piece.starts_with(['a', '1']));
            if let Some(query) = Query::parse(&piece, &Synonyms::none()) {
                prop_assert!(query.matches(&text), "{} in {}", piece, text);
                prop_assert_eq!(hits(&index(&[&text]), &query.to_fts5()).unwrap(), 1);
            }
        }
    }
}
