//! Interested parties and their representatives (SICRES 4.0 `De_Interesado`).
//!
//! # Why
//! Refused is what could not be registered or exchanged: a name that is missing, an identifier that does
//! not hold, a preference the law does not grant. What only makes notification harder is not: an
//! electronic channel without e-mail still works, the notice is all that is lost (Ley 39/2015 art. 41.6).
//! A postcode of another province stands too, since some places are served from one.

use super::fields::{Errors, Object};
use super::json::Node;
use crate::domain::{
    Address, Authority, Country, IdType, MustSubmitElectronically, NotificationChannel, Party, Person, PersonType,
    Representative, exchange, identifier,
};

pub(super) const PERSON: &[&str] = &[
    "person_type",
    "id_type",
    "id",
    "id_country",
    "company_name",
    "given_name",
    "first_surname",
    "second_surname",
    "email",
    "mobile",
    "landline",
    "notification_channel",
    "receives_notifications",
    "address",
    "sms_notice",
    "email_notice",
    "directory_code",
    "remarks",
];
pub(super) const PARTY: &[&str] = &["representative"];
pub(super) const REPRESENTATIVE: &[&str] = &["authority"];
pub(super) const AUTHORITY: &[&str] = &["kind", "reference"];
pub(super) const ADDRESS: &[&str] = &["country", "province", "municipality", "street", "postcode"];

/// Spain, in ISO 3166-1 numeric.
const SPAIN: &str = "724";

/// Reads `interested_parties`: one or more, at most `limit`.
pub(super) fn read(submission: &Object, limit: usize, errors: &mut Errors) -> Option<Vec<Party>> {
    let items = submission.items("interested_parties", limit, errors)?;
    if items.is_empty() {
        errors.add(submission.at("interested_parties"), "must have at least one party");
    }
    let read: Vec<_> = items.into_iter().map(|(at, node)| party(node, &at, errors)).collect();
    let first_said = read.first().and_then(|read| read.as_ref()).and_then(|(_, said)| *said);
    let mut parties = read.into_iter().map(|read| read.map(|(party, _)| party)).collect::<Option<Vec<_>>>()?;
    // Nobody named: whoever comes first is notified (Ley 39/2015 art. 7), unless it said no.
    let named = parties.iter().any(|party| {
        let representative = party.representative.as_ref();
        party.receives_notifications
            || representative.is_some_and(|representative| representative.receives_notifications)
    });
    if let (false, None, Some(first)) = (named, first_said, parties.first_mut()) {
        first.person.receives_notifications = true;
    }
    Some(parties)
}

/// A party, and whether it said that it receives notifications.
fn party(node: &Node, at: &str, errors: &mut Errors) -> Option<(Party, Option<bool>)> {
    let object = Object::open(node, at, &[PERSON, PARTY], errors)?;
    let person = person(&object, None, errors);
    let obliged =
        person.as_ref().and_then(|person| identifier::obliged(person.person_type, person.id_type, &person.id));
    let representative = match object.get("representative") {
        Some(node) => Some(representative(node, &object.at("representative"), obliged, errors)?),
        None => None,
    };
    let said = match object.get("receives_notifications") {
        Some(Node::Bool(said)) => Some(*said),
        _ => None,
    };
    Some((Party { person: person?, representative: representative.map(Box::new) }, said))
}

fn representative(
    node: &Node,
    at: &str,
    obliged: Option<MustSubmitElectronically>,
    errors: &mut Errors,
) -> Option<Representative> {
    let object = Object::open(node, at, &[PERSON, REPRESENTATIVE], errors)?;
    // Whoever represents an obliged person is obliged too (Ley 39/2015 art. 14.2.d).
    let person = person(&object, obliged.and(Some(MustSubmitElectronically::Representative)), errors);
    let authority = match object.get("authority") {
        Some(node) => Some(authority(node, &object.at("authority"), errors)?),
        None => None,
    };
    Some(Representative { person: person?, authority })
}

fn authority(node: &Node, at: &str, errors: &mut Errors) -> Option<Authority> {
    let object = Object::open(node, at, &[AUTHORITY], errors)?;
    let kind = object.required_name("kind", errors);
    let reference = object.text("reference", 160, errors);
    Some(Authority { kind: kind?, reference })
}

/// Reads the fields of a person; `obliged` tells why it must deal electronically, where others than its own id do.
fn person(object: &Object, obliged: Option<MustSubmitElectronically>, errors: &mut Errors) -> Option<Person> {
    let id_type = object.required_name("id_type", errors);
    let id = identifier(object, id_type, errors);
    let id_country = id_country(object, id_type, errors);
    let person_type = person_type(object, id_type, errors);
    let mut name = |key, limit, needed_by| {
        let needed = person_type == Some(needed_by);
        if needed { object.required_text(key, limit, errors) } else { object.text(key, limit, errors) }
    };
    let company_name = name("company_name", 80, PersonType::Legal);
    let given_name = name("given_name", 30, PersonType::Natural);
    let first_surname = name("first_surname", 30, PersonType::Natural);
    let second_surname = object.text("second_surname", 30, errors);

    let email = object.parsed("email", 160, email, errors);
    let mobile = object.parsed("mobile", 20, mobile, errors);
    let landline = object.text("landline", 20, errors);
    let receives_notifications = object.boolean("receives_notifications", errors);
    let notification_channel = object.name("notification_channel", errors);
    let by_id = match (person_type, id_type, id.as_deref()) {
        (Some(person_type), Some(id_type), Some(id)) => identifier::obliged(person_type, id_type, id),
        _ => None,
    };
    let on_paper = notification_channel == Some(NotificationChannel::Paper);
    let must_be_electronic = by_id.or(obliged);
    if let (true, Some(why)) = (on_paper, must_be_electronic) {
        let detail = format!("must not be paper: this party must deal electronically ({why}; Ley 39/2015 art. 14.2)");
        errors.add(object.at("notification_channel"), detail);
    }
    let address = address(object, on_paper && must_be_electronic.is_none(), errors);
    let sms_notice = notice(object, "sms_notice", "mobile", errors);
    let email_notice = notice(object, "email_notice", "email", errors);
    let directory_code = object.parsed("directory_code", exchange::CODE, exchange::check_unit, errors);
    let remarks = object.text("remarks", 160, errors);

    Some(Person {
        person_type: person_type?,
        id_type: id_type?,
        id: id?,
        id_country,
        company_name,
        given_name,
        first_surname,
        second_surname,
        email,
        mobile,
        landline,
        notification_channel,
        receives_notifications: receives_notifications.unwrap_or(false),
        address,
        sms_notice,
        email_notice,
        directory_code,
        remarks,
    })
}

/// Whether notices are wanted, which needs the address that they go to.
fn notice(object: &Object, key: &str, to: &str, errors: &mut Errors) -> Option<bool> {
    let wanted = object.boolean(key, errors)?;
    if wanted && blank(object, to) {
        errors.add(object.at(to), format!("is required where {key} is wanted"));
    }
    Some(wanted)
}

/// The identifier, checked by its type where the type is known.
pub(super) fn identifier(object: &Object, id_type: Option<IdType>, errors: &mut Errors) -> Option<String> {
    let id = object.required_text("id", identifier::LENGTH, errors)?;
    errors.keep(object.at("id"), identifier::normalise(id_type?, &id))
}

/// The country that gave the identifier, where its type does not tell it.
pub(super) fn id_country(object: &Object, id_type: Option<IdType>, errors: &mut Errors) -> Option<Country> {
    let stated: Country = object.parsed("id_country", 2, str::parse::<Country>, errors)?;
    errors.keep(object.at("id_country"), id_type?.country(Some(stated))).flatten()
}

fn person_type(object: &Object, id_type: Option<IdType>, errors: &mut Errors) -> Option<PersonType> {
    let stated: Option<PersonType> = object.name("person_type", errors);
    let told = id_type.and_then(IdType::person_type);
    match (stated, told, id_type) {
        (Some(stated), Some(told), Some(id_type)) if stated != told => {
            errors.add(object.at("person_type"), format!("must be {told}: so an id of type {id_type} tells"));
            None
        }
        (None, None, Some(id_type)) if object.get("person_type").is_none() => {
            errors.add(object.at("person_type"), format!("is required: an id of type {id_type} does not tell it"));
            None
        }
        _ => stated.or(told),
    }
}

/// Reads the address; `complete` where letters must reach it.
fn address(person: &Object, complete: bool, errors: &mut Errors) -> Option<Address> {
    let at = person.at("address");
    let Some(node) = person.get("address") else {
        if complete {
            errors.add(at, "is required for notification on paper");
        }
        return None;
    };
    let object = Object::open(node, &at, &[ADDRESS], errors)?;
    let country =
        object.parsed("country", 4, |code| digits(code, 3, "must be an ISO 3166-1 numeric code, as 724"), errors);
    let stated = country.is_some();
    let country = country.unwrap_or_else(|| SPAIN.to_owned());
    let in_spain = country == SPAIN;
    let province = if in_spain {
        object.parsed("province", 2, |code| province_code(code, 2, "must be an INE province code, 01 to 52"), errors)
    } else {
        object.text("province", 2, errors)
    };
    let municipality = if in_spain {
        object.parsed("municipality", 5, |code| municipality_code(code, province.as_deref()), errors)
    } else {
        object.text("municipality", 5, errors)
    };
    let street = object.text("street", 160, errors);
    let postcode = if in_spain {
        object.parsed(
            "postcode",
            5,
            |code| province_code(code, 5, "must be a postcode of five digits, 01000 to 52999"),
            errors,
        )
    } else {
        object.text("postcode", 5, errors)
    };
    if complete {
        let needed: &[&str] = if in_spain { &["street", "province", "municipality", "postcode"] } else { &["street"] };
        for key in needed.iter().filter(|key| blank(&object, key)) {
            errors.add(object.at(key), "is required for notification on paper");
        }
    }
    let says_something = stated || [&province, &municipality, &street, &postcode].into_iter().any(Option::is_some);
    says_something.then_some(Address { country, province, municipality, street, postcode })
}

fn blank(object: &Object, key: &str) -> bool {
    object.get(key).is_none_or(|node| matches!(node, Node::String(text) if text.trim().is_empty()))
}

fn digits(code: &str, length: usize, detail: &'static str) -> Result<String, &'static str> {
    let holds = code.len() == length && code.bytes().all(|byte| byte.is_ascii_digit());
    if holds { Ok(code.to_owned()) } else { Err(detail) }
}

/// A code of so many digits that begins with a province of Spain, 01 to 52.
fn province_code(code: &str, length: usize, detail: &'static str) -> Result<String, &'static str> {
    let code = digits(code, length, detail)?;
    if ("01"..="52").contains(&&code[..2]) { Ok(code) } else { Err(detail) }
}

fn municipality_code(code: &str, of: Option<&str>) -> Result<String, &'static str> {
    let code = province_code(code, 5, "must be an INE municipality code of five digits, province first")?;
    if of.is_none_or(|of| code.starts_with(of)) { Ok(code) } else { Err("must begin with the code of the province") }
}

/// No more than what every address has (RFC 5321 §4.1.2): only sending a message shows that one works.
fn email(text: &str) -> Result<String, &'static str> {
    let label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    let holds = !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';'))
        && text.rsplit_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !local.contains('@') && domain.contains('.') && domain.split('.').all(label)
        });
    if holds { Ok(text.to_owned()) } else { Err("must be an e-mail address, as ana@example.org") }
}

/// Digits with or without a country code and separators (ITU-T E.164: at most 15).
fn mobile(text: &str) -> Result<String, &'static str> {
    let count = text.chars().filter(char::is_ascii_digit).count();
    let plain = text
        .chars()
        .enumerate()
        .all(|(place, c)| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '(' | ')') || (c == '+' && place == 0));
    if plain && (6..=15).contains(&count) {
        Ok(text.to_owned())
    } else {
        Err("must be a telephone number, as 600000000 or +34 600 000 000")
    }
}
