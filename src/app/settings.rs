//! Settings that are told to be wrong at the start, where nobody would notice them later.

use tracing_subscriber::filter::LevelFilter;

use super::StartError;
use crate::config::Config;
use crate::domain::text;
use crate::log::key::KeyName;

/// Characters of an entity's name (SICRES 4).
const NAME: usize = 80;

/// Checks what is used as it stands, and would be left out or replaced in silence.
///
/// # Errors
/// [`StartError`] names the setting at fault.
pub(super) fn check(config: &Config) -> Result<(), StartError> {
    text::check(&config.entity.name, NAME).map_err(StartError::EntityName)?;
    let colour = &config.entity.colour;
    if !is_colour(colour) {
        return Err(StartError::Colour(colour.clone()));
    }
    let origin = super::origin(config);
    if let Err(error) = origin.parse::<KeyName>() {
        return Err(StartError::Origin(origin, error));
    }
    match config.log.filter.split(',').map(str::trim).find(|directive| !is_directive(directive)) {
        Some(wrong) => Err(StartError::LogFilter(wrong.to_owned())),
        None => Ok(()),
    }
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether it is a level, or gives one to a part of the program. A name alone would be a part of which all is logged, and
/// is mostly a level that was mistyped.
fn is_directive(text: &str) -> bool {
    match text.split_once('=') {
        Some((part, level)) => !part.is_empty() && level.parse::<LevelFilter>().is_ok(),
        None => text.parse::<LevelFilter>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::as_it_comes(|_: &mut Config| {}, "")]
    #[case::no_name(|config: &mut Config| config.entity.name = " ".into(), "entity.name")]
    #[case::a_long_name(|config: &mut Config| config.entity.name = "a".repeat(81), "entity.name")]
    #[case::a_colour_by_name(|config: &mut Config| config.entity.colour = "blue".into(), "entity.colour")]
    #[case::half_a_colour(|config: &mut Config| config.entity.colour = "#1f4e7".into(), "entity.colour")]
    #[case::a_level_in_capitals(|config: &mut Config| config.log.filter = "INFO".into(), "")]
    #[case::levels_of_parts(|config: &mut Config| config.log.filter = "info, ventanilla::http=debug,sqlx=off".into(), "")]
    #[case::a_mistyped_level(|config: &mut Config| config.log.filter = "inof".into(), "log.filter")]
    #[case::a_mistyped_level_of_a_part(|config: &mut Config| config.log.filter = "info,sqlx=wran".into(), "log.filter")]
    #[case::an_origin_in_words(|config: &mut Config| config.proof.origin = "el registro".into(), "proof.origin")]
    fn a_setting_is_named_where_it_is_wrong(#[case] change: fn(&mut Config), #[case] wrong: &str) {
        let mut config = Config::default();
        change(&mut config);
        let said = check(&config).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said.starts_with(wrong) && said.is_empty() == wrong.is_empty(), "{said}");
    }
}
