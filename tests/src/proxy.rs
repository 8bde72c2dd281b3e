//! A wire between two programs that is cut where a test says so.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

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
    shape: Option<Shape>,
    to_office: u64,
    to_phone: u64,
}

/// How slow a wire is.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Bytes that pass in a second, each way.
    pub bytes_per_second: u64,
    /// From one end to the other.
    pub one_way: Duration,
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

    /// Connections from here on are as slow as this.
    pub fn shape(&self, shape: Option<Shape>) {
        self.plan.lock().expect("no thread of the proxy panics").shape = shape;
    }

    /// Bytes that phones have sent so far.
    #[must_use]
    pub fn bytes_to_office(&self) -> u64 {
        self.plan.lock().expect("no thread of the proxy panics").to_office
    }

    /// Bytes that phones were sent so far.
    #[must_use]
    pub fn bytes_to_phone(&self) -> u64 {
        self.plan.lock().expect("no thread of the proxy panics").to_phone
    }
}

fn pass(mut phone: TcpStream, office: SocketAddr, plan: &Arc<Mutex<Plan>>) {
    let (cut, shape) = {
        let mut plan = plan.lock().expect("no thread of the proxy panics");
        (if plan.next.is_empty() { plan.always.clone() } else { Some(plan.next.remove(0)) }, plan.shape)
    };
    if let Some(Cut::Answer(answer)) = &cut {
        answer_in_its_place(&mut phone, answer);
        return;
    }
    let mut first = [0; 7];
    if phone.peek(&mut first).is_ok_and(|read| first[..read] == *b"CONNECT") {
        // A phone whose proxy this is: it names an office, and means the one behind.
        read_headers(&mut phone);
        if phone.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").is_err() {
            return;
        }
    }
    let Ok(office) = TcpStream::connect(office) else { return };
    let (Ok(from_phone), Ok(from_office)) = (phone.try_clone(), office.try_clone()) else { return };
    let up = if let Some(Cut::ToOffice(bytes)) = cut { bytes } else { usize::MAX };
    let down = if let Some(Cut::ToPhone(bytes)) = cut { bytes } else { usize::MAX };
    let counted = Arc::clone(plan);
    let sending = thread::spawn(move || {
        pump(from_phone, office, up, shape, |bytes| {
            counted.lock().expect("no thread of the proxy panics").to_office += bytes as u64;
        });
    });
    pump(from_office, phone, down, shape, |bytes| {
        plan.lock().expect("no thread of the proxy panics").to_phone += bytes as u64;
    });
    let _ = sending.join();
}

/// Passes bytes on until one side ends or `most` went through; then both sides are cut.
fn pump(mut from: TcpStream, mut to: TcpStream, most: usize, shape: Option<Shape>, count: impl Fn(usize)) {
    let mut left = most;
    let mut buffer = vec![0; 16 * 1024];
    while left > 0 {
        let room = left.min(buffer.len());
        let asked = Instant::now();
        let Ok(read) = from.read(&mut buffer[..room]) else { break };
        if let Some(Shape { bytes_per_second, one_way }) = shape {
            // What follows closely is on its way already: only what comes after a pause takes the whole way.
            let way = if asked.elapsed() > Duration::from_millis(20) { one_way } else { Duration::ZERO };
            thread::sleep(way + Duration::from_micros(read as u64 * 1_000_000 / bytes_per_second));
        }
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

fn read_headers(phone: &mut TcpStream) {
    let mut asked = Vec::new();
    let mut buffer = [0; 4096];
    while !asked.windows(4).any(|four| four == b"\r\n\r\n") {
        match phone.read(&mut buffer) {
            Ok(read) if read > 0 => asked.extend_from_slice(&buffer[..read]),
            Ok(_) | Err(_) => return,
        }
    }
}

fn answer_in_its_place(phone: &mut TcpStream, answer: &str) {
    // What was asked is read as far as its headers, so that the answer is not taken for rudeness.
    read_headers(phone);
    let mut buffer = [0; 4096];
    let _ = phone.write_all(answer.as_bytes());
    let _ = phone.shutdown(Shutdown::Write);
    // Whatever else comes is let go by, until the phone hangs up.
    while phone.read(&mut buffer).is_ok_and(|read| read > 0) {}
}
