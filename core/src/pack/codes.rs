//! Codes that entries, rows and URLs carry: each a type of its own.

use std::fmt;
use std::str::FromStr;

use super::words::CategoryKind;

/// Text that is no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: {rule}")]
pub struct CodeError {
    what: &'static str,
    rule: &'static str,
    text: String,
}

impl CodeError {
    fn new(what: &'static str, rule: &'static str, text: &str) -> Self {
        Self { what, rule, text: text.chars().take(80).collect() }
    }
}

/// ASCII letters, digits, `-`, `_`, `.`; 1 to 64 bytes.
pub(super) fn is_plain(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

const PLAIN: &str = "1 to 64 ASCII letters, digits, '-', '_', '.'";

/// Serde and SQLite forms of a type that is text: what `Display` writes and `FromStr` checks.
macro_rules! as_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl rusqlite::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(self.to_string().into())
            }
        }

        impl rusqlite::types::FromSql for $name {
            fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
                value.as_str()?.parse().map_err(rusqlite::types::FromSqlError::other)
            }
        }
    };
}

macro_rules! code {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// [`CodeError`] unless the text is 1 to 64 ASCII letters, digits, `-`, `_`, `.`.
            pub fn new(text: &str) -> Result<Self, CodeError> {
                if is_plain(text) { Ok(Self(text.to_owned())) } else { Err(CodeError::new(stringify!($name), PLAIN, text)) }
            }

            /// The code itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = CodeError;
            fn from_str(text: &str) -> Result<Self, CodeError> {
                Self::new(text)
            }
        }

        as_text!($name);
    };
}

code! {
    /// An area of the pack, like `511902001` (GB/T 10114: division, then sub-district).
    AreaCode
}
code! {
    /// An organisation of the pack, like `chengguan`.
    OrgCode
}
code! {
    /// A scheme of category codes, like `gbt47678.5-2026`.
    SchemeCode
}

/// A category of components or matters: `gbt47678.5-2026/matter/09006`.
///
/// A bare number says nothing: component 01001 is a cover, matter 01001 is its defect, and another scheme's 0101 is the same
/// cover again. A scheme never gives a deleted number to something else: GB/T 47678.5 leaves gaps instead.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CategoryCode {
    scheme: SchemeCode,
    kind: CategoryKind,
    number: String,
}

impl CategoryCode {
    /// # Errors
    /// [`CodeError`] unless the number is 1 to 64 ASCII letters, digits, `-`, `_`, `.`.
    pub fn new(scheme: SchemeCode, kind: CategoryKind, number: &str) -> Result<Self, CodeError> {
        if is_plain(number) && is_plain(kind.as_str()) {
            Ok(Self { scheme, kind, number: number.to_owned() })
        } else {
            Err(CodeError::new("category code", PLAIN, &format!("{kind}/{number}")))
        }
    }

    /// Reads `scheme/kind/number`, or `kind/number` within `default_scheme`.
    ///
    /// # Errors
    /// [`CodeError`] when it is neither.
    pub fn parse_within(text: &str, default_scheme: &SchemeCode) -> Result<Self, CodeError> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            [kind, number] => Self::new(default_scheme.clone(), CategoryKind::from(*kind), number),
            [scheme, kind, number] => Self::new(SchemeCode::new(scheme)?, CategoryKind::from(*kind), number),
            _ => Err(CodeError::new("category code", "write scheme/kind/number or kind/number", text)),
        }
    }

    /// Whether `text` has the form of a code, with its scheme or without, whatever pack knows it.
    #[must_use]
    pub fn is_formed(text: &str) -> bool {
        (2..=3).contains(&text.split('/').count()) && text.split('/').all(is_plain)
    }

    /// The kind that a code names, with its scheme or without.
    #[must_use]
    pub fn kind_in(text: &str) -> Option<&str> {
        text.rsplit('/').nth(1)
    }

    /// The scheme that the number belongs to.
    #[must_use]
    pub fn scheme(&self) -> &SchemeCode {
        &self.scheme
    }

    /// Component or matter; also the class of the audience that its cases belong to.
    #[must_use]
    pub fn kind(&self) -> &CategoryKind {
        &self.kind
    }

    /// The number as the standard prints it: `09006`.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.number
    }
}

impl fmt::Display for CategoryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.scheme, self.kind, self.number)
    }
}

impl FromStr for CategoryCode {
    type Err = CodeError;
    fn from_str(text: &str) -> Result<Self, CodeError> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            [scheme, kind, number] => Self::new(SchemeCode::new(scheme)?, CategoryKind::from(*kind), number),
            _ => Err(CodeError::new("category code", "write scheme/kind/number", text)),
        }
    }
}

as_text!(CategoryCode);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_code_reads_back_as_it_was_written() {
        for text in ["gbt47678.5-2026/matter/09006", "gbt47678.5-2026/component/01001", "cjt214-2007/event/0501"] {
            let code: CategoryCode = text.parse().unwrap();
            assert_eq!(code.to_string(), text);
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<CategoryCode>(&format!("\"{text}\"")).unwrap(), code);
        }
    }

    #[test]
    fn a_short_code_belongs_to_the_default_scheme() {
        let scheme = SchemeCode::new("gbt47678.5-2026").unwrap();
        let code = CategoryCode::parse_within("matter/09006", &scheme).unwrap();
        assert_eq!(code.to_string(), "gbt47678.5-2026/matter/09006");
        assert!("matter/09006".parse::<CategoryCode>().is_err());
    }

    #[test]
    fn what_is_no_code_is_refused_with_its_text() {
        for text in ["", "09006", "a/b/c/d", "a//c", "a/b/", "a/b/占道", "a/b/c d"] {
            let error = text.parse::<CategoryCode>().unwrap_err().to_string();
            assert!(error.contains("no "), "{error}");
        }
        for (text, formed) in
            [("a/b/1", true), ("matter/09006", true), ("09006", false), ("a/b/占道", false), ("a//c", false)]
        {
            assert_eq!(CategoryCode::is_formed(text), formed, "{text}");
        }
        assert!(AreaCode::new("东城").is_err());
        assert!(serde_json::from_str::<OrgCode>("\"\"").is_err());
    }
}
