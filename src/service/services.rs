//! What the citizens' service offers. Each service belongs to one department.
//!
//! # Why
//! An appointment must not be the condition for using the registry: a service that says it is the registry's cannot be
//! made `required`, whoever asks.

use utoipa::ToSchema;

use super::agenda::Agenda;
use crate::clock::Clock;
use crate::domain::{AppointmentMode, Micros, Role, text};
use crate::registry::caller::{Caller, Entity};
use crate::registry::submission::FieldError;
use crate::registry::submission::fields::{Errors, Object, tree};
use crate::store::directory::{self, Kind};
use crate::store::service::services::{self, ServiceRow};
use crate::store::{self, Store};

/// The longest code.
const CODE: usize = 40;
/// The longest name.
const NAME: usize = 160;
/// The longest text of what to bring.
const BRING: usize = 1000;

const KEYS: &[&str] = &[
    "code",
    "name",
    "department",
    "prefix",
    "appointment",
    "registry",
    "slot_minutes",
    "day_limit",
    "notice_minutes",
    "horizon_days",
    "active_per_person",
    "cancel_until_minutes",
    "bring",
    "quick",
    "active",
];

/// What the registry itself is called, without accents: such a service is the registry's whether it says so or not.
const REGISTRY: [&str; 7] = [
    "registro",
    "registro general",
    "registro electronico",
    "registro de entrada",
    "registro de documentos",
    "asistencia en materia de registros",
    "oficina de asistencia en materia de registros",
];

/// Why a booking was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// All places of the slot are taken.
    SlotTaken,
    /// All places of the day are taken.
    DayFull,
    /// The person has as many appointments as the service allows.
    TooManyBookings,
    /// The hold does not stand any more.
    HoldExpired,
    /// There was such a slot, and the agenda has it no more.
    AgendaChanged,
    /// There is no such slot, or it is too soon or too far ahead.
    OutsideAgenda,
}

/// Why nothing was changed or booked.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// What was said is wrong. Correct it and send it again.
    #[error("{}", .0.iter().map(|field| format!("{}: {}", field.pointer.trim_start_matches('/'), field.detail)).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<FieldError>),
    /// There is no such thing, or it is another department's.
    #[error("there is nothing here, or not for this caller")]
    NotFound,
    /// The agenda is not in the version that the caller saw.
    #[error("the agenda changed since it was seen")]
    Changed,
    /// What is asked does not go with the state.
    #[error("{0}")]
    WrongState(&'static str),
    /// The place was not to be had; these starts are free.
    #[error("the place cannot be had")]
    Refused(Refusal, Vec<Micros>),
    /// The key was used with another body.
    #[error("the key was used before, with another body")]
    KeyReused,
    /// One network holds as many places as it may.
    #[error("as many places are held from here as may be")]
    TooManyHolds,
    /// Whether it was written is not known: repeat with the same key.
    #[error("the answer of the database was lost")]
    Unknown,
    /// OpenSSL gave no random bytes.
    #[error("no random bytes")]
    Random(#[from] openssl::error::ErrorStack),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Who asks, as far as services go by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// Anybody.
    Public,
    /// Staff of any department, by name.
    Staff(String),
    /// Who manages the agendas of a department: name, and the department.
    Manager(String, String),
    /// An administrator, or somebody at the command line.
    Administrator(String),
}

impl By {
    /// What a caller is here.
    #[must_use]
    pub fn of(caller: Option<&Caller>) -> Self {
        let Some(caller) = caller else { return Self::Public };
        match caller.role() {
            Some(Role::Sac | Role::Clerk) => Self::Staff(caller.name()),
            Some(Role::AgendaManager) => Self::Manager(caller.name(), caller.unit().unwrap_or_default().to_owned()),
            Some(Role::Admin) => Self::Administrator(caller.name()),
            _ => Self::Public,
        }
    }

    /// The name that stands on what it does.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Public => None,
            Self::Staff(name) | Self::Manager(name, _) | Self::Administrator(name) => Some(name),
        }
    }

    /// Whether a department's services are none to it.
    #[must_use]
    pub fn is_of_other(&self, department: &str) -> bool {
        matches!(self, Self::Manager(_, own) if own != department)
    }
}

/// A service to make or change; what is left out of one that is there stays as it is.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are described, never made: the body is read by hand")]
pub struct ServiceRequest {
    /// Its code, as in the address.
    #[schema(example = "padron")]
    code: Option<String>,
    /// Its name.
    #[schema(example = "Padrón: altas y cambios", max_length = 160)]
    name: Option<String>,
    /// The unit that attends; a manager's own where nothing is said.
    #[schema(example = "L01000000", max_length = 21)]
    department: Option<String>,
    /// What numbers of the queue begin with: one to three capital letters; A where nothing is said.
    #[schema(example = "A", max_length = 3)]
    prefix: Option<String>,
    /// `optional` where nothing is said.
    appointment: Option<AppointmentMode>,
    /// Whether it is a service of the registry, which nobody needs an appointment for.
    #[schema(example = false)]
    registry: Option<bool>,
    /// How long a slot is; 15 where nothing is said.
    #[schema(example = 15, minimum = 1, maximum = 480)]
    slot_minutes: Option<i64>,
    /// Appointments a day; as many as there are places where it is null.
    #[schema(example = 53, minimum = 1, maximum = 100_000)]
    day_limit: Option<i64>,
    /// How long before it begins a slot can be booked by the public; 60 where nothing is said.
    #[schema(example = 60, minimum = 0, maximum = 43_200)]
    notice_minutes: Option<i64>,
    /// How many days ahead can be booked; 30 where nothing is said.
    #[schema(example = 30, minimum = 1, maximum = 366)]
    horizon_days: Option<i64>,
    /// Appointments of one person that stand; 1 where nothing is said.
    #[schema(example = 1, minimum = 1, maximum = 1000)]
    active_per_person: Option<i64>,
    /// Until how long before it begins the person can move or cancel it; 0 where nothing is said.
    #[schema(example = 0, minimum = 0, maximum = 43_200)]
    cancel_until_minutes: Option<i64>,
    /// What to bring.
    #[schema(example = "Su documento de identidad", max_length = 1000)]
    bring: Option<String>,
    /// Whether it is a matter of a minute, attended before others' turn.
    #[schema(example = false)]
    quick: Option<bool>,
    /// Whether it is offered; true where nothing is said. One that is not takes no new appointments; those that were booked
    /// stand, until the agenda is closed.
    #[schema(example = true)]
    active: Option<bool>,
}

/// Services and their appointments. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Services {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) far_days: i64,
}

impl Services {
    /// Over this database.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, far_days: 0 }
    }

    /// A service by its code.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or the database's.
    pub async fn service(&self, entity: i64, code: &str) -> Result<ServiceRow, ServiceError> {
        let mut tx = self.store.read().await?;
        services::by_code(&mut tx, entity, code).await?.ok_or(ServiceError::NotFound)
    }

    /// Services after this code, by code.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn services(&self, entity: i64, after: &str, limit: i64) -> store::Result<Vec<ServiceRow>> {
        services::list(&mut self.store.read().await?, entity, after, limit).await
    }

    /// Makes a service, or changes one; whether it is new.
    ///
    /// # Errors
    /// [`ServiceError`]; then nothing changes.
    pub async fn put_service(
        &self,
        entity: &Entity,
        by: &By,
        code: &str,
        body: &[u8],
    ) -> Result<(bool, ServiceRow), ServiceError> {
        let name = by.name().ok_or(ServiceError::NotFound)?.to_owned();
        let fits = (1..=CODE).contains(&code.len());
        if !fits
            || !code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
        {
            let detail = format!("the code must have 1 to {CODE} small letters, digits, hyphens and underscores");
            return Err(ServiceError::Invalid(vec![FieldError { pointer: "/code".into(), detail }]));
        }
        let mut tx = self.store.begin().await?;
        let known = services::lock(&mut tx, entity.id, code).await?;
        if known.as_ref().is_some_and(|known| by.is_of_other(&known.department)) {
            return Err(ServiceError::NotFound);
        }
        let (new, before) = match known {
            Some(known) => (false, known),
            None => (true, fresh(code, by)),
        };
        let mut row = read(body, new, before.clone(), by).map_err(ServiceError::Invalid)?;
        let mut wrong = Vec::new();
        if by.is_of_other(&row.department) {
            wrong.push(("/department", "a manager's services are of its own department".to_owned()));
        } else if directory::one(&mut tx, entity.id, Kind::Unit, &row.department).await?.is_none() {
            wrong.push(("/department", format!("there is no unit {:?} in the catalogue", row.department)));
        }
        if !wrong.is_empty() {
            let wrong = wrong.into_iter().map(|(pointer, detail)| FieldError { pointer: pointer.into(), detail });
            return Err(ServiceError::Invalid(wrong.collect()));
        }
        row.changed_at = self.clock.now();
        row.changed_by = name;
        let longer = row.slot_minutes != before.slot_minutes;
        if !new && longer {
            let standing = store::service::appointments::standing(&mut tx, entity.id, code, row.changed_at).await?;
            if !standing.is_empty() {
                let why =
                    "appointments stand in slots of another length: close the agenda first, then change slot_minutes";
                return Err(ServiceError::WrongState(why));
            }
        }
        services::put(&mut tx, entity.id, &row).await?;
        if !new && row.department != before.department {
            let after = row.changed_at;
            store::service::appointments::hand_over(&mut tx, entity.id, code, &row.department, after).await?;
        }
        tx.commit().await?;
        Ok((new, row))
    }
}

/// A service of which nothing was said yet.
fn fresh(code: &str, by: &By) -> ServiceRow {
    ServiceRow {
        code: code.to_owned(),
        name: String::new(),
        department: if let By::Manager(_, own) = by { own.clone() } else { String::new() },
        prefix: "A".into(),
        appointment: AppointmentMode::Optional,
        registry: false,
        slot_minutes: 15,
        day_limit: None,
        notice_minutes: 60,
        horizon_days: 30,
        active_per_person: 1,
        cancel_until_minutes: 0,
        bring: None,
        quick: false,
        active: true,
        agenda: serde_json::to_string(&Agenda::default()).unwrap_or_default(),
        agenda_version: 1,
        changed_at: Micros(0),
        changed_by: String::new(),
    }
}

/// Whether a service is the registry itself, by its code or its name.
fn is_registry(row: &ServiceRow) -> bool {
    let (code, name) = (row.code.replace(['-', '_'], " "), text::fold(&row.name));
    REGISTRY.iter().any(|one| code == *one || name == *one)
}

/// What is said of a service, over what it was.
fn read(body: &[u8], new: bool, mut row: ServiceRow, by: &By) -> Result<ServiceRow, Vec<FieldError>> {
    let (tree, mut errors) = (tree(body)?, Errors::default());
    let errors = &mut errors;
    let Some(object) = Object::open(&tree, "", &[KEYS], errors) else {
        return Err(std::mem::take(errors).into_list());
    };
    if let Some(code) = object.text("code", CODE, errors)
        && code != row.code
    {
        errors.add("/code", "must be the code of the address");
    }
    if new || object.states("name") {
        row.name = object.required_text("name", NAME, errors).unwrap_or_default();
    }
    if let Some(department) = object.text("department", 21, errors) {
        row.department = department;
    } else if row.department.is_empty() {
        errors.add("/department", "is required");
    }
    if let Some(prefix) = object.text("prefix", 3, errors) {
        if !prefix.bytes().all(|byte| byte.is_ascii_uppercase()) {
            errors.add("/prefix", "must have one to three capital letters");
        }
        row.prefix = prefix;
    }
    row.appointment = object.name("appointment", errors).unwrap_or(row.appointment);
    let was = row.registry;
    row.registry = object.boolean("registry", errors).unwrap_or(was) || is_registry(&row);
    if was && !row.registry && !matches!(by, By::Administrator(_)) {
        errors.add("/registry", "only an administrator says that a service is the registry's no more");
    }
    if row.registry && row.appointment == AppointmentMode::Required {
        let why = "the registry attends everybody without an appointment: `optional` or `none`";
        errors.add("/appointment", why);
    }
    let mut number = |key: &str, range, was: i64| object.whole_number(key, range, errors).unwrap_or(was);
    row.slot_minutes = number("slot_minutes", 1..=480, row.slot_minutes);
    row.notice_minutes = number("notice_minutes", 0..=43_200, row.notice_minutes);
    row.horizon_days = number("horizon_days", 1..=366, row.horizon_days);
    row.active_per_person = number("active_per_person", 1..=1000, row.active_per_person);
    row.cancel_until_minutes = number("cancel_until_minutes", 0..=43_200, row.cancel_until_minutes);
    if object.states("day_limit") {
        row.day_limit = object.whole_number("day_limit", 1..=100_000, errors);
    }
    if object.states("bring") {
        row.bring = object.text("bring", BRING, errors);
    }
    row.quick = object.boolean("quick", errors).unwrap_or(row.quick);
    row.active = object.boolean("active", errors).unwrap_or(row.active);
    if errors.is_empty() { Ok(row) } else { Err(std::mem::take(errors).into_list()) }
}
