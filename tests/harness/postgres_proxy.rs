//! A proxy between client and PostgreSQL that loses connections at the worst moments.
//!
//! It reads the frontend/backend protocol (PostgreSQL manual, 55.7): after the start-up packets a message
//! is a tag byte, a length that counts itself, and the body. TLS is refused in the server's name, since
//! what cannot be read cannot be cut at the right place.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

/// Where a connection is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The client says `COMMIT`, the server never hears it: the transaction is rolled back.
    BeforeCommit,
    /// The server has committed, its answer never comes back: the client cannot know.
    AfterCommit,
    /// Before the n-th statement, from 1, that is sent inside a transaction from now on; `BEGIN` and
    /// `COMMIT` count.
    BeforeStatement(u64),
}

/// A proxy on a port of its own. It stops, and cuts all its connections, when it is dropped.
#[derive(Debug)]
pub struct ProxyPg {
    url: String,
    plan: Arc<Mutex<Plan>>,
    open: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Plan {
    next: Option<Cut>,
    /// Sent inside transactions since the last plan.
    statements: u64,
    cuts: u64,
    /// Told to refuse everybody once the cut has happened.
    then_refuse: Option<watch::Sender<bool>>,
}

impl ProxyPg {
    /// Stands before the server of `url`.
    pub async fn before(url: &str) -> Self {
        let (credentials, rest) = url.split_once('@').expect("postgres://user:password@host:port/database");
        let (server, database) = rest.split_once('/').unwrap();
        let server: SocketAddr = server.parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let plan = Arc::new(Mutex::new(Plan::default()));
        let (open, watcher) = watch::channel(true);
        tokio::spawn(listen(listener, address, server, Arc::clone(&plan), watcher));
        ProxyPg { url: format!("{credentials}@{address}/{database}"), plan, open }
    }

    /// The same database, through the proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Loses one connection, the next that comes to that point. Starts counting statements anew.
    pub fn cut(&self, cut: Cut) {
        *self.plan.lock().unwrap() = Plan { next: Some(cut), ..Plan::default() };
    }

    /// The same, and from then on refuses new connections until [`Self::accept`]: nobody can ask what became of it.
    pub fn cut_and_refuse(&self, cut: Cut) {
        *self.plan.lock().unwrap() = Plan { next: Some(cut), then_refuse: Some(self.open.clone()), ..Plan::default() };
    }

    /// Takes back what [`Self::cut`] planned, and starts counting statements anew.
    pub fn cut_nothing(&self) {
        *self.plan.lock().unwrap() = Plan::default();
    }

    /// Whether the planned cut has happened.
    pub fn has_cut(&self) -> bool {
        self.plan.lock().unwrap().cuts > 0
    }

    /// Statements sent inside transactions since the last plan, `BEGIN` and `COMMIT` included.
    pub fn statements(&self) -> u64 {
        self.plan.lock().unwrap().statements
    }

    /// Cuts every connection, and refuses new ones until [`Self::accept`].
    pub fn refuse(&self) {
        self.open.send_replace(false);
    }

    /// Takes connections again.
    pub fn accept(&self) {
        self.open.send_replace(true);
    }
}

async fn listen(
    mut listener: TcpListener,
    address: SocketAddr,
    server: SocketAddr,
    plan: Arc<Mutex<Plan>>,
    mut open: watch::Receiver<bool>,
) {
    let watcher = open.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                let (plan, mut open) = (Arc::clone(&plan), watcher.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        _ = carry(client, server, &plan) => {}
                        _ = becomes(&mut open, false) => {}
                    }
                });
            }
            lives = becomes(&mut open, false) => {
                if !lives {
                    return;
                }
                // Bound but not listening: the port stays ours, and clients are refused as by a dead server.
                drop(listener);
                let socket = bind(address).await;
                if !becomes(&mut open, true).await {
                    return;
                }
                listener = socket.listen(128).unwrap();
            }
        }
    }
}

/// Waits until the proxy is open or not, as `wanted`; false when the proxy is gone.
async fn becomes(open: &mut watch::Receiver<bool>, wanted: bool) -> bool {
    open.wait_for(|open| *open == wanted).await.is_ok()
}

async fn bind(address: SocketAddr) -> TcpSocket {
    loop {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        if socket.bind(address).is_ok() {
            return socket;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// Carries one connection until an end closes it or the plan cuts it: either way both sockets are closed.
async fn carry(mut client: TcpStream, server: SocketAddr, plan: &Mutex<Plan>) -> Result<(), Error> {
    const CANCEL: u32 = 80_877_102;
    const TLS: u32 = 80_877_103;
    const GSS: u32 = 80_877_104;
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    loop {
        let packet = read_body(&mut client, Vec::new()).await?;
        match packet.get(4..8).map(|code| u32::from_be_bytes(code.try_into().unwrap())) {
            Some(TLS | GSS) => client.write_all(b"N").await?,
            Some(CANCEL) => return server.write_all(&packet).await,
            _ => {
                server.write_all(&packet).await?;
                break;
            }
        }
    }
    let (from_client, mut to_client) = client.split();
    let (from_server, mut to_server) = server.split();
    let (mut from_client, mut from_server) = (BufReader::new(from_client), BufReader::new(from_server));
    let asking = async {
        let mut in_transaction = false;
        loop {
            let message = read_message(&mut from_client).await?;
            if plan.lock().unwrap().cuts_asking(&message, &mut in_transaction) {
                return Ok(());
            }
            to_server.write_all(&message).await?;
        }
    };
    let answering = async {
        loop {
            let message = read_message(&mut from_server).await?;
            if plan.lock().unwrap().cuts_answering(&message) {
                return Ok(());
            }
            to_client.write_all(&message).await?;
        }
    };
    tokio::select! { ended = asking => ended, ended = answering => ended }
}

impl Plan {
    /// Looks at a message of the client: `Q` is a simple query, `P` the text of a prepared one, `E` its execution.
    fn cuts_asking(&mut self, message: &[u8], in_transaction: &mut bool) -> bool {
        let begins = message[0] == b'Q' && says(message, "BEGIN");
        *in_transaction |= begins;
        if *in_transaction && matches!(message[0], b'Q' | b'E') {
            self.statements += 1;
        }
        let commits = matches!(message[0], b'Q' | b'P') && says(message, "COMMIT");
        if commits || (message[0] == b'Q' && message[5..] == *b"ROLLBACK\0") {
            *in_transaction = false;
        }
        match self.next {
            Some(Cut::BeforeCommit) if commits => self.done(),
            Some(Cut::BeforeStatement(n)) if self.statements >= n => self.done(),
            _ => false,
        }
    }

    /// Looks at a message of the server: `C` says which command was completed.
    fn cuts_answering(&mut self, message: &[u8]) -> bool {
        self.next == Some(Cut::AfterCommit) && message[0] == b'C' && says(message, "COMMIT") && self.done()
    }

    fn done(&mut self) -> bool {
        self.next = None;
        self.cuts += 1;
        if let Some(open) = self.then_refuse.take() {
            open.send_replace(false);
        }
        true
    }
}

/// Whether the first word of the message's text is this one. A `P` has the statement's name before its text.
fn says(message: &[u8], word: &str) -> bool {
    let body = &message[5..];
    let text = match message[0] {
        b'P' => body.splitn(2, |byte| *byte == 0).nth(1).unwrap_or_default(),
        _ => body,
    };
    let text = text.trim_ascii_start();
    text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word.as_bytes())
}

async fn read_message(from: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, Error> {
    let tag = from.read_u8().await?;
    read_body(from, vec![tag]).await
}

/// Reads a length and what it measures, and adds both to `message`.
async fn read_body(from: &mut (impl AsyncRead + Unpin), mut message: Vec<u8>) -> Result<Vec<u8>, Error> {
    let length = from.read_u32().await?;
    let body = length.checked_sub(4).ok_or_else(|| Error::from(ErrorKind::InvalidData))?;
    message.extend_from_slice(&length.to_be_bytes());
    let start = message.len();
    message.resize(start + body as usize, 0);
    from.read_exact(&mut message[start..]).await?;
    Ok(message)
}
