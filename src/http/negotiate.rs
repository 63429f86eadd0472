//! Which of several forms a request would rather have (RFC 9110 §12.5.1).

/// The place of the media type that the header `Accept` likes best; the first of those it likes alike, and the first
/// of all where it says nothing. `None` when it takes none of them.
#[must_use]
pub fn preferred(accept: &str, offered: &[&str]) -> Option<usize> {
    if accept.trim().is_empty() {
        return Some(0);
    }
    let liking = offered.iter().map(|media_type| liked(accept, media_type)).enumerate();
    // `max_by_key` gives the last of equals, so the order is turned round.
    let best = liking.collect::<Vec<_>>().into_iter().rev().max_by_key(|(_, liked)| *liked);
    best.filter(|(_, liked)| *liked > 0).map(|(place, _)| place)
}

/// How much, in thousandths: what names the type most closely decides.
fn liked(accept: &str, media_type: &str) -> u32 {
    let (kind, _) = media_type.split_once('/').unwrap_or((media_type, ""));
    let ranges = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next()?.to_ascii_lowercase();
        let closeness = if name == media_type {
            2
        } else if name.strip_suffix("/*") == Some(kind) {
            1
        } else if name == "*/*" {
            0
        } else {
            return None;
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Some((closeness, quality.map_or(1000, thousandths)))
    });
    ranges.max_by_key(|(closeness, _)| *closeness).map_or(0, |(_, quality)| quality)
}

/// `0.85` → 850; whatever is no quality counts as 1.
fn thousandths(quality: &str) -> u32 {
    let (whole, part) = quality.split_once('.').unwrap_or((quality, ""));
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    match (whole.parse::<u32>(), part.parse::<u32>()) {
        (Ok(0), Ok(part)) => part,
        _ => 1000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("", Some(0))]
    #[case("*/*", Some(0))]
    #[case("text/csv", Some(1))]
    #[case("TEXT/CSV; charset=utf-8", Some(1))]
    #[case("text/*", Some(1))]
    #[case("application/json;q=0.5, text/csv;q=0.9", Some(1))]
    #[case("text/csv;q=0.5, */*;q=0.8", Some(0))]
    #[case("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Some(0))]
    #[case("application/json;q=0, */*", Some(1))]
    #[case("text/html", None)]
    #[case("text/csv;q=0", None)]
    #[case("*/*;q=0", None)]
    #[case("nonsense", None)]
    #[case("text/csv;q=ü", Some(1))]
    fn the_one_liked_best_is_chosen(#[case] accept: &str, #[case] place: Option<usize>) {
        assert_eq!(preferred(accept, &["application/json", "text/csv"]), place);
    }
}
