//! The commands of the README, run as they are written there, by somebody who has nothing else.
//!
//! # Why
//! An example that nobody runs is wrong after a while. All blocks of commands are run in their order by one shell, but for
//! those behind a line `<!-- not run: … -->`; backup and restore come last, when there is something in the book.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::harness::site::root;

/// Something typed, and what is said to it.
#[derive(Debug, Clone)]
struct Typed {
    command: String,
    expected: Vec<String>,
}

/// The blocks that are run.
fn blocks(readme: &str) -> Vec<Vec<Typed>> {
    let (mut blocks, mut lines, mut skipped) = (Vec::new(), readme.lines(), false);
    while let Some(line) = lines.next() {
        if line != "```console" {
            skipped = line.starts_with("<!-- not run: ");
            continue;
        }
        let mut block: Vec<Typed> = Vec::new();
        while let Some(line) = lines.next().filter(|line| *line != "```") {
            let Some(command) = line.strip_prefix("$ ") else {
                block.last_mut().expect("a block begins with a command").expected.push(line.to_owned());
                continue;
            };
            let mut command = command.to_owned();
            while command.ends_with('\\') {
                write!(command, "\n{}", lines.next().unwrap()).unwrap();
            }
            if command.ends_with("<<END") {
                loop {
                    let line = lines.next().unwrap();
                    write!(command, "\n{line}").unwrap();
                    if line == "END" {
                        break;
                    }
                }
            }
            block.push(Typed { command, expected: Vec::new() });
        }
        if !skipped {
            blocks.push(block);
        }
        skipped = false;
    }
    let is_last = |block: &Vec<Typed>| {
        block
            .iter()
            .any(|typed| ["ventanilla backup", "ventanilla restore"].iter().any(|word| typed.command.starts_with(word)))
    };
    let (last, first): (Vec<_>, Vec<_>) = blocks.into_iter().partition(is_last);
    first.into_iter().chain(last).collect()
}

/// What the shell runs for it: what serves goes on while the next is typed.
fn run(command: &str) -> String {
    let serving = ["ventanilla serve", "ventanilla witness"].contains(&command);
    if command.starts_with("cargo ") {
        // The program is there.
        return ":".into();
    }
    if serving {
        return format!(
            "{command} > serving.log 2>&1 & PIDS=\"$PIDS $!\"\n\
             for i in $(seq 1200); do grep -q '^listening on' serving.log && break; sleep 0.05; done; cat serving.log"
        );
    }
    let before = match command {
        _ if command.starts_with("ventanilla catalogue import") => "cp \"$HOME\"/files/* .\n",
        // Another machine: what was here is elsewhere, and serves no more.
        _ if command.starts_with("mkdir -m 700 /srv/ventanilla") => {
            "cd; kill $PIDS; wait; PIDS=; mv srv/ventanilla gone\n"
        }
        _ => "",
    };
    let after = match command {
        _ if command.starts_with("cp issuer.pem") => {
            "\nfor i in $(seq 400); do curl -s http://127.0.0.1:8080/readyz | grep -q '\"trust_anchors\":\"ok\"' && break; \
             sleep 0.05; done; [ $i -lt 400 ]"
        }
        _ => "",
    };
    format!("{before}{command}{after}")
}

/// Whether one of the lines is as expected. A word with a digit stands for any word, and `…` at the end for any words.
fn is_said(expected: &str, said: &[&str]) -> bool {
    if expected.trim_start().starts_with(['{', '"']) {
        // Answers are wrapped and shortened there; each name in them must be in what is said.
        let whole = said.concat();
        let names = expected
            .split('"')
            .zip(expected.split('"').skip(1))
            .filter(|(name, after)| after.starts_with(':') && !name.is_empty())
            .map(|(name, _)| format!("\"{name}\":"));
        let names: Vec<String> = names.collect();
        if !names.is_empty() {
            return names.iter().all(|name| whole.contains(name.as_str()));
        }
        // A line of values alone is there as it stands, but for how it is wrapped.
        let bare = |text: &str| text.replace(char::is_whitespace, "");
        return bare(&whole).contains(&bare(expected.trim_end_matches('…')));
    }
    let wanted: Vec<&str> = expected.split_whitespace().collect();
    said.iter().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let open = wanted.last() == Some(&"…");
        let count = if open { wanted.len() - 1 } else { wanted.len() };
        let same =
            |(wanted, word): (&&str, &&str)| wanted.contains(|sign: char| sign.is_ascii_digit()) || wanted == word;
        (words.len() == count || open && words.len() >= count) && wanted[..count].iter().zip(&words).all(same)
    })
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What the reader has: the list of units as DIR3 writes it, and a calendar.
fn write_files(folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    let mut units = b"C_ID_UD_ORGANICA;C_DNM_UD_ORGANICA;C_ID_NIVEL_ADMON;C_ID_DEP_UD_PRINCIPAL\n".to_vec();
    units.extend(b"L01290080;Ayuntamiento de Co\xedn;3;L01290080\nL01290012;Ayuntamiento de \xc1lora;3;L01290012\n");
    std::fs::write(folder.join("Listado Unidades EELL.csv"), units).unwrap();
    let days = "date,scope,name\n2026-01-06,national,Reyes\n2026-02-28,regional,Andalucía\n2026-08-16,local,Feria\n";
    std::fs::write(folder.join("holidays-2026.csv"), days).unwrap();
}

#[test]
fn each_command_does_what_the_readme_says() {
    let home = tempfile::tempdir().unwrap();
    let (at, ports) = (home.path().display().to_string(), [free_port(), free_port()].map(|port| port.to_string()));
    write_files(&home.path().join("files"));
    for folder in ["srv", "mnt"] {
        std::fs::create_dir(home.path().join(folder)).unwrap();
    }
    let here = |text: &str| {
        text.replace("/srv/", &format!("{at}/srv/"))
            .replace("/mnt/", &format!("{at}/mnt/"))
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{}", ports[0]))
            .replace("127.0.0.1:8444", &format!("127.0.0.1:{}", ports[1]))
    };
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let all: Vec<Typed> = blocks(&readme).into_iter().flatten().collect();
    let program = Path::new(env!("CARGO_BIN_EXE_ventanilla")).parent().unwrap().display();
    let mut script = format!("exec 2>&1\ntrap 'kill $PIDS' EXIT\nPATH={program}:$PATH\n");
    for (number, typed) in all.iter().enumerate() {
        writeln!(script, "{}\nprintf '\\n\\036%s %s\\n' {number} $?", here(&run(&typed.command))).unwrap();
    }
    let mut shell = Command::new("bash");
    shell.arg("-c").arg(&script).current_dir(home.path()).env("HOME", home.path());
    shell.env("VENTANILLA_LISTEN", format!("127.0.0.1:{}", ports[0])).env("VENTANILLA_LIMITS__READY_SECONDS", "0");
    let said = String::from_utf8_lossy(&shell.output().unwrap().stdout).into_owned();

    let mut heard = BTreeMap::new();
    let mut before = said.as_str();
    while let Some((text, rest)) = before.split_once("\n\u{1e}") {
        let (end, rest) = rest.split_once('\n').unwrap();
        let (number, status) = end.split_once(' ').unwrap();
        heard.insert(number.parse::<usize>().unwrap(), (status.to_owned(), text.to_owned()));
        before = rest;
    }
    for (number, Typed { command, expected }) in all.iter().enumerate() {
        let (status, text) = heard.get(&number).unwrap_or_else(|| panic!("{command}: nothing was heard\n{said}"));
        let refuses = expected.iter().any(|line| line.contains("proves nothing"));
        assert_eq!(status, if refuses { "1" } else { "0" }, "{command}\n{text}");
        let lines: Vec<&str> = text.lines().collect();
        for line in expected.iter().filter(|line| !["…", ""].contains(&line.trim())) {
            assert!(is_said(&here(line), &lines), "{command}\nsays no such line as\n{line}\nbut\n{text}");
        }
    }
    // The way of a registry from its beginning to another machine.
    for word in [
        "ventanilla init",
        "ventanilla token create",
        "ventanilla serve",
        "/api/v1/submissions",
        "/receipt.",
        "ventanilla verify receipt",
        "ventanilla verify book",
        "ventanilla witness",
        "ventanilla backup",
        "ventanilla restore",
    ] {
        assert!(all.iter().any(|typed| typed.command.contains(word)), "{word} is not in the README");
    }
}
