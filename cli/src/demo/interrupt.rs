//! Ctrl-C in a demonstration: it starts nothing more and comes to its end, and its processes and its folder with it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Somebody asked the demonstration to end before it was over.
#[derive(Debug, thiserror::Error)]
#[error("the demonstration was asked to end")]
pub(crate) struct Interrupted;

/// One for the whole program, as signals are.
static ASKED: AtomicBool = AtomicBool::new(false);

/// # Errors
/// [`Interrupted`] once somebody has asked for the end.
pub(super) fn check() -> Result<(), Interrupted> {
    if ASKED.load(Ordering::SeqCst) { Err(Interrupted) } else { Ok(()) }
}

/// Watches for whoever asks the demonstration to end, and tells the receiver. Whoever asks twice does not wait.
pub(super) fn watch() -> anyhow::Result<Receiver<()>> {
    let unheard = "cannot watch for Ctrl-C";
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().context(unheard)?;
    let mut signals = {
        let _inside = runtime.enter();
        Signals::new().context(unheard)?
    };
    let (tell, told) = channel();
    std::thread::spawn(move || {
        loop {
            runtime.block_on(signals.next());
            if ASKED.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
            // Nobody waits while a stage runs; it looks before it starts another process.
            let _ = tell.send(());
        }
    });
    Ok(told)
}

/// Ctrl-C, a request to end, a terminal that was closed.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
