use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tokio::sync::oneshot;
use xuncheng_office::serve::serve_until;
use xuncheng_office::{Config, OfficeError, Serving};

use crate::certificate::Certificate;

#[tokio::test(flavor = "multi_thread")]
async fn an_office_answers_on_a_free_port_until_it_is_asked_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::new(folder.path().join("data"));
    let (end, ended) = oneshot::channel::<()>();
    let (told, serving) = oneshot::channel::<Serving>();
    let ready = move |_: &_, serving: &Serving| told.send(serving.clone()).unwrap();
    let running = tokio::spawn(serve_until(config, async { ended.await.unwrap() }, ready));
    let serving = serving.await.unwrap();
    assert!(serving.address.ip().is_loopback() && serving.address.port() != 0);
    assert_eq!(serving.url, format!("http://{}", serving.address));

    let answer = tokio::task::spawn_blocking(move || ask(serving.address, "/v1/status")).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"cases\":0"), "{answer}");
    end.send(()).unwrap();
    running.await.unwrap().unwrap();
}

fn ask(address: SocketAddr, path: &str) -> String {
    ask_over(TcpStream::connect(address).unwrap(), address, path).unwrap()
}

fn ask_over(mut line: impl Read + Write, address: SocketAddr, path: &str) -> std::io::Result<String> {
    write!(line, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    line.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The same by HTTPS, as somebody asks who trusts `certificate` and no other.
fn ask_securely(address: SocketAddr, path: &str, certificate: &Certificate) -> std::io::Result<String> {
    let mut trusted = RootCertStore::empty();
    trusted.add(certificate.trusted.clone()).unwrap();
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(trusted).with_no_client_auth();
    let office = ServerName::try_from("127.0.0.1").unwrap();
    let talk = ClientConnection::new(Arc::new(config), office).map_err(std::io::Error::other)?;
    ask_over(StreamOwned::new(talk, TcpStream::connect(address)?), address, path)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_with_a_certificate_answers_by_https_and_only_so() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::in_folder(folder.path());
    let mut config = Config::new(folder.path().join("data"));
    config.tls = Some(certificate.files.clone());
    // With TLS an office may listen beyond its own machine.
    config.listen = "0.0.0.0:0".parse().unwrap();
    let (end, ended) = oneshot::channel::<()>();
    let (told, serving) = oneshot::channel::<Serving>();
    let ready = move |_: &_, serving: &Serving| told.send(serving.clone()).unwrap();
    let running = tokio::spawn(serve_until(config, async { ended.await.unwrap() }, ready));
    let serving = serving.await.unwrap();
    assert!(serving.url.starts_with("https://"), "{}", serving.url);

    let here = SocketAddr::from(([127, 0, 0, 1], serving.address.port()));
    let asking = move || {
        let answer = ask_securely(here, "/v1/status", &certificate).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"cases\":0"), "{answer}");
        let console = ask_securely(here, "/sign-in", &certificate).unwrap();
        assert!(console.starts_with("HTTP/1.1 200") && console.contains("请选择登录人员"), "{console}");

        let elsewhere = tempfile::tempdir().unwrap();
        let other = Certificate::in_folder(elsewhere.path());
        let error = ask_securely(here, "/v1/status", &other).unwrap_err().to_string();
        assert!(error.contains("certificate"), "{error}");
        let in_the_clear = ask_over(TcpStream::connect(here).unwrap(), here, "/v1/status");
        assert!(!in_the_clear.is_ok_and(|answer| answer.contains("HTTP/1.1 200")));
    };
    tokio::task::spawn_blocking(asking).await.unwrap();
    end.send(()).unwrap();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_used_is_named_before_anything_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::in_folder(folder.path());
    std::fs::write(&certificate.files.key, "not a key").unwrap();
    let mut config = Config::new(folder.path().join("data"));
    config.tls = Some(certificate.files);
    let refused = serve_until(config.clone(), async {}, |_, _| {}).await;
    assert!(matches!(refused, Err(OfficeError::Listen(why)) if why.contains("key.pem")));
    assert!(!config.data.exists(), "nothing was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_does_not_listen_beyond_its_machine_unless_somebody_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(folder.path().join("data"));
    config.listen = "0.0.0.0:0".parse().unwrap();
    let refused = serve_until(config.clone(), async {}, |_, _| {}).await;
    assert!(matches!(refused, Err(OfficeError::Listen(why)) if why.contains("--insecure-listen")));
    assert!(!config.data.exists(), "nothing was begun");
    config.insecure_listen = true;
    serve_until(config, async {}, |_, _| {}).await.unwrap();
}
