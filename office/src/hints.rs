//! `POST /v1/hints`: is there something for this phone? The answer waits until there is, so that a phone in somebody's hand need
//! not ask again and again.
//!
//! It says yes or no by the phone's own feeds alone, as its page is built from them (docs/protocol.md, 6), and looks at most once
//! a second: what happens elsewhere in the ledger shows neither in the answer nor in when it comes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use tokio::time::{Instant, sleep_until};
use xuncheng_core::id::IncarnationId;
use xuncheng_core::limits;
use xuncheng_core::sync::page;
use xuncheng_core::sync::wire::{HintRequest, HintResponse};

use crate::body;
use crate::devices::Device;
use crate::error::OfficeError;
use crate::office::Office;

/// One phone waits so often at once: it may have changed its network, and the office not have noticed.
const OF_ONE_PHONE: usize = 4;

pub(crate) async fn hint(State(office): State<Arc<Office>>, body: Body) -> Result<Response, OfficeError> {
    let (request, device): (HintRequest, Device) = body::signed(&office, body).await?;
    let nonce = request.nonce;
    let _place = office.hints().place(device.incarnation)?;
    let news = wait(&office, device.incarnation, request).await?;
    body::answer(office.grounds(), &HintResponse { nonce, news })
}

async fn wait(office: &Arc<Office>, incarnation: IncarnationId, request: HintRequest) -> Result<bool, OfficeError> {
    // Another branch of the ledger is something to learn of.
    if request.epoch != office.epoch().id {
        return Ok(true);
    }
    let end = Instant::now() + Duration::from_millis(office.config().hint_ms);
    let mut turns = office.turns();
    loop {
        // The office ends: whoever waits may ask the next one.
        if turns.borrow_and_update().is_closing {
            return Ok(false);
        }
        let positions = request.positions.clone();
        if office.read(move |conn| Ok(page::is_news(conn, incarnation, &positions)?)).await? {
            return Ok(true);
        }
        let look = Instant::now() + Duration::from_millis(limits::HINT_LOOK_MS);
        tokio::select! {
            () = sleep_until(end) => return Ok(false),
            more = turns.changed() => {
                if more.is_err() || turns.borrow().is_closing {
                    return Ok(false);
                }
            }
        }
        sleep_until(look.min(end)).await;
    }
}

/// What those who wait are woken by.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Turns {
    /// Turns at the ledger so far.
    pub(crate) count: u64,
    /// Whether the office is about to end.
    pub(crate) is_closing: bool,
}

/// The phones that wait for a hint.
#[derive(Debug, Default)]
pub(crate) struct Hints(Mutex<BTreeMap<IncarnationId, usize>>);

impl Hints {
    /// A place among those that wait, given back when it is dropped.
    fn place(self: &Arc<Self>, incarnation: IncarnationId) -> Result<Place, OfficeError> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.values().sum::<usize>() >= limits::HINTS_WAITING {
            return Err(OfficeError::Busy);
        }
        let of_this = waiting.entry(incarnation).or_default();
        if *of_this >= OF_ONE_PHONE {
            return Err(OfficeError::Busy);
        }
        *of_this += 1;
        Ok(Place { hints: Arc::clone(self), incarnation })
    }
}

struct Place {
    hints: Arc<Hints>,
    incarnation: IncarnationId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.hints.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = waiting.get(&self.incarnation).copied().unwrap_or(0).saturating_sub(1);
        if left == 0 {
            waiting.remove(&self.incarnation);
        } else {
            waiting.insert(self.incarnation, left);
        }
    }
}
