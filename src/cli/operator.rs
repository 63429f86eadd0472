//! Who runs a command: the account of the operating system, which stands on privileged acts.

use std::os::unix::fs::MetadataExt;

use crate::registry::act::Actor;

/// No login: `/proc/self/loginuid` of a process that nobody's login began.
const NO_LOGIN: u32 = u32::MAX;

/// The account that runs this command; where somebody logged in as another one and became it (`sudo`), both.
///
/// The environment is not asked: whoever runs a command can write anything there.
pub fn operator() -> Actor {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let Ok(own) = std::fs::metadata("/proc/self") else { return Actor::operator("unknown") };
    let login = std::fs::read_to_string("/proc/self/loginuid").ok().and_then(|uid| uid.trim().parse().ok());
    Actor::operator(&named(&users, own.uid(), login))
}

/// Such as `root (logged in as ana)`.
fn named(users: &str, own: u32, login: Option<u32>) -> String {
    let name = |uid: u32| {
        let of_uid = |line: &&str| line.split(':').nth(2).is_some_and(|field| field.parse() == Ok(uid));
        let account = users.lines().find(of_uid).and_then(|line| line.split(':').next());
        account.map_or_else(|| format!("uid {uid}"), str::to_owned)
    };
    match login.filter(|login| *login != own && *login != NO_LOGIN) {
        Some(login) => format!("{} (logged in as {})", name(own), name(login)),
        None => name(own),
    }
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn whoever_became_another_account_is_named_with_both() {
        let users = "root:x:0:0:root:/root:/bin/sh\nana:x:1000:1000:Ana:/home/ana:/bin/sh\n";
        assert_eq!(named(users, 1000, Some(1000)), "ana");
        assert_eq!(named(users, 0, Some(1000)), "root (logged in as ana)");
        assert_eq!(named(users, 0, Some(u32::MAX)), "root");
        assert_eq!(named(users, 1234, None), "uid 1234");
    }
}
