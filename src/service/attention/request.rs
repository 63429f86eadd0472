//! The bodies of `POST /attentions` and `PATCH /attentions/{id}`: read by the rules of a submission, and their shape for the
//! OpenAPI document.

use utoipa::ToSchema;

use super::{MOST_ALIKE, NewAttention, OUTCOME, TOPIC, UNCLASSIFIED, UNIT};
use crate::domain::{AttentionChannel, Micros};
use crate::registry::submission::FieldError;
use crate::registry::submission::fields::{Errors, Object};
use crate::registry::submission::json;

const KEYS: &[&str] = &["channel", "unit", "topic", "outcome", "at", "count"];
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
    #[schema(example = "resuelta", max_length = 240)]
    outcome: Option<String>,
    /// When; not in the future, now where nothing is said. The figures count it on its local date.
    #[schema(example = "2025-03-03T09:30:00+01:00", format = DateTime)]
    at: Option<String>,
    /// How many alike; one where nothing is said.
    #[schema(example = 1, minimum = 1, maximum = 100_000)]
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
    // A token that acts for no unit has none to take its place.
    let unit = match own_unit {
        Some(own) => Some(object.text("unit", UNIT, errors).unwrap_or_else(|| own.to_owned())),
        None => object.required_text("unit", UNIT, errors),
    };
    let topic = object.text("topic", TOPIC, errors);
    let outcome = object.text("outcome", OUTCOME, errors);
    let at = object.parsed("at", 40, |text| past(text, now), errors);
    let count = object.whole_number("count", 1..=MOST_ALIKE, errors);
    Some(NewAttention {
        channel: channel?,
        unit: unit?,
        topic: topic.unwrap_or_else(|| UNCLASSIFIED.to_owned()),
        outcome,
        at: at.unwrap_or(now),
        count: count.unwrap_or(1),
    })
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
