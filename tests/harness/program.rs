//! The real program as a process of its own: started, killed, started again on the same data and port.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::door::Door;
use super::site::Site;

/// `ventanilla serve` on a site. Dropped, it is killed.
#[derive(Debug)]
pub struct Program {
    child: Child,
    door: Door,
    log: Arc<Mutex<String>>,
}

impl Program {
    /// Starts it on a port of its own and waits until it listens.
    pub fn start(site: &Site) -> Self {
        Self::start_with(site, &[], &[])
    }

    /// The same with further settings, under another program such as `strace`.
    pub fn start_with(site: &Site, settings: &[(&str, &str)], under: &[&str]) -> Self {
        let mut words: Vec<&str> = under.to_vec();
        words.extend([env!("CARGO_BIN_EXE_ventanilla"), "serve"]);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(site.folder.path()).envs(site.environment());
        command.envs(settings.iter().copied());
        Self::run(command)
    }

    /// Starts this command, which serves, and waits until it listens.
    pub fn run(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let (listening, heard) = mpsc::channel();
        let written = log.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("listening on ") {
                    let _ = listening.send(url.to_owned());
                }
                let mut log = written.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        match heard.recv_timeout(Duration::from_mins(1)) {
            Ok(url) => Self { child, door: Door::at(&url), log },
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                panic!("the program does not listen:\n{}", log.lock().unwrap());
            }
        }
    }

    /// The way in. It stays the same over a restart.
    pub fn door(&self) -> Door {
        self.door.clone()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it said on stderr.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again after [`Program::kill`], on the same site and port.
    pub fn start_again(&mut self, site: &Site) {
        let listen = self.door.url().split_once("://").unwrap().1.to_owned();
        *self = Self::start_with(site, &[("VENTANILLA_LISTEN", &listen)], &[]);
    }

    /// Sends a signal, such as `TERM` or `HUP`.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args([format!("-{name}"), self.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    /// Waits until it ends by itself; its exit status.
    pub fn ended(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
