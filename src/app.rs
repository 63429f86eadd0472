//! Builds everything once from the configuration: server, command line and tests all start here.

pub mod anchors;
mod appointments;
pub mod expiry;
pub mod lists;
pub mod seals;
mod settings;
pub mod stamp;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chrono_tz::Tz;
use openssl::x509::X509;

use self::lists::StaleError;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::domain::media::{self, AcceptedFormats, NotMediaType};
use crate::domain::{BookKind, UnknownName, text};
use crate::fetch::clamd::{NotAddress, Scanner};
use crate::fetch::time::{TimeSource, UnknownSource};
pub use crate::fetch::turns::Busy;
use crate::fetch::turns::Turns;
use crate::fetch::witness::{Witnesses, WitnessesError};
use crate::fetch::{self, Judge};
use crate::http::auth::KnownToken;
use crate::http::budget::Budget;
use crate::http::health::LastReadiness;
use crate::http::listen::fingerprint;
use crate::http::open_documents::OpenDocuments;
use crate::http::rate::Rates;
use crate::log::key::KeyError;
use crate::log::{Edge, VerifierKey};
use crate::receipt::seal::{Seal, SealError};
use crate::registry::Registry;
use crate::registry::act::{Action, Actor, record_act};
use crate::registry::caller::Entity;
use crate::registry::client_certificate::ClientCertificates;
use crate::registry::kept::Kept;
use crate::registry::ledger::{Ledger, LedgerError};
use crate::registry::older;
use crate::service::attention::Service;
use crate::service::services::Services;
use crate::signature::{Anchors, ListError, LoadError, Policy, RevocationMode, TrustedList, load_certificates};
use crate::store::catalogue::BookRow;
use crate::store::directory::Kind;
use crate::store::log::Log;
use crate::store::objects::{self, Objects};
use crate::store::{self, Store, Tx};

/// Why the program could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `entity.time_zone` is not one.
    #[error("entity.time_zone: there is no time zone {0:?}; Europe/Madrid and Atlantic/Canary are two")]
    TimeZone(String),
    /// The entity's name.
    #[error("entity.name {0}")]
    EntityName(#[source] text::TextError),
    /// The colour of receipts.
    #[error("entity.colour: {0:?} is none; write it as #rrggbb, such as #1f4e79")]
    Colour(String),
    /// What is logged.
    #[error(
        "log.filter: {0:?} is none of off, error, warn, info, debug and trace, nor a part of the program with one of these, \
         such as sqlx=warn"
    )]
    LogFilter(String),
    /// Where the public reaches the server.
    #[error("entity.public_url {0:?} {1}")]
    PublicUrl(String, #[source] config::public_url::PublicUrlError),
    /// The rule that governs verification codes.
    #[error("entity.csv_regulation {0}")]
    CsvRegulation(#[source] text::TextError),
    /// `calendar.required_scopes` has something that is no scope.
    #[error("calendar.required_scopes: {0:?}: {1}")]
    CalendarScope(String, #[source] UnknownName),
    /// `documents.accepted_formats` has something that is no media type.
    #[error("documents.accepted_formats: {0:?} {1}")]
    Format(String, #[source] NotMediaType),
    /// `documents.scanner` is no address.
    #[error("documents.scanner: {0:?} {1}")]
    Scanner(String, #[source] NotAddress),
    /// The database.
    #[error("database: {0}")]
    Store(#[from] store::Error),
    /// The object store.
    #[error("objects: {0}")]
    Objects(#[from] objects::Error),
    /// The trust anchors.
    #[error("signature.trust_anchors: {0}")]
    Anchors(#[from] LoadError),
    /// The certificates that help to reach the trust anchors.
    #[error("signature.intermediates: {0}")]
    Intermediates(#[source] LoadError),
    /// The certificates that may sign trusted lists.
    #[error("signature.list_signers: {0}")]
    ListSigners(#[source] LoadError),
    /// A trusted list.
    #[error("signature.trusted_lists: {0}: {1}")]
    TrustedList(PathBuf, #[source] ListError),
    /// A trusted list, or the folder of them, that cannot be read.
    #[error("signature.trusted_lists: {0} could not be read: {1}")]
    ListFile(PathBuf, #[source] std::io::Error),
    /// A trusted list that must not be used.
    #[error("signature.trusted_lists: {0}")]
    StaleList(#[from] StaleError),
    /// The certificates that may sign OCSP answers.
    #[error("signature.ocsp_signers: {0}")]
    OcspSigners(#[source] LoadError),
    /// Who may be asked about revocation.
    #[error(transparent)]
    Fetch(#[from] fetch::StartError),
    /// The seals of e-offices.
    #[error("signature.eoffice_seals: {0}")]
    EofficeSeals(#[source] LoadError),
    /// `clock.source` is not one.
    #[error(transparent)]
    TimeSource(#[from] UnknownSource),
    /// The name of the log.
    #[error("proof.origin: {0:?}: {1}")]
    Origin(String, #[source] KeyError),
    /// The key of the log.
    #[error(
        "proof.key: the key of the log cannot be read: {0}: {1}; put back the file that `init` made, of which a copy should be \
         kept elsewhere: it is in no backup, and with another key the book does not go on"
    )]
    LedgerKey(PathBuf, #[source] std::io::Error),
    /// The key of the log.
    #[error("proof.key: {0}")]
    Ledger(#[from] LedgerError),
    /// The witnesses' addresses.
    #[error("proof.witnesses: {0}")]
    Witnesses(#[from] WitnessesError),
    /// A witness's key.
    #[error("proof.witness_keys: {0:?}: {1}")]
    WitnessKey(String, #[source] KeyError),
    /// The seal.
    #[error("seal: {0}")]
    Seal(#[from] SealError),
}

/// The longest `entity.csv_regulation`, in characters.
const CSV_REGULATION: usize = 160;
/// Documents that are checked against their hashes at once. Some of them wait for the object store.
const HASHED_AT_ONCE: usize = 16;

/// Everything a request needs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    /// The settings.
    pub config: Arc<Config>,
    /// The entity of the configuration. Others may live in the same database.
    pub entity: Arc<Entity>,
    /// The registry.
    pub registry: Registry,
    /// The citizens' service.
    pub service: Service,
    /// Its services and appointments.
    pub services: Services,
    /// Who judges them, and asks other machines for it.
    pub judge: Judge,
    /// The SHA-256 of the certificates of e-offices whose seal may vouch for a citizen.
    pub eoffice_seals: Arc<Vec<String>>,
    /// The formats that the entity takes.
    pub formats: Arc<AcceptedFormats>,
    /// Who scans documents for harmful code, where anybody does.
    pub scanner: Option<Scanner>,
    /// The entity's seal.
    pub seal: Arc<Seal>,
    /// What the files of the seal were before they were read.
    pub seal_at_start: u64,
    /// Set once the record says that the seal of the start is used.
    pub seal_recorded: Arc<tokio::sync::OnceCell<()>>,
    /// Set once the record says what was there before acts were recorded.
    pub older_recorded: Arc<tokio::sync::OnceCell<()>>,
    /// The certificates that seal for the registry, as far as they were asked for: SHA-256 in hexadecimal.
    pub seals_seen: Arc<tokio::sync::Mutex<HashSet<String>>>,
    /// Who is asked how far the clock is off.
    pub time_source: Option<TimeSource>,
    /// The trusted lists by which is judged, and why not by those in the folder now.
    pub lists: Arc<Mutex<lists::Used>>,
    /// Why the anchors could not be read again; none where they could.
    pub anchors_wrong: Arc<Mutex<Option<String>>>,
    /// Why the seal could not be read again; none where it could.
    pub seal_wrong: Arc<Mutex<Option<String>>>,
    /// How the anchors and the trusted lists were that were read at the start.
    pub anchors_at_start: anchors::Seen,
    /// The witnesses that are asked to cosign.
    pub witnesses: Witnesses,
    /// Their keys.
    pub witness_keys: Arc<Vec<VerifierKey>>,
    /// How many leaves each witness, by its address, has cosigned.
    pub witnessed: Arc<Mutex<HashMap<String, u64>>>,
    /// Client certificates judged lately.
    pub client_certificates: ClientCertificates,
    /// Tokens seen lately, so that each request does not ask the database.
    pub tokens: Arc<Mutex<HashMap<[u8; 32], KnownToken>>>,
    /// What is wrong with the last checkpoint of each log that was to be published; nothing where it was.
    pub published: Arc<Mutex<BTreeMap<Log, Option<String>>>>,
    /// Whether the server was ready when that was last asked.
    pub readiness: LastReadiness,
    /// How often addresses asked lately.
    pub rates: Rates,
    /// How many writes to the object store may go on at once.
    pub uploads: Arc<tokio::sync::Semaphore>,
    /// What requests that have not ended may take.
    pub budget: Budget,
    /// Turns at judging signatures.
    pub judging: Turns,
    /// The documents that are being read.
    pub open_documents: OpenDocuments,
    /// Turns at checking whole documents against their hashes before they are handed out.
    pub hashing: Turns,
}

impl App {
    /// Opens database and objects, brings the schema up to date, and makes the configured entity if it is new.
    ///
    /// # Errors
    /// [`StartError`] names the setting at fault.
    pub async fn open(config: Config, clock: Clock) -> Result<Self, StartError> {
        let objects = Objects::open(&config.objects)?;
        // All settings lie in that future, several times: it is not kept in those of its callers.
        Box::pin(Self::open_with(config, clock, objects)).await
    }

    /// The same over objects that the caller opened.
    ///
    /// # Errors
    /// [`StartError`] names the setting at fault.
    pub async fn open_with(config: Config, clock: Clock, objects: Objects) -> Result<Self, StartError> {
        settings::check(&config)?;
        let zone: Tz =
            config.entity.time_zone.parse().map_err(|_| StartError::TimeZone(config.entity.time_zone.clone()))?;
        let public = &config.entity.public_url;
        if !public.is_empty() {
            config::public_url::check(public).map_err(|wrong| StartError::PublicUrl(public.clone(), wrong))?;
        }
        let regulation = &config.entity.csv_regulation;
        if !regulation.is_empty() {
            text::check(regulation, CSV_REGULATION).map_err(StartError::CsvRegulation)?;
        }
        let time_source = TimeSource::parse(&config.clock.source)?;
        let store = Store::open(config.database.url.expose(), config.database.connections).await?;
        let (id, ledger) = ensure_entity(&store, &config, zone, &clock).await?;
        let entity = Entity { id, code: config.entity.code.clone(), name: config.entity.name.clone(), zone, ledger };
        let settings = &config.signature;
        let mut tx = store.begin().await?;
        let anchors_at_start = anchors::Seen::now(&mut tx, id, settings).await?;
        let more = if settings.fixed_anchors { Vec::new() } else { anchors::trusted(&mut tx, id).await? };
        let lists = lists::load(settings)?;
        lists::remember(&mut tx, &clock, &entity, &lists).await?;
        tx.commit().await?;
        let policy = policy_over(settings, anchors_of(settings, &more, lists.clone())?)?;
        let judge = Judge::new(Arc::new(policy), settings, clock.clone())?;
        let eoffice_seals = eoffice_seals(&config.signature).map_err(StartError::EofficeSeals)?;
        let seal_at_start = seals::stamp_of(&config.seal);
        let seal = Seal::load(&config.seal)?;
        let witnesses = Witnesses::new(&config.proof.witnesses)?;
        let key = |text: &String| text.parse().map_err(|error| StartError::WitnessKey(text.clone(), error));
        let witness_keys: Vec<VerifierKey> = config.proof.witness_keys.iter().map(key).collect::<Result<_, _>>()?;
        let service = Service::new(store.clone(), clock.clone());
        let services = Services::new(store.clone(), clock.clone()).far_from(config.appointments.far_days);
        let client_certificates =
            ClientCertificates::new(judge.clone(), clock.clone(), config.signature.on_indeterminate);
        let scope = |name: &String| name.parse().map_err(|error| StartError::CalendarScope(name.clone(), error));
        let scopes = config.calendar.required_scopes.iter().map(scope).collect::<Result<_, _>>()?;
        let formats = formats(&config.documents)?;
        let scanner = scanner(&config.documents)?;
        let spool = spool_folder(&config.objects, objects.folder());
        let registry = Registry::new(store, objects, clock, config.clock.clone()).requiring(scopes);
        let registry = registry.regulated_by(&config.entity.csv_regulation).scanning(scanner.is_some());
        registry.learn_swept(entity.id).await?;
        Ok(Self {
            uploads: Arc::new(tokio::sync::Semaphore::new(config.limits.uploads.max(1))),
            budget: Budget::new(&config.limits).spooling_in(&spool),
            // Some of them wait for others' answers, so there are more than processors.
            judging: Turns::new(4 * std::thread::available_parallelism().map_or(1, usize::from)),
            open_documents: OpenDocuments::new(&config.limits),
            hashing: Turns::new(HASHED_AT_ONCE),
            readiness: LastReadiness::default(),
            rates: Rates::new(&config.limits),
            config: Arc::new(config),
            entity: Arc::new(entity),
            registry,
            service,
            services,
            judge,
            client_certificates,
            eoffice_seals: Arc::new(eoffice_seals),
            formats: Arc::new(formats),
            scanner,
            seal: Arc::new(seal),
            seal_at_start,
            anchors_wrong: Arc::default(),
            seal_wrong: Arc::default(),
            seal_recorded: Arc::default(),
            older_recorded: Arc::default(),
            seals_seen: Arc::default(),
            lists: Arc::new(Mutex::new(lists::Used::new(lists))),
            anchors_at_start,
            time_source,
            witnesses,
            witness_keys: Arc::new(witness_keys),
            witnessed: Arc::default(),
            tokens: Arc::default(),
            published: Arc::default(),
        })
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.registry.store()
    }

    /// Makes an office of the entity's, where it has none of that code yet; that leaves who made it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn first_office(&self, code: &str, name: &str, by: &Actor) -> store::Result<()> {
        let mut tx = self.store().begin().await?;
        if store::catalogue::ensure_office(&mut tx, self.entity.id, code, name, &text::fold(name)).await? {
            let detail = serde_json::json!({ "name": name, "own": true });
            record_act(&mut tx, self.clock(), &self.entity, by, (Action::OfficeChanged, code), &detail).await?;
        }
        tx.commit().await
    }

    /// Asks the database about each token again.
    pub fn forget_tokens(&self) {
        self.tokens.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
    }

    /// What is wrong with the address that receipts carry: nothing, that none was given and what they print instead, or that
    /// nobody outside reaches it.
    #[must_use]
    pub fn address_state(&self) -> Option<String> {
        let url = &self.config.entity.public_url;
        if url.is_empty() {
            return Some(format!(
                "entity.public_url is not set: receipts print {} for ever, where nobody outside finds it; set it to the \
                 address by which the public reaches this server",
                self.config.listen
            ));
        }
        let doubt = config::public_url::doubt(url)?;
        Some(format!("entity.public_url, which receipts print for ever, is {url}: it {doubt}"))
    }

    /// What stands in the way of keeping outside the database what was signed last: nothing, or why it cannot be kept.
    #[must_use]
    pub fn kept_state(&self) -> Option<String> {
        if self.config.proof.state_file().is_none() {
            let why = "the log's key is in the database, and what it signed last is kept nowhere else: whoever can write there \
                       could cut off the end of the book unseen; name a file in proof.key, or one in proof.state";
            return Some(why.to_owned());
        }
        let hint = |trouble| format!("{trouble}; proof.state names another file");
        self.entity.ledger.kept().trouble().map(hint)
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        self.registry.clock()
    }
}

/// The folder for what comes faster than the store takes it, by the configuration.
fn spool_folder(settings: &config::Objects, store: Option<&Path>) -> PathBuf {
    match store {
        _ if !settings.spool.as_os_str().is_empty() => settings.spool.clone(),
        Some(folder) => folder.with_file_name("spool"),
        None => "/var/tmp".into(),
    }
}

/// The formats that are taken, by the configuration.
fn formats(settings: &config::Documents) -> Result<AcceptedFormats, StartError> {
    if settings.accepted_formats.is_empty() {
        return Ok(AcceptedFormats::default());
    }
    for format in &settings.accepted_formats {
        media::check(format).map_err(|wrong| StartError::Format(format.clone(), wrong))?;
    }
    Ok(AcceptedFormats::new(&settings.accepted_formats))
}

/// Who scans documents, by the configuration.
fn scanner(settings: &config::Documents) -> Result<Option<Scanner>, StartError> {
    let address = &settings.scanner;
    if address.is_empty() {
        return Ok(None);
    }
    let scanner = Scanner::at(address, settings.scanner_seconds, settings.scanner_bytes);
    scanner.map(Some).map_err(|wrong| StartError::Scanner(address.clone(), wrong))
}

/// Who judges signatures, by the configuration.
///
/// # Errors
/// [`StartError`] names the setting at fault.
pub fn judge(settings: &config::Signature, clock: Clock) -> Result<Judge, StartError> {
    Ok(Judge::new(Arc::new(policy(settings)?), settings, clock)?)
}

/// What signatures are measured by, by the configuration.
///
/// # Errors
/// [`StartError`] names the setting at fault.
pub fn policy(settings: &config::Signature) -> Result<Policy, StartError> {
    policy_over(settings, anchors_of(settings, &[], lists::load(settings)?)?)
}

fn policy_over(settings: &config::Signature, anchors: Anchors) -> Result<Policy, StartError> {
    let folder = |path: &Path| (!path.as_os_str().is_empty()).then(|| path.to_owned());
    let mut policy = Policy::new(anchors);
    policy.revocation = match settings.revocation {
        config::Revocation::Require => RevocationMode::Require,
        config::Revocation::WhenAvailable => RevocationMode::WhenAvailable,
        config::Revocation::Off => RevocationMode::Off,
    };
    if let Some(folder) = folder(&settings.ocsp_signers) {
        let signers = load_certificates(&folder).map_err(StartError::OcspSigners)?;
        let encoded = signers.iter().map(|one| one.to_der().map_err(LoadError::from));
        policy.ocsp_signers = Arc::new(encoded.collect::<Result<_, _>>()?);
    }
    Ok(policy)
}

/// Where paths may end, by the configuration, at these authorities besides and by these trusted lists.
fn anchors_of(settings: &config::Signature, more: &[X509], lists: Vec<TrustedList>) -> Result<Anchors, StartError> {
    let folder = |path: &Path| (!path.as_os_str().is_empty()).then(|| path.to_owned());
    let load = |path: &Path| folder(path).map(|path| load_certificates(&path)).transpose();
    // Without anchors and lists nobody is trusted: signatures are judged, and none passes.
    let mut anchors = load(&settings.trust_anchors)?.unwrap_or_default();
    anchors.extend_from_slice(more);
    let intermediates = load(&settings.intermediates).map_err(StartError::Intermediates)?.unwrap_or_default();
    let grace = i64::from(settings.list_grace_days) * lists::DAY;
    Ok(Anchors::with_lists(anchors, intermediates, lists, grace)?)
}

/// The certificates of e-offices whose seal may vouch for a citizen.
fn eoffice_seals(settings: &config::Signature) -> Result<Vec<String>, LoadError> {
    if settings.eoffice_seals.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    let certificates = load_certificates(&settings.eoffice_seals)?;
    Ok(certificates.iter().map(|certificate| fingerprint(certificate)).collect())
}

/// Makes the configured entity, its books, one office and one unit, where they are not there yet.
async fn ensure_entity(store: &Store, config: &Config, zone: Tz, clock: &Clock) -> Result<(i64, Ledger), StartError> {
    let settings = &config.entity;
    let mut tx = store.begin().await?;
    let (code, name, empty) = (&settings.code, &settings.name, Edge::default().to_bytes());
    let (before, others): (Vec<_>, Vec<_>) =
        store::catalogue::entities(&mut tx).await?.into_iter().partition(|row| row.code == *code);
    let before = before.into_iter().next();
    if before.is_none() && !others.is_empty() {
        let others: Vec<&str> = others.iter().map(|row| row.code.as_str()).collect();
        tracing::warn!(
            entity = code,
            beside = others.join(", "),
            "the database did not have this entity, and has others: it is made beside them, with books of its own; \
             if that is not meant, put entity.code right"
        );
    }
    let id = store::catalogue::ensure_entity(&mut tx, code, name, zone.name(), &empty, clock.now()).await?;
    store::log::ensure_access(&mut tx, id, &empty).await?;
    let ledger = ledger(&mut tx, id, config, clock).await?;
    for (code, kind, name, prefix) in [
        ("entrada", BookKind::Incoming, "Registro de entrada", "E"),
        ("salida", BookKind::Outgoing, "Registro de salida", "S"),
    ] {
        let book = BookRow { code: code.into(), kind, name: name.into(), prefix: prefix.into() };
        store::catalogue::ensure_book(&mut tx, id, &book).await?;
    }
    // The code of an office is given by the Directory. Only the entity that is nobody's gets one, for trials.
    if settings.code == config::Entity::TRIAL
        && store::directory::own_codes(&mut tx, id, Kind::Office).await?.is_empty()
    {
        let name = "Oficina de prueba";
        store::catalogue::ensure_office(&mut tx, id, "O01000000", name, &text::fold(name)).await?;
    }
    let folded = text::fold(&settings.name);
    store::catalogue::ensure_unit(&mut tx, id, &settings.code, &settings.name, &folded, true).await?;
    let entity = Entity { id, code: code.clone(), name: name.clone(), zone, ledger };
    if let Some(before) = before.filter(|row| row.name != *name || row.time_zone != zone.name()) {
        tracing::warn!(before = before.name, zone = before.time_zone, "the entity had another name or time zone");
        older::changed(&mut tx, clock, &entity, &(before.name, before.time_zone)).await?;
    }
    tx.commit().await?;
    Ok((id, entity.ledger))
}

/// Who signs the checkpoints of the entity's logs.
async fn ledger(tx: &mut Tx, entity: i64, config: &Config, clock: &Clock) -> Result<Ledger, StartError> {
    if let Some(ledger) = ledger_in_file(config)? {
        return Ok(ledger);
    }
    let pem = store::log::ensure_key(tx, entity, &Ledger::new_key()?, clock.now()).await?;
    Ok(Ledger::new(&origin(config), &pem)?.keeping(kept(config)))
}

/// The same where the key is in the file `proof.key`; none where it is in the database.
///
/// # Errors
/// When the file cannot be read, or holds no key.
pub fn ledger_in_file(config: &Config) -> Result<Option<Ledger>, StartError> {
    let path = &config.proof.key;
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let pem = std::fs::read_to_string(path).map_err(|error| StartError::LedgerKey(path.clone(), error))?;
    Ok(Some(Ledger::new(&origin(config), &pem)?.keeping(kept(config))))
}

/// Where the last signed checkpoints are kept: in `proof.state`, else beside the key.
fn kept(config: &Config) -> Kept {
    config.proof.state_file().map_or_else(Kept::default, Kept::in_file)
}

/// The name of the book's log.
fn origin(config: &Config) -> String {
    match config.proof.origin.as_str() {
        "" => format!("ventanilla/{}", config.entity.code),
        origin => origin.to_owned(),
    }
}
