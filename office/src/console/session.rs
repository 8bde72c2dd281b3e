//! Who is signed in. Sessions live in memory: whoever is signed in when the office ends signs in again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use xuncheng_core::clock::{Entropy, Moment};
use xuncheng_core::id::{Hash, PersonId};
use xuncheng_core::limits;

use super::frame::Flash;

/// The sessions of a running office.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<BTreeMap<Hash, Session>>);

/// One person at one browser.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// What the sessions are kept by: the cookie's value itself is nowhere kept.
    pub(super) key: Hash,
    /// What the ledger calls it. It opens nothing.
    pub(super) name: String,
    /// Who.
    pub(super) person: PersonId,
    ends: Moment,
    flash: Option<Flash>,
}

impl Sessions {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Hash, Session>> {
        // A map is whole whatever a panicking thread was doing with it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signs `person` in, and gives the cookie's value.
    pub(super) fn begin(&self, person: PersonId, now: Moment, entropy: &mut Entropy) -> String {
        let secret = hex::encode(entropy.bytes::<32>());
        let session = Session {
            key: key(&secret),
            name: hex::encode(entropy.bytes::<8>()),
            person,
            ends: now.plus_ms(limits::SESSION_MS),
            flash: None,
        };
        let mut all = self.all();
        all.retain(|_, session| session.ends > now);
        if all.len() >= limits::SESSIONS
            && let Some(first) = all.values().min_by_key(|session| session.ends).map(|session| session.key)
        {
            all.remove(&first);
        }
        all.insert(session.key, session);
        secret
    }

    /// The session of a cookie's value.
    pub(super) fn find(&self, secret: &str, now: Moment) -> Option<Session> {
        self.all().get(&key(secret)).filter(|session| session.ends > now).cloned()
    }

    /// Signs out.
    pub(super) fn end(&self, key: &Hash) {
        self.all().remove(key);
    }

    /// Keeps what the next page is to say.
    pub(super) fn say(&self, key: &Hash, flash: Flash) {
        if let Some(session) = self.all().get_mut(key) {
            session.flash = Some(flash);
        }
    }

    /// What is to be said on the page at `path`, once.
    pub(super) fn said(&self, key: &Hash, path: &str) -> Option<Flash> {
        self.all().get_mut(key)?.flash.take_if(|flash| flash.path == path)
    }
}

fn key(secret: &str) -> Hash {
    Hash::of("console/session", &[secret.as_bytes()])
}

/// The value of the cookie `name`.
pub(super) fn cookie<'a>(cookies: &'a str, name: &str) -> Option<&'a str> {
    cookies.split(';').find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;
    use xuncheng_core::clock::Seed;

    #[test]
    fn a_session_ends_by_itself_and_by_signing_out() {
        let sessions = Sessions::default();
        let (now, mut entropy) = (Moment::from_unix_ms(0), Seed::from_bytes([7; 32]).entropy());
        let secret = sessions.begin(PersonId::new("zhang").unwrap(), now, &mut entropy);
        let session = sessions.find(&secret, now).unwrap();
        assert_eq!(session.person.as_str(), "zhang");
        assert!(!secret.contains(&session.name) && !session.key.to_string().contains(&secret));
        assert!(sessions.find(&secret, now.plus_ms(limits::SESSION_MS)).is_none());
        sessions.end(&session.key);
        assert!(sessions.find(&secret, now).is_none());
        assert!(sessions.find("", now).is_none());
    }

    #[test]
    fn cookies_are_told_apart() {
        assert_eq!(cookie("a=1; xuncheng=2; xunchengx=3", "xuncheng"), Some("2"));
        assert_eq!(cookie("xunchengx=3", "xuncheng"), None);
    }
}
