use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use xuncheng_office::serve::serve_until;
use xuncheng_office::{Config, Office, OfficeError, Serving};

use crate::certificate::Certificate;

/// An office that answers until it is told to end.
struct Running {
    serving: Serving,
    end: oneshot::Sender<()>,
    served: JoinHandle<Result<(), OfficeError>>,
}

impl Running {
    async fn start(config: Config) -> Self {
        let (end, ended) = oneshot::channel::<()>();
        let (told, serving) = oneshot::channel::<Serving>();
        let ready = move |_: &_, serving: &Serving| told.send(serving.clone()).unwrap();
        let served = tokio::spawn(serve_until(config, async { ended.await.unwrap() }, ready));
        Self { serving: serving.await.unwrap(), end, served }
    }

    /// The port of its console.
    fn console(&self) -> SocketAddr {
        self.serving.console.strip_prefix("http://").unwrap().parse().unwrap()
    }

    async fn end(self) {
        self.end.send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }
}

/// A pack in which one organisation of `people.toml` is missing.
fn pack_without(org: &str, folder: &std::path::Path) {
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/packs/bazhou");
    for file in std::fs::read_dir(own).unwrap() {
        let file = file.unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        let text = text.replace("version = \"2026.1\"", "version = \"2026.2\"");
        let renamed = text.replace(&format!("code = \"{org}\""), "code = \"another\"");
        std::fs::write(folder.join(file.file_name()), renamed).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_the_people_do_not_fit_is_refused_and_the_office_starts_again_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let config = || Config::new(folder.path().join("data"));
    Running::start(config()).await.end().await;

    let pack = tempfile::tempdir().unwrap();
    pack_without("huanwei", pack.path());
    let given = Config { pack: Some(pack.path().to_owned()), ..config() };
    let open = |config| tokio::task::spawn_blocking(|| Office::open(config));
    let refused = open(given.clone()).await.unwrap().err().expect("somebody belongs to an organisation that is gone");
    assert!(refused.to_string().contains("huanwei, which is not in organisations.toml"), "{refused}");

    let office = open(config()).await.unwrap().unwrap();
    assert_eq!(office.pack().version(), "bazhou@2026.1");
    drop(office);

    // With people who fit it, it is taken, and stays.
    let people = folder.path().join("data/people.toml");
    let text = std::fs::read_to_string(&people).unwrap().replace("\"huanwei\"", "\"another\"");
    std::fs::write(&people, text).unwrap();
    assert_eq!(open(given).await.unwrap().unwrap().pack().version(), "bazhou@2026.2");
    assert_eq!(open(config()).await.unwrap().unwrap().pack().version(), "bazhou@2026.2");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_answers_on_a_free_port_until_it_is_asked_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let office = Running::start(Config::new(folder.path().join("data"))).await;
    let address = office.serving.address;
    assert!(address.ip().is_loopback() && address.port() != 0);
    assert_eq!(office.serving.url, format!("http://{address}"));
    // For this machine alone one port is enough.
    assert_eq!(office.serving.console, office.serving.url);

    let asking = move || {
        let status = ask(address, "/v1/status");
        assert!(status.starts_with("HTTP/1.1 200") && status.contains("\"cases\":0"), "{status}");
        assert!(ask(address, "/sign-in").contains("请选择登录人员"));
    };
    tokio::task::spawn_blocking(asking).await.unwrap();
    office.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_silent_forwarder_nobody_reaches_the_console() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(folder.path().join("data"));
    config.url = Some("https://xc.example.cn".parse().unwrap());
    let office = Running::start(config).await;
    assert_eq!(office.serving.url, "https://xc.example.cn");
    let (phones, console) = (office.serving.address, office.console());
    assert!(console.ip().is_loopback() && console.port() != phones.port());

    let asking = move || {
        // What comes through socat or stunnel looks like this machine in every respect.
        for (method, path) in [("GET", "/"), ("GET", "/sign-in"), ("GET", "/v1/status"), ("GET", "/assets/icon.svg")] {
            let answer = forged(phones, method, path);
            assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("not_found"), "{path}: {answer}");
        }
        let signed_in = forged(phones, "POST", "/sign-in").to_lowercase();
        assert!(signed_in.starts_with("http/1.1 404") && !signed_in.contains("set-cookie"), "{signed_in}");
        // Phones are answered: a synchronisation is posted.
        assert!(ask(phones, "/v1/sync").starts_with("HTTP/1.1 405"));

        assert!(ask(console, "/sign-in").contains("请选择登录人员"));
        assert!(ask(console, "/v1/status").contains("\"cases\":0"));
        assert!(forged(console, "POST", "/sign-in").to_lowercase().contains("set-cookie"));
    };
    tokio::task::spawn_blocking(asking).await.unwrap();
    office.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_port_that_is_taken_is_said_before_anything_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = Config::new(folder.path().join("data"));
    config.url = Some("https://xc.example.cn".parse().unwrap());
    config.console_port = taken.local_addr().unwrap().port();
    let refused = serve_until(config.clone(), async {}, |_, _| {}).await;
    assert!(matches!(refused, Err(OfficeError::Listen(why)) if why.contains("choose another with --console-port")));
    assert!(!config.data.exists(), "nothing was begun");
}

/// A request that says of itself that it comes from a page of `address`: 张受理 wants to sign in.
fn forged(address: SocketAddr, method: &str, path: &str) -> String {
    let mut line = TcpStream::connect(address).unwrap();
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 12";
    write!(line, "{method} {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\n").unwrap();
    write!(line, "{form}\r\nConnection: close\r\n\r\nperson=zhang").unwrap();
    let mut answer = String::new();
    line.read_to_string(&mut answer).unwrap();
    answer
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
    let office = Running::start(config).await;
    assert!(office.serving.url.starts_with("https://"), "{}", office.serving.url);

    let here = SocketAddr::from(([127, 0, 0, 1], office.serving.address.port()));
    let console = office.console();
    let asking = move || {
        let phones = ask_securely(here, "/v1/sync", &certificate).unwrap();
        assert!(phones.starts_with("HTTP/1.1 405"), "{phones}");
        assert!(ask_securely(here, "/sign-in", &certificate).unwrap().starts_with("HTTP/1.1 404"));
        assert!(console.ip().is_loopback() && ask(console, "/sign-in").contains("请选择登录人员"));

        let elsewhere = tempfile::tempdir().unwrap();
        let other = Certificate::in_folder(elsewhere.path());
        let error = ask_securely(here, "/v1/sync", &other).unwrap_err().to_string();
        assert!(error.contains("certificate"), "{error}");
        let in_the_clear = ask_over(TcpStream::connect(here).unwrap(), here, "/v1/sync");
        assert!(!in_the_clear.is_ok_and(|answer| answer.contains("HTTP/1.1 405")));
    };
    tokio::task::spawn_blocking(asking).await.unwrap();
    office.end().await;
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
