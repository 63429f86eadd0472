//! Every setting: its default, its unit, and what breaks without it.
//!
//! A setting comes from its default, then the TOML file, then the environment as `VENTANILLA_SECTION__KEY`
//! (`VENTANILLA_LISTEN` for one outside a section). Unknown keys are refused in both: a setting misspelt would
//! otherwise be a setting silently lost. A list is written with commas there. Relative paths are relative to the file's folder.
#![expect(clippy::disallowed_methods, reason = "this is the one file that reads the environment")]

mod appointments;
mod calendar;
mod documents;
mod limits;
mod log;
mod proof;
pub mod public_url;
mod sede;
mod witness;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use appointments::Appointments;
pub use calendar::Calendar;
pub use documents::Documents;
pub use limits::Limits;
pub use log::Log;
pub use sede::Sede;
pub use witness::Witness;

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no such file.
    #[error("there is no {0}: `ventanilla init --dir FOLDER` writes the settings of a new registry")]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file of the settings, as it was named.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not TOML, or a key in it is unknown or of the wrong type.
    #[error("{origin}: {reason}")]
    Invalid {
        /// The file, or the environment variable.
        origin: String,
        /// What is wrong with it, and where.
        reason: String,
    },
}

/// A value that is never printed: it has no `Debug` of its content, and it does not serialise.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The secret, to hand to whoever needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(none)" } else { "Secret(…)" })
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("")
    }
}

/// All settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port of the public listener; port 0 picks a free one. Without TLS only loopback is allowed,
    /// unless `behind_proxy`.
    pub listen: String,
    /// Address and port of the metrics (`/metrics`), for the operator's network only; empty for none.
    pub admin_listen: String,
    /// A proxy in front ends TLS: plain HTTP may listen on any address.
    pub behind_proxy: bool,
    /// The public body.
    pub entity: Entity,
    /// Where entries live.
    pub database: Database,
    /// Where documents live.
    pub objects: Objects,
    /// Which formats are taken.
    pub documents: Documents,
    /// How signatures are judged.
    pub signature: Signature,
    /// The entity's seal, which signs receipts.
    pub seal: Seal,
    /// The book as a log that anybody can check.
    pub proof: Proof,
    /// Watching the logs of others, for `ventanilla witness`.
    pub witness: Witness,
    /// TLS on the public listener.
    pub tls: Tls,
    /// What one request may cost.
    pub limits: Limits,
    /// How far the clock may be off.
    pub clock: ClockLimits,
    /// When the calendar of a year is complete.
    pub calendar: Calendar,
    /// What holds for appointments.
    pub appointments: Appointments,
    /// Whether figures are public.
    pub reports: Reports,
    /// What the pages say of the body.
    pub sede: Sede,
    /// What is logged.
    pub log: Log,
}

/// `[entity]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Entity {
    /// DIR3 code, 9 characters.
    pub code: String,
    /// Name, as receipts print it.
    pub name: String,
    /// IANA time zone: the official time of the sede.
    pub time_zone: String,
    /// Where the public reaches the server, such as `https://sede.example.es`: receipts print it, for ever, as text and as
    /// a code for telephones. https, or http at `127.0.0.1`, `[::1]` or `localhost` for trials. Empty: `listen`, and
    /// `/readyz` says so.
    pub public_url: String,
    /// The body's rule that governs verification codes (CSV), such as `Ordenanza 3/2024, art. 31`, or a reference of the
    /// official journal: authentic copies state it, and none are made without it. At most 160 characters.
    pub csv_regulation: String,
    /// Colour of headings on receipts, such as `#1f4e79`.
    pub colour: String,
}

impl Entity {
    /// The code of the registry that is tried, which is no body's.
    pub const TRIAL: &'static str = "L01000000";

    /// The colour as red, green and blue; a dark blue when it is not written as `#rrggbb`.
    #[must_use]
    pub fn rgb(&self) -> [u8; 3] {
        let digits = hex::decode(self.colour.trim_start_matches('#')).unwrap_or_default();
        digits.try_into().unwrap_or([0x1f, 0x4e, 0x79])
    }
}

/// `[database]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `sqlite:///path` or `postgres://user:password@host/name`, with `?sslmode=verify-full` where the host is another
    /// machine: with less, nobody's name is checked, and the log warns. May hold a password, so it is never logged.
    pub url: Secret,
    /// The most connections to PostgreSQL, or readers of SQLite.
    pub connections: u32,
    /// Folder of PostgreSQL's programs `pg_dump` and `pg_restore`, which backups need; empty: they are found by `PATH`.
    pub tools: PathBuf,
}

/// `[objects]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Objects {
    /// `file:///path` or `s3://bucket/prefix`.
    pub url: String,
    /// S3: the server's address, where it is not Amazon's.
    pub endpoint: String,
    /// S3: the region.
    pub region: String,
    /// S3: the access key's id.
    pub access_key_id: Secret,
    /// S3: the access key's secret.
    pub secret_access_key: Secret,
    /// Folder for what clients send faster than the store takes it, in files without names. Empty: `spool` beside a local
    /// store's folder, else `/var/tmp`.
    pub spool: PathBuf,
}

/// Whether the revocation of a signer's certificate must be known, and that of a client's certificate over TLS. Revoked is
/// refused whichever it is, unless nobody is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revocation {
    /// No answer, no verdict: `try_later`; a client whose certificate's revocation is not known is answered with 503.
    Require,
    /// Asked where there is somebody to ask; a client is let in where no answer comes.
    WhenAvailable,
    /// Never asked.
    Off,
}

/// What is done with a submission whose signature is sound but whose revocation could not be learned, and with a client
/// whose certificate is in that state. A certificate that its authority has suspended is refused either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnIndeterminate {
    /// Answer 503, nothing is numbered; a client with such a certificate is answered 503 whatever it asks.
    Refuse,
    /// Register it, mark it, judge it again later; let the client in.
    Accept,
}

/// `[signature]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Signature {
    /// Folder of PEM or DER certificates that are trusted. Without any, no signature is.
    pub trust_anchors: PathBuf,
    /// Only the folder of `trust_anchors` counts: no administrator trusts an authority over the API.
    pub fixed_anchors: bool,
    /// Folder of certificates of authorities that help to find the way to an anchor, and are trusted for nothing;
    /// empty for none.
    pub intermediates: PathBuf,
    /// See [`Revocation`].
    pub revocation: Revocation,
    /// See [`OnIndeterminate`].
    pub on_indeterminate: OnIndeterminate,
    /// The rule that lets identification count as signature (art. 10.4 Ley 39/2015); empty: it does not.
    pub identification_rule: String,
    /// Folder of the certificates of e-offices whose seal may vouch for a citizen; empty for none.
    pub eoffice_seals: PathBuf,
    /// Machines that may be asked at the addresses that certificates name (OCSP, CRLs, issuers): `ocsp.example.org`,
    /// `ocsp.example.org:8080`, or `.example.org` for all below it, these at public addresses only. Empty: nobody is
    /// asked. A certificate is written by anybody, so without this list it could make the registry call any machine.
    pub revocation_hosts: Vec<String>,
    /// Seconds that one verdict may wait for others' answers.
    pub revocation_seconds: u64,
    /// Addresses of responders that are asked about every certificate, before those that it names. Need not be in
    /// `revocation_hosts`. What such a responder says it does not know counts as not asked, if `ocsp_signers` has its
    /// certificate; else as no answer.
    pub ocsp_responders: Vec<String>,
    /// Folder of certificates that may sign OCSP answers for any authority (RFC 6960 section 4.2.2.2); empty for none.
    pub ocsp_signers: PathBuf,
    /// Folder of CRLs that are kept at hand (`.crl`, `.der`, `.pem`) and asked before any machine; empty for none.
    pub crls: PathBuf,
    /// Address of the time stamping authority (RFC 3161) whose timestamps receipts carry; empty for none. Need not be
    /// in `revocation_hosts`.
    pub tsa_url: String,
    /// Folder of ETSI TS 119 612 trusted lists (`.xml`), whose services are trusted beside `trust_anchors`; empty for
    /// none.
    pub trusted_lists: PathBuf,
    /// Folder of certificates whose signature on a trusted list counts. Without any, no list is believed.
    pub list_signers: PathBuf,
    /// Days after the next update of a trusted list in which what it grants still counts; after them signatures that rest on
    /// it are indeterminate.
    pub list_grace_days: u32,
    /// Bytes of a document up to which the signatures in and over it are judged: it is held in memory meanwhile. Of a
    /// longer one the entry says that they were not.
    pub attachment_bytes: u64,
    /// Seconds that the signatures in and over all documents of one request may take together. Of what is left then
    /// the entry says that it was not judged.
    pub attachment_seconds: u64,
}

/// `[seal]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seal {
    /// PEM: the entity's seal certificate, then its chain. Without it no receipt can be issued.
    pub certificate: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
    /// Put each receipt on paper as soon as it is issued; false: when somebody asks for it, and the PDF is sealed then.
    pub papers_ahead: bool,
}

/// `[proof]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Proof {
    /// The name of the log: by custom its public address without `https://`, such as `sede.example.es/registro`. It never
    /// changes: old receipts name it. Empty: `ventanilla/` and the entity's code.
    pub origin: String,
    /// PEM: the Ed25519 key that signs checkpoints. Empty: one that is made and kept in the database, which whoever can
    /// read the database can use; witnesses then are what keeps the book from being rewritten.
    pub key: PathBuf,
    /// The file in which the last signed checkpoint of each log is kept. Empty: beside `key`, with `.state` behind its name.
    pub state: PathBuf,
    /// Seconds between two publications of the newest checkpoint, with the entity's seal; 0 for none: then witnesses are
    /// not asked either.
    pub seal_seconds: u64,
    /// Addresses of witnesses (C2SP tlog-witness) that are asked to cosign checkpoints, without `/add-checkpoint`.
    pub witnesses: Vec<String>,
    /// The witnesses' keys, as text (`name+identifier+key`): only their cosignatures are published.
    pub witness_keys: Vec<String>,
}

/// `[tls]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// PEM: the server's certificate, then its chain. Empty: plain HTTP.
    pub certificate: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
    /// PEM: who issues citizens' certificates. When set, a client certificate is asked for (not required). It must be for
    /// `clientAuth`, and its revocation is looked into as `signature.revocation` says; what its authority said is kept
    /// until it may say something new (`nextUpdate`).
    pub client_ca: PathBuf,
}

/// `[clock]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClockLimits {
    /// Seconds the clock may differ from the database's or the source's, or jump ahead, before numbering stops.
    pub ahead_seconds: u32,
    /// Seconds the clock may stand behind the last entry before numbering stops.
    pub behind_seconds: u32,
    /// Who is asked each minute how far the clock is off: `sntp:HOST`, `sntp:HOST:PORT`, `chrony`, `chrony:HOST:PORT`.
    /// Empty: nobody, and a clock that was wrong from the start is believed.
    pub source: String,
}

/// `[reports]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reports {
    /// Anybody may read the figures.
    pub public: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            admin_listen: String::new(),
            behind_proxy: false,
            entity: Entity::default(),
            database: Database::default(),
            objects: Objects::default(),
            documents: Documents::default(),
            signature: Signature::default(),
            seal: Seal::default(),
            proof: Proof::default(),
            witness: Witness::default(),
            tls: Tls::default(),
            limits: Limits::default(),
            clock: ClockLimits::default(),
            calendar: Calendar::default(),
            appointments: Appointments::default(),
            reports: Reports::default(),
            sede: Sede::default(),
            log: Log::default(),
        }
    }
}

impl Default for Entity {
    fn default() -> Self {
        Self {
            code: Self::TRIAL.into(),
            name: "Ayuntamiento de ejemplo".into(),
            time_zone: "Europe/Madrid".into(),
            public_url: String::new(),
            csv_regulation: String::new(),
            colour: "#1f4e79".into(),
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self { url: Secret::default(), connections: 20, tools: PathBuf::new() }
    }
}

impl Default for Objects {
    fn default() -> Self {
        Self {
            url: String::new(),
            endpoint: String::new(),
            region: "eu-south-2".into(),
            access_key_id: Secret::default(),
            secret_access_key: Secret::default(),
            spool: PathBuf::new(),
        }
    }
}

impl Default for Signature {
    fn default() -> Self {
        Self {
            trust_anchors: PathBuf::new(),
            fixed_anchors: false,
            intermediates: PathBuf::new(),
            revocation: Revocation::WhenAvailable,
            on_indeterminate: OnIndeterminate::Accept,
            identification_rule: String::new(),
            eoffice_seals: PathBuf::new(),
            revocation_hosts: Vec::new(),
            revocation_seconds: 5,
            ocsp_responders: Vec::new(),
            ocsp_signers: PathBuf::new(),
            crls: PathBuf::new(),
            tsa_url: String::new(),
            trusted_lists: PathBuf::new(),
            list_signers: PathBuf::new(),
            list_grace_days: 30,
            attachment_bytes: 32 << 20,
            attachment_seconds: 20,
        }
    }
}

impl Default for Seal {
    fn default() -> Self {
        Self { certificate: PathBuf::new(), key: PathBuf::new(), papers_ahead: true }
    }
}

impl Default for Proof {
    fn default() -> Self {
        Self {
            origin: String::new(),
            key: PathBuf::new(),
            state: PathBuf::new(),
            seal_seconds: 60,
            witnesses: Vec::new(),
            witness_keys: Vec::new(),
        }
    }
}

impl Default for ClockLimits {
    fn default() -> Self {
        Self { ahead_seconds: 5, behind_seconds: 2, source: String::new() }
    }
}

impl Config {
    /// Reads `file` where there is one, then the environment.
    ///
    /// # Errors
    /// [`ConfigError`] names the file or variable, and the key.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut settings = match file {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| match source.kind() {
                    std::io::ErrorKind::NotFound => ConfigError::Missing(path.to_owned()),
                    _ => ConfigError::Read { path: path.to_owned(), source },
                })?;
                let parsed: toml::Table = text.parse().map_err(|error: toml::de::Error| ConfigError::Invalid {
                    origin: path.display().to_string(),
                    reason: error.to_string(),
                })?;
                // The types are checked here once, so that an error names the file and not the environment.
                Self::deserialize(parsed.clone()).map_err(|error| ConfigError::Invalid {
                    origin: path.display().to_string(),
                    reason: error.to_string(),
                })?;
                parsed
            }
            None => toml::Table::new(),
        };
        let shape = toml::Table::try_from(Self::default()).unwrap_or_default();
        for (name, value) in std::env::vars() {
            let Some(key) = name.strip_prefix("VENTANILLA_") else { continue };
            overlay(&mut settings, &shape, &name, key, &value)?;
        }
        let mut config = Self::deserialize(settings).map_err(|error| ConfigError::Invalid {
            origin: "the settings in the environment".into(),
            reason: error.to_string(),
        })?;
        let folder = file.and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
        config.resolve(&folder);
        config.check(file)?;
        Ok(config)
    }

    /// Whether each setting can be what it is; the types were checked before.
    fn check(&self, file: Option<&Path>) -> Result<(), ConfigError> {
        let origin =
            || file.map_or_else(|| "the settings in the environment".into(), |path| path.display().to_string());
        let url = &self.entity.public_url;
        if !url.is_empty() {
            public_url::check(url).map_err(|wrong| ConfigError::Invalid {
                origin: origin(),
                reason: format!("entity.public_url {url:?} {wrong}"),
            })?;
        }
        self.limits.check().map_err(|reason| ConfigError::Invalid { origin: origin(), reason })
    }

    /// The limits of the public listener: behind a proxy, all connections are the proxy's.
    #[must_use]
    pub fn listener_limits(&self) -> Limits {
        let mut limits = self.limits.clone();
        if self.behind_proxy {
            (limits.connections_per_address, limits.connections_per_network, limits.connections_per_site) = (0, 0, 0);
        }
        limits
    }

    /// Makes relative paths relative to the configuration's folder.
    fn resolve(&mut self, folder: &Path) {
        for path in [
            &mut self.database.tools,
            &mut self.objects.spool,
            &mut self.signature.trust_anchors,
            &mut self.signature.intermediates,
            &mut self.signature.eoffice_seals,
            &mut self.signature.ocsp_signers,
            &mut self.signature.crls,
            &mut self.signature.trusted_lists,
            &mut self.signature.list_signers,
            &mut self.seal.certificate,
            &mut self.seal.key,
            &mut self.proof.key,
            &mut self.proof.state,
            &mut self.witness.key,
            &mut self.witness.state,
            &mut self.tls.certificate,
            &mut self.tls.key,
            &mut self.tls.client_ca,
        ] {
            if !path.as_os_str().is_empty() && path.is_relative() {
                *path = folder.join(&*path);
            }
        }
    }
}

/// Sets one setting from the environment; the default's type says how its text is read.
fn overlay(
    settings: &mut toml::Table,
    shape: &toml::Table,
    variable: &str,
    key: &str,
    value: &str,
) -> Result<(), ConfigError> {
    let path: Vec<String> = key.split("__").map(str::to_lowercase).collect();
    let known = match path.as_slice() {
        [top] => shape.get(top).filter(|value| !value.is_table()),
        [section, name] => shape.get(section).and_then(|section| section.get(name)),
        _ => None,
    };
    let Some(known) = known else {
        // Variables without a section may belong to others (a test's, a shell's); one that names a section is ours.
        if path.len() == 1 {
            return Ok(());
        }
        return Err(ConfigError::Invalid { origin: variable.into(), reason: "there is no such setting".into() });
    };
    let wrong = |kind: &str| ConfigError::Invalid { origin: variable.into(), reason: format!("must be {kind}") };
    let value = match known {
        toml::Value::Integer(_) => toml::Value::Integer(value.trim().parse().map_err(|_| wrong("a whole number"))?),
        toml::Value::Boolean(_) => toml::Value::Boolean(value.trim().parse().map_err(|_| wrong("true or false"))?),
        toml::Value::Array(_) => toml::Value::Array(
            value
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| toml::Value::String(item.into()))
                .collect(),
        ),
        _ => toml::Value::String(value.into()),
    };
    let target = match path.as_slice() {
        [_] => settings,
        _ => settings
            .entry(path[0].clone())
            .or_insert_with(|| toml::Value::Table(toml::Table::new()))
            .as_table_mut()
            .ok_or_else(|| wrong("in a section"))?,
    };
    if let Some(name) = path.last() {
        target.insert(name.clone(), value);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
