//! What only one of the two ways in has: the clerk's fields, and the e-office's word.

use super::fields::{Errors, Object};
use super::{AuthenticatedPerson, Authentication, Context, CounterFields, exchange, parse, parties};
use crate::domain::code_list::code_list;
use crate::domain::{Channel, Micros, MustSubmitElectronically, Party, PresentedAtReason, identifier};

pub(super) const COUNTER: &[&str] = &[
    "channel",
    "book",
    "presented_at",
    "presented_at_reason",
    "presented_at_reference",
    "physical_documents",
    "transport",
    "transport_number",
    "remarks",
    "must_submit_electronically",
    "exchange",
    "incident",
];
pub(super) const AUTHENTICATION: &[&str] = &["system", "level", "at", "evidence", "person", "consent"];
pub(super) const AUTHENTICATED_PERSON: &[&str] = &["id_type", "id", "id_country", "name"];

const DAY: i64 = 86_400_000_000;
/// What was presented longer ago than two years is no slip that comes late, but a slip of the pen.
const LONGEST_AGO: i64 = 731 * DAY;
/// Whoever dates an entry back by more than this says why: the date is what deadlines are counted from.
const WITHOUT_REASON: i64 = DAY;
/// Two machines that both keep the official time differ by less; an e-office a little ahead is not in the future.
const CLOCKS_DIFFER: i64 = 60_000_000;

code_list! {
    /// The channels a clerk may state: an electronic entry comes from its sender, and one by exchange from a registry.
    #[schema(example = "in_person")]
    CounterChannel {
        /// Brought to the office.
        InPerson = "in_person",
        /// Sent through the post.
        Postal = "postal",
    }
}

impl From<CounterChannel> for Channel {
    fn from(channel: CounterChannel) -> Self {
        match channel {
            CounterChannel::InPerson => Self::InPerson,
            CounterChannel::Postal => Self::Postal,
        }
    }
}

/// Reads the clerk's fields.
pub(super) fn fields(
    entry: &Object,
    parties: Option<&[Party]>,
    context: &Context,
    errors: &mut Errors,
) -> Option<CounterFields> {
    let channel: Option<CounterChannel> = entry.required_name("channel", errors);
    let book = entry.text("book", 80, errors);
    let presented_at = entry.parsed("presented_at", 40, |text| past(text, context.now, 0), errors);
    let (presented_at_reason, presented_at_reference) = dated_back(entry, presented_at, context.now, errors);
    let physical_documents = entry.name("physical_documents", errors);
    let transport = entry.name("transport", errors);
    let transport_number = entry.text("transport_number", 40, errors);
    let remarks = entry.text("remarks", 160, errors);
    let stated = entry.name("must_submit_electronically", errors);
    let exchange = exchange::exchange(entry, errors);
    let incident = entry.parsed("incident", 36, parse::uuid, errors);
    if incident.is_some() && presented_at_reason != Some(PresentedAtReason::ContingencySlip) {
        errors.add(entry.at("presented_at_reason"), "must be contingency_slip where an incident is given");
    }
    Some(CounterFields {
        channel: channel?.into(),
        book,
        presented_at,
        presented_at_reason,
        presented_at_reference,
        physical_documents,
        transport,
        transport_number,
        remarks,
        must_submit_electronically: stated.or_else(|| told(parties?)),
        exchange,
        incident,
    })
}

/// Why somebody among them must submit electronically, where an identifier tells (Ley 39/2015 art. 14.2).
fn told(parties: &[Party]) -> Option<MustSubmitElectronically> {
    parties.iter().find_map(|party| identifier::obliged(party.person_type, party.id_type, &party.id))
}

/// Why it was presented when the clerk says, and the reference of that.
fn dated_back(
    entry: &Object,
    presented_at: Option<Micros>,
    now: Micros,
    errors: &mut Errors,
) -> (Option<PresentedAtReason>, Option<String>) {
    let reason = entry.name("presented_at_reason", errors);
    let reference = entry.text("presented_at_reference", 80, errors);
    if presented_at.is_some_and(|at| now.0 - at.0 > WITHOUT_REASON) && entry.get("presented_at_reason").is_none() {
        let names = PresentedAtReason::ALL.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(", ");
        errors.add(
            entry.at("presented_at_reason"),
            format!("is required where presented_at is more than a day ago: one of {names}"),
        );
    }
    if entry.get("presented_at").is_none() && reason.is_some() {
        errors.add(entry.at("presented_at"), "is required where presented_at_reason is given");
    }
    if reference.is_some() && entry.get("presented_at_reason").is_none() {
        errors.add(entry.at("presented_at_reason"), "is required where presented_at_reference is given");
    }
    (reason, reference)
}

/// An instant that is past, give or take so many microseconds.
fn past(text: &str, now: Micros, tolerance: i64) -> Result<Micros, String> {
    let instant = Micros::parse(text).map_err(|error| error.to_string())?;
    if instant.0 > now.0.saturating_add(tolerance) {
        Err("must not be in the future".to_owned())
    } else if now.0.saturating_sub(instant.0) > LONGEST_AGO {
        Err("must not be more than two years ago".to_owned())
    } else {
        Ok(instant)
    }
}

/// Reads `authentication`, whose person must be a party or a representative in the submission.
pub(super) fn authentication(
    submission: &Object,
    parties: Option<&[Party]>,
    context: &Context,
    errors: &mut Errors,
) -> Option<Authentication> {
    let node = submission.get("authentication")?;
    let object = Object::open(node, &submission.at("authentication"), &[AUTHENTICATION], errors)?;
    let system = object.required_text("system", 80, errors);
    let level = object.required_name("level", errors);
    object.required("at", errors);
    let at = object.parsed("at", 40, |text| past(text, context.now, CLOCKS_DIFFER), errors);
    let evidence = object.required_text("evidence", 1000, errors);
    let consent = object.required_text("consent", 4000, errors);
    let person = person(&object, parties, errors);
    Some(Authentication {
        system: system?,
        level: level?,
        at: at?,
        evidence: evidence?,
        person: person?,
        consent: consent?,
    })
}

fn person(authentication: &Object, parties: Option<&[Party]>, errors: &mut Errors) -> Option<AuthenticatedPerson> {
    let node = authentication.required("person", errors)?;
    let object = Object::open(node, &authentication.at("person"), &[AUTHENTICATED_PERSON], errors)?;
    let id_type = object.required_name("id_type", errors);
    let id = parties::identifier(&object, id_type, errors);
    let id_country = parties::id_country(&object, id_type, errors);
    let name = object.required_text("name", 160, errors);
    let person = AuthenticatedPerson { id_type: id_type?, id: id?, id_country, name: name? };
    // Where the parties themselves are wrong, that is said already.
    let known = parties.is_none_or(|parties| {
        let people = parties.iter().flat_map(|party| {
            std::iter::once(&party.person)
                .chain(party.representative.iter().map(|representative| &representative.person))
        });
        people.into_iter().any(|known| person.is(known))
    });
    if !known {
        errors.add(object.at("id"), "must be an interested party or a representative in this submission");
        return None;
    }
    Some(person)
}
