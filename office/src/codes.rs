//! One-time enrolment codes: made for a person, used once, listed, revoked.

use rusqlite::{Connection, OptionalExtension as _, Row};
use xuncheng_core::clock::Moment;
use xuncheng_core::id::{Hash, IncarnationId, PersonId};
use xuncheng_core::journal::ledger::Intake;
use xuncheng_core::limits;
use xuncheng_core::store::{items, meta};
use xuncheng_core::sync::code::EnrolmentCode;
use xuncheng_core::work::person::PERSON;

use crate::config::Address;
use crate::error::OfficeError;
use crate::ledger::{Grounds, fact};

/// A code as the office remembers it: without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// What people name it by.
    pub number: u64,
    /// Whose it is.
    pub person: PersonId,
    /// When it was made.
    pub created_at: Moment,
    /// Until when it can be used.
    pub expires_at: Moment,
    /// What has become of it.
    pub state: CodeState,
}

/// What has become of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeState {
    /// It can be used.
    Open,
    /// This device used it.
    Used(IncarnationId),
    /// Nobody used it in time.
    Expired,
    /// It was revoked.
    Revoked,
}

/// Why an enrolment code opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeProblem {
    /// There is no such secret.
    Wrong,
    /// It was used already.
    Used,
    /// It has expired.
    Expired,
    /// It was revoked.
    Revoked,
    /// It is another person's.
    WrongPerson,
}

impl CodeProblem {
    /// What programs call it.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Wrong => "wrong_code",
            Self::Used => "used_code",
            Self::Expired => "expired_code",
            Self::Revoked => "revoked_code",
            Self::WrongPerson => "wrong_person",
        }
    }

    /// What people are told.
    pub(crate) const fn detail(self) -> &'static str {
        match self {
            Self::Wrong => "this enrolment code is not one of this office's; check it letter by letter",
            Self::Used => "this enrolment code was used already; ask the office for a new one",
            Self::Expired => "this enrolment code has expired; ask the office for a new one",
            Self::Revoked => "this enrolment code was revoked; ask the office for a new one",
            Self::WrongPerson => "this enrolment code was made for somebody else",
        }
    }
}

/// Makes a code for `person`; `office` is the address that the phone will be told.
pub(crate) fn make(
    intake: &mut Intake<'_, '_>,
    grounds: &Grounds,
    person: &PersonId,
    office: Option<Address>,
) -> Result<EnrolmentCode, OfficeError> {
    if items::labelled(intake.tx, PERSON, person.as_str())?.is_none() {
        return Err(OfficeError::Setup(format!("there is no person {person} in people.toml")));
    }
    let address = match office {
        Some(address) => Some(address.to_string()),
        None => meta::get(intake.tx, fact::URL)?,
    };
    let office = address.ok_or_else(|| {
        OfficeError::Setup(
            "this office has no address yet: start it once, or say what address phones are to use".to_owned(),
        )
    })?;
    let secret = secret(&intake.entropy.bytes());
    let now = intake.now.wall;
    let number: u64 =
        intake.tx.query_row("SELECT coalesce(max(number), 0) + 1 FROM office_code", [], |row| row.get(0))?;
    intake.tx.execute(
        "INSERT INTO office_code (secret, number, person, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        (hash(&secret), number, person.as_str(), now, now.plus_ms(limits::ENROLMENT_MS)),
    )?;
    Ok(EnrolmentCode { office, person: person.clone(), secret, root: grounds.root.fingerprint() })
}

/// All codes, newest first.
///
/// # Errors
/// [`OfficeError::Store`].
pub fn list(conn: &Connection, now: Moment) -> Result<Vec<Code>, OfficeError> {
    let mut statement = conn.prepare_cached(
        "SELECT number, person, created_at, expires_at, revoked_at, used_by FROM office_code ORDER BY number DESC",
    )?;
    let rows = statement.query_map([], |row| read(row, now))?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?)
}

fn read(row: &Row<'_>, now: Moment) -> rusqlite::Result<Code> {
    let used: Option<IncarnationId> = row.get("used_by")?;
    let revoked: Option<Moment> = row.get("revoked_at")?;
    let expires_at: Moment = row.get("expires_at")?;
    let state = match (used, revoked) {
        (Some(by), _) => CodeState::Used(by),
        (None, Some(_)) => CodeState::Revoked,
        (None, None) if expires_at < now => CodeState::Expired,
        (None, None) => CodeState::Open,
    };
    Ok(Code {
        number: row.get("number")?,
        person: crate::devices::person(row, "person")?,
        created_at: row.get("created_at")?,
        expires_at,
        state,
    })
}

/// Revokes the code with this number. One that has expired or was revoked opens nothing as it is.
///
/// # Errors
/// [`OfficeError::NoCode`], [`OfficeError::CodeUsed`].
pub(crate) fn revoke(intake: &Intake<'_, '_>, number: u64) -> Result<(), OfficeError> {
    let now = intake.now.wall;
    let stored = i64::try_from(number).map_err(|_| OfficeError::NoCode(number))?;
    let code = intake
        .tx
        .prepare_cached(
            "SELECT number, person, created_at, expires_at, revoked_at, used_by FROM office_code WHERE number = ?1",
        )?
        .query_row([stored], |row| read(row, now))
        .optional()?;
    match code.ok_or(OfficeError::NoCode(number))?.state {
        CodeState::Open => {
            intake.tx.execute("UPDATE office_code SET revoked_at = ?2 WHERE number = ?1", (stored, now))?;
            Ok(())
        }
        CodeState::Expired | CodeState::Revoked => Ok(()),
        CodeState::Used(_) => Err(OfficeError::CodeUsed(number)),
    }
}

/// Checks the secret of `person` for `incarnation`; true where this incarnation used it already and asks again.
pub(crate) fn open(
    intake: &Intake<'_, '_>,
    secret: &str,
    person: &PersonId,
    incarnation: IncarnationId,
) -> Result<bool, OfficeError> {
    let found = intake
        .tx
        .prepare_cached(
            "SELECT number, person, created_at, expires_at, revoked_at, used_by FROM office_code WHERE secret = ?1",
        )?
        .query_row([hash(secret)], |row| read(row, intake.now.wall))
        .optional()?;
    let refused = |problem| Err(OfficeError::Code(problem));
    match found {
        None => refused(CodeProblem::Wrong),
        Some(code) if code.person != *person => refused(CodeProblem::WrongPerson),
        Some(code) => match code.state {
            CodeState::Open => Ok(false),
            CodeState::Used(by) if by == incarnation => Ok(true),
            CodeState::Used(_) => refused(CodeProblem::Used),
            CodeState::Expired => refused(CodeProblem::Expired),
            CodeState::Revoked => refused(CodeProblem::Revoked),
        },
    }
}

/// Marks the secret as used up.
pub(crate) fn use_up(intake: &Intake<'_, '_>, secret: &str, incarnation: IncarnationId) -> Result<(), OfficeError> {
    intake.tx.execute(
        "UPDATE office_code SET used_at = ?2, used_by = ?3 WHERE secret = ?1",
        (hash(secret), intake.now.wall, incarnation),
    )?;
    Ok(())
}

/// Letters and digits that are not mistaken for each other (Crockford's base 32).
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// `K7QM-3ZTA-9WXE-01RS`: 80 random bits that a person can read out.
fn secret(random: &[u8; 16]) -> String {
    let letters: Vec<char> = random.iter().map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// What is kept of a secret: nobody finds its 80 random bits from it within the day that they are good for.
fn hash(secret: &str) -> Hash {
    let letters: String = secret.chars().filter(char::is_ascii_alphanumeric).collect();
    Hash::of("enrolment secret", &[letters.to_ascii_uppercase().as_bytes()])
}
