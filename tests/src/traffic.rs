//! What a phone sent and was told, made fit to be compared with what it would have been in another world.
//!
//! Ids, hashes, salts, keys, signatures and sealed origins are drawn: they differ from world to world, and each is of constant
//! size. Everything else has to be the same, byte for byte.

use std::collections::BTreeMap;

use xuncheng_core::sync::session::{Outcome, Response};

use crate::network::Exchange;

/// One exchange: where to, how many bytes were sent, the status, and what was said.
pub type Said = (String, usize, u16, String);

/// The body of a message, unpacked; its signature's line too.
#[must_use]
pub fn unpacked(bytes: &[u8]) -> String {
    String::from_utf8(zstd::stream::decode_all(bytes).expect("a message is compressed")).expect("a message is text")
}

/// All of a phone's traffic as somebody on the line could measure it, and as the phone itself reads it: what is drawn is made
/// alike.
#[must_use]
pub fn traffic(log: &[Exchange]) -> Vec<Said> {
    said(log, |drawn| "x".repeat(drawn.len()))
}

/// The same for whoever compares what was drawn: each value stands as its place among those that were told, so that the same
/// one told twice shows.
#[must_use]
pub fn linkable(log: &[Exchange]) -> Vec<Said> {
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    said(log, |drawn| {
        let next = told.len();
        format!("x{}of{}", told.entry(drawn.to_owned()).or_insert(next), drawn.len())
    })
}

/// A text in which what is drawn is made alike.
#[must_use]
pub fn masked(text: &str) -> String {
    renamed(text, &mut |drawn: &str| "x".repeat(drawn.len()))
}

fn said(log: &[Exchange], mut name: impl FnMut(&str) -> String) -> Vec<Said> {
    let mut one = |exchange: &Exchange| {
        let Outcome::Answered(Response { status, body, .. }) = &exchange.outcome else { panic!("nothing fails here") };
        // Packed, what was drawn makes messages of one length a little longer or shorter.
        let packed = ["/v1/sync", "/v1/photos/previews", "/v1/photos/have", "/v1/photos/downloads"]
            .contains(&&*exchange.request.path);
        let sent = if packed { unpacked(&exchange.sent).len() } else { exchange.sent.len() };
        let said = if packed { renamed(&unpacked(body), &mut name) } else { body.len().to_string() };
        let path = exchange.request.path.split('/').take(4).collect::<Vec<_>>().join("/");
        (path, sent, *status, said)
    };
    log.iter().map(&mut one).collect()
}

/// The text with another name for each run of characters that ids, hashes, salts and keys are written in.
fn renamed(text: &str, name: &mut impl FnMut(&str) -> String) -> String {
    let mut out = String::new();
    let mut run = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_') {
            run.push(c);
        } else {
            // Words and numbers stay; what is longer than any of them was drawn.
            out.push_str(&if run.len() >= 24 { name(&run) } else { std::mem::take(&mut run) });
            run.clear();
            out.push(c);
        }
    }
    out
}
