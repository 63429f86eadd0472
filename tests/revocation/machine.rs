//! Another machine on loopback: it counts who comes, and does what a test tells it.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a request is answered with.
#[derive(Clone)]
pub enum Reply {
    Bytes(Vec<u8>),
    Status(u16),
    Redirect(String),
    /// Nothing at all, for a minute.
    Silence,
    /// A body that does not end.
    Endless,
}

type Handler = Arc<dyn Fn(&[u8]) -> Reply + Send + Sync>;

/// A machine. It listens until the test ends.
#[derive(Clone)]
pub struct Machine {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    pages: Arc<Mutex<HashMap<String, (Handler, usize)>>>,
}

impl Machine {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let machine =
            Self { address: listener.local_addr().unwrap(), connections: Arc::default(), pages: Arc::default() };
        let this = machine.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                this.connections.fetch_add(1, Ordering::SeqCst);
                let this = this.clone();
                std::thread::spawn(move || this.serve(stream));
            }
        });
        machine
    }

    /// Its host, as settings write it.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn url(&self, page: &str) -> String {
        format!("http://{}/{page}", self.address)
    }

    /// What it does when `page` is asked for, from now on.
    pub fn on(&self, page: &str, handler: impl Fn(&[u8]) -> Reply + Send + Sync + 'static) {
        let mut pages = self.pages.lock().unwrap();
        let before = pages.get(page).map_or(0, |(_, count)| *count);
        pages.insert(page.to_owned(), (Arc::new(handler), before));
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How often `page` was asked for.
    pub fn asked(&self, page: &str) -> usize {
        self.pages.lock().unwrap().get(page).map_or(0, |(_, count)| *count)
    }

    fn serve(&self, mut stream: TcpStream) {
        let Some((path, body)) = read_request(&mut stream) else { return };
        let handler = {
            let mut pages = self.pages.lock().unwrap();
            pages.get_mut(path.trim_start_matches('/')).map(|(handler, count)| {
                *count += 1;
                handler.clone()
            })
        };
        let reply = handler.map_or(Reply::Status(404), |handler| handler(&body));
        let _ = answer(&mut stream, reply);
    }
}

fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if bytes.len() >= end + 4 + length {
                let path = String::from_utf8_lossy(&bytes[..end]).split(' ').nth(1)?.to_owned();
                return Some((path, bytes[end + 4..].to_vec()));
            }
        }
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
    }
}

fn answer(stream: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    match reply {
        Reply::Bytes(bytes) => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len())?;
            stream.write_all(&bytes)
        }
        Reply::Status(status) => {
            write!(stream, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
        Reply::Redirect(to) => {
            write!(stream, "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
        Reply::Silence => {
            std::thread::sleep(Duration::from_mins(1));
            Ok(())
        }
        Reply::Endless => {
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            let chunk = vec![0x30; 1 << 16];
            loop {
                stream.write_all(&chunk)?;
            }
        }
    }
}
