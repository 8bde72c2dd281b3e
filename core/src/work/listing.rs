//! What lists, searches and maps show of an item, whatever its kind.

use crate::id::PhotoHash;
use crate::place::GeoPoint;

/// What is read out of an item's view for lists; what a kind does not have is none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listing<'a> {
    /// What screens call it, and what it is found by: a case's number, a person's code.
    pub label: Option<&'a str>,
    /// Its category.
    pub category: Option<&'a str>,
    /// The class of that category, by its name on the wire.
    pub class: Option<&'a str>,
    /// The area that it lies in.
    pub area: Option<&'a str>,
    /// The organisation that is to handle it.
    pub org: Option<&'a str>,
    /// When it was seen, to the minute, in milliseconds since 1970.
    pub occurred_at: Option<i64>,
    /// Where it is.
    pub place: Option<GeoPoint>,
    /// The photo that stands for it.
    pub thumbnail: Option<PhotoHash>,
    /// The texts that a search finds it by.
    pub words: Vec<&'a str>,
}
