//! The ledger as one process holds it: the SQLite file, the keys, the rules, and turns at them.
//!
//! The office has one [`Ledger`] on its writer thread. A command beside a running office may open another: every counter
//! is read and bumped inside the transaction, so that two processes take turns like two requests.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use xuncheng_core::clock::Entropy;
use xuncheng_core::crypto::{PublicKey, Signed, Signer, SoftwareKey};
use xuncheng_core::id::{EntryId, EpochId, Hash, IncarnationId, PersonId};
use xuncheng_core::journal::entry::Entry;
use xuncheng_core::journal::ledger::{Intake, Office as Standing, Said};
use xuncheng_core::journal::seal::BatchSeal;
use xuncheng_core::journal::verdict::Judgement;
use xuncheng_core::journal::write::Author;
use xuncheng_core::pack::Pack;
use xuncheng_core::store::meta::{self, key};
use xuncheng_core::store::schema::{self, Migrations};
use xuncheng_core::store::{self, StoreError, entries, erased, judgements};
use xuncheng_core::sync::code::EnrolmentCode;
use xuncheng_core::sync::wire::{Certificate, Epoch};

use crate::clock::{Clock, EntropySource};
use crate::codes::{self, Code};
use crate::config::{Address, Config};
use crate::devices::{self, Device};
use crate::erasures;
use crate::error::OfficeError;
use crate::folder::DataFolder;
use crate::held::{self, Held};
use crate::keys::Keys;

/// The office's own tables.
pub const OFFICE: Migrations = Migrations {
    component: "office",
    files: &[
        include_str!("../migrations/0001_office.sql"),
        include_str!("../migrations/0002_sending.sql"),
        include_str!("../migrations/0003_parcel.sql"),
        include_str!("../migrations/0004_erased.sql"),
    ],
};

/// Facts about an office in the ledger's `meta`, beside those of core.
pub(crate) mod fact {
    /// The district's root key (public).
    pub(crate) const ROOT: &str = "office/root";
    /// The node's and the sealing key, certified by the root key.
    pub(crate) const CERTIFICATE: &str = "office/certificate";
    /// Where phones reach this office.
    pub(crate) const URL: &str = "office/url";
    /// The hash of `people.toml` as it was read last.
    pub(crate) const PEOPLE: &str = "office/people";
    /// The newest verified backup.
    pub(crate) const BACKUP: &str = "office/backup";
    /// The place that it is in.
    pub(crate) const BACKUP_PLACE: &str = "office/backup_place";
    /// A counter: what phones brought back on this branch.
    pub(crate) const RECOVERED: &str = "office/recovered";
    /// A counter: what they brought and what had no place here.
    pub(crate) const NOT_RECOVERED: &str = "office/not_recovered";
    /// A counter: requests for entries and feeds.
    pub(crate) const SYNC_REQUESTS: &str = "office/sync_requests";
    /// A counter: bytes of originals that came.
    pub(crate) const BYTES_RECEIVED: &str = "office/bytes_received";
    /// A counter: bytes of originals that came and were here already, or were thrown away.
    pub(crate) const BYTES_RESENT: &str = "office/bytes_resent";
}

/// Who the office is when it writes of itself; nobody else may have this code.
pub(crate) const OFFICE_PERSON: &str = "office";

/// What does not change while an office runs.
pub(crate) struct Grounds {
    pub(crate) folder: DataFolder,
    pub(crate) pack: Pack,
    pub(crate) clock: Clock,
    pub(crate) entropy: EntropySource,
    pub(crate) keys: Keys,
    pub(crate) root: PublicKey,
    pub(crate) certificate: Signed<Certificate>,
    branch: Mutex<Arc<Branch>>,
}

/// The branch of its history that the ledger is on. It changes while an office runs where a phone shows that the ledger was put
/// back by hand.
pub(crate) struct Branch {
    pub(crate) epoch: Epoch,
    pub(crate) signed_epoch: Signed<Epoch>,
    /// The hand of the office itself.
    pub(crate) node: Author,
}

impl Branch {
    fn read(conn: &Connection, keys: &Keys) -> Result<Self, OfficeError> {
        let signed_epoch: Signed<Epoch> = meta::get(conn, key::EPOCH)?.ok_or_else(|| said("epoch"))?;
        let epoch = signed_epoch.open(&keys.node.public_key())?;
        let incarnation = meta::get(conn, key::INCARNATION)?.ok_or_else(|| said("incarnation"))?;
        let node = Author { incarnation, who: office_person()?, last_exchange: None, session: None };
        Ok(Self { epoch, signed_epoch, node })
    }
}

fn said(what: &str) -> OfficeError {
    OfficeError::Setup(format!("the ledger does not say its {what}; restore it from a backup"))
}

impl Grounds {
    /// The key that the office signs with.
    pub(crate) fn signer(&self) -> &dyn Signer {
        &self.keys.node
    }

    /// The branch that the ledger is on.
    pub(crate) fn branch(&self) -> Arc<Branch> {
        // It is whole whatever a panicking thread was doing.
        Arc::clone(&self.branch.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The hand of the office itself.
    pub(crate) fn node(&self) -> Author {
        self.branch().node.clone()
    }

    /// As [`Self::branch`], after a look into the ledger: another turn, or another process, may have begun a new one.
    fn branch_of(&self, conn: &Connection) -> Result<Arc<Branch>, OfficeError> {
        let known = self.branch();
        if meta::get(conn, key::INCARNATION)? == Some(known.node.incarnation) {
            return Ok(known);
        }
        let now = Arc::new(Branch::read(conn, &self.keys)?);
        *self.branch.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&now);
        Ok(now)
    }
}

/// The ledger, open for writing.
pub struct Ledger {
    conn: Connection,
    grounds: Arc<Grounds>,
}

impl Ledger {
    /// Opens the ledger of an office that was set up, whether it runs or not.
    ///
    /// # Errors
    /// [`StoreError::NoStore`] within [`OfficeError::Store`] where there is none, and whatever keeps it from being read.
    pub fn open(config: &Config) -> Result<Self, OfficeError> {
        let folder = DataFolder::at(&config.data);
        if !folder.ledger().exists() {
            return Err(StoreError::NoStore(config.data.clone()).into());
        }
        let keys = Keys::load(&folder)?;
        Self::open_with(config, folder, keys, &mut config.entropy.fresh()?)
    }

    /// Opens the ledger, and sets it up at the first start.
    pub(crate) fn open_with(
        config: &Config,
        folder: DataFolder,
        keys: Keys,
        entropy: &mut Entropy,
    ) -> Result<Self, OfficeError> {
        let mut conn = open_tables(&folder.ledger())?;
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::from)?;
        let pack = pack(&tx, config)?;
        let founding = found(&tx, &pack, &keys, entropy)?;
        tx.commit().map_err(StoreError::from)?;
        let Founding { root, certificate } = founding;
        let branch = Mutex::new(Arc::new(Branch::read(&conn, &keys)?));
        let (clock, entropy) = (config.clock.clone(), config.entropy.clone());
        let grounds = Grounds { folder, pack, clock, entropy, keys, root, certificate, branch };
        let mut ledger = Self { conn, grounds: Arc::new(grounds) };
        erasures::keep(&mut ledger)?;
        Ok(ledger)
    }

    pub(crate) const fn grounds(&self) -> &Arc<Grounds> {
        &self.grounds
    }

    /// As [`Office::new_code`](crate::Office::new_code), beside a running office or without one.
    ///
    /// # Errors
    /// As there.
    pub fn new_code(&mut self, person: &PersonId, office: Option<Address>) -> Result<EnrolmentCode, OfficeError> {
        let grounds = Arc::clone(&self.grounds);
        self.turn(|intake| codes::make(intake, &grounds, person, office))
    }

    /// All codes, newest first, without their secrets.
    ///
    /// # Errors
    /// [`OfficeError::Store`].
    pub fn codes(&self) -> Result<Vec<Code>, OfficeError> {
        codes::list(&self.conn, self.grounds.clock.now().wall)
    }

    /// Revokes the code with this number.
    ///
    /// # Errors
    /// [`OfficeError::NoCode`], [`OfficeError::CodeUsed`].
    pub fn revoke_code(&mut self, number: u64) -> Result<(), OfficeError> {
        self.turn(|intake| codes::revoke(intake, number))
    }

    /// All devices, by person.
    ///
    /// # Errors
    /// [`OfficeError::Store`].
    pub fn devices(&self) -> Result<Vec<Device>, OfficeError> {
        devices::list(&self.conn)
    }

    /// Revokes a device by the office's own hand.
    ///
    /// # Errors
    /// As [`devices::revoke`].
    pub fn revoke_device(&mut self, incarnation: IncarnationId) -> Result<(), OfficeError> {
        let node = self.grounds.node();
        self.turn(|intake| devices::revoke(intake, &node, incarnation))
    }

    /// What waits for a person, newest first, and how many there are in all.
    ///
    /// # Errors
    /// [`OfficeError::Store`].
    pub fn held(&self) -> Result<(Vec<Held>, u64), OfficeError> {
        Ok((held::list(&self.conn)?, judgements::held_count(&self.conn)?))
    }

    /// Says something of a held entry in `person`'s name.
    ///
    /// # Errors
    /// As [`held::rule`].
    pub fn rule(&mut self, person: PersonId, said: &Said) -> Result<Vec<Judgement>, OfficeError> {
        let author = Author { who: person, ..self.grounds.node() };
        self.turn(|intake| held::rule(intake, &author, said))
    }

    /// Erases the private part of an entry in `person`'s name, for a reason that is kept.
    ///
    /// # Errors
    /// [`OfficeError::NothingToErase`]; [`OfficeError::NotDone`] with the reason; nothing was done then. Those of the file that
    /// says what was erased: then it is erased, and the file is written when the office starts next.
    pub fn erase(&mut self, person: PersonId, entry: EntryId, reason: &str) -> Result<(), OfficeError> {
        let author = Author { who: person, ..self.grounds.node() };
        self.turn(|intake| Ok(intake.erase(&author, entry, reason)?))?;
        erasures::keep(self)
    }

    /// For reading between turns.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        &self.conn
    }

    /// One turn: all that `work` writes is committed before this returns, or nothing is.
    ///
    /// What the office's own incarnation wrote in it, console entries included, is sealed by the node's key.
    ///
    /// # Errors
    /// Those of `work`, and of the store; [`OfficeError::Panic`] where `work` panicked.
    pub fn turn<T>(
        &mut self,
        work: impl FnOnce(&mut Intake<'_, '_>) -> Result<T, OfficeError>,
    ) -> Result<T, OfficeError> {
        let grounds = Arc::clone(&self.grounds);
        let now = grounds.clock.now();
        let mut entropy = grounds.entropy.fresh()?;
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::from)?;
        let branch = grounds.branch_of(&tx)?;
        let before = entries::head(&tx, branch.node.incarnation)?;
        let standing = Standing {
            pack: &grounds.pack,
            epoch: branch.epoch.id,
            sealing: &grounds.keys.sealing,
            node: &branch.node,
            signer: grounds.signer(),
        };
        let mut intake = Intake::new(&tx, standing, &now, &mut entropy);
        let whole = move || {
            let done = work(&mut intake)?;
            intake.finish()?;
            Ok(done)
        };
        let done = catch_unwind(AssertUnwindSafe(whole)).unwrap_or(Err(OfficeError::Panic))?;
        seal_own(&tx, &grounds, branch.node.incarnation, before.seq, &now)?;
        tx.commit().map_err(StoreError::from)?;
        // What was written is written: what could not be done now is done after the next turn.
        if let Err(error) = erased::leave_no_log(&self.conn) {
            tracing::warn!(%error, "what was erased still stands in the write-ahead log");
        }
        grounds.branch_of(&self.conn)?;
        Ok(done)
    }
}

/// Opens the tables of core and office at `path`, brought up to date.
pub(crate) fn open_tables(path: &Path) -> Result<Connection, OfficeError> {
    let mut conn = store::open(path)?;
    schema::migrate(&mut conn, OFFICE)?;
    Ok(conn)
}

/// The code under which the office writes of itself.
pub(crate) fn office_person() -> Result<PersonId, OfficeError> {
    PersonId::new(OFFICE_PERSON).map_err(|error| OfficeError::Setup(error.to_string()))
}

/// Signs for what the office's own incarnation wrote above `before`.
fn seal_own(
    tx: &Transaction<'_>,
    grounds: &Grounds,
    incarnation: IncarnationId,
    before: u64,
    now: &xuncheng_core::clock::Now,
) -> Result<(), OfficeError> {
    let head = entries::head(tx, incarnation)?;
    if head.seq == before {
        return Ok(());
    }
    let count = usize::try_from(head.seq - before).unwrap_or(usize::MAX);
    let hashes: Vec<Hash> = entries::after(tx, incarnation, before, count)?.iter().map(Entry::header_hash).collect();
    let seal = BatchSeal::over(incarnation, &hashes, head, now.clone());
    entries::insert_seal(tx, &seal, &Signed::new(&seal, grounds.signer())?, Some(now.wall))?;
    Ok(())
}

/// The district's rules: those that are given now, or those that were given last. An office that starts with new ones keeps
/// them in the ledger once its people fit them (see [`people::import`](crate::people::import)), so that every command and
/// every backup has them.
fn pack(tx: &Transaction<'_>, config: &Config) -> Result<Pack, OfficeError> {
    if let Some(folder) = &config.pack {
        return Ok(Pack::from_folder(folder)?);
    }
    match meta::get::<String>(tx, key::PACK)? {
        Some(document) => Ok(Pack::from_json(&document)?),
        None => Ok(Pack::bazhou()?),
    }
}

/// What is said once, when an office is founded.
struct Founding {
    root: PublicKey,
    certificate: Signed<Certificate>,
}

fn found(tx: &Transaction<'_>, pack: &Pack, keys: &Keys, entropy: &mut Entropy) -> Result<Founding, OfficeError> {
    if meta::get::<IncarnationId>(tx, key::INCARNATION)?.is_none() {
        let root = keys.root.as_ref().ok_or_else(|| {
            OfficeError::Setup(
                "the first start needs keys/root.key, which certifies the office's other keys".to_owned(),
            )
        })?;
        let certificate = Certificate {
            district: pack.about().name.clone(),
            node: keys.node.public_key(),
            sealing: keys.sealing.public_key().clone(),
        };
        let epoch = Epoch { counter: 1, id: EpochId::from_bytes(entropy.bytes()), parent: None };
        meta::set(tx, fact::ROOT, &root.public_key())?;
        meta::set(tx, fact::CERTIFICATE, &Signed::new(&certificate, root)?)?;
        begin_epoch(tx, &epoch, &keys.node, entropy)?;
    }
    Ok(Founding {
        root: meta::get(tx, fact::ROOT)?.ok_or_else(|| said("root key"))?,
        certificate: meta::get(tx, fact::CERTIFICATE)?.ok_or_else(|| said("certificate"))?,
    })
}

/// Puts the ledger onto `epoch`, where the office writes a journal of its own from the first entry on.
pub(crate) fn begin_epoch(
    tx: &Transaction<'_>,
    epoch: &Epoch,
    node: &SoftwareKey,
    entropy: &mut Entropy,
) -> Result<(), OfficeError> {
    meta::set(tx, key::EPOCH, &Signed::new(epoch, node)?)?;
    meta::set(tx, key::INCARNATION, &IncarnationId::from_bytes(entropy.bytes()))?;
    // What was brought back is counted on each branch by itself.
    for name in [fact::RECOVERED, fact::NOT_RECOVERED] {
        tx.execute("DELETE FROM tally WHERE name = ?1", [name])?;
    }
    Ok(())
}
