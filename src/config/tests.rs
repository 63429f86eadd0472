//! Where settings come from, and what is refused.

use super::*;

fn with(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let mut settings: toml::Table = text.parse().unwrap();
    let shape = toml::Table::try_from(Config::default()).unwrap();
    for (name, value) in variables {
        overlay(&mut settings, &shape, name, name.trim_start_matches("VENTANILLA_"), value)?;
    }
    Config::deserialize(settings)
        .map_err(|error| ConfigError::Invalid { origin: "test".into(), reason: error.to_string() })
}

#[test]
fn the_environment_wins_over_the_file() {
    let config = with(
        "listen = 'a'\n[limits]\ndocument_bytes = 1\n",
        &[("VENTANILLA_LISTEN", "b"), ("VENTANILLA_LIMITS__DOCUMENT_BYTES", "7"), ("VENTANILLA_ENTITY__CODE", "0123")],
    )
    .unwrap();
    assert_eq!((config.listen.as_str(), config.limits.document_bytes), ("b", 7));
    assert_eq!(config.entity.code, "0123");
}

#[test]
fn a_list_is_written_with_commas_in_the_environment() {
    let hosts = |text, value| with(text, &[("VENTANILLA_SIGNATURE__REVOCATION_HOSTS", value)]);
    let config = hosts("[signature]\nrevocation_hosts = ['c']\n", "a.es, .b.es:8080 ,").unwrap();
    assert_eq!(config.signature.revocation_hosts, ["a.es", ".b.es:8080"]);
    assert!(hosts("", "").unwrap().signature.revocation_hosts.is_empty());
    let config = with("[signature]\nrevocation_hosts = ['c']\n", &[]).unwrap();
    assert_eq!(config.signature.revocation_hosts, ["c"]);
}

#[test]
fn a_setting_misspelt_is_refused_and_named() {
    let error = with("[signature]\ntrust_anchor = 'x'\n", &[]).unwrap_err().to_string();
    assert!(error.contains("trust_anchor"), "{error}");
    let error = with("", &[("VENTANILLA_DATABASE__URI", "x")]).unwrap_err().to_string();
    assert!(error.contains("VENTANILLA_DATABASE__URI"), "{error}");
    assert!(with("", &[("VENTANILLA_BEHIND_PROXY", "perhaps")]).is_err());
}

#[test]
fn secrets_are_never_printed() {
    let config = with("[database]\nurl = 'postgres://u:hunter2@h/d'\n", &[]).unwrap();
    assert_eq!(config.database.url.expose(), "postgres://u:hunter2@h/d");
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_limit_that_cannot_be_is_refused_and_named() {
    for (setting, wrong) in [
        ("document_bytes", &["0"] as &[&str]),
        ("json_bytes", &["0", "1000000000"]),
        ("documents", &["0"]),
        ("connections", &["0"]),
        ("uploads", &["0", "1000000"]),
        ("header_seconds", &["0", "3601"]),
        ("idle_seconds", &["0", "9223372036854775807"]),
        ("stall_seconds", &["0", "9223372036854775807"]),
        ("body_seconds", &["0", "9223372036854775807"]),
        ("connection_seconds", &["0", "9223372036854775807"]),
        ("body_bytes_per_second", &["0", "9223372036854775807"]),
        ("ready_seconds", &["9223372036854775807"]),
        ("unfinished_bytes_per_caller", &["0", "524287999"]),
        ("open_documents", &["0", "1048577"]),
        ("open_documents_per_caller", &["0", "1048577"]),
        ("memory_bytes", &["0", "134217728"]),
    ] {
        for value in wrong {
            let config = with(&format!("[limits]\n{setting} = {value}\n"), &[]).unwrap();
            let error = config.check(Some(Path::new("v.toml"))).unwrap_err().to_string();
            assert!(error.starts_with("v.toml: limits."), "{error}");
            assert!(setting == "json_bytes" || error.contains(setting), "{setting}: {error}");
        }
        let name = format!("VENTANILLA_LIMITS__{}", setting.to_uppercase());
        for value in ["-1", "many", "1.5", "", "99999999999999999999"] {
            let refused = with("", &[(&name, value)]).map(|_| ()).unwrap_err().to_string();
            assert!(refused.contains(&name) || refused.contains(setting), "{value}: {refused}");
        }
    }
    Config::default().check(None).unwrap();
    let none = "[limits]\nready_seconds = 0\nconnections_per_address = 0\n";
    with(none, &[]).unwrap().check(None).unwrap();
}
