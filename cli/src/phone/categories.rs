//! The categories of the phone's district pack: all, those that a word finds, those that are near a wrong one.

use serde_json::json;
use xuncheng_core::pack::{Category, Pack};

use crate::print;

/// How many near ones are worth a line.
const NEAR: usize = 3;
/// From here on two names have enough characters in common to be taken for each other: 盲到 and 盲道破损.
const ALIKE: f64 = 0.6;

/// Lists the categories that `word` finds, in the standard's order; all of them without one.
pub(super) fn list(pack: &Pack, word: Option<&str>, json: bool) -> anyhow::Result<()> {
    let word = word.unwrap_or_default();
    let found = pack.search_categories(word);
    if found.is_empty() && !json {
        let near: Vec<&str> = near(pack, word).into_iter().map(|near| near.name.as_str()).collect();
        let near = if near.is_empty() { String::new() } else { format!("; near it: {}", near.join(", ")) };
        anyhow::bail!("no category is found by {word:?}{near}; a shorter word finds more");
    }
    let rows = found.into_iter().map(|category| {
        let code = short(pack, category);
        (
            json!({ "code": category.code, "short": code, "name": category.name, "class": category.major_name }),
            vec![code, category.name.clone(), category.major_name.clone()],
        )
    });
    print::rows(json, &["code", "category", "class"], rows)
}

/// A category's code as short as `--category` takes it: `matter/09006` within the pack's own scheme.
pub(super) fn short(pack: &Pack, category: &Category) -> String {
    let code = category.code.to_string();
    let scheme = format!("{}/", pack.catalogue().default_scheme());
    code.strip_prefix(&scheme).map(str::to_owned).unwrap_or(code)
}

/// The categories that somebody may have meant by `text`, likeliest first.
pub(super) fn near<'a>(pack: &'a Pack, text: &str) -> Vec<&'a Category> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let number = text.rsplit('/').next().unwrap_or(text);
    let mut found = pack.search_categories(text);
    if found.is_empty() {
        found = pack.search_categories(number);
    }
    if found.is_empty() {
        let alike = |category: &Category| {
            strsim::jaro_winkler(text, &category.name).max(strsim::jaro_winkler(number, category.code.number()))
        };
        let all = pack.catalogue().all().iter().map(|category| (alike(category), category));
        let mut ranked: Vec<(f64, &Category)> = all.filter(|(alike, _)| *alike >= ALIKE).collect();
        // Of those that are equally near, the standard's order stays.
        ranked.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        found = ranked.into_iter().map(|(_, category)| category).collect();
    }
    found.truncate(NEAR);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near_to(text: &str) -> Vec<String> {
        let pack = Pack::bazhou().unwrap();
        near(&pack, text).into_iter().map(|category| category.name.clone()).collect()
    }

    #[test]
    fn a_synonym_a_wrong_character_and_a_number_without_its_zero_lead_to_the_category() {
        assert_eq!(near_to("牛皮癣"), ["非法小广告"]);
        assert_eq!(near_to("污水井盖子").first().unwrap(), "污水井盖");
        assert_eq!(near_to("matter/9006").first().unwrap(), "占道经营");
        assert!(near_to("component/09006").contains(&"占道经营".to_owned()), "of the other kind");
    }

    #[test]
    fn what_is_like_nothing_is_near_nothing() {
        for text in ["飞碟", "", "  ", "！？"] {
            assert!(near_to(text).is_empty(), "{text:?}: {:?}", near_to(text));
        }
        assert!(near_to("井").len() <= NEAR);
    }
}
