//! A scanner that speaks as `clamd` does, and can be made to fail.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What it finds harmful.
pub const HARMFUL: &[u8] = b"X5O!P%@AP-HARMFUL";
/// By which name.
pub const FINDING: &str = "Eicar-Test-Signature";

/// How it answers a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// As it should.
    Well,
    /// It hears all, and says nothing.
    Never,
    /// With words of another protocol.
    Garbage,
    /// It takes the beginning of a document, and no more.
    SizeLimit,
    /// It closes the connection at once.
    Leaves,
}

/// See the module.
#[derive(Debug)]
pub struct Clamd {
    pub address: String,
    answers: Arc<Mutex<Answers>>,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    task: JoinHandle<()>,
}

impl Clamd {
    pub async fn start(answers: Answers) -> Self {
        Self::start_at("127.0.0.1:0", answers).await
    }

    pub async fn start_at(place: &str, answers: Answers) -> Self {
        let listener = TcpListener::bind(place).await.unwrap();
        let address = format!("tcp://{}", listener.local_addr().unwrap());
        let (answers, heard) = (Arc::new(Mutex::new(answers)), Arc::<Mutex<Vec<Vec<u8>>>>::default());
        let (how, ears) = (answers.clone(), heard.clone());
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, how.clone(), ears.clone()));
            }
        });
        Self { address, answers, heard, task }
    }

    pub fn answer(&self, answers: Answers) {
        *self.answers.lock().unwrap() = answers;
    }

    /// The documents that came whole.
    pub fn heard(&self) -> Vec<Vec<u8>> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Clamd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What breaks the connection ends the conversation, as it does with a real one.
async fn serve(mut connection: TcpStream, answers: Arc<Mutex<Answers>>, heard: Arc<Mutex<Vec<Vec<u8>>>>) {
    let _ = converse(&mut connection, &answers, &heard).await;
}

async fn converse(
    connection: &mut TcpStream,
    answers: &Mutex<Answers>,
    heard: &Mutex<Vec<Vec<u8>>>,
) -> std::io::Result<()> {
    let answers = *answers.lock().unwrap();
    if answers == Answers::Leaves {
        return Ok(());
    }
    let mut command = Vec::new();
    while command.last() != Some(&0) {
        command.push(connection.read_u8().await?);
    }
    match command.as_slice() {
        b"zPING\0" => return connection.write_all(b"PONG\0").await,
        b"zINSTREAM\0" => {}
        _ => return connection.write_all(b"UNKNOWN COMMAND\0").await,
    }
    let mut document = Vec::new();
    loop {
        let length = connection.read_u32().await?;
        if length == 0 {
            break;
        }
        let mut chunk = vec![0; length as usize];
        connection.read_exact(&mut chunk).await?;
        document.extend(chunk);
        if answers == Answers::SizeLimit {
            return connection.write_all(b"INSTREAM size limit exceeded. ERROR\0").await;
        }
    }
    let is_harmful = document.windows(HARMFUL.len()).any(|window| window == HARMFUL);
    heard.lock().unwrap().push(document);
    match answers {
        Answers::Never => std::future::pending().await,
        Answers::Garbage => connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\0").await,
        _ if is_harmful => connection.write_all(format!("stream: {FINDING} FOUND\0").as_bytes()).await,
        _ => connection.write_all(b"stream: OK\0").await,
    }
}
