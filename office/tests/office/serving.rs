use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use tokio::sync::oneshot;
use xuncheng_office::serve::serve_until;
use xuncheng_office::{Config, OfficeError, Serving};

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
    let mut line = TcpStream::connect(address).unwrap();
    write!(line, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    line.read_to_string(&mut answer).unwrap();
    answer
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
