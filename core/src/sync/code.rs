//! The enrolment code: what an office prints as text and as a QR code, and what a phone reads.
//!
//! `xuncheng://enrol?office=http://10.0.0.2:8080&person=li&secret=K7QM-3ZTA-9WXE&root=<fingerprint>`

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::id::{Hash, PersonId};

/// Where to enrol, as whom, with what secret, and which office to believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolmentCode {
    /// The office's address.
    pub office: String,
    /// Whose phone it will be.
    pub person: PersonId,
    /// Good for one enrolment.
    pub secret: String,
    /// The fingerprint of the district's root key.
    pub root: Hash,
}

/// Text that is no enrolment code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no enrolment code: {why}; it begins with xuncheng://enrol? and is copied whole")]
pub struct CodeError {
    why: String,
}

const SCHEME: &str = "xuncheng://enrol?";
/// What would end a value early.
const RESERVED: &AsciiSet = &CONTROLS.add(b'&').add(b'#').add(b'%').add(b'+').add(b' ').add(b'"').add(b'<').add(b'>');

impl fmt::Display for EnrolmentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { office, person, secret, root } = self;
        let office = utf8_percent_encode(office, RESERVED);
        let secret = utf8_percent_encode(secret, RESERVED);
        write!(f, "{SCHEME}office={office}&person={person}&secret={secret}&root={root}")
    }
}

impl FromStr for EnrolmentCode {
    type Err = CodeError;
    fn from_str(text: &str) -> Result<Self, CodeError> {
        let wrong = |why: &str| CodeError { why: why.to_owned() };
        let query = text.trim().strip_prefix(SCHEME).ok_or_else(|| wrong("it begins otherwise"))?;
        let value = |name: &str| {
            let pair = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
            let (_, value) = pair.ok_or_else(|| CodeError { why: format!("{name} is missing") })?;
            let value =
                percent_decode_str(value).decode_utf8().map_err(|_| CodeError { why: format!("{name} is no text") })?;
            if value.is_empty() { Err(CodeError { why: format!("{name} is empty") }) } else { Ok(value.into_owned()) }
        };
        let office = value("office")?;
        if !(office.starts_with("http://") || office.starts_with("https://")) {
            return Err(wrong("the office's address is neither http:// nor https://"));
        }
        Ok(Self {
            office,
            person: PersonId::new(&value("person")?).map_err(|error| CodeError { why: error.to_string() })?,
            secret: value("secret")?,
            root: value("root")?.parse().map_err(|_| wrong("the key's fingerprint is cut off or changed"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_back_as_it_was_written() {
        let code = EnrolmentCode {
            office: "https://巴州.example:8443/a?b=c&d".to_owned(),
            person: PersonId::new("li").unwrap(),
            secret: "K7QM-3ZTA".to_owned(),
            root: Hash::of("test", &[]),
        };
        assert_eq!(code.to_string().parse::<EnrolmentCode>().unwrap(), code);
    }

    #[test]
    fn a_code_that_was_cut_says_what_is_missing() {
        let error = "xuncheng://enrol?office=http://127.0.0.1:8080&person=li".parse::<EnrolmentCode>().unwrap_err();
        assert!(error.to_string().contains("secret is missing"), "{error}");
        assert!("https://example.org".parse::<EnrolmentCode>().is_err());
    }
}
