//! One macro for every closed list of names: channels, states, roles, kinds.
//!
//! # Why
//! The API, the database and the exchange files must never disagree about a name, so each name is
//! written once and everything else is made from it. In the database a name is TEXT on both engines
//! (`store/columns.rs`): a native PostgreSQL enumeration would need a migration for each new name and
//! does not exist in SQLite.

/// A name that is not in its list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {allowed}")]
pub struct UnknownName {
    /// The names that are, separated by commas, as the API writes them.
    pub allowed: String,
}

impl UnknownName {
    /// For the list that has these names.
    pub(crate) fn of(names: impl IntoIterator<Item = &'static str>) -> Self {
        let allowed = names.into_iter().collect::<Vec<_>>().join(", ");
        Self { allowed }
    }
}

/// `code_list! { /// doc  Name { /// doc  Variant = "api_name", … } }`
///
/// Gives the enumeration, `ALL`, `as_str`, `FromStr`, `Display`, serde and the OpenAPI schema. A list that is named in
/// `for_every_list` can be a column. (The name is a `tt`: as a `literal` it reaches utoipa in an invisible group,
/// which it overlooks.)
macro_rules! code_list {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:tt),+ $(,)? }) => {
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, utoipa::ToSchema,
        )]
        $(#[$meta])*
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every value, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in the API and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::UnknownName;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|value| value.as_str() == name)
                    .ok_or_else(|| $crate::domain::UnknownName::of(Self::ALL.iter().map(|value| value.as_str())))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.pad(self.as_str())
            }
        }
    };
}

/// `exchange_codes! { Name { Variant = "01", … } }`: the code of each value in an exchange file
/// (SICRES 4.0), both ways.
macro_rules! exchange_codes {
    ($name:ident { $($variant:ident = $code:literal),+ $(,)? }) => {
        impl $name {
            /// The code in a SICRES 4.0 exchange file.
            #[must_use]
            pub const fn exchange_code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The value a SICRES 4.0 code stands for.
            #[must_use]
            pub fn from_exchange_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

/// Runs a macro over every list of the domain.
macro_rules! for_every_list {
    ($macro:ident) => {
        $macro!(
            AppointmentMode AppointmentStatus AttentionChannel AttentionOutcome AuthenticationMethod AuthorityKind BookKind BookedBy Channel DocumentKind
            ErasureGround HolidayScope IdType
            MustSubmitElectronically NotificationChannel PersonType PhysicalDocuments PresentedAtReason Role Routing
            Status Transport UnitState Validity
        );
    };
}

pub(crate) use {code_list, exchange_codes, for_every_list};

#[cfg(test)]
mod tests {
    use crate::domain::calendar::HolidayScope;
    use crate::domain::*;

    #[test]
    fn every_name_is_the_same_in_every_form() {
        macro_rules! check {
            ($($list:ident)+) => {$(
                for value in $list::ALL {
                    let name = value.as_str();
                    assert_eq!(name.parse(), Ok(*value));
                    assert_eq!(value.to_string(), name);
                    assert_eq!(serde_json::to_value(value).unwrap(), name);
                    assert_eq!(serde_json::from_value::<$list>(name.into()).unwrap(), *value);
                    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
                    assert!(plain, "{name} is not snake_case");
                }
                let names: Vec<_> = $list::ALL.iter().map(|value| value.as_str()).collect();
                let error = "no such name".parse::<$list>().unwrap_err().to_string();
                assert_eq!(error, format!("must be one of {}", names.join(", ")));
            )+};
        }
        for_every_list!(check);
    }

    /// What OpenAPI promises is what is taken.
    #[test]
    fn every_schema_lists_the_names() {
        macro_rules! check {
            ($($list:ident)+) => {$(
                let schema = serde_json::to_value(<$list as utoipa::PartialSchema>::schema()).unwrap();
                let names: Vec<_> = $list::ALL.iter().map(|value| value.as_str()).collect();
                assert_eq!(schema["enum"], serde_json::json!(names));
                assert!(names.contains(&schema["example"].as_str().unwrap()), "{}", stringify!($list));
                assert!(schema["description"].is_string());
            )+};
        }
        for_every_list!(check);
    }

    #[test]
    fn every_exchange_code_leads_back() {
        macro_rules! check {
            ($($list:ident)+) => {$(
                for value in $list::ALL {
                    assert_eq!($list::from_exchange_code(value.exchange_code()), Some(*value));
                }
                assert_eq!($list::from_exchange_code("A"), None);
                assert_eq!($list::from_exchange_code(""), None);
            )+};
        }
        check!(BookKind IdType NotificationChannel PersonType PhysicalDocuments Transport Validity);
    }
}
