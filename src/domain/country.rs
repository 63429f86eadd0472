//! Countries, as identifiers of persons name them: ISO 3166-1 alpha-2, which EN 319 412-1 § 5.1.3 prescribes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The officially assigned codes of ISO 3166-1, and `XK`, which the European Union and passports use for Kosovo.
const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS \
    BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI \
    FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR \
    IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM \
    MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT \
    PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM \
    TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

/// A country, by its two letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Cow<str>", into = "String")]
#[schema(value_type = String, example = "PT", pattern = "^[A-Z]{2}$")]
pub struct Country([u8; 2]);

/// What is no country.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an ISO 3166-1 code of two letters, as PT")]
pub struct NoCountry;

impl Country {
    /// Spain.
    pub const SPAIN: Self = Self(*b"ES");

    /// The two letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only made from ASCII letters.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl std::str::FromStr for Country {
    type Err = NoCountry;

    fn from_str(text: &str) -> Result<Self, NoCountry> {
        let code = text.trim().to_ascii_uppercase();
        let letters = code.as_bytes().try_into().map_err(|_| NoCountry)?;
        if CODES.split_ascii_whitespace().any(|known| known == code) { Ok(Self(letters)) } else { Err(NoCountry) }
    }
}

impl TryFrom<Cow<'_, str>> for Country {
    type Error = NoCountry;

    fn try_from(text: Cow<'_, str>) -> Result<Self, NoCountry> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.as_str().to_owned()
    }
}

impl std::fmt::Display for Country {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_countries_that_there_are() {
        assert_eq!(CODES.split_ascii_whitespace().count(), 250);
        assert_eq!("pt".parse::<Country>().map(|country| country.to_string()).as_deref(), Ok("PT"));
        for wrong in ["", "P", "PRT", "620", "ZZ", "UK", "EL", "ñ", "E S"] {
            assert_eq!(wrong.parse::<Country>(), Err(NoCountry), "{wrong}");
        }
    }

    #[test]
    fn in_json_it_is_its_letters() {
        assert_eq!(serde_json::to_string(&Country::SPAIN).unwrap(), "\"ES\"");
        assert_eq!(serde_json::from_str::<Country>("\"ES\"").unwrap(), Country::SPAIN);
        assert!(serde_json::from_str::<Country>("\"XX\"").is_err());
    }
}
