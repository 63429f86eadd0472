//! The bodies of `POST /attentions`, `POST /attentions/days` and `PATCH /attentions/{id}`: read by the rules of a submission, and their shape for the
//! OpenAPI document.

use chrono::NaiveDate;
use chrono_tz::Tz;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{DAY_LINES, Links, MOST_ALIKE, NewAttention, THREAD, TOPIC, UNCLASSIFIED, UNIT};
use crate::domain::{AttentionChannel, AttentionOutcome, Micros};
use crate::registry::submission::FieldError;
use crate::registry::submission::fields::{Errors, Object};
use crate::registry::submission::json;

const KEYS: &[&str] =
    &["channel", "unit", "topic", "outcome", "at", "count", "ticket", "entry", "appointment", "thread"];
const DAY_KEYS: &[&str] = &["date", "unit", "attentions"];
const LINE_KEYS: &[&str] = &["channel", "topic", "outcome", "count"];
/// The longest name of an entry or an appointment: no code or id is longer.
const NAMED: usize = 64;
/// 2000-01-01T00:00:00Z. Older ones come by import.
const EARLIEST: Micros = Micros(946_684_800_000_000);

/// An attention to record.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "the fields are described, never made: the body is read by hand, so that every error is told"
)]
pub struct AttentionRequest {
    /// How the person came.
    channel: AttentionChannel,
    /// The unit that attended: a code of the catalogue. The token's own where nothing is said.
    #[schema(example = "L01000000", min_length = 1, max_length = 21)]
    unit: Option<String>,
    /// What about; `sin clasificar` where nothing is said.
    #[schema(example = "Volante de empadronamiento", min_length = 1, max_length = 240)]
    topic: Option<String>,
    /// What came of it.
    outcome: Option<AttentionOutcome>,
    /// When; not in the future, now where nothing is said. The figures count it on its local date.
    #[schema(example = "2025-03-03T09:30:00+01:00", format = DateTime)]
    at: Option<String>,
    /// How many alike; one where nothing is said.
    #[schema(example = 1, minimum = 1, maximum = 100_000)]
    count: Option<i64>,
    /// The ticket of the queue that it was part of.
    #[schema(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a31")]
    ticket: Option<Uuid>,
    /// The entry that it was part of: its code or its id.
    #[schema(example = "2026-E-000123", max_length = 64)]
    entry: Option<String>,
    /// The appointment that it was part of: its code.
    #[schema(example = "7K3QW9XH2MZJFK35", max_length = 64)]
    appointment: Option<String>,
    /// Of `whatsapp` alone: the thread of messages, by whatever name the caller knows it. Within 24 hours a thread is one
    /// attention. Only a hash of the name is kept, and that for two days.
    #[schema(example = "wa-600000000", max_length = 240)]
    thread: Option<String>,
}

/// A day that was counted on paper.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "the fields are described, never made: the body is read by hand, so that every error is told"
)]
pub struct DayRequest {
    /// The local date; not in the future.
    #[schema(example = "2026-03-02", format = Date)]
    date: String,
    /// The unit that attended: a code of the catalogue. The token's own where nothing is said.
    #[schema(example = "L01000000", min_length = 1, max_length = 21)]
    unit: Option<String>,
    /// What was attended.
    #[schema(min_items = 1, max_items = 200)]
    attentions: Vec<DayItem>,
}

/// A line of a day that was counted on paper.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "the fields are described, never made: the body is read by hand, so that every error is told"
)]
pub struct DayItem {
    /// How the persons came.
    channel: AttentionChannel,
    /// What about; `sin clasificar` where nothing is said.
    #[schema(example = "Volante de empadronamiento", min_length = 1, max_length = 240)]
    topic: Option<String>,
    /// What came of it.
    outcome: Option<AttentionOutcome>,
    /// How many alike; one where nothing is said.
    #[schema(example = 12, minimum = 1, maximum = 100_000)]
    count: Option<i64>,
}

/// What an attention was about, said afterwards.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "the fields are described, never made: the body is read by hand, so that every error is told"
)]
pub struct ClassificationRequest {
    /// What about.
    #[schema(example = "Volante de empadronamiento", min_length = 1, max_length = 240)]
    topic: String,
}

pub(super) fn parse(bytes: &[u8], now: Micros, own_unit: Option<&str>) -> Result<NewAttention, Vec<FieldError>> {
    whole(bytes, |tree, errors| read(tree, now, own_unit, errors))
}

pub(super) fn parse_day(
    bytes: &[u8],
    now: Micros,
    zone: Tz,
    own_unit: Option<&str>,
) -> Result<Vec<NewAttention>, Vec<FieldError>> {
    whole(bytes, |tree, errors| read_day(tree, now, zone, own_unit, errors))
}

pub(super) fn parse_topic(bytes: &[u8]) -> Result<String, Vec<FieldError>> {
    whole(bytes, |tree, errors| Object::open(tree, "", &[&["topic"]], errors)?.required_text("topic", TOPIC, errors))
}

/// What is read of a body, where nothing of it is wrong.
fn whole<T>(bytes: &[u8], read: impl Fn(&json::Node, &mut Errors) -> Option<T>) -> Result<T, Vec<FieldError>> {
    let tree = json::parse(bytes).map_err(|error| {
        let detail = error.to_string();
        vec![FieldError { pointer: error.pointer, detail }]
    })?;
    let mut errors = Errors::default();
    match read(&tree, &mut errors) {
        Some(value) if errors.is_empty() => Ok(value),
        _ => Err(errors.into_list()),
    }
}

fn read(tree: &json::Node, now: Micros, own_unit: Option<&str>, errors: &mut Errors) -> Option<NewAttention> {
    let object = Object::open(tree, "", &[KEYS], errors)?;
    let channel = object.required_name("channel", errors);
    let unit = unit(&object, own_unit, errors);
    let topic = object.text("topic", TOPIC, errors);
    let outcome = object.name("outcome", errors);
    let at = object.parsed("at", 40, |text| past(text, now), errors);
    let count = object.whole_number("count", 1..=MOST_ALIKE, errors);
    let links = Links {
        ticket: object.parsed("ticket", NAMED, |text| text.parse::<Uuid>().map_err(|_| "must be a UUID"), errors),
        entry: object.text("entry", NAMED, errors),
        appointment: object.text("appointment", NAMED, errors),
    };
    let thread = object.text("thread", THREAD, errors);
    if thread.is_some() && channel.is_some_and(|channel| channel != AttentionChannel::Whatsapp) {
        errors.add(object.at("thread"), "only a conversation by whatsapp has a thread");
    }
    if thread.is_some() && count.is_some_and(|count| count > 1) {
        errors.add(object.at("count"), "must be 1 where a thread is named: a thread is one attention");
    }
    Some(NewAttention {
        channel: channel?,
        unit: unit?,
        topic: topic.unwrap_or_else(|| UNCLASSIFIED.to_owned()),
        outcome,
        at: at.unwrap_or(now),
        count: count.unwrap_or(1),
        links,
        thread,
    })
}

/// The unit that is said, or the token's own: a token that acts for no unit has none to take its place.
fn unit(object: &Object<'_>, own: Option<&str>, errors: &mut Errors) -> Option<String> {
    match own {
        Some(own) => Some(object.text("unit", UNIT, errors).unwrap_or_else(|| own.to_owned())),
        None => object.required_text("unit", UNIT, errors),
    }
}

fn read_day(
    tree: &json::Node,
    now: Micros,
    zone: Tz,
    own_unit: Option<&str>,
    errors: &mut Errors,
) -> Option<Vec<NewAttention>> {
    let object = Object::open(tree, "", &[DAY_KEYS], errors)?;
    object.required("date", errors)?;
    // When in the day nobody wrote down: it stands at the day's beginning.
    let at = object.parsed("date", 10, |text| start_of_past_day(text, now, zone), errors);
    let unit = unit(&object, own_unit, errors);
    let items = object.items("attentions", DAY_LINES, errors)?;
    if items.is_empty() {
        errors.add("/attentions", "must have a line");
    }
    let mut lines = Vec::with_capacity(items.len());
    for (pointer, node) in items {
        let Some(line) = Object::open(node, &pointer, &[LINE_KEYS], errors) else { continue };
        let channel = line.required_name("channel", errors);
        let topic = line.text("topic", TOPIC, errors);
        let outcome = line.name("outcome", errors);
        let count = line.whole_number("count", 1..=MOST_ALIKE, errors);
        let (Some(channel), Some(unit), Some(at)) = (channel, unit.clone(), at) else { continue };
        lines.push(NewAttention {
            channel,
            unit,
            topic: topic.unwrap_or_else(|| UNCLASSIFIED.to_owned()),
            outcome,
            at,
            count: count.unwrap_or(1),
            links: Links::default(),
            thread: None,
        });
    }
    Some(lines)
}

fn start_of_past_day(text: &str, now: Micros, zone: Tz) -> Result<Micros, String> {
    let date: NaiveDate = text.parse().map_err(|_| "must be a date, as 2026-03-02")?;
    past(&Micros::start_of_day(date, zone).rfc3339(zone), now)
}

fn past(text: &str, now: Micros) -> Result<Micros, String> {
    let instant = Micros::parse(text).map_err(|error| error.to_string())?;
    if instant > now {
        Err("must not be in the future".into())
    } else if instant < EARLIEST {
        Err("must not be before the year 2000; older ones come by `ventanilla import attentions`".into())
    } else {
        Ok(instant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const NOW: Micros = Micros(1_767_225_600_000_000);

    #[test]
    fn nothing_said_is_one_just_now() {
        let body = br#"{"channel": "phone", "unit": "L01000000", "topic": "Padr\u00f3n"}"#;
        let attention = parse(body, NOW, None).unwrap();
        assert_eq!((attention.at, attention.count, attention.outcome), (NOW, 1, None));
        assert_eq!(attention.topic, "Padrón");
    }

    #[rstest]
    #[case(r#"{"channel": "phone", "unit": "u", "topic": "t", "count": 0}"#, "/count", "from 1 to 100000")]
    #[case(r#"{"channel": "phone", "unit": "u", "topic": "t", "count": 100001}"#, "/count", "from 1 to 100000")]
    #[case(r#"{"channel": "phone", "unit": "u", "topic": "t", "count": 1.5}"#, "/count", "whole number")]
    #[case(r#"{"channel": "phone", "unit": "u", "topic": "t", "count": 1e3}"#, "/count", "whole number")]
    #[case(r#"{"channel": "phone", "unit": "u", "topic": "t", "count": "1"}"#, "/count", "not a string")]
    #[case(
        r#"{"channel": "phone", "unit": "u", "topic": "t", "count": 99999999999999999999}"#,
        "/count",
        "from 1 to 100000"
    )]
    #[case(r#"{"channel": "phone", "unit": "u", "outcome": "resuelta"}"#, "/outcome", "must be one of answered")]
    #[case(r#"{"channel": "phone", "unit": "u", "ticket": "A012"}"#, "/ticket", "UUID")]
    #[case(r#"{"channel": "email", "unit": "u", "thread": "x"}"#, "/thread", "only a conversation by whatsapp")]
    #[case(r#"{"channel": "whatsapp", "unit": "u", "thread": "x", "count": 2}"#, "/count", "must be 1")]
    #[case(r#"{"channel": "fax", "unit": "u", "topic": "t"}"#, "/channel", "must be one of phone")]
    #[case(r#"{"channel": "phone", "unit": "", "topic": "t"}"#, "/unit", "blank")]
    #[case(r#"{"channel": "phone", "topic": "t"}"#, "/unit", "is required")]
    #[case(r#"{"channel": "phone", "unit": "u", "topic": "t", "at": "2999-01-01T00:00:00Z"}"#, "/at", "future")]
    #[case(r#"{"channel": "phone", "unit": "u", "topic": "t", "at": "2018-01-01"}"#, "/at", "RFC 3339")]
    #[case(r#"{"channel": "phone", "unit": "u", "topic": "t", "by": "x"}"#, "/by", "unknown key")]
    #[case(r#"{"channel": "phone", "unit": "u", "topic": "t", "unit": "u"}"#, "/unit", "given twice")]
    #[case("[]", "", "must be an object")]
    #[case("", "", "line 1, column 1")]
    fn what_is_wrong_is_pointed_at(#[case] body: &str, #[case] pointer: &str, #[case] detail: &str) {
        let errors = parse(body.as_bytes(), NOW, None).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].pointer, pointer);
        assert!(errors[0].detail.contains(detail), "{errors:?}");
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let errors = parse(br#"{"channel": 1, "count": -1, "x": 0}"#, NOW, None).unwrap_err();
        let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/x", "/channel", "/unit", "/count"]);
    }

    #[test]
    fn the_token_tells_the_unit_that_is_not_said_and_no_topic_is_unclassified() {
        let attention = parse(br#"{"channel": "phone"}"#, NOW, Some("L01290075")).unwrap();
        assert_eq!((&*attention.unit, &*attention.topic), ("L01290075", UNCLASSIFIED));
        let attention = parse(br#"{"channel": "phone", "unit": "L01000000"}"#, NOW, Some("L01290075")).unwrap();
        assert_eq!(attention.unit, "L01000000");
    }

    #[test]
    fn a_day_on_paper_is_read_line_by_line_and_stands_at_its_beginning() {
        let body = br#"{"date": "2025-12-31", "attentions": [{"channel": "phone", "count": 12}, {"channel": "email", "topic": "Tasas"}]}"#;
        let zone = chrono_tz::Europe::Madrid;
        let lines = parse_day(body, NOW, zone, Some("L01290075")).unwrap();
        let told: Vec<_> = lines.iter().map(|line| (line.channel.as_str(), &*line.topic, line.count)).collect();
        assert_eq!(told, [("phone", UNCLASSIFIED, 12), ("email", "Tasas", 1)]);
        assert!(lines.iter().all(|line| line.at.rfc3339(zone) == "2025-12-31T00:00:00+01:00"), "{lines:?}");
    }

    #[rstest]
    #[case(r#"{"date": "2026-01-02", "attentions": [{"channel": "phone"}]}"#, "/date", "future")]
    #[case(r#"{"date": "31/12/2025", "attentions": [{"channel": "phone"}]}"#, "/date", "must be a date")]
    #[case(r#"{"date": "2025-12-31", "attentions": []}"#, "/attentions", "must have a line")]
    #[case(r#"{"date": "2025-12-31", "attentions": [{"channel": "fax"}]}"#, "/attentions/0/channel", "must be one of")]
    #[case(r#"{"date": "2025-12-31"}"#, "/attentions", "is required")]
    #[case(r#"{"attentions": [{"channel": "phone"}]}"#, "/date", "is required")]
    fn what_is_wrong_with_a_day_is_pointed_at(#[case] body: &str, #[case] pointer: &str, #[case] detail: &str) {
        let errors = parse_day(body.as_bytes(), NOW, chrono_tz::Europe::Madrid, Some("u")).unwrap_err();
        assert_eq!((errors.len(), &*errors[0].pointer), (1, pointer), "{errors:?}");
        assert!(errors[0].detail.contains(detail), "{errors:?}");
    }

    #[rstest]
    #[case("{}", "/topic", "is required")]
    #[case(r#"{"topic": null}"#, "/topic", "is required")]
    #[case(r#"{"topic": "Padrón", "channel": "phone"}"#, "/channel", "unknown key")]
    fn a_classification_is_a_topic_and_nothing_else(#[case] body: &str, #[case] pointer: &str, #[case] detail: &str) {
        let errors = parse_topic(body.as_bytes()).unwrap_err();
        assert_eq!((errors.len(), &*errors[0].pointer), (1, pointer), "{errors:?}");
        assert!(errors[0].detail.contains(detail), "{errors:?}");
    }
}
