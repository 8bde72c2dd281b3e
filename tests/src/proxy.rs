//! A wire between two programs that is cut where a test says so.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What goes wrong with one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// It is cut after so many bytes from the phone.
    ToOffice(usize),
    /// It is cut after so many bytes from the office.
    ToPhone(usize),
    /// Nobody reaches the office: this is answered instead, whatever was asked.
    Answer(String),
}

/// A port that passes everything on to another, but for what it is told to spoil.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub url: String,
    plan: Arc<Mutex<Plan>>,
}

#[derive(Debug, Default)]
struct Plan {
    next: Vec<Cut>,
    always: Option<Cut>,
    to_office: u64,
}

impl Proxy {
    /// A proxy before the office at `url`.
    ///
    /// # Panics
    /// Where no port is free.
    #[must_use]
    pub fn before(url: &str) -> Self {
        let office: SocketAddr = url.trim_start_matches("http://").parse().expect("the office's address is a port");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("a listener has an address").port();
        let plan = Arc::new(Mutex::new(Plan::default()));
        let told = Arc::clone(&plan);
        // It ends with the test's process.
        thread::spawn(move || {
            for phone in listener.incoming().flatten() {
                let told = Arc::clone(&told);
                thread::spawn(move || pass(phone, office, &told));
            }
        });
        Self { url: format!("http://127.0.0.1:{port}"), plan }
    }

    /// The next connection is spoilt like this.
    pub fn next(&self, cut: Cut) {
        self.plan.lock().expect("no thread of the proxy panics").next.push(cut);
    }

    /// Every connection is spoilt like this, or none.
    pub fn always(&self, cut: Option<Cut>) {
        self.plan.lock().expect("no thread of the proxy panics").always = cut;
    }

    /// Bytes that phones have sent so far.
    #[must_use]
    pub fn bytes_to_office(&self) -> u64 {
        self.plan.lock().expect("no thread of the proxy panics").to_office
    }
}

fn pass(mut phone: TcpStream, office: SocketAddr, plan: &Arc<Mutex<Plan>>) {
    let cut = {
        let mut plan = plan.lock().expect("no thread of the proxy panics");
        if plan.next.is_empty() { plan.always.clone() } else { Some(plan.next.remove(0)) }
    };
    if let Some(Cut::Answer(answer)) = &cut {
        answer_in_its_place(&mut phone, answer);
        return;
    }
    let Ok(office) = TcpStream::connect(office) else { return };
    let (Ok(from_phone), Ok(from_office)) = (phone.try_clone(), office.try_clone()) else { return };
    let up = if let Some(Cut::ToOffice(bytes)) = cut { bytes } else { usize::MAX };
    let down = if let Some(Cut::ToPhone(bytes)) = cut { bytes } else { usize::MAX };
    let counted = Arc::clone(plan);
    let sending = thread::spawn(move || {
        pump(from_phone, office, up, |bytes| {
            counted.lock().expect("no thread of the proxy panics").to_office += bytes as u64;
        });
    });
    pump(from_office, phone, down, |_| {});
    let _ = sending.join();
}

/// Passes bytes on until one side ends or `most` went through; then both sides are cut.
fn pump(mut from: TcpStream, mut to: TcpStream, most: usize, count: impl Fn(usize)) {
    let mut left = most;
    let mut buffer = vec![0; 16 * 1024];
    while left > 0 {
        let room = left.min(buffer.len());
        let Ok(read) = from.read(&mut buffer[..room]) else { break };
        if read == 0 {
            // This side has said all; the other may still answer.
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
        count(read);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
        left -= read;
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn answer_in_its_place(phone: &mut TcpStream, answer: &str) {
    // What was asked is read as far as its headers, so that the answer is not taken for rudeness.
    let mut asked = Vec::new();
    let mut buffer = [0; 4096];
    while !asked.windows(4).any(|four| four == b"\r\n\r\n") {
        match phone.read(&mut buffer) {
            Ok(read) if read > 0 => asked.extend_from_slice(&buffer[..read]),
            Ok(_) | Err(_) => return,
        }
    }
    let _ = phone.write_all(answer.as_bytes());
    let _ = phone.shutdown(Shutdown::Write);
    // Whatever else comes is let go by, until the phone hangs up.
    while phone.read(&mut buffer).is_ok_and(|read| read > 0) {}
}
