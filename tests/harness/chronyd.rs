//! A real `chronyd` that serves this machine's own time and leaves its clock alone.

use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A `chronyd` on ports of its own. Dropped, it is killed.
#[derive(Debug)]
pub struct Chronyd {
    child: Child,
    _folder: TempDir,
    /// Where it answers NTP.
    pub ntp_port: u16,
    /// Where it answers `chronyc`.
    pub command_port: u16,
}

impl Chronyd {
    /// Starts it, and waits until it answers.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let (ntp_port, command_port) = (free_udp_port(), free_udp_port());
        let path = |name: &str| folder.path().join(name).display().to_string();
        let settings = format!(
            "port {ntp_port}\nallow 127.0.0.1\nlocal stratum 2\nbindaddress 127.0.0.1\ncmdport {command_port}\n\
             bindcmdaddress 127.0.0.1\nbindcmdaddress {}\npidfile {}\n",
            path("socket"),
            path("pid")
        );
        std::fs::write(path("chrony.conf"), settings).unwrap();
        let user = Command::new("id").arg("-un").output().unwrap();
        let user = String::from_utf8(user.stdout).unwrap();
        // -x: it never sets the clock; -U: it may run as anybody.
        let mut command = Command::new(if std::path::Path::new(DEBIANS).exists() { DEBIANS } else { "chronyd" });
        command.args(["-x", "-d", "-U", "-u", user.trim(), "-f", &path("chrony.conf")]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("chronyd is installed: tests/services packages");
        let started = Self { child, _folder: folder, ntp_port, command_port };
        started.wait();
        started
    }

    fn wait(&self) {
        let until = Instant::now() + Duration::from_secs(20);
        let port = self.command_port.to_string();
        loop {
            let asked = Command::new("chronyc").args(["-c", "-n", "-h", "127.0.0.1", "-p", &port, "tracking"]).output();
            if asked.unwrap().status.success() {
                return;
            }
            assert!(Instant::now() < until, "chronyd does not answer");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Where Debian puts it; not on everybody's path.
const DEBIANS: &str = "/usr/sbin/chronyd";

/// A UDP port of this machine that nobody answers at.
pub fn free_udp_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Drop for Chronyd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
