//! What a program told the kernel, as `strace` wrote it down, and whether it synced before it answered.

use std::collections::HashMap;

/// The system calls that [`answers_after_syncs`] needs, as `strace -e` takes them.
pub const CALLS: &str =
    "trace=fsync,fdatasync,write,writev,pwrite64,sendto,sendmsg,rename,renameat,renameat2,mkdir,mkdirat";

/// A call that succeeded: one that took a while stands where it ended, but for an answer, which stands where it began.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Call {
    Written(String),
    Synced(String),
    Renamed {
        from: String,
        to: String,
    },
    Made(String),
    /// 201 was sent.
    Answered,
}

/// Looks at each 201 of a trace and gives their number.
///
/// Before it left, every file under `objects/` written since the one before must have been synced under its first name
/// and then renamed, its folder synced after that, every folder made there synced into its parent, and after all of
/// these the log of the database written and synced.
///
/// # Errors
/// The first answer that came too early, and what was missing.
pub fn answers_after_syncs(trace: &str, documents: &[usize]) -> Result<usize, String> {
    let mut answers = 0;
    let mut since = Vec::new();
    for call in calls(trace) {
        if call == Call::Answered {
            let expected = documents.get(answers).copied().unwrap_or_default();
            in_order(&since, expected).map_err(|missing| format!("answer {}: {missing}", answers + 1))?;
            answers += 1;
            since.clear();
        } else {
            since.push(call);
        }
    }
    Ok(answers)
}

fn in_order(calls: &[Call], expected: usize) -> Result<(), String> {
    let synced_after = |path: &str, at: usize| {
        calls.iter().enumerate().skip(at).find(|(_, call)| **call == Call::Synced(path.to_owned())).map(|(at, _)| at)
    };
    let (mut stored, mut last) = (0, 0);
    for (at, call) in calls.iter().enumerate() {
        match call {
            Call::Renamed { from, to } => {
                let written = calls[..at].iter().rposition(|call| *call == Call::Written(from.clone()));
                let written = written.ok_or(format!("{from} was renamed and never written"))?;
                synced_after(from, written).filter(|synced| *synced < at).ok_or(format!("{from} was not synced"))?;
                let folder = parent(to);
                last = last.max(synced_after(folder, at).ok_or(format!("the folder {folder} was not synced"))?);
                stored += 1;
            }
            Call::Made(folder) => {
                let above = parent(folder);
                last = last.max(synced_after(above, at).ok_or(format!("{above} was not synced for {folder}"))?);
            }
            _ => {}
        }
    }
    if stored != expected {
        return Err(format!("{stored} objects were stored, not {expected}"));
    }
    let log = calls.iter().enumerate().skip(last).find_map(|(at, call)| match call {
        Call::Written(path) if path.ends_with(".db-wal") => Some((at, path)),
        _ => None,
    });
    let (written, path) = log.ok_or("the log of the database was not written after the documents were durable")?;
    synced_after(path, written).ok_or(format!("{path} was not synced"))?;
    Ok(())
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn calls(trace: &str) -> impl Iterator<Item = Call> + '_ {
    let mut begun: HashMap<&str, &str> = HashMap::new();
    trace.lines().filter_map(move |line| {
        let (process, rest) = line.split_once(' ')?;
        let rest = rest.trim_start();
        if let Some(start) = rest.strip_suffix("<unfinished ...>") {
            begun.insert(process, start);
            return answer(start);
        }
        if let Some(end) = rest.strip_prefix("<... ") {
            let start = begun.remove(process)?;
            let whole = format!("{start}{}", end.split_once("resumed>")?.1);
            return call(&whole).filter(|call| *call != Call::Answered);
        }
        call(rest)
    })
}

fn answer(text: &str) -> Option<Call> {
    let sends = ["write(", "writev(", "sendto(", "sendmsg("].iter().any(|name| text.starts_with(name));
    (sends && text.contains("<socket:") && text.contains("HTTP/1.1 201 ")).then_some(Call::Answered)
}

fn call(text: &str) -> Option<Call> {
    if let Some(answered) = answer(text) {
        return Some(answered);
    }
    let (name, _) = text.split_once('(')?;
    let (_, result) = text.rsplit_once(" = ")?;
    if result.starts_with('-') {
        return None;
    }
    let opened = || Some(text.split_once('<')?.1.split_once('>')?.0.to_owned());
    let mut quoted = text.split('"').skip(1).step_by(2).map(str::to_owned);
    match name {
        "fsync" | "fdatasync" => Some(Call::Synced(opened()?)),
        "write" | "writev" | "pwrite64" => Some(Call::Written(opened()?)),
        "rename" | "renameat" | "renameat2" => Some(Call::Renamed { from: quoted.next()?, to: quoted.next()? }),
        "mkdir" | "mkdirat" => quoted.next().filter(|path| path.contains("/objects/")).map(Call::Made),
        _ => None,
    }
}
