//! Peers of a later version, made of those of this one: they say more in all that they send, in words that nobody here knows.

use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};
use xuncheng_core::crypto::SoftwareKey;
use xuncheng_core::id::{EntryId, Hash};
use xuncheng_core::limits;
use xuncheng_core::store::entries;
use xuncheng_core::sync::message::{self, Direction};
use xuncheng_core::sync::session::Outcome;

/// The bytes of a request after `change`, under the key of the phone in `folder`; as they are where they are no message.
#[must_use]
pub fn request(folder: &Path, bytes: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    changed(&folder.join("device.key"), Direction::Request, bytes, change).unwrap_or_else(|| bytes.to_vec())
}

/// An answer after `change`, under the key of the office in `folder`; as it is where it is no message.
#[must_use]
pub fn answer(folder: &Path, outcome: Outcome, change: impl FnOnce(&mut Value)) -> Outcome {
    let Outcome::Answered(mut response) = outcome else { return outcome };
    let key = folder.join("keys").join("node.key");
    if let Some(body) = changed(&key, Direction::Response, &response.body, change) {
        response.body = body;
    }
    Outcome::Answered(response)
}

fn changed(key: &Path, direction: Direction, bytes: &[u8], change: impl FnOnce(&mut Value)) -> Option<Vec<u8>> {
    let key = SoftwareKey::load(key).expect("who speaks has a key");
    let mut body: Value = message::unpack(bytes, limits::RESPONSE_BYTES).ok()?.read_unverified().ok()?;
    change(&mut body);
    Some(message::pack(direction, &body, &key).expect("a message can be packed"))
}

/// A request or an answer with more members than anybody knows, and with rows of a kind that nobody knows.
pub fn say_more(message: &mut Value) {
    for place in ["/page/entries", "/page/snapshots", "/page/receipts", "/page/feeds", "/entries", "/previews"] {
        for one in message.pointer_mut(place).and_then(Value::as_array_mut).into_iter().flatten() {
            add(one);
        }
    }
    for feed in message.pointer_mut("/page/feeds").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(rows) = feed["rows"].as_array_mut() {
            rows.insert(0, json!({ "announce": { "text": "明日停水" } }));
            rows.push(json!("pause"));
        }
    }
    for place in ["", "/limits", "/page", "/page/attestation", "/head", "/epoch", "/seal"] {
        if let Some(one) = message.pointer_mut(place) {
            add(one);
        }
    }
}

fn add(one: &mut Value) {
    if let Some(members) = one.as_object_mut() {
        members.insert("later".to_owned(), json!({ "weather": ["小雨", 3] }));
    }
}

/// Writes anew what a phone has just written, `new` in the order of its chain, as a later version would have: with more members
/// in every part. What opens an item keeps its body, which the item is named after.
///
/// # Errors
/// Where the disk fails: then all of it is as this version wrote it.
pub fn write_more(conn: &Connection, new: &[EntryId]) -> rusqlite::Result<()> {
    let tx = conn.unchecked_transaction()?;
    let mut before: Option<(Hash, Hash)> = None;
    for id in new {
        let entry = entries::get(&tx, *id).expect("a store can be read").expect("it was written");
        let header = entry.read_header().expect("a header of ours");
        let part = |name: &str, text: Option<&String>| {
            let text = text.unwrap_or_else(|| panic!("an own entry has its {name}"));
            let text = more(text);
            (Hash::of("part", &[name.as_bytes(), &[0], text.as_bytes()]), text)
        };
        let mut origin_text = entry.origin.clone().expect("an own entry has its origin");
        if let Some((was, is)) = before {
            origin_text = origin_text.replace(&was.to_string(), &is.to_string());
        }
        let (origin_hash, origin) = part("origin", Some(&origin_text));
        let (private_hash, private) = part("private", entry.private.as_ref());
        let opens = entry.body.as_ref().is_some_and(|body| body.contains("\"open\":{"));
        let (body_hash, body) = if opens {
            (header.hashes.body, entry.body.clone().expect("an own entry has its body"))
        } else {
            part("body", entry.body.as_ref())
        };
        let mut header_text = entry.header.clone();
        let hashes = [
            (header.hashes.origin, origin_hash),
            (header.hashes.private, private_hash),
            (header.hashes.body, body_hash),
        ];
        for (was, is) in hashes {
            header_text = header_text.replace(&was.to_string(), &is.to_string());
        }
        let header_text = more(&header_text);
        let header_hash = Hash::of("header", &[header_text.as_bytes()]);
        before = Some((entry.header_hash(), header_hash));
        let sql = "UPDATE entry SET header = ?2, header_hash = ?3, origin = ?4, body = ?5, private = ?6 WHERE id = ?1";
        tx.execute(sql, (id, &header_text, header_hash, &origin, &body, &private))?;
    }
    tx.commit()
}

fn more(text: &str) -> String {
    let open = text.strip_suffix('}').expect("a part is an object");
    format!("{open},\"later\":{{\"weather\":[\"小雨\",3]}}}}")
}
