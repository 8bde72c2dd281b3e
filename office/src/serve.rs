//! The office on its ports: for this machine alone, unless somebody says otherwise.
//!
//! The console has no passwords: this machine is whom it trusts. Where others may reach the phones' port, through a
//! forwarder too, which looks like this machine, the console has a port of its own that only this machine reaches.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use xuncheng_core::limits;
use xuncheng_core::store::meta;

use crate::config::{Config, Tls};
use crate::error::OfficeError;
use crate::ledger::fact;
use crate::office::{Office, app, phones};

/// An office that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// Where it listens for phones.
    pub address: SocketAddr,
    /// What phones are told, without a slash at its end.
    pub url: String,
    /// Where a browser of this machine finds the console, without a slash at its end.
    pub console: String,
    /// Its data folder.
    pub data: PathBuf,
}

/// Runs an office until SIGINT or SIGTERM. `ready` is called once it answers.
///
/// # Errors
/// [`OfficeError::Listen`] when it may not or cannot listen where it was told; whatever keeps it from opening.
pub async fn serve(config: Config, ready: impl FnOnce(&Arc<Office>, &Serving)) -> Result<(), OfficeError> {
    serve_until(config, asked_to_end(), ready).await
}

/// Runs an office until `end`.
///
/// # Errors
/// As [`serve`].
pub async fn serve_until(
    config: Config,
    end: impl Future<Output = ()> + Send + 'static,
    ready: impl FnOnce(&Arc<Office>, &Serving),
) -> Result<(), OfficeError> {
    may_listen(&config)?;
    let tls = match &config.tls {
        Some(tls) => Some(certificate(tls).await?),
        None => None,
    };
    // The ports first: whether they are free is known before the ledger is touched.
    let (listener, address) = bind(config.listen, "--port")?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = config.url.as_ref().map_or_else(|| format!("{scheme}://{address}"), ToString::to_string);
    let (desk, console) = if config.is_for_others() {
        let (desk, address) = bind((Ipv4Addr::LOCALHOST, config.console_port).into(), "--console-port")?;
        (Some(desk), format!("http://{address}"))
    } else {
        (None, url.clone())
    };

    let opened = tokio::task::spawn_blocking(move || Office::open(config)).await;
    let office = opened.map_err(|_| OfficeError::Panic)??;
    let told = url.clone();
    office.turn(move |intake| Ok(meta::set(intake.tx, fact::URL, &told)?)).await?;
    let serving = Serving { address, url, console, data: office.data().to_owned() };
    tracing::info!(
        data = %serving.data.display(), console = serving.console, epoch = office.epoch().counter,
        "the office answers at {}", serving.url
    );
    if office.root_key_is_here() {
        tracing::warn!(
            "keys/root.key is still in the data folder: move it to a safe place. Whoever has it can pass for this \
             office; it is needed only to certify a new key. Backups leave it out."
        );
    }
    ready(&office, &serving);

    let handles = [Handle::new(), Handle::new()];
    let watching = tokio::spawn(watch(Arc::downgrade(&office), handles.clone(), end));
    let [for_phones, for_desk] = handles;
    let served = match desk {
        Some(desk) => {
            let outside = answer(listener, tls, phones(&office), for_phones);
            tokio::try_join!(outside, answer(desk, None, app(office), for_desk)).map(|_| ())
        }
        None => answer(listener, tls, app(office), for_phones).await,
    };
    watching.abort();
    tracing::info!("the office has ended");
    served
}

/// Takes a port; `option` is what chooses another.
fn bind(at: SocketAddr, option: &str) -> Result<(TcpListener, SocketAddr), OfficeError> {
    let cannot = |error: std::io::Error| {
        OfficeError::Listen(format!(
            "cannot listen on {at}: {error}; end what uses it, or choose another with {option}"
        ))
    };
    let listener = TcpListener::bind(at).map_err(cannot)?;
    listener.set_nonblocking(true).map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    Ok((listener, address))
}

/// Answers on a port until its handle ends it.
async fn answer(
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    routes: Router,
    handle: Handle<SocketAddr>,
) -> Result<(), OfficeError> {
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    let silence = Duration::from_millis(limits::BODY_SILENCE_MS);
    let served = match tls {
        Some(tls) => {
            let server = axum_server::from_tcp_rustls(listener, tls).map_err(|error| listening(&error))?;
            server.first_request_timeout(silence).handle(handle).serve(service).await
        }
        None => {
            let server = axum_server::from_tcp(listener).map_err(|error| listening(&error))?;
            server.first_request_timeout(silence).handle(handle).serve(service).await
        }
    };
    served.map_err(|error| listening(&error))
}

fn listening(error: &std::io::Error) -> OfficeError {
    OfficeError::Listen(format!("the office cannot go on listening: {error}"))
}

/// Beyond this machine only with TLS, or when somebody answers for what lies between.
fn may_listen(config: &Config) -> Result<(), OfficeError> {
    let local = config.listen.ip().to_canonical().is_loopback();
    if local || config.tls.is_some() || config.insecure_listen {
        return Ok(());
    }
    Err(OfficeError::Listen(format!(
        "{} can be reached from other machines, and what goes there could be read on the way: give --tls-cert and \
         --tls-key, or --insecure-listen when something in front of the office brings TLS",
        config.listen
    )))
}

async fn certificate(tls: &Tls) -> Result<RustlsConfig, OfficeError> {
    // Another part of the process may have chosen one: it is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    RustlsConfig::from_pem_file(&tls.certificate, &tls.key).await.map_err(|error| {
        let (certificate, key) = (tls.certificate.display(), tls.key.display());
        OfficeError::Listen(format!("cannot use certificate {certificate} with key {key}: {error}"))
    })
}

async fn watch(office: Weak<Office>, handles: [Handle<SocketAddr>; 2], end: impl Future<Output = ()>) {
    end.await;
    tracing::info!("the office ends: requests that run may finish");
    for handle in handles {
        handle.graceful_shutdown(Some(Duration::from_millis(limits::LAST_REQUESTS_MS)));
    }
    if let Some(office) = office.upgrade() {
        office.wake_all();
    }
}

/// SIGINT or SIGTERM.
async fn asked_to_end() {
    let interrupted = async {
        // Without a handler the signal ends the process as it always does.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                () = interrupted => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    interrupted.await;
}
