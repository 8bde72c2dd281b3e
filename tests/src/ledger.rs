//! A ledger alone, without an office around it: the same entries give the same bytes, however they are sent.
//!
//! Pens write entries as phones do, into chains of their own; the ledger takes them in transactions of any size. Its
//! entropy hangs on the entry that is taken, so that two ledgers can be compared byte for byte.

use std::collections::BTreeMap;

use rusqlite::Connection;
use tempfile::TempDir;
use xuncheng_core::clock::{Entropy, Now, Seed};
use xuncheng_core::crypto::{SealingKey, SoftwareKey};
use xuncheng_core::id::{EntryId, EpochId, Hash, IncarnationId, ItemId, PersonId};
use xuncheng_core::journal::entry::{Change, Entry};
use xuncheng_core::journal::ledger::{Intake, LedgerError, Office, Sender, Taken};
use xuncheng_core::journal::verdict::Verdict;
use xuncheng_core::journal::version::Version;
use xuncheng_core::journal::write::{Author, Draft, Seen, WriteError, write};
use xuncheng_core::pack::{Pack, people};
use xuncheng_core::store::{self, items, judgements};
use xuncheng_core::work::person::PERSON;

use crate::world::MORNING;

fn entropy(of: &[u8]) -> Entropy {
    Seed::from_bytes(*Hash::of("test", &[of]).as_bytes()).entropy()
}

fn at(minute: i64) -> Now {
    let ms = minute * 60_000;
    Now {
        wall: MORNING.plus_ms(ms),
        monotonic_ms: u64::try_from(ms).expect("minutes after the morning"),
        boot_id: "boot".to_owned(),
    }
}

/// Somebody who writes entries, chained as a phone chains them.
pub struct Pen {
    conn: Connection,
    author: Author,
    draws: u64,
    name: String,
    _folder: TempDir,
}

impl Pen {
    /// The pen with this name, in the hand of `person`.
    #[must_use]
    pub fn of(person: &str, name: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let conn = store::open(&folder.path().join("pen.sqlite")).expect("a store can be made");
        conn.pragma_update(None, "synchronous", "OFF").expect("nobody pulls this plug");
        let author = Author {
            incarnation: IncarnationId::from_bytes(entropy(name.as_bytes()).bytes()),
            who: PersonId::new(person).expect("a person's code is ASCII"),
            last_exchange: None,
            session: None,
        };
        Self { conn, author, draws: 0, name: name.to_owned(), _folder: folder }
    }

    /// Who sends what this pen writes.
    #[must_use]
    pub fn sender(&self) -> Sender {
        Sender { incarnation: self.author.incarnation, person: self.author.who.clone(), revoked: false }
    }

    /// Writes an entry that saw `seen`.
    ///
    /// # Panics
    /// Where the entry is over its bounds.
    pub fn write(&mut self, item: Option<ItemId>, change: Change, seen: Option<Version>) -> (ItemId, Entry) {
        self.try_write(item, change, seen).expect("an entry within its bounds")
    }

    /// Writes an entry that saw `seen`.
    ///
    /// # Errors
    /// Where the entry is over its bounds.
    pub fn try_write(
        &mut self,
        item: Option<ItemId>,
        change: Change,
        seen: Option<Version>,
    ) -> Result<(ItemId, Entry), WriteError> {
        self.draws += 1;
        let mut entropy = entropy(format!("{} {}", self.name, self.draws).as_bytes());
        let draft = Draft {
            item,
            kind: "case".to_owned(),
            change,
            fix: None,
            seen: seen.map_or(Seen::Held, |seen| Seen::Form(Some(seen))),
            cause: None,
        };
        let tx = self.conn.transaction().expect("a transaction begins");
        let written = write(&tx, &self.author, draft, &at(0), &mut entropy)?;
        tx.commit().expect("a transaction ends");
        Ok((written.header.item, written.entry))
    }
}

/// The ledger alone.
pub struct Ledger {
    conn: Connection,
    pack: Pack,
    sealing: SealingKey,
    node: Author,
    signer: SoftwareKey,
    _folder: TempDir,
}

impl Ledger {
    /// A ledger that knows the people of the example district.
    #[must_use]
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let conn = store::open(&folder.path().join("ledger.sqlite")).expect("a ledger can be made");
        conn.pragma_update(None, "synchronous", "OFF").expect("nobody pulls this plug");
        let node = Author {
            incarnation: IncarnationId::from_bytes([0xEE; 16]),
            who: PersonId::new("office").expect("a person's code is ASCII"),
            last_exchange: None,
            session: None,
        };
        let pack = Pack::bazhou().expect("the example pack is sound");
        let sealing = SealingKey::generate(&mut entropy(b"sealing"));
        let signer = SoftwareKey::generate(&mut entropy(b"signer"));
        let mut ledger = Self { conn, pack, sealing, node, signer, _folder: folder };
        ledger.import_people();
        ledger
    }

    fn import_people(&mut self) {
        let records = people::parse(people::BAZHOU, &self.pack).expect("the example people are sound");
        for record in records {
            let fields: BTreeMap<String, serde_json::Value> = [
                ("code".to_owned(), serde_json::json!(record.id)),
                ("name".to_owned(), serde_json::json!(record.name)),
                ("roles".to_owned(), serde_json::json!(record.roles)),
                ("org".to_owned(), serde_json::json!(record.org)),
                ("areas".to_owned(), serde_json::json!(record.areas)),
            ]
            .into();
            let change = Change::Open { fields };
            let draft = Draft { item: None, kind: PERSON.to_owned(), change, fix: None, seen: Seen::Held, cause: None };
            let node = self.node.clone();
            self.turn(record.id.as_str().as_bytes(), |intake| intake.write(&node, draft).map(|_| ()))
                .expect("a person is opened");
        }
    }

    fn turn<T>(
        &mut self,
        draw: &[u8],
        work: impl FnOnce(&mut Intake<'_, '_>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let tx = self.conn.transaction().expect("a transaction begins");
        let office = Office {
            pack: &self.pack,
            epoch: EpochId::from_bytes([1; 16]),
            sealing: &self.sealing,
            node: &self.node,
            signer: &self.signer,
        };
        let now = at(1);
        let mut entropy = entropy(draw);
        let mut intake = Intake::new(&tx, office, &now, &mut entropy);
        let done = work(&mut intake)?;
        intake.finish()?;
        tx.commit().expect("a transaction ends");
        Ok(done)
    }

    /// Takes these entries in one transaction.
    ///
    /// # Panics
    /// Where one is refused.
    pub fn take_together(&mut self, entries: &[(Sender, Entry)]) {
        let tx = self.conn.transaction().expect("a transaction begins");
        let now = at(1);
        for (sender, entry) in entries {
            let office = Office {
                pack: &self.pack,
                epoch: EpochId::from_bytes([1; 16]),
                sealing: &self.sealing,
                node: &self.node,
                signer: &self.signer,
            };
            let mut entropy = entropy(entry.header_hash().as_bytes());
            let mut intake = Intake::new(&tx, office, &now, &mut entropy);
            intake.take(entry.clone(), sender).expect("an entry that continues its chain is taken");
            intake.finish().expect("a turn ends");
        }
        tx.commit().expect("a transaction ends");
    }

    /// Takes one entry.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn take(&mut self, sender: &Sender, entry: &Entry) -> Result<Taken, LedgerError> {
        self.turn(entry.header_hash().as_bytes(), |intake| intake.take(entry.clone(), sender))
    }

    /// Writes an edit of a case by the office itself.
    ///
    /// # Panics
    /// Where it is not taken.
    pub fn edit_once(&mut self, cause: &str, item: ItemId, field: &str, value: serde_json::Value) {
        let fields = [(field.to_owned(), value)].into();
        self.turn(cause.as_bytes(), |intake| intake.write_once(cause, item, "case", fields))
            .expect("the office may edit");
    }

    /// What was decided about an entry.
    ///
    /// # Panics
    /// Where it was not judged.
    #[must_use]
    pub fn verdict(&self, entry: EntryId) -> Verdict {
        judgements::get(&self.conn, entry)
            .expect("the ledger can be read")
            .expect("the entry was judged")
            .judgement
            .verdict
    }

    /// For reading.
    #[must_use]
    pub const fn conn(&self) -> &Connection {
        &self.conn
    }

    /// The version that an item is at.
    #[must_use]
    pub fn version(&self, item: ItemId) -> Option<Version> {
        items::view(&self.conn, item).expect("the ledger can be read").map(|view| view.version)
    }

    /// Everything that the ledger says of entries, verdicts, items, versions and feeds, as text that can be compared.
    #[must_use]
    pub fn whole(&self) -> String {
        let mut whole = String::new();
        for (what, sql) in [
            (
                "entry",
                "SELECT hex(id) || header || origin || sealed || body || private || coalesce(cause, '') FROM entry ORDER BY id",
            ),
            ("judgement", "SELECT hex(entry) || position || verdict || judgement FROM judgement ORDER BY position"),
            ("item", "SELECT hex(id) || view || coalesce(label, '') || coalesce(area, '') FROM item ORDER BY id"),
            (
                "item_version",
                "SELECT hex(item) || count || hex(history) || hex(entry) FROM item_version ORDER BY item, count",
            ),
            ("membership", "SELECT hex(item) || audience FROM membership ORDER BY item, audience"),
            ("feed", "SELECT audience || position || row FROM feed ORDER BY audience, position"),
            ("attachment", "SELECT hex(entry) || hex(sha256) || hex(item) FROM attachment ORDER BY entry, sha256"),
        ] {
            let mut statement = self.conn.prepare(sql).expect("a statement of the tests");
            let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("the ledger can be read");
            for row in rows {
                whole.push_str(what);
                whole.push(' ');
                whole.push_str(&row.expect("no part of a ledger alone is withheld"));
                whole.push('\n');
            }
        }
        whole
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}
